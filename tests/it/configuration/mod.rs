//! What a client is made from: explicit values, the environment, lakectl's file, in this order.
//!
//! No test touches the environment of the process: it is an argument of the loader.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    error::Error as _,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use lakefs_sdk::{
    Error, Result,
    config::{Config, ConfigLoader, Login},
};
use secrecy::ExposeSecret as _;

mod environment;
mod file;
mod login;
mod outcome;

const GOOD: &str = "\
credentials:
  access_key_id: FILEID
  secret_access_key: FILEsecret
server:
  endpoint_url: http://file:8000/api/v1
";
const ENDPOINT: &str = "LAKECTL_SERVER_ENDPOINT_URL";
const ID: &str = "LAKECTL_CREDENTIALS_ACCESS_KEY_ID";
const SECRET: &str = "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY";
const TOKEN: &str = "LAKECTL_CREDENTIALS_SESSION_TOKEN";
const PROVIDER: &str = "LAKECTL_CREDENTIALS_PROVIDER_TYPE";

/// A directory of its own, removed in the end.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("lakefs-sdk-config-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// With a `.lakectl.yaml`.
    fn with(text: impl AsRef<[u8]>) -> Self {
        let home = Self::new();
        fs::write(home.file(), text).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.0.join(".lakectl.yaml")
    }

    fn loader(&self, variables: &[(&'static str, &str)]) -> ConfigLoader {
        let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let variables = variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        ConfigLoader::new()
            .environment(variables.chain([(home, self.0.to_str().unwrap().to_owned())]))
    }

    fn load(&self, variables: &[(&'static str, &str)]) -> Result<Config> {
        self.loader(variables).load()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads these variables and no file.
fn variables(variables: &[(&'static str, &'static str)]) -> Result<Config> {
    ConfigLoader::new()
        .environment(variables.iter().copied())
        .no_file()
        .load()
}

/// Endpoint, id and secret of a config with an access key.
fn values(config: &Config) -> (String, &str, &str) {
    let Login::AccessKey { id, secret } = config.login() else {
        unreachable!("{config:?}");
    };
    (
        config.endpoint().value.to_string(),
        &id.value,
        secret.value.expose_secret(),
    )
}

/// Where a setting came from, as people read it.
fn source(config: &Config, name: &str) -> String {
    config
        .settings()
        .find(|setting| setting.name == name)
        .map_or_else(
            || format!("no {name}"),
            |setting| setting.source.to_string(),
        )
}

/// Everything that an error says anywhere.
fn all_text(error: &Error) -> String {
    let mut text = format!("{error} {error:#} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

fn has_all(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let at = text[from..].find(part);
        assert!(
            at.is_some(),
            "{part:?} is not, or not in its place, in: {text}"
        );
        from += at.unwrap() + part.len();
    }
}
