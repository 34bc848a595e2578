use std::{
    fmt,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use http::{HeaderMap, header::DATE};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, Source};
use crate::{
    BoxError, Error, Operation, Result,
    api::auth::Login as LoginOperation,
    config::Endpoint,
    error::classify,
    models::{AuthenticationToken, LoginInformation},
    transport::BoxTransport,
};

/// The way to the server below authentication: for logins.
#[derive(Clone)]
pub(crate) struct Exchange {
    transport: BoxTransport,
    endpoint: Endpoint,
}

/// Exchanges an access key for a token.
pub(super) struct Login {
    id: String,
    secret: SecretString,
}

// ===== impl Exchange =====

impl Exchange {
    pub(crate) fn new(transport: BoxTransport, endpoint: Endpoint) -> Self {
        Self {
            transport,
            endpoint,
        }
    }

    #[cfg(feature = "aws")]
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a login, and reads the token out of its answer.
    pub(super) async fn login<Op>(&self, login: Op) -> Result<Credentials>
    where
        Op: Operation<Output = AuthenticationToken>,
    {
        self.token(login)
            .await
            .map_err(|error| error.with_operation(Some(Op::META)))
    }

    async fn token<Op>(&self, login: Op) -> Result<Credentials>
    where
        Op: Operation<Output = AuthenticationToken>,
    {
        let mut request = login.into_request()?;
        if let Some(target) = request.uri().path_and_query() {
            *request.uri_mut() = self.endpoint.join(target)?;
        }
        let answer = self.transport.send(request).await;
        let (parts, body) = answer.map_err(classify::transport)?.into_parts();
        let date = date(&parts.headers);
        let token = Op::decode(parts, body.bytes().await?)?;
        let credentials = Credentials::bearer_token(token.token);
        let Some(expiration) = token.token_expiration else {
            return Ok(credentials);
        };
        // By the server's clock, where it tells the time: ours may be wrong.
        Ok(match date {
            Some(date) => {
                let life = Duration::try_from(expiration.duration_since(date));
                credentials.expires_in(life.unwrap_or_default())
            }
            None => credentials.expires_at(expiration),
        })
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Timestamp::from_second(i64::try_from(since_epoch.as_secs()).ok()?).ok()
}

// ===== impl Login =====

impl Login {
    pub(super) fn new(id: String, secret: SecretString) -> Self {
        Self { id, secret }
    }
}

#[async_trait]
impl Source for Login {
    fn check(&self) -> Result<()> {
        if self.id.is_empty() || self.secret.expose_secret().is_empty() {
            return Err(Error::invalid_input(
                "`credentials` lack the access key id or the secret to log in with",
            ));
        }
        Ok(())
    }

    async fn credentials(&self, lakefs: &Exchange) -> Result<Credentials, BoxError> {
        let body = LoginInformation::new(&self.id, self.secret.expose_secret());
        let login = LoginOperation { body: Some(body) };
        Ok(lakefs.login(login).await?)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("id", &self.id)
            .field("secret", &format_args!("[redacted]"))
            .finish()
    }
}
