//! lakectl's file.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

use super::{Source, Sourced, key::Key};
use crate::{Error, Result};

/// lakectl's file, or why there is none.
pub(super) enum File {
    /// The loader was told to read none.
    Off,
    /// `~/.lakectl.yaml`, where nobody knows what `~` is.
    Homeless,
    /// The default file, which cannot be read; mostly as there is none.
    Absent {
        path: PathBuf,
        reason: io::ErrorKind,
    },
    /// A file that was read.
    Read {
        path: Arc<Path>,
        values: Vec<(Key, SecretString)>,
    },
}

// ===== impl File =====

impl File {
    /// Reads a file that somebody named.
    pub(super) fn named(path: PathBuf, by: &str) -> Result<Self> {
        match fs::read(&path) {
            Ok(bytes) => Self::parse(path, bytes),
            Err(error) => Err(Error::invalid_input(format!(
                "the file {}, named by {by}, cannot be read: {}",
                path.display(),
                error.kind()
            ))
            .with_source(error)),
        }
    }

    /// Reads the default file. A service may run under a home that it must not enter, so that this is no error.
    pub(super) fn default_in(home: Option<PathBuf>) -> Result<Self> {
        let Some(home) = home else {
            return Ok(Self::Homeless);
        };
        let path = home.join(".lakectl.yaml");
        match fs::read(&path) {
            Ok(bytes) => Self::parse(path, bytes),
            Err(error) => Ok(Self::Absent {
                path,
                reason: error.kind(),
            }),
        }
    }

    fn parse(path: PathBuf, bytes: Vec<u8>) -> Result<Self> {
        let values = parse(&bytes).map_err(|problem| {
            Error::invalid_input(format!("the file {} {problem}", path.display()))
        })?;
        Ok(Self::Read {
            path: path.into(),
            values,
        })
    }

    fn value(&self, key: Key) -> Option<(&Arc<Path>, &str)> {
        let Self::Read { path, values } = self else {
            return None;
        };
        let (_, value) = values.iter().find(|(of, _)| *of == key)?;
        Some((path, value.expose_secret().trim()))
    }

    /// What the file says about a setting.
    pub(super) fn find(&self, key: Key) -> Option<Sourced<String>> {
        let (path, value) = self.value(key).filter(|(_, value)| !value.is_empty())?;
        let source = Source::File {
            path: Arc::clone(path),
            key: key.name(),
        };
        Some(Sourced::new(value.to_owned(), source))
    }

    /// Whether a key is there, but with nothing.
    pub(super) fn is_blank(&self, key: Key) -> bool {
        self.value(key).is_some_and(|(_, value)| value.is_empty())
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("no file, as the code says"),
            Self::Homeless => f.write_str("~/.lakectl.yaml (the home directory is not known)"),
            Self::Absent { path, reason } => write!(f, "{} ({reason})", path.display()),
            Self::Read { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// The settings in a file. An error is what the file "is" or "has", and quotes nothing of it but names that are ours: what
/// stands in the wrong place may be a secret.
fn parse(bytes: &[u8]) -> Result<Vec<(Key, SecretString)>, String> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err("is UTF-16; save it as UTF-8".to_owned());
    }
    // The byte order mark that some editors write.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    // By itself first, so that whatever fails after it is about the shape.
    if let Some(document) = yaml_serde::Deserializer::from_str(text).next() {
        IgnoredAny::deserialize(document).map_err(|error| syntax(text, &error))?;
    }
    let mut found = Found::default();
    if let Some(document) = yaml_serde::Deserializer::from_str(text).next() {
        let root = Section {
            path: String::new(),
            found: &mut found,
        };
        if let Err(error) = root.deserialize(document) {
            let problem = found.problem.take();
            return Err(problem.unwrap_or_else(|| shape(&found.reading, &error)));
        }
    }
    Ok(found.values)
}

fn syntax(text: &str, error: &yaml_serde::Error) -> String {
    let Some(place) = error.location() else {
        return "is not valid YAML".to_owned();
    };
    let line = text.lines().nth(place.line().saturating_sub(1));
    let indent = line.map_or("", |line| &line[..line.len() - line.trim_start().len()]);
    let advice = match indent.contains('\t') {
        true => "; the line is indented by a tab, where YAML wants spaces",
        false => "",
    };
    format!(
        "is not valid YAML: line {}, column {}{advice}",
        place.line(),
        place.column()
    )
}

fn shape(reading: &str, error: &yaml_serde::Error) -> String {
    let place = error
        .location()
        .map_or_else(String::new, |place| format!(" (line {})", place.line()));
    match Key::of(reading) {
        Some(_) => {
            format!("has a `{reading}`{place} that is neither a single value nor one that fits")
        }
        None if reading.is_empty() => {
            "has no sections; it looks like `credentials:` and `server:` with keys below".to_owned()
        }
        None => format!("has a `{reading}`{place} that is no section with keys below"),
    }
}

// ===== reading =====

#[derive(Default)]
struct Found {
    values: Vec<(Key, SecretString)>,
    /// What is being read, for the error.
    reading: String,
    /// What is wrong, where we saw it ourselves.
    problem: Option<String>,
}

/// A mapping of the file. Reads what is a setting into `found`, as it is written: `0123` keeps its zero.
struct Section<'a> {
    path: String,
    found: &'a mut Found,
}

impl Section<'_> {
    fn entry<'de, M: MapAccess<'de>>(&mut self, name: String, map: &mut M) -> Result<(), M::Error> {
        let path = match self.path.as_str() {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        if let Some(key) = Key::of(&path) {
            self.found.reading.clone_from(&path);
            if self.found.values.iter().any(|(of, _)| *of == key) {
                return self.refuse(format!("has the key `{path}` twice"));
            }
            let value = match key {
                Key::TokenRequestHeaders => map.next_value::<Headers>()?.0,
                _ => map.next_value::<Option<String>>()?.unwrap_or_default(),
            };
            self.found.values.push((key, value.into()));
        } else if Key::is_section(&path) {
            self.found.reading.clone_from(&path);
            map.next_value_seed(Section {
                path,
                found: self.found,
            })?;
        } else if let Some(home) = Key::home_of(&name) {
            let place = match self.path.as_str() {
                "" => "at the top level".to_owned(),
                path => format!("under `{path}`"),
            };
            return self.refuse(format!(
                "has `{name}` {place}, but it belongs under `{home}`: a line `{home}:`, and `{name}` indented below it"
            ));
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn refuse<E: serde::de::Error>(&mut self, problem: String) -> Result<(), E> {
        self.found.problem = Some(problem);
        Err(E::custom("refused"))
    }
}

impl<'de> DeserializeSeed<'de> for Section<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Section<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        // lakectl's reader does not care for case.
        while let Some(name) = map.next_key::<String>()? {
            self.entry(name.to_lowercase(), &mut map)?;
        }
        Ok(())
    }
}

/// `token_request_headers`: a mapping, or text as in the environment. Kept as the text of a JSON object.
struct Headers(String);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers")
    }

    fn visit_unit<E>(self) -> Result<Headers, E> {
        Ok(Headers(String::new()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Headers, E> {
        Ok(Headers(text.to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Headers, M::Error> {
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Option<String>>()? {
            headers.insert(name, value.unwrap_or_default());
        }
        let text = serde_json::to_string(&headers).map_err(M::Error::custom)?;
        Ok(Headers(text))
    }
}
