//! Whether an answer is the recorded one.

use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use serde_json::Value;

use super::template::{Bindings, match_text, quote_numbers};
use lakefs_sdk::BoxError;

/// Headers that say nothing about the behaviour of a server.
const INCIDENTAL: [&str; 5] = [
    "content-length",
    "transfer-encoding",
    "x-request-id",
    "date",
    "connection",
];

/// What differs, a line each; empty when nothing does.
pub(crate) fn compare(
    recorded: &Value,
    parts: &http::response::Parts,
    body: &Bytes,
    bindings: &mut Bindings,
) -> String {
    let mut differences = String::new();
    let mut note = |what: &str, recorded: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
        let _ = writeln!(
            differences,
            "    {what}: recorded {recorded:.1200}\n    {what}: answered {found:.1200}"
        );
    };
    let status = recorded["status"].as_u64().unwrap_or(0);
    if status != u64::from(parts.status.as_u16()) {
        note("status", &status, &parts.status.as_u16());
    }
    let empty = serde_json::Map::new();
    let headers = recorded["headers"].as_object().unwrap_or(&empty);
    for (name, value) in headers {
        let value = value.as_str().unwrap_or_default();
        let found = parts
            .headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let meaningful = !INCIDENTAL.contains(&name.to_ascii_lowercase().as_str());
        match found {
            _ if !meaningful => {}
            Some(found) if match_text(value, &found, bindings) => {}
            found => note(
                &format!("header {name}"),
                &value,
                &found.as_deref().unwrap_or("nothing"),
            ),
        }
    }
    for (name, value) in &parts.headers {
        let known = headers
            .keys()
            .any(|known| known.eq_ignore_ascii_case(name.as_str()));
        if !known && !INCIDENTAL.contains(&name.as_str()) {
            note(
                &format!("header {name}"),
                &"nothing",
                &String::from_utf8_lossy(value.as_bytes()),
            );
        }
    }
    if !same_body(&recorded["body"], body, bindings) {
        let recorded = recorded["body"].as_str().unwrap_or("binary data");
        note("body", &recorded, &String::from_utf8_lossy(body));
    }
    differences
}

fn same_body(recorded: &Value, found: &Bytes, bindings: &mut Bindings) -> bool {
    let Some(recorded) = recorded.as_str() else {
        return bytes_of(recorded, str::to_owned).is_ok_and(|recorded| recorded == **found);
    };
    let Ok(found) = std::str::from_utf8(found) else {
        return false;
    };
    const PAGE: &str = "<!DOCTYPE html>";
    if recorded.starts_with(PAGE) {
        // The recorded page is a stand-in itself.
        return found.starts_with(PAGE);
    }
    let parsed = (
        serde_json::from_str::<Value>(&quote_numbers(recorded)),
        serde_json::from_str::<Value>(found),
    );
    match parsed {
        (Ok(recorded_value), Ok(found_value))
            if recorded_value.is_object() || recorded_value.is_array() =>
        {
            recorded.ends_with('\n') == found.ends_with('\n')
                && same_json(&recorded_value, &found_value, bindings)
        }
        _ => match_text(recorded, found, bindings),
    }
}

fn same_json(recorded: &Value, found: &Value, bindings: &mut Bindings) -> bool {
    match (recorded, found) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    right
                        .get(key)
                        .is_some_and(|found| same_json(value, found, bindings))
                })
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same_json(left, right, bindings))
        }
        (Value::String(left), Value::String(right)) if quotes_the_document(left) => {
            left.lines().next() == right.lines().next()
        }
        (Value::String(left), Value::String(right)) => match_text(left, right, bindings),
        (Value::String(left), Value::Number(right)) if left.starts_with('\u{1}') => {
            match_text(&left[1..], &right.to_string(), bindings)
        }
        (left, right) => left == right,
    }
}

/// Messages that go on with parts of the server's API document: only their first line counts.
fn quotes_the_document(message: &str) -> bool {
    message.starts_with("request body has an error") || message.starts_with("parameter \"")
}

/// A recorded body: text with placeholders, or base64.
pub(crate) fn bytes_of(body: &Value, expand: impl Fn(&str) -> String) -> Result<Vec<u8>, BoxError> {
    match body["base64"].as_str() {
        Some(encoded) => Ok(base64::engine::general_purpose::STANDARD.decode(encoded)?),
        None => Ok(expand(body.as_str().unwrap_or_default()).into_bytes()),
    }
}
