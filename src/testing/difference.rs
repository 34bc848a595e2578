//! A request as named fields, and what differs between two of them.

use std::{collections::BTreeMap, fmt};

use base64::Engine as _;
use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::Value;

use super::redact::{REDACTED, Secrets};
use crate::error::classify::redact_signatures;

/// Headers that say nothing about what is asked for.
const NOT_ASKED: [&str; 14] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "user-agent",
    "x-lakefs-client",
    "x-request-id",
];

/// The longest value that a message shows, in characters.
const SHOWN: usize = 120;

/// What a request asks for: variables of the path, query, headers and properties of the body (`body.name`), each as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(BTreeMap<String, String>);

/// A field in which two requests differ; `None` where one of them lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) field: String,
    pub(super) expected: Option<String>,
    pub(super) actual: Option<String>,
}

// ===== impl Fields =====

impl Fields {
    pub(super) fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let value = value.into();
        // A name that is there twice, as in a query, is a list.
        self.0
            .entry(name.into())
            .and_modify(|there| {
                there.push_str(", ");
                there.push_str(&value);
            })
            .or_insert(value);
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The headers that say what is asked for.
    pub(super) fn headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            let json = name == CONTENT_TYPE && is_json(headers);
            if !json && !NOT_ASKED.contains(&name.as_str()) {
                let value = String::from_utf8_lossy(value.as_bytes());
                self.insert(name.as_str(), value);
            }
        }
    }

    /// The body: a document property by property, anything else whole.
    pub(super) fn body(&mut self, headers: &HeaderMap, body: &[u8]) {
        if body.is_empty() {
            return;
        }
        let document = is_json(headers).then(|| serde_json::from_slice(body).ok());
        match (document.flatten(), std::str::from_utf8(body)) {
            (Some(document), _) => self.document("body", &document),
            (None, Ok(text)) => self.insert("body", text),
            (None, Err(_)) => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(body);
                self.insert("body", format!("base64 {encoded}"));
            }
        }
    }

    fn document(&mut self, name: &str, document: &Value) {
        match document {
            Value::Object(properties) if !properties.is_empty() => {
                for (key, value) in properties {
                    self.document(&format!("{name}.{key}"), value);
                }
            }
            Value::Array(values) if !values.is_empty() => {
                for (index, value) in values.iter().enumerate() {
                    self.document(&format!("{name}[{index}]"), value);
                }
            }
            Value::String(text) => self.insert(name, text),
            other => self.insert(name, other.to_string()),
        }
    }

    /// Where `actual` is not as these are.
    pub(super) fn differences(&self, actual: &Self) -> Vec<Difference> {
        let ours = self.0.iter().filter_map(|(field, expected)| {
            let found = actual.0.get(field);
            (found != Some(expected)).then(|| Difference {
                field: field.clone(),
                expected: Some(expected.clone()),
                actual: found.cloned(),
            })
        });
        let theirs = actual.0.iter();
        let theirs = theirs.filter(|(field, _)| !self.0.contains_key(*field));
        let theirs = theirs.map(|(field, value)| Difference {
            field: field.clone(),
            expected: None,
            actual: Some(value.clone()),
        });
        ours.chain(theirs).collect()
    }
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.starts_with("application/json"))
}

impl fmt::Display for Fields {
    /// On one line, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{field}: {}", shown(field, value))?;
        }
        if self.0.is_empty() {
            f.write_str("nothing")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &Option<String>| match value {
            Some(value) => shown(&self.field, value),
            None => "nothing".to_owned(),
        };
        write!(
            f,
            "{}: expected {}, got {}",
            self.field,
            side(&self.expected),
            side(&self.actual)
        )
    }
}

/// A value in quotes, without secrets and not too long.
fn shown(field: &str, value: &str) -> String {
    let name = field.rsplit('.').next().unwrap_or(field);
    let secrets = Secrets::default();
    if secrets.hides_header(field) || secrets.hides_property(Some("stsLogin"), name) {
        return REDACTED.to_owned();
    }
    let value = redact_signatures(value);
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &value[..end], value.len()),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn fields(body: &str) -> Fields {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("if-match", HeaderValue::from_static("\"e\""));
        let mut fields = Fields::default();
        fields.headers(&headers);
        fields.body(&headers, body.as_bytes());
        fields
    }

    #[test]
    fn a_document_is_compared_property_by_property() {
        let expected = fields(r#"{"a":{"b":[1,"x"]},"c":{},"d":null}"#);
        let actual = fields(r#"{"a":{"b":[1,"y"]},"c":{},"e":true}"#);
        assert_eq!(
            expected.to_string(),
            r#"body.a.b[0]: "1", body.a.b[1]: "x", body.c: "{}", body.d: "null", if-match: "\"e\"""#
        );
        let differences = expected.differences(&actual);
        let lines: Vec<String> = differences.iter().map(Difference::to_string).collect();
        assert_eq!(
            lines,
            [
                r#"body.a.b[1]: expected "x", got "y""#,
                r#"body.d: expected "null", got nothing"#,
                r#"body.e: expected nothing, got "true""#,
            ]
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let text = fields(r#"{"secret_access_key":"planted","u":"http://h?sig=planted"}"#);
        assert!(!text.to_string().contains("planted"), "{text}");
    }
}
