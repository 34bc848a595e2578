//! Writing an object: the body as it is, or one part of a form.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::super::{Answer, created};
use super::multipart;
use super::{describe, open_branch, refused};
use crate::models;
use crate::testing::memory::BlockStore;
use crate::testing::memory::error::Failure;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{Entry, EntryData, ErrorKind, names};
use crate::testing::memory::storage::{Facts, address};

pub(in super::super::super) const DEFAULT_TYPE: &str = "application/octet-stream";

pub(in super::super) fn upload(server: &Server, call: &Call) -> Answer {
    let branch = call.variable("branch");
    let path = call.query.bytes("path");
    let handle = open_branch(server, call)?;
    let repository = handle.read();
    let if_absent = only_if_absent(call, || {
        names::path("path", path)?;
        repository.entry(branch, path)
    })?;
    let content = Content::of(call)?;
    let metadata = user_metadata(&call.headers)?;
    names::path("path", path)?;

    let address = server.ids.address();
    let size = i64::try_from(content.bytes.len()).unwrap_or(i64::MAX);
    let location = address::location(&repository.storage_namespace, &address);
    let checksum = server
        .storage
        .put_at(location.clone(), content.bytes, facts(server, call))
        .map_err(|error| refused(server, error, "PutObject", &location))?;
    let stored_type = if content.kind.is_empty() {
        DEFAULT_TYPE
    } else {
        &content.kind
    };
    let entry = Entry::new(EntryData {
        checksum,
        size,
        address,
        modified: server.now(),
        content_type: stored_type.to_owned(),
        metadata: metadata.clone(),
    });
    let force = call.query.is_set("force");
    handle
        .write(|repository| repository.put(branch, path.into(), entry.clone(), if_absent, force))?;
    created(&models::ObjectStats {
        metadata: Some(metadata),
        // A form's part without a type is answered as it came, and only read back with the default.
        content_type: Some(content.kind),
        ..describe(server, &repository, path, &entry)?
    })
}

/// Only S3 has storage classes.
fn facts(server: &Server, call: &Call) -> Facts {
    let class = call.query.text("storageClass");
    let class = class.filter(|_| server.block_store == BlockStore::S3);
    Facts {
        storage_class: class.map(Into::into),
        ..Facts::default()
    }
}

/// Reads the preconditions. The real server looks for the object before it looks at the other header.
fn only_if_absent<T>(
    call: &Call,
    find: impl FnOnce() -> Result<T, crate::testing::memory::state::Error>,
) -> Result<bool, Failure> {
    let (matching, none_matching) = (call.header("if-match"), call.header("if-none-match"));
    let absent = none_matching.as_deref() == Some("*");
    if absent {
        match find() {
            Ok(_) => {
                return Err(Failure::new(
                    StatusCode::PRECONDITION_FAILED,
                    "path already exists",
                ));
            }
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::internal(error.message)),
        }
    }
    match (matching, none_matching) {
        (None, None) => Ok(false),
        (None, Some(_)) if absent => Ok(true),
        _ => Err(Failure::not_implemented()),
    }
}

/// What is to be stored.
struct Content {
    kind: String,
    bytes: Bytes,
}

impl Content {
    fn of(call: &Call) -> Result<Self, Failure> {
        let kind = call.header("content-type").filter(|kind| !kind.is_empty());
        let kind = kind.as_deref().unwrap_or(DEFAULT_TYPE);
        let media = MediaType::parse(kind).map_err(Failure::internal)?;
        if media.name != "multipart/form-data" {
            return Ok(Self {
                kind: kind.to_owned(),
                bytes: call.body.clone(),
            });
        }
        let boundary = media
            .boundary
            .ok_or_else(|| Failure::internal("no multipart boundary param in Content-Type"))?;
        let part = multipart::find(&call.body, &boundary, "content").map_err(Failure::internal)?;
        Ok(Self {
            kind: part.content_type,
            bytes: part.bytes,
        })
    }
}

/// A media type, and the one parameter that matters.
#[derive(Debug, PartialEq, Eq)]
struct MediaType {
    name: String,
    boundary: Option<String>,
}

impl MediaType {
    /// As Go's `mime` package reads it, with its messages.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let name = name.trim().to_ascii_lowercase();
        let is_token = |part: &str| part.bytes().all(is_token_byte);
        match name.split_once('/') {
            _ if name.is_empty() || name.starts_with('/') => return Err("mime: no media type"),
            Some((_, "")) => return Err("mime: expected token after slash"),
            Some((kind, _)) if !is_token(kind) => {
                return Err("mime: expected slash after first token");
            }
            Some((_, subtype)) if !is_token(subtype) => {
                return Err("mime: unexpected content after media subtype");
            }
            None if !is_token(&name) => return Err("mime: expected slash after first token"),
            _ => {}
        }
        let mut boundary = None;
        for parameter in parameters
            .split(';')
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
        {
            let (key, value) = parameter
                .split_once('=')
                .ok_or("mime: invalid media parameter")?;
            if key.trim().is_empty() || !is_token(key.trim()) {
                return Err("mime: invalid media parameter");
            }
            if key.trim().eq_ignore_ascii_case("boundary") {
                boundary = Some(value.trim().trim_matches('"').to_owned());
            }
        }
        Ok(Self { name, boundary })
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The metadata in the headers; keys arrive in lower case.
fn user_metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Failure> {
    const PREFIXES: [(&str, &str); 2] =
        [("x-lakefs-meta-", ""), ("x-lakefs-internal-", "::lakefs::")];
    let mut metadata = BTreeMap::new();
    for name in headers.keys() {
        let key = PREFIXES
            .iter()
            .find_map(|(prefix, stored)| Some((stored, name.as_str().strip_prefix(prefix)?)));
        if let (Some((stored, key)), Some(value)) = (key, headers.get(name)) {
            let value = std::str::from_utf8(value.as_bytes())
                .map_err(|_| Failure::internal("string field contains invalid UTF-8"))?;
            metadata.insert(format!("{stored}{key}"), value.to_owned());
        }
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_read_as_in_go() {
        let parsed = |text| MediaType::parse(text).map(|media| (media.name, media.boundary));
        let form = ("multipart/form-data".to_owned(), Some("B".to_owned()));
        assert_eq!(parsed("multipart/form-data; boundary=B"), Ok(form.clone()));
        assert_eq!(parsed("Multipart/Form-Data;boundary=\"B\";"), Ok(form));
        assert_eq!(
            parsed("nonsense/;;"),
            Err("mime: expected token after slash")
        );
        assert_eq!(
            parsed("a b/c"),
            Err("mime: expected slash after first token")
        );
        assert_eq!(parsed(";x=y"), Err("mime: no media type"));
        assert_eq!(
            parsed("text/plain; charset"),
            Err("mime: invalid media parameter")
        );
    }
}
