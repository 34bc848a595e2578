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
            Some(found) if match_text(&bindings.with_checksum(value), &found, bindings) => {}
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
        return bytes_of(recorded, str::to_owned)
            .is_ok_and(|recorded| recorded == **found || same_table(&recorded, found, bindings));
    };
    let Ok(found) = std::str::from_utf8(found) else {
        return false;
    };
    const PAGE: &str = "<!DOCTYPE html>";
    if recorded.starts_with(PAGE) {
        // The recorded page is a stand-in itself.
        return found.starts_with(PAGE);
    }
    match (documents(&quote_numbers(recorded)), documents(found)) {
        (Some(recorded_values), Some(found_values)) => {
            recorded.ends_with('\n') == found.ends_with('\n')
                && recorded_values.len() == found_values.len()
                && recorded_values
                    .iter()
                    .zip(&found_values)
                    .all(|(recorded, found)| same_json(recorded, found, bindings))
        }
        _ => match_text(recorded, found, bindings),
    }
}

/// The JSON documents of a body: some have one after the other. `None` for anything else.
fn documents(text: &str) -> Option<Vec<Value>> {
    let documents = serde_json::Deserializer::from_str(text).into_iter();
    let documents: Vec<Value> = documents.collect::<Result<_, _>>().ok()?;
    let is_container = |value: &Value| value.is_object() || value.is_array();
    (!documents.is_empty() && documents.iter().all(is_container)).then_some(documents)
}

/// Metaranges and ranges hold ids, addresses and times of their own; what must be the same is how many and what for.
fn same_table(recorded: &[u8], found: &[u8], bindings: &mut Bindings) -> bool {
    const MAGIC: [u8; 8] = [0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88];
    if !recorded.ends_with(&MAGIC) || !found.ends_with(&MAGIC) {
        return false;
    }
    let ids = ids_in(found);
    bindings.learn_ranges(ids.iter().copied());
    // Times of whole seconds are a few bytes shorter.
    ids.len() == ids_in(recorded).len() && recorded.len().abs_diff(found.len()) <= 16
}

/// Whatever looks like the id of a range.
fn ids_in(table: &[u8]) -> Vec<&str> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let runs = table.split(|byte| !is_hex(byte));
    let ids = runs.filter(|run| run.len() == 64);
    ids.filter_map(|id| std::str::from_utf8(id).ok()).collect()
}

/// The server gives rules in no particular order.
fn sort_rules(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    let name = |item: &Value| {
        let name = item.get("pattern").or_else(|| item.get("branch_id"));
        name.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    items.sort_by_key(|item| name(item));
    items
}

fn same_json(recorded: &Value, found: &Value, bindings: &mut Bindings) -> bool {
    match (recorded, found) {
        (Value::Object(left), Value::Object(right)) => {
            bindings.learn_checksum(left, right);
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    right
                        .get(key)
                        .is_some_and(|found| same_json(value, found, bindings))
                })
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && sort_rules(left)
                    .into_iter()
                    .zip(sort_rules(right))
                    .all(|(left, right)| same_json(left, right, bindings))
        }
        (Value::String(left), Value::String(right)) if quotes_the_document(left) => {
            left.lines().next() == right.lines().next()
        }
        (Value::String(left), Value::String(right)) => {
            match_text(&bindings.with_checksum(left), right, bindings)
        }
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
