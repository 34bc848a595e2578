//! Where the server is and who is calling, from code, the environment or lakectl's file.
//!
//! [`Client::from_env`] reads what [`lakectl`](https://docs.lakefs.io/reference/cli/) reads; [`ConfigLoader`] does the same
//! with values of your own on top. [`Client::config`] tells where each value came from.
//!
//! # Precedence
//!
//! Explicit over environment over file, value by value: an access key id of the environment goes with a secret of the file.
//! Blank means unset, wherever it stands, and white space around a value (such as a final line break) is cut off.
//!
//! | key in the file | variables |
//! |---|---|
//! | `server.endpoint_url` | `LAKECTL_SERVER_ENDPOINT_URL`, `LAKEFS_ENDPOINT`, `LAKEFS_HOST` |
//! | `credentials.access_key_id` | `LAKECTL_CREDENTIALS_ACCESS_KEY_ID`, `LAKEFS_ACCESS_KEY_ID`, `LAKEFS_USERNAME` |
//! | `credentials.secret_access_key` | `LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY`, `LAKEFS_SECRET_ACCESS_KEY`, `LAKEFS_PASSWORD` |
//! | `credentials.session_token` | `LAKECTL_CREDENTIALS_SESSION_TOKEN` |
//! | `credentials.provider.type` | `LAKECTL_CREDENTIALS_PROVIDER_TYPE` |
//! | `credentials.provider.aws_iam.token_ttl_seconds` | `LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_TOKEN_TTL_SECONDS` |
//! | `credentials.provider.aws_iam.url_presign_ttl_seconds` | `LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_URL_PRESIGN_TTL_SECONDS`, `…_PRESIGNED_URL_TTL_SECONDS` |
//! | `credentials.provider.aws_iam.refresh_interval` | `LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_REFRESH_INTERVAL` |
//! | `credentials.provider.aws_iam.token_request_headers` | `LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_TOKEN_REQUEST_HEADERS` |
//! | `server.retries.enabled` | `LAKECTL_SERVER_RETRIES_ENABLED` |
//! | `server.retries.max_attempts` | `LAKECTL_SERVER_RETRIES_MAX_ATTEMPTS` |
//! | `server.retries.min_wait_interval` | `LAKECTL_SERVER_RETRIES_MIN_WAIT_INTERVAL` |
//! | `server.retries.max_wait_interval` | `LAKECTL_SERVER_RETRIES_MAX_WAIT_INTERVAL` |
//!
//! Two variables of a line that are set differently are an error; where they agree, the first is named as the source. What
//! else lakectl's file has (`options`, `local`, `network`, `metastore`, …) is not for a client, and is ignored.
//!
//! Times are Go's (`1h30m`, `200ms`); the two keys in `…_seconds` also take a bare number of seconds. What is not set has
//! this crate's default, not lakectl's.
//!
//! # Which credentials
//!
//! Those that are set the highest up: a session token of the environment wins over an access key of the file. At the same
//! height an access key wins over `provider.type`, as in lakectl; an access key and a session token are an error. A session
//! token is the JWT of a login, sent as a bearer token, as lakeFS's Python SDK does; it is not refreshed.
//!
//! # The file
//!
//! [`ConfigLoader::file`], else `$LAKECTL_CONFIG_FILE`, else `~/.lakectl.yaml`. Only the last one may be missing or not
//! readable: lakectl passes over a missing `$LAKECTL_CONFIG_FILE`, but then calls fail for a reason that nobody sees. A file
//! that lost its indentation is an error which says where a key belongs.

use std::{borrow::Cow, fmt};

use secrecy::{ExposeSecret, SecretString};

use crate::{Client, ClientBuilder, Credentials, Result};

mod endpoint;
#[cfg(feature = "config")]
mod environment;
#[cfg(feature = "config")]
mod file;
#[cfg(feature = "config")]
mod key;
#[cfg(feature = "config")]
mod loader;
mod login;
mod retries;
mod source;
#[cfg(feature = "config")]
mod values;

#[cfg(feature = "config")]
pub use self::loader::ConfigLoader;
pub use self::{
    endpoint::Endpoint,
    login::{AwsIam, Login},
    retries::Retries,
    source::{Source, Sourced},
};

/// Where the server is, who is calling, how calls are retried, and where each of these values came from.
///
/// Made by a [`ConfigLoader`]; every client has one, [`Client::config`], also when it was built by hand. Neither `Debug` nor
/// `Display` shows a secret; `Display` is a table for people.
///
/// ```
/// # use lakefs_sdk::{Client, Credentials};
/// let client = Client::builder()
///     .endpoint("https://lakefs.example.com")
///     .credentials(Credentials::access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
///     .build()?;
/// assert_eq!(
///     client.config().to_string(),
///     "server.endpoint_url  https://lakefs.example.com/api/v1                             set in code\n\
///      credentials          AccessKey { id: \"AKIAIOSFODNN7EXAMPLE\", secret: [redacted] }  set in code\n\
///      server.retries       standard                                                      default\n"
/// );
/// # Ok::<_, lakefs_sdk::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    endpoint: Sourced<Endpoint>,
    login: Login,
    retries: Retries,
}

