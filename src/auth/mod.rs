//! Who is calling: [`Credentials`], and where they come from.
//!
//! Some are at hand: an access key, a token, a cookie. The others are fetched when they are needed:
//!
//! | credentials | fetched from | again |
//! |---|---|---|
//! | [`login`](Credentials::login) | lakeFS, for an access key | ahead of the token's expiry |
//! | `aws_iam` (feature `aws`) | lakeFS, for an AWS role | ahead of the token's expiry |
//! | `token_file` (feature `tokio`) | a file that somebody else keeps fresh | every minute |
//! | `command` (feature `tokio`) | the output of a program | ahead of the expiry that it tells |
//! | [`provider`](Credentials::provider) | a [`CredentialsProvider`] of yours | ahead of the expiry that it tells |
//!
//! They are kept and shared by a client and its clones. Many calls that need them at once fetch them once. They are fetched
//! anew ahead of their expiry (in the last fifth of their life, at least 30 s before, at a random point, so that a fleet does
//! not do it at once), alongside of calls that still go on with the old ones. A failure of that is no failure of a call: it
//! is tried again some seconds later. Only when the old ones have expired calls fail, with
//! [`is_unauthenticated`](crate::Error::is_unauthenticated) and the cause; and the next call tries again. When the server
//! refuses them (401), they are fetched anew and the request is sent once more: see
//! [`authenticate`](crate::middleware::authenticate).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::header::{AUTHORIZATION, COOKIE};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Result};

#[cfg(feature = "aws")]
mod aws;
mod cache;
#[cfg(feature = "tokio")]
mod command;
#[cfg(feature = "tokio")]
mod file;
mod header;
mod login;
mod provider;

#[cfg(feature = "aws")]
pub use self::aws::AwsIam;
pub use self::provider::CredentialsProvider;
pub(crate) use self::{
    cache::{Cache, Found, Refresh},
    header::AuthHeader,
    login::Exchange,
    provider::Source,
};

/// Who is calling. Kept secret: neither `Debug` nor any error or span shows them.
///
/// ```
/// # use lakefs_sdk::Credentials;
/// let credentials = Credentials::access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// assert_eq!(format!("{credentials:?}"), r#"AccessKey { id: "AKIAIOSFODNN7EXAMPLE", secret: [redacted] }"#);
/// ```
#[derive(Clone)]
pub struct Credentials {
    kind: Kind,
    expiry: Option<Expiry>,
    refresh_after: Option<Duration>,
}

#[derive(Clone)]
enum Kind {
    None,
    AccessKey {
        id: String,
        secret: SecretString,
    },
    BearerToken(SecretString),
    SessionCookie {
        name: String,
        prefix: Option<String>,
        value: SecretString,
    },
    Source(Arc<dyn Source>),
}

/// When credentials are no longer accepted.
#[derive(Clone, Copy)]
enum Expiry {
    /// Counted from when they were fetched.
    In(Duration),
    At(Timestamp),
}

/// Credentials in the form that a layer needs.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    Fixed(Option<Arc<AuthHeader>>),
    Fetched(Arc<dyn Source>),
}

// ===== at hand =====

impl Credentials {
    /// No credentials: for a server without authentication, and for a transport that adds its own.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Kind::None)
    }

    /// An access key id and its secret, as lakeFS's user page gives them; sent with HTTP Basic (RFC 7617).
    #[must_use]
    pub fn access_key(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::new(Kind::AccessKey {
            id: id.into(),
            secret: secret.into().into(),
        })
    }

    /// A token of a login, sent as a bearer token (RFC 6750). It is not refreshed.
    #[must_use]
    pub fn bearer_token(token: impl Into<String>) -> Self {
        Self::new(Kind::BearerToken(token.into().into()))
    }

    /// The cookie of a login in a browser: `internal_auth_session`, `oidc_auth_session`, `saml_auth_session`, or one of a
    /// proxy before lakeFS.
    #[must_use]
    pub fn session_cookie(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(Kind::SessionCookie {
            name: name.into(),
            prefix: None,
            value: value.into().into(),
        })
    }

    /// As [`session_cookie`](Self::session_cookie), with a prefix and a space before the value: `api_key` with
    /// `api_key_prefix` of lakeFS's Python SDK.
    #[must_use]
    pub fn prefixed_session_cookie(
        name: impl Into<String>,
        prefix: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self::new(Kind::SessionCookie {
            name: name.into(),
            prefix: Some(prefix.into()),
            value: value.into().into(),
        })
    }
}

// ===== fetched =====

