//! Reads the recordings.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use base64::Engine as _;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{CONTENT_LENGTH, HeaderName},
    response::Parts,
};
use lakefs_sdk::BoxError;
use serde_json::Value;

use crate::placeholders::expand;

/// A recorded answer to a request of one operation.
pub(crate) struct Exchange {
    /// Where it was recorded, and the request.
    pub(crate) title: String,
    pub(crate) operation: String,
    answer: Value,
}

/// The folder of the recordings, and whether it is the one of this repository.
pub(crate) fn folder() -> (PathBuf, bool) {
    match env::var_os("LAKEFS_RECORDINGS") {
        Some(folder) => (folder.into(), false),
        None => {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
            (manifest.join("tests/data/recordings"), true)
        }
    }
}

/// All exchanges in `operations/`, in `scenarios/` and directly in the folder, whichever there are.
pub(crate) fn exchanges(folder: &Path) -> Result<Vec<Exchange>, BoxError> {
    let mut files = Vec::new();
    for part in ["operations", "scenarios", ""] {
        match fs::read_dir(folder.join(part)) {
            Ok(entries) => {
                let found = entries.map(|entry| Ok(entry?.path()));
                let mut found = found.collect::<io::Result<Vec<_>>>()?;
                found.retain(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "json")
                });
                found.sort();
                files.append(&mut found);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !part.is_empty() => {}
            Err(error) => return Err(format!("{}: {error}", folder.display()).into()),
        }
    }
    let mut exchanges = Vec::new();
    for path in files {
        let document: Value = serde_json::from_slice(&fs::read(&path)?)?;
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let name = name.with_extension("").display().to_string();
        let recorded = document["exchanges"]
            .as_array()
            .ok_or_else(|| format!("{name}: no exchanges"))?;
        exchanges.extend(
            recorded
                .iter()
                .enumerate()
                .map(|(index, recorded)| Exchange::new(&name, index, recorded)),
        );
    }
    Ok(exchanges)
}

// ===== impl Exchange =====

impl Exchange {
    fn new(file: &str, index: usize, recorded: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let request = &recorded["request"];
        Self {
            title: format!(
                "{file} #{index}: {} {:.100}",
                text(&request["method"]),
                text(&request["path"])
            ),
            operation: text(&recorded["operation"]),
            answer: recorded["response"].clone(),
        }
    }

    /// The answer as it comes from a transport.
    pub(crate) fn answer(&self) -> Result<(Parts, Bytes), BoxError> {
        let body = &self.answer["body"];
        let body = match body["base64"].as_str() {
            Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded)?,
            None => expand(body.as_str().unwrap_or_default(), 0).into_bytes(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.answer["headers"].as_object().into_iter().flatten() {
            let value = expand(value.as_str().unwrap_or_default(), body.len());
            headers.append(name.parse::<HeaderName>()?, header_value(&value)?);
        }
        // What was recorded counts the recorded values, not those in their place.
        if headers.contains_key(CONTENT_LENGTH) && !body.is_empty() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let status = self.answer["status"].as_u64().ok_or("no status")?;
        let mut response = Response::builder()
            .status(u16::try_from(status)?)
            .body(())?;
        *response.headers_mut() = headers;
        Ok((response.into_parts().0, Bytes::from(body)))
    }
}

/// Headers were recorded as Latin-1.
fn header_value(text: &str) -> Result<HeaderValue, BoxError> {
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    let bytes = latin.unwrap_or_else(|| text.as_bytes().to_vec());
    Ok(HeaderValue::from_bytes(&bytes)?)
}
