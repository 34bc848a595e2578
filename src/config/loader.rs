use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf, str::FromStr, time::Duration};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use super::{
    AwsIam, Config, Endpoint, Login, Retries, Source, Sourced,
    environment::{CONFIG_FILE, Environment},
    file::File,
    key::Key,
};
use crate::{Client, ClientBuilder, Credentials, Error, Result};

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
        self.set(Key::AccessKeyId, id.into())
    }

    /// The secret of the access key.
    pub fn secret_access_key(self, secret: impl Into<String>) -> Self {
        self.set(Key::SecretAccessKey, secret.into())
    }

    /// The token of a login, in place of an access key.
    pub fn session_token(self, token: impl Into<String>) -> Self {
        self.set(Key::SessionToken, token.into())
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
    /// [`is_invalid_input`](Error::is_invalid_input); the message names the sources, and shows no value of a secret:
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
        let endpoint = values.endpoint()?;
        let login = values.login(self.credentials)?;
        let (Some(endpoint), Some(login)) = (&endpoint, &login) else {
            return Err(values.missing(endpoint.is_none(), login.is_none()));
        };
        Ok(Config {
            endpoint: endpoint.clone(),
            login: login.clone(),
            retries: values.retries()?,
        })
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

// ===== impl Values =====

/// All that can set a value.
struct Values {
    explicit: Vec<(Key, SecretString)>,
    environment: Environment,
    file: File,
}

impl Values {
    /// The precedence: explicit over environment over file. Blank means unset.
    fn find(&self, key: Key) -> Result<Option<Sourced<String>>> {
        let explicit = self.explicit.iter().find(|(of, _)| *of == key);
        let explicit = explicit
            .map(|(_, value)| value.expose_secret().trim())
            .filter(|value| !value.is_empty());
        if let Some(value) = explicit {
            return Ok(Some(Sourced::new(value.to_owned(), Source::Explicit)));
        }
        match self.environment.find(key)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.file.find(key)),
        }
    }

    fn endpoint(&self) -> Result<Option<Sourced<Endpoint>>> {
        let Some(Sourced { value, source }) = self.find(Key::Endpoint)? else {
            return Ok(None);
        };
        match Endpoint::parse(&value) {
            Ok(endpoint) => Ok(Some(Sourced::new(endpoint, source))),
            Err(error) => Err(Error::invalid_input(format!("{error} ({source})"))),
        }
    }

    /// Who is calling: of what is set, what is set the highest up.
    fn login(&self, given: Option<Credentials>) -> Result<Option<Login>> {
        let id = self.find(Key::AccessKeyId)?;
        let secret = self.find(Key::SecretAccessKey)?.map(concealed);
        let token = self.find(Key::SessionToken)?.map(concealed);
        let provider = self.find(Key::ProviderType)?;
        let rank = |source: Option<&Source>| source.map_or(0, Source::rank);
        let key_source = [
            id.as_ref().map(|id| &id.source),
            secret.as_ref().map(|secret| &secret.source),
        ]
        .into_iter()
        .flatten()
        .max_by_key(|source| source.rank());
        let key_rank = rank(key_source);
        let token_rank = rank(token.as_ref().map(|token| &token.source));
        let provider_rank = rank(provider.as_ref().map(|provider| &provider.source));

        if let Some(given) = given {
            let also = [key_source, token.as_ref().map(|token| &token.source)];
            if also.contains(&Some(&Source::Explicit)) {
                return Err(Error::invalid_input(
                    "`credentials` are set twice in code: as a whole, and as an access key or a session token",
                ));
            }
            return Ok(Some(Login::Given(Sourced::new(given, Source::Explicit))));
        }
        if let (Some(token), Some(key)) = (&token, key_source) {
            if token_rank == key_rank && token_rank >= provider_rank {
                return Err(Error::invalid_input(format!(
                    "`credentials` are ambiguous: a session token ({}) and an access key ({key}); unset one of them",
                    token.source
                )));
            }
        }
        if let Some(token) = token {
            if token_rank > key_rank && token_rank >= provider_rank {
                return Ok(Some(Login::SessionToken(token)));
            }
        }
        match (id, secret, provider) {
            (_, _, Some(provider)) if provider_rank > key_rank => self.provider(provider).map(Some),
            (Some(id), Some(secret), _) => Ok(Some(Login::AccessKey { id, secret })),
            (Some(id), None, _) => {
                Err(self.half(Key::SecretAccessKey, Key::AccessKeyId, &id.source))
            }
            (None, Some(secret), _) => {
                Err(self.half(Key::AccessKeyId, Key::SecretAccessKey, &secret.source))
            }
            (None, None, _) => Ok(None),
        }
    }

    fn provider(&self, provider: Sourced<String>) -> Result<Login> {
        if provider.value != "aws_iam" {
            return Err(Error::invalid_input(format!(
                "`{}` ({}) is not known; the one that is known is aws_iam",
                Key::ProviderType.name(),
                provider.source
            )));
        }
        Ok(Login::AwsIam(AwsIam {
            source: provider.source,
            token_ttl: self.read(Key::TokenTtl, seconds)?,
            url_presign_ttl: self.read(Key::UrlPresignTtl, seconds)?,
            refresh_interval: self.read(Key::RefreshInterval, time)?,
            token_request_headers: self.read(Key::TokenRequestHeaders, headers)?,
        }))
    }

    fn retries(&self) -> Result<Retries> {
        let retries = Retries {
            enabled: self.read(Key::RetriesEnabled, switch)?,
            max_attempts: self.read(Key::MaxAttempts, |text| {
                u32::from_str(text).map_err(|_| "is not a number of attempts, such as 4")
            })?,
            min_wait: self.read(Key::MinWait, time)?,
            max_wait: self.read(Key::MaxWait, time)?,
            ..Retries::default()
        };
        if let (Some(min), Some(max)) = (&retries.min_wait, &retries.max_wait) {
            if min.value > max.value {
                return Err(Error::invalid_input(format!(
                    "`{}` ({}) is longer than `{}` ({})",
                    Key::MinWait.name(),
                    min.source,
                    Key::MaxWait.name(),
                    max.source
                )));
            }
        }
        Ok(retries)
    }

    fn read<T>(
        &self,
        key: Key,
        read: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<Option<Sourced<T>>> {
        let Some(Sourced { value, source }) = self.find(key)? else {
            return Ok(None);
        };
        match read(&value) {
            Ok(value) => Ok(Some(Sourced::new(value, source))),
            // Not quoted: a secret may stand in the wrong variable.
            Err(problem) => Err(Error::invalid_input(format!(
                "`{}` ({source}) {problem}",
                key.name()
            ))),
        }
    }

    fn half(&self, missing: Key, set: Key, source: &Source) -> Error {
        Error::invalid_input(format!(
            "`{}` is missing, but `{}` is set ({source}). Consulted, in order: {}",
            missing.name(),
            set.name(),
            self.consulted(&[missing])
        ))
    }

    fn missing(&self, endpoint: bool, login: bool) -> Error {
        let mut keys = Vec::new();
        if endpoint {
            keys.push(Key::Endpoint);
        }
        if login {
            keys.extend([
                Key::AccessKeyId,
                Key::SecretAccessKey,
                Key::SessionToken,
                Key::ProviderType,
            ]);
        }
        let what = match (endpoint, login) {
            (true, true) => "`endpoint` and `credentials` are missing",
            (true, false) => "`endpoint` is missing",
            _ => "`credentials` are missing",
        };
        Error::invalid_input(format!(
            "{what}. Consulted, in order: {}",
            self.consulted(&keys)
        ))
    }

    /// All that was looked at for some settings, without any value.
    fn consulted(&self, keys: &[Key]) -> String {
        let blank = |blank: bool| if blank { " (blank)" } else { "" };
        let variables = keys.iter().flat_map(|key| key.variables());
        let variables: Vec<_> = variables
            .map(|name| format!("{name}{}", blank(self.environment.is_blank(name))))
            .collect();
        let mut text = format!("the code; the variables {}; ", variables.join(", "));
        match &self.file {
            File::Read { .. } => {
                let names = keys.iter().map(|key| {
                    let blank = blank(self.file.is_blank(*key));
                    format!("{}{blank}", key.name())
                });
                let names: Vec<_> = names.collect();
                text.push_str(&format!("{} in the file {}", names.join(", "), self.file));
            }
            File::Off => text.push_str(&self.file.to_string()),
            File::Homeless | File::Absent { .. } => {
                text.push_str(&format!("the file {}", self.file));
            }
        }
        text
    }
}

// ===== what a text says =====

fn concealed(found: Sourced<String>) -> Sourced<SecretString> {
    found.map(SecretString::from)
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "on" => Ok(true),
        "false" | "f" | "0" | "no" | "off" => Ok(false),
        _ => Err("is neither true nor false"),
    }
}

fn time(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    SignedDuration::from_str(text)
        .ok()
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or("is not a time with its unit, such as 200ms or 1h30m")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    match u64::from_str(text) {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => time(text).map_err(|_| "is neither a number of seconds nor a time such as 1h30m"),
    }
}

/// `name=value,name=value`, as lakectl reads it, or a JSON object, as lakeFS's Python SDK does.
fn headers(text: &str) -> Result<BTreeMap<String, SecretString>, &'static str> {
    let problem = "is neither name=value,name=value nor a JSON object of texts";
    if text.starts_with('{') {
        let headers: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| problem)?;
        return Ok(headers
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect());
    }
    text.split(',')
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or(problem)?;
            Ok((name.trim().to_owned(), value.trim().into()))
        })
        .collect()
}