impl Credentials {
    /// Logs in with an access key (`POST /auth/login`), and sends the token that the login gives.
    ///
    /// Against [`access_key`](Self::access_key): the secret is sent once a login rather than with every request, and a
    /// server that checks passwords elsewhere (LDAP) takes a user's name and password here.
    ///
    /// ```
    /// # use lakefs_sdk::{Client, Credentials, models::RepositoryCreation, testing::MemoryLakeFs};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let client = Client::builder()
    ///     .credentials(Credentials::login("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI"))
    ///     .transport(MemoryLakeFs::builder().access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI").build())
    ///     .build()?;
    /// assert_eq!(client.get_current_user().await?.user.id, "admin");
    /// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn login(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::fetched(login::Login::new(id.into(), secret.into().into()))
    }

    /// What a provider of yours gives. See [`CredentialsProvider`].
    #[must_use]
    pub fn provider(provider: impl CredentialsProvider) -> Self {
        Self::fetched(provider::Provided(provider))
    }

    /// The token in a file that somebody else keeps fresh, such as a Kubernetes secret; sent as a bearer token.
    ///
    /// White space around it is dropped. The file is read when it is first needed, again after a minute, and when the server
    /// refuses the token. While it cannot be read, calls go on with the token that was read last.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn token_file(path: impl Into<std::path::PathBuf>) -> Self {
        Self::fetched(file::TokenFile::new(path.into()))
    }

    /// What a program prints: the helper of a password manager, say.
    ///
    /// It prints one JSON object, of one of these shapes, where `expiration` (RFC 3339) may be left out:
    ///
    /// ```json
    /// {"access_key_id": "AKIA…", "secret_access_key": "…", "expiration": "2030-01-31T12:00:00Z"}
    /// {"token": "…", "expiration": "2030-01-31T12:00:00Z"}
    /// ```
    ///
    /// Other fields are ignored. The program gets no input, has 30 s, and is killed when nobody waits for it any more. Its
    /// error output goes where that of your program goes, as what it says there may be secret; no error of this crate quotes
    /// what it printed. It is run by its name, without a shell. It is run again ahead of the expiration, and when the server
    /// refuses the credentials.
    ///
    /// ```
    /// # use lakefs_sdk::Credentials;
    /// let credentials = Credentials::command("vault-helper", ["--role", "etl"]);
    /// assert_eq!(format!("{credentials:?}"), r#"Command { program: "vault-helper" }"#);
    /// ```
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn command<A: Into<std::ffi::OsString>>(
        program: impl Into<std::ffi::OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self::fetched(command::Command::new(program.into(), arguments))
    }

    /// Logs in as an AWS role (`POST /auth/external/principal/login`, lakeFS Enterprise), and sends the token that the login
    /// gives. See [`AwsIam`].
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn aws_iam(login: AwsIam) -> Self {
        Self::fetched(login)
    }
}

// ===== their life =====

impl Credentials {
    /// The same, no longer accepted after `life`, counted from when a provider returned them.
    #[must_use]
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.expiry = Some(Expiry::In(life));
        self
    }

    /// The same, no longer accepted from `time` on, by this machine's clock.
    #[must_use]
    pub fn expires_at(mut self, time: Timestamp) -> Self {
        self.expiry = Some(Expiry::At(time));
        self
    }

    /// The same, to be fetched again after `wait`, though they may be accepted for longer: until then, and while fetching
    /// fails, calls go on with them. Default: in the last fifth of their life, at least 30 s before they expire.
    #[must_use]
    pub fn refresh_after(mut self, wait: Duration) -> Self {
        self.refresh_after = Some(wait);
        self
    }

    /// How long they will be accepted from now on; `None` when nobody knows.
    fn life(&self) -> Option<Duration> {
        match self.expiry? {
            Expiry::In(life) => Some(life),
            Expiry::At(time) => {
                let left = time.duration_since(Timestamp::now());
                Some(Duration::try_from(left).unwrap_or_default())
            }
        }
    }
}

// ===== for the layers =====

impl Credentials {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            expiry: None,
            refresh_after: None,
        }
    }

    fn fetched(source: impl Source) -> Self {
        Self::new(Kind::Source(Arc::new(source)))
    }

    /// Checks them, and makes them ready to be sent.
    pub(crate) fn auth(&self) -> Result<Auth> {
        match &self.kind {
            Kind::Source(source) => {
                source.check()?;
                Ok(Auth::Fetched(Arc::clone(source)))
            }
            _ => Ok(Auth::Fixed(self.header()?.map(Arc::new))),
        }
    }

    /// The header to send.
    fn header(&self) -> Result<Option<AuthHeader>> {
        let header = match &self.kind {
            Kind::None => return Ok(None),
            Kind::Source(_) => {
                return Err(Error::invalid_input(
                    "a provider of credentials gave another provider; it must give an access key, a token or a cookie",
                ));
            }
            Kind::AccessKey { id, secret } => {
                if id.is_empty() || secret.expose_secret().is_empty() {
                    return Err(Error::invalid_input(
                        "`credentials` lack the access key id or its secret",
                    ));
                }
                if id.contains(':') {
                    return Err(Error::invalid_input(
                        "`credentials` have an access key id with a `:`; are id and secret swapped?",
                    ));
                }
                let pair = BASE64.encode(format!("{id}:{}", secret.expose_secret()));
                AuthHeader::new(AUTHORIZATION, format!("Basic {pair}"), "access key")
            }
            Kind::BearerToken(token) => {
                let value = format!("Bearer {}", token.expose_secret());
                AuthHeader::new(AUTHORIZATION, value, "bearer token")
            }
            Kind::SessionCookie {
                name,
                prefix,
                value,
            } => {
                let odd = |text: &str| text.contains([';', ',', ' ', '"']);
                let prefix = prefix.as_deref();
                if name.is_empty()
                    || name.contains('=')
                    || odd(name)
                    || odd(value.expose_secret())
                    || prefix.is_some_and(odd)
                {
                    return Err(Error::invalid_input(format!(
                        "`credentials` have a session cookie {name:?} that is no cookie"
                    )));
                }
                let value = match prefix {
                    Some(prefix) => format!("{name}={prefix} {}", value.expose_secret()),
                    None => format!("{name}={}", value.expose_secret()),
                };
                AuthHeader::new(COOKIE, value, "session cookie")
            }
        };
        header.map(Some)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted = format_args!("[redacted]");
        match &self.kind {
            Kind::None => f.write_str("None"),
            Kind::AccessKey { id, .. } => f
                .debug_struct("AccessKey")
                .field("id", id)
                .field("secret", &redacted)
                .finish(),
            Kind::BearerToken(_) => f.debug_tuple("BearerToken").field(&redacted).finish(),
            Kind::SessionCookie { name, .. } => f
                .debug_struct("SessionCookie")
                .field("name", name)
                .field("value", &redacted)
                .finish(),
            Kind::Source(source) => source.fmt(f),
        }
    }
}
