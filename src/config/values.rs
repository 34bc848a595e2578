//! What the sources say together.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use super::{
    AwsIam, Endpoint, Login, Retries, Source, Sourced, environment::Environment, file::File,
    key::Key,
};
use crate::{Credentials, Error, Result};

/// All that can set a value.
pub(super) struct Values {
    pub(super) explicit: Vec<(Key, SecretString)>,
    pub(super) environment: Environment,
    pub(super) file: File,
}

// ===== impl Values =====

impl Values {
    /// The precedence: explicit over environment over file. Blank means unset.
    fn find(&self, key: Key) -> Result<Option<Sourced<String>>> {
        if let Some(value) = self.explicit(key) {
            return Ok(Some(Sourced::new(value.to_owned(), Source::Explicit)));
        }
        match self.environment.find(key)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.file.find(key)),
        }
    }

    fn explicit(&self, key: Key) -> Option<&str> {
        let (_, value) = self.explicit.iter().find(|(of, _)| *of == key)?;
        Some(value.expose_secret().trim()).filter(|value| !value.is_empty())
    }

    pub(super) fn endpoint(&self) -> Result<Option<Sourced<Endpoint>>> {
        let Some(Sourced { value, source }) = self.find(Key::Endpoint)? else {
            return Ok(None);
        };
        match Endpoint::parse(&value) {
            Ok(endpoint) => Ok(Some(Sourced::new(endpoint, source))),
            Err(error) => Err(Error::invalid_input(format!("{error} ({source})"))),
        }
    }

    /// Who is calling: of what is set, what is set the highest up.
    pub(super) fn login(&self, given: Option<Credentials>) -> Result<Option<Login>> {
        if let Some(given) = given {
            return self.given(given).map(Some);
        }
        let id = self.find(Key::Id)?;
        let secret = self.find(Key::Secret)?.map(concealed);
        let token = self.find(Key::Token)?.map(concealed);
        let provider = self.find(Key::Provider)?;

        let halves = [source(&id), source(&secret)].into_iter().flatten();
        let key = halves.max_by_key(|source| source.rank());
        let rank = |source: Option<&Source>| source.map_or(0, Source::rank);
        let key_rank = rank(key);
        let top = key_rank
            .max(rank(source(&token)))
            .max(rank(source(&provider)));
        if let Some(token) = token.filter(|token| token.source.rank() == top) {
            return match key.filter(|_| key_rank == top) {
                None => Ok(Some(Login::SessionToken(token))),
                Some(key) => Err(Error::invalid_input(format!(
                    "`credentials` are ambiguous: a session token ({}) and an access key ({key}); unset one of them",
                    token.source
                ))),
            };
        }
        match (id, secret, provider) {
            (_, _, Some(provider)) if key_rank < top => self.provider(provider).map(Some),
            (Some(id), Some(secret), _) => Ok(Some(Login::AccessKey { id, secret })),
            (Some(id), None, _) => Err(self.half(Key::Secret, Key::Id, &id.source)),
            (None, Some(secret), _) => Err(self.half(Key::Id, Key::Secret, &secret.source)),
            (None, None, _) => Ok(None),
        }
    }

    /// Credentials as a whole, which need nothing of environment and file.
    fn given(&self, given: Credentials) -> Result<Login> {
        let mut parts = [Key::Id, Key::Secret, Key::Token].into_iter();
        if parts.any(|key| self.explicit(key).is_some()) {
            return Err(Error::invalid_input(
                "`credentials` are set twice in code: as a whole, and as an access key or a session token",
            ));
        }
        Ok(Login::Given(Sourced::new(given, Source::Explicit)))
    }

    fn provider(&self, provider: Sourced<String>) -> Result<Login> {
        if provider.value != "aws_iam" {
            return Err(Error::invalid_input(format!(
                "`{}` ({}) is not known; the one that is known is aws_iam",
                Key::Provider.name(),
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

    pub(super) fn retries(&self) -> Result<Retries> {
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

    pub(super) fn missing(&self, endpoint: bool, login: bool) -> Error {
        let mut keys = Vec::new();
        if endpoint {
            keys.push(Key::Endpoint);
        }
        if login {
            keys.extend([Key::Id, Key::Secret, Key::Token, Key::Provider]);
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

fn source<T>(found: &Option<Sourced<T>>) -> Option<&Source> {
    found.as_ref().map(|found| &found.source)
}

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
