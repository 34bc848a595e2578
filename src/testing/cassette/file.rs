//! The file of a cassette: what it looks like, and how bytes get into it and out again.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result, error::classify::redact_signatures, testing::redact::Secrets};

/// The format that this version writes.
const VERSION: u32 = 1;

#[derive(Debug, Deserialize, Serialize)]
struct Document {
    version: u32,
    interactions: Vec<Interaction>,
}

/// A request, and what came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Interaction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<String>,
    pub(super) request: Request,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Response>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query, as they were sent.
    pub(super) target: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: Headers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Contents>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Response {
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: Headers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Contents>,
    /// Whether the body went on when nobody read any more, or was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) incomplete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Failure {
    /// No connection was made.
    Connect,
    /// The connection was lost.
    Transport,
}

/// Headers by name; one that is there several times has a list.
pub(super) type Headers = BTreeMap<String, OneOrMany>;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Bytes, as readable as they can be.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Contents {
    /// A document, whose spaces and order of properties do not matter.
    Json(Value),
    /// Text; of several lines, a list of them.
    Text(OneOrMany),
    Base64(String),
}

// ===== impl Contents =====

impl Contents {
    /// `document` says that the bytes are a document of the API, of which only the meaning counts, and which may hold secrets.
    pub(super) fn write(
        bytes: &[u8],
        document: bool,
        operation: Option<&str>,
        secrets: &Secrets,
    ) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        if document {
            if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
                secrets.redact(operation, &mut value);
                outlive(&mut value);
                return Some(Self::Json(value));
            }
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(Self::Base64(STANDARD.encode(bytes)));
        };
        // An object's contents are kept to the byte.
        let text = if document {
            redact_signatures(text).into_owned()
        } else {
            text.to_owned()
        };
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        Some(Self::Text(match (lines.pop(), lines.is_empty()) {
            (Some(line), true) => OneOrMany::One(line),
            (last, _) => {
                lines.extend(last);
                OneOrMany::Many(lines)
            }
        }))
    }

    pub(super) fn read(&self) -> Result<Bytes> {
        match self {
            Self::Json(value) => {
                let bytes = serde_json::to_vec(value);
                Ok(bytes.map_err(|error| unreadable("json", error))?.into())
            }
            Self::Text(OneOrMany::One(text)) => Ok(text.clone().into()),
            Self::Text(OneOrMany::Many(lines)) => Ok(lines.concat().into()),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text);
                Ok(bytes.map_err(|error| unreadable("base64", error))?.into())
            }
        }
    }
}

/// A token that has expired when it is played would make the client log in once more, which was not recorded.
fn outlive(document: &mut Value) {
    const YEAR_2100: i64 = 4_102_444_800;
    if document.get("token").is_some() {
        if let Some(expiration) = document.get_mut("token_expiration") {
            *expiration = YEAR_2100.into();
        }
    }
}

fn unreadable(field: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid_input(format!("the cassette has a `{field}` that is none")).with_source(error)
}

// ===== impl OneOrMany =====

impl OneOrMany {
    pub(super) fn new(mut values: Vec<String>) -> Self {
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Self::One(value),
            (last, _) => {
                values.extend(last);
                Self::Many(values)
            }
        }
    }

    pub(super) fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

// ===== the file =====

/// Reads all interactions.
pub(super) fn load(path: &Path) -> Result<Vec<Interaction>> {
    let place = path.display();
    let text = fs::read(path).map_err(|error| {
        let problem = format!(
            "the cassette {place} cannot be read; LAKEFS_CASSETTE=record makes it, with a server"
        );
        Error::invalid_input(problem).with_source(error)
    })?;
    let document: Document = serde_json::from_slice(&text).map_err(|error| {
        Error::invalid_input(format!("the cassette {place} is not valid")).with_source(error)
    })?;
    if document.version != VERSION {
        let version = document.version;
        return Err(Error::invalid_input(format!(
            "the cassette {place} has version {version}; this crate reads {VERSION}: record it anew"
        )));
    }
    Ok(document.interactions)
}

/// Writes all interactions; the file is the old one or the new one, never a part.
pub(super) fn save(path: &Path, interactions: Vec<Interaction>) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let document = Document {
        version: VERSION,
        interactions,
    };
    let mut text = serde_json::to_vec_pretty(&document)?;
    text.push(b'\n');
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{number}.new", process::id()));
    let new = PathBuf::from(name);
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What is left of it is of no use; the error is the one before.
        let _ = fs::remove_file(&new);
    }
    written
}