/// One line of [`Config::settings`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting<'a> {
    /// The name, as it is a key in lakectl's file.
    pub name: &'static str,
    /// The value as text; `[redacted]` for a secret.
    pub value: Cow<'a, str>,
    /// Where it came from.
    pub source: &'a Source,
}

// ===== impl Config =====

impl Config {
    /// What a builder starts with.
    pub(crate) fn new() -> Self {
        Self {
            endpoint: Sourced::new(Endpoint::none(), Source::Default),
            login: Login::Given(Sourced::new(Credentials::none(), Source::Default)),
            retries: Retries::default(),
        }
    }

    /// Where the server is. By default nowhere: a transport that needs no host has none.
    #[must_use]
    pub fn endpoint(&self) -> &Sourced<Endpoint> {
        &self.endpoint
    }

    /// Who is calling.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// How calls are retried.
    #[must_use]
    pub fn retries(&self) -> &Retries {
        &self.retries
    }

    /// Every setting, for a log or a page about the program's health.
    ///
    /// ```
    /// # use lakefs_sdk::{Client, config::Source, testing::MemoryLakeFs};
    /// let client = Client::new(MemoryLakeFs::new());
    /// assert!(client.config().settings().all(|setting| *setting.source == Source::Default));
    /// ```
    pub fn settings(&self) -> impl Iterator<Item = Setting<'_>> {
        let endpoint = line("server.endpoint_url", &self.endpoint, |endpoint| {
            endpoint.to_string().into()
        });
        let mut lines = vec![endpoint];
        self.login.lines(&mut lines);
        self.retries.lines(&mut lines);
        lines.into_iter()
    }

    /// What the client sends to say who is calling.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input) when the way to log in needs a feature that is off.
    pub fn credentials(&self) -> Result<Credentials> {
        match &self.login {
            Login::Given(credentials) => Ok(credentials.value.clone()),
            Login::AccessKey { id, secret } => Ok(Credentials::access_key(
                &id.value,
                secret.value.expose_secret(),
            )),
            Login::SessionToken(token) => {
                Ok(Credentials::bearer_token(token.value.expose_secret()))
            }
            Login::AwsIam(aws) => aws.credentials(),
        }
    }

    /// A builder with these settings, for layers, timeouts, or a transport besides.
    ///
    /// What its setters change, its client's [`config`](Client::config) tells as [`Source::Explicit`].
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub fn into_builder(self) -> Result<ClientBuilder> {
        let mut builder = Client::builder().credentials(self.credentials()?);
        if self.endpoint.value != Endpoint::none() {
            builder = builder.endpoint(self.endpoint.value.to_string());
        }
        if let Some(policy) = self.retries.policy() {
            builder = builder.retry(policy);
        }
        Ok(builder.with_config(self))
    }

    // What the builder tells of its setters.

    pub(crate) fn endpoint_set(&mut self) {
        self.endpoint.source = Source::Explicit;
    }

    pub(crate) fn endpoint_is(&mut self, endpoint: &Endpoint) {
        self.endpoint.value.clone_from(endpoint);
    }

    pub(crate) fn credentials_set(&mut self, credentials: &Credentials) {
        self.login = Login::Given(Sourced::new(credentials.clone(), Source::Explicit));
    }

    pub(crate) fn retry_set(&mut self) {
        self.retries = Retries::in_code();
    }
}

fn line<'a, T>(
    name: &'static str,
    setting: &'a Sourced<T>,
    show: impl FnOnce(&'a T) -> Cow<'a, str>,
) -> Setting<'a> {
    Setting {
        name,
        value: show(&setting.value),
        source: &setting.source,
    }
}

/// The line of a secret.
fn hidden<'a>(name: &'static str, setting: &'a Sourced<SecretString>) -> Setting<'a> {
    line(name, setting, |_| "[redacted]".into())
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.settings().collect();
        let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        let name = widest(&mut lines.iter().map(|line| line.name.len()));
        let value = widest(&mut lines.iter().map(|line| line.value.chars().count()));
        for line in &lines {
            writeln!(
                f,
                "{:name$}  {:value$}  {}",
                line.name, line.value, line.source
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.settings();
        f.debug_map()
            .entries(lines.map(|line| (line.name, format!("{} ({})", line.value, line.source))))
            .finish()
    }
}
