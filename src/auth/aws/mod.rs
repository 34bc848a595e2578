//! Login as an AWS role.

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, uri::Authority};
use jiff::Timestamp;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider};
use reqsign_core::ProvideCredential as _;
use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, Exchange, Source};
use crate::{
    BoxError, Error, Result,
    api::auth::ExternalPrincipalLogin,
    models::ExternalLoginInformation,
    transport::{BoxTransport, HttpTransport},
};

mod context;
mod sign;

use self::sign::IdentityRequest;

/// The header that binds a signed request to one lakeFS server.
const SERVER_ID: HeaderName = HeaderName::from_static("x-lakefs-server-id");

/// The host of AWS's token service, and its region, where none is known.
const GLOBAL: (&str, &str) = ("sts.amazonaws.com", "us-east-1");

/// Login as an AWS role (lakeFS Enterprise): proves who is calling by a signed request that only AWS can check.
///
/// It presigns a `GetCallerIdentity` request to AWS's token service (STS), and gives its parts to lakeFS
/// (`POST /auth/external/principal/login`), which sends it and learns the role from the answer. No AWS secret leaves this
/// machine. The role's ARN must be attached to a lakeFS user before, as by `lakectl auth users aws-iam attach`.
///
/// AWS's own credentials come from where AWS's tools have them: environment, shared files, SSO, web identity (Kubernetes),
/// `credential_process`, container, and instance metadata, in this order. The region is that of `AWS_REGION` or
/// `AWS_DEFAULT_REGION`, else the global endpoint is named.
///
/// ```
/// # use lakefs_sdk::{Client, Credentials, auth::AwsIam};
/// # use std::time::Duration;
/// let client = Client::builder()
///     .endpoint("https://lakefs.example.com")
///     .credentials(Credentials::aws_iam(AwsIam::new().region("eu-central-1").token_ttl(Duration::from_secs(6 * 3600))))
///     .build()?;
/// # drop(client);
/// # Ok::<_, lakefs_sdk::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a login does nothing until it is given to `Credentials::aws_iam`"]
pub struct AwsIam {
    region: Option<String>,
    sts_endpoint: Option<String>,
    profile: Option<String>,
    key: Option<Key>,
    environment: Option<HashMap<String, String>>,
    headers: Vec<(String, String)>,
    token_ttl: Duration,
    presign_ttl: Duration,
    refresh_ahead: Option<Duration>,
    transport: Option<BoxTransport>,
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: SecretString,
    session_token: Option<SecretString>,
}

// ===== impl AwsIam =====

impl AwsIam {
    /// With the credentials that this machine has, and the defaults of lakeFS's own clients.
    pub fn new() -> Self {
        Self {
            region: None,
            sts_endpoint: None,
            profile: None,
            key: None,
            environment: None,
            headers: Vec::new(),
            token_ttl: Duration::from_secs(3600),
            presign_ttl: Duration::from_secs(60),
            refresh_ahead: None,
            transport: None,
        }
    }

    /// The AWS region whose token service lakeFS asks, such as `eu-central-1`. Default: the environment's.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The host of the token service, such as a VPC endpoint's. Default: `sts.<region>.amazonaws.com`.
    ///
    /// lakeFS must be able to reach it, and willing to.
    pub fn sts_endpoint(mut self, host: impl Into<String>) -> Self {
        self.sts_endpoint = Some(host.into());
        self
    }

    /// The profile of AWS's shared files. Default: `AWS_PROFILE`, else `default`.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// These AWS credentials, and no look at the machine's. A role's session has a token too.
    pub fn access_key(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
        session_token: Option<String>,
    ) -> Self {
        self.key = Some(Key {
            id: id.into(),
            secret: secret.into().into(),
            session_token: session_token.map(Into::into),
        });
        self
    }

