use std::{ffi::OsString, fmt, path::PathBuf};

use secrecy::SecretString;

use super::{
    Config,
    environment::{CONFIG_FILE, Environment},
    file::File,
    key::Key,
    values::Values,
};
use crate::{Client, ClientBuilder, Credentials, Result};

/// Reads where the server is and who is calling: explicit values over the environment over lakectl's file.
///
/// The [module](super) has the names, and the rules.
///
/// ```
/// # use lakefs_sdk::config::{ConfigLoader, Source};
/// let config = ConfigLoader::new()
///     .endpoint("https://lakefs.example.com")
///     // The environment and the file are arguments too, so that a test needs neither.
///     .environment([
///         ("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
///         ("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
///     ])
///     .no_file()
///     .load()?;
/// assert_eq!(config.endpoint().source, Source::Explicit);
/// let client = config.into_builder()?.user_agent("etl/2.1").build()?;
/// assert_eq!(client.endpoint().to_string(), "https://lakefs.example.com/api/v1");
/// # Ok::<_, lakefs_sdk::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "a loader does nothing until `load`"]
pub struct ConfigLoader {
    explicit: Vec<(Key, SecretString)>,
    credentials: Option<Credentials>,
    environment: Environment,
    file: WhichFile,
}

#[derive(Clone, Default)]
enum WhichFile {
    #[default]
    Default,
    Named(PathBuf),
    Off,
}

// ===== impl ConfigLoader =====

impl ConfigLoader {
    /// A loader with no explicit values, over the environment of the process and lakectl's file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the server is.
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        self.set(Key::Endpoint, url.into())
    }

    /// The access key id.
    pub fn access_key_id(self, id: impl Into<String>) -> Self {
        self.set(Key::Id, id.into())
    }

    /// The secret of the access key.
    pub fn secret_access_key(self, secret: impl Into<String>) -> Self {
        self.set(Key::Secret, secret.into())
    }

    /// The token of a login, in place of an access key.
    pub fn session_token(self, token: impl Into<String>) -> Self {
        self.set(Key::Token, token.into())
    }

    /// Credentials of any kind, in place of those of the environment and the file.
    ///
    /// [`Credentials::none`] for a server without authentication: a loader that finds no credentials fails.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Takes variables from here, and none from the process. `HOME` (on Windows `USERPROFILE`) is among those read.
    pub fn environment<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter();
        self.environment = Environment::Given(
            variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        );
        self
    }

    /// Reads no variables, not even `LAKECTL_CONFIG_FILE` and `HOME`.
    pub fn no_environment(self) -> Self {
        self.environment([("", ""); 0])
    }

    /// Reads this file, and neither `$LAKECTL_CONFIG_FILE` nor `~/.lakectl.yaml`.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = WhichFile::Named(path.into());
        self
    }

    /// Reads no file.
    pub fn no_file(mut self) -> Self {
        self.file = WhichFile::Off;
        self
    }

    fn set(mut self, key: Key, value: String) -> Self {
        self.explicit.retain(|(of, _)| *of != key);
        self.explicit.push((key, value.into()));
        self
    }

    /// Reads everything.
    ///
    /// The file is read here and now, with blocking calls: it is small, and this is for a program's start.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input); the message names the sources, and shows no value of a secret:
    ///
    /// - nothing says where the server is or who is calling, or half of an access key is missing: with all that was
    ///   consulted, in order;
    /// - two sources of equal rank disagree;
    /// - a value cannot be used, such as an endpoint without `https://`;
    /// - a file that was named is missing, or a file is not what lakectl writes.
    pub fn load(self) -> Result<Config> {
        let file = match self.file {
            WhichFile::Off => File::Off,
            WhichFile::Named(path) => File::named(path, "the code")?,
            WhichFile::Default => match self.environment.config_file() {
                Some(path) => File::named(path, &format!("${CONFIG_FILE}"))?,
                None => File::default_in(self.environment.home())?,
            },
        };
        let values = Values {
            explicit: self.explicit,
            environment: self.environment,
            file,
        };
        let (endpoint, login) = (values.endpoint()?, values.login(self.credentials)?);
        match (endpoint, login) {
            (Some(endpoint), Some(login)) => Ok(Config {
                endpoint,
                login,
                retries: values.retries()?,
            }),
            (endpoint, login) => Err(values.missing(endpoint.is_none(), login.is_none())),
        }
    }
}

impl Client {
    /// A client as the environment and lakectl's file say, such as one for `LAKECTL_SERVER_ENDPOINT_URL`.
    ///
    /// See [`config`](crate::config) for the names, and [`ConfigLoader`] to set values or layers besides. Reads the file
    /// with blocking calls, at the program's start.
    ///
    /// # Errors
    ///
    /// As [`ConfigLoader::load`] and [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env()?.build()
    }
}

impl ClientBuilder {
    /// A builder as the environment and lakectl's file say, for layers, timeouts or a transport besides.
    ///
    /// # Errors
    ///
    /// As [`ConfigLoader::load`].
    pub fn from_env() -> Result<Self> {
        ConfigLoader::new().load()?.into_builder()
    }
}

impl fmt::Debug for ConfigLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.explicit.iter().map(|(key, _)| key.name()).collect();
        f.debug_struct("ConfigLoader")
            .field("explicit", &names)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