    /// These variables in place of the process's environment, `HOME` among them.
    pub fn environment<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let pair = |(name, value): (N, V)| (name.into(), value.into());
        self.environment = Some(variables.into_iter().map(pair).collect());
        self
    }

    /// Signs this header too, as the server demands it; may be repeated. In place of the default,
    /// `X-LakeFS-Server-ID` with the host of the endpoint.
    pub fn token_request_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long lakeFS's token should live, in whole seconds. Default: 1 h.
    pub fn token_ttl(mut self, life: Duration) -> Self {
        self.token_ttl = life;
        self
    }

    /// How long the signed request is good, in whole seconds. Default: 60 s.
    pub fn presign_ttl(mut self, life: Duration) -> Self {
        self.presign_ttl = life;
        self
    }

    /// Logs in again so long before the token expires. Default: in the last fifth of its life.
    pub fn refresh_ahead(mut self, time: Duration) -> Self {
        self.refresh_ahead = Some(time);
        self
    }

    /// What carries the requests to AWS's metadata and token services. Default:
    /// [`transport::Hyper`](crate::transport::Hyper), with feature `hyper`.
    pub fn transport<T: HttpTransport>(mut self, transport: T) -> Self {
        self.transport = Some(BoxTransport::new(transport));
        self
    }

    fn sts(&self) -> (String, String) {
        let variable = |name: &str| match &self.environment {
            Some(environment) => environment.get(name).cloned(),
            None => std::env::var(name).ok(),
        };
        let region = self
            .region
            .clone()
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .filter(|region| !region.is_empty());
        let host = match (&self.sts_endpoint, &region) {
            (Some(host), _) => host
                .trim_start_matches("https://")
                .trim_end_matches('/')
                .to_owned(),
            (None, None) => GLOBAL.0.to_owned(),
            (None, Some(region)) if region.starts_with("cn-") => {
                format!("sts.{region}.amazonaws.com.cn")
            }
            (None, Some(region)) => format!("sts.{region}.amazonaws.com"),
        };
        (host, region.unwrap_or_else(|| GLOBAL.1.to_owned()))
    }

    /// The headers to sign beside the host.
    fn signed_headers(&self, host: Option<&str>) -> Result<Vec<(HeaderName, HeaderValue)>> {
        if self.headers.is_empty() {
            let host = host.and_then(|host| HeaderValue::try_from(host).ok());
            return match host {
                Some(host) => Ok(vec![(SERVER_ID, host)]),
                None => Err(Error::invalid_input(
                    "`aws_iam` does not know the server's host; set `endpoint`, or `token_request_header(\"X-LakeFS-Server-ID\", …)`",
                )),
            };
        }
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) if value.to_str().is_ok() => headers.push((name, value)),
                _ => {
                    return Err(Error::invalid_input(format!(
                        "`aws_iam` has a `token_request_header` {name:?} that is no header, or has a value that cannot be signed"
                    )));
                }
            }
        }
        Ok(headers)
    }

    /// AWS's credentials.
    async fn credential(&self) -> Result<Credential, BoxError> {
        if let Some(key) = &self.key {
            return Ok(Credential {
                access_key_id: key.id.clone(),
                secret_access_key: key.secret.expose_secret().to_owned(),
                session_token: key
                    .session_token
                    .as_ref()
                    .map(|token| token.expose_secret().to_owned()),
                expires_in: None,
            });
        }
        let mut chain = DefaultCredentialProvider::builder();
        if let Some(profile) = &self.profile {
            chain = chain.with_profile(profile);
        }
        let context = context::context(self.environment.as_ref(), self.transport.clone())?;
        let found = chain.build().provide_credential(&context).await?;
        found.ok_or_else(|| {
            Error::invalid_input(
                "`aws_iam` found no AWS credentials: neither in the environment nor in AWS's files, nor from SSO, web identity, a container or the instance; does `aws sts get-caller-identity` work here?",
            )
            .into()
        })
    }
}

#[async_trait]
impl Source for AwsIam {
    fn check(&self) -> Result<()> {
        if !self.headers.is_empty() {
            self.signed_headers(None)?;
        }
        let (host, region) = self.sts();
        if Authority::try_from(host.as_str()).is_err() {
            return Err(Error::invalid_input(format!(
                "`aws_iam` has the `sts_endpoint` or region {host:?}, which makes no host"
            )));
        }
        let odd = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
        if region.contains(odd) {
            return Err(Error::invalid_input(format!(
                "`aws_iam` has the region {region:?}; one looks like eu-central-1"
            )));
        }
        for (name, life) in [
            ("token_ttl", self.token_ttl),
            ("presign_ttl", self.presign_ttl),
        ] {
            if life.as_secs() == 0 {
                return Err(Error::invalid_input(format!(
                    "`aws_iam` has a `{name}` of {life:?}; it must be a second at least"
                )));
            }
        }
        Ok(())
    }

    async fn credentials(&self, lakefs: &Exchange) -> Result<Credentials, BoxError> {
        let headers = self.signed_headers(lakefs.endpoint().host())?;
        let credential = self.credential().await?;
        let (host, region) = self.sts();
        let identity = IdentityRequest {
            host: &host,
            region: &region,
            headers: &headers,
            life: self.presign_ttl,
        };
        let token = identity.sign(&credential, Timestamp::now());
        let body = ExternalLoginInformation::new(
            [("identity_token".to_owned(), token.into())]
                .into_iter()
                .collect(),
        )
        .token_expiration_duration(i64::try_from(self.token_ttl.as_secs()).unwrap_or(i64::MAX));
        let login = ExternalPrincipalLogin { body: Some(body) };
        let credentials = lakefs.login(login).await?;
        Ok(match (self.refresh_ahead, credentials.life()) {
            (Some(ahead), Some(life)) => credentials.refresh_after(life.saturating_sub(ahead)),
            _ => credentials,
        })
    }
}

impl Default for AwsIam {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AwsIam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsIam")
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("access_key_id", &self.key.as_ref().map(|key| &key.id))
            .finish_non_exhaustive()
    }
}
