//! The placeholders of recorded traffic, and values that a server could have sent in their place.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Puts a plausible value in place of each placeholder, the same for the same one. `length` is that of the body.
pub(crate) fn expand(text: &str, length: usize) -> String {
    // The pattern is a constant that compiles.
    static PLACEHOLDER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\{\{([a-z_]+)(?::([0-9]+))?(?::([0-9a-z]+))?\}\}").ok());
    let Some(placeholder) = &*PLACEHOLDER else {
        return text.to_owned();
    };
    let fill = |found: &Captures<'_>| {
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
        let value = value(part(1), part(2), length);
        match part(3).parse::<usize>() {
            Ok(beginning) => value.chars().take(beginning).collect(),
            Err(_) => value,
        }
    };
    placeholder.replace_all(text, fill).into_owned()
}

fn value(kind: &str, number: &str, length: usize) -> String {
    match kind {
        "commit" | "metarange" | "range" | "etag" => format!("{:0>2}c0ffee", number).repeat(8),
        "address" => format!("data/gm2bq5s9nk3c7{number:0>7}/cmf5ov7td5kc7{number:0>7}"),
        "time" => "1714564800".to_owned(),
        "expiry" => "1914564800".to_owned(),
        "datetime" => "2024-05-01T12:00:00.123456789Z".to_owned(),
        "http_date" => "Wed, 01 May 2024 12:00:00 GMT".to_owned(),
        "count" => "77".to_owned(),
        "duration" => "1.5ms".to_owned(),
        "length" => length.to_string(),
        "run" | "pull" | "task" => format!("gm2bq5s9nk3c7{number:0>7}"),
        "access_key" => format!("AKIAJ{number:0>15}"),
        "request_id" | "uuid" => "4a6b1f0c-5a0e-4d57-9c2b-3f1d2e4c6a88".to_owned(),
        "endpoint" | "object_store" | "webhook" => format!("http://{kind}.example.com:8000"),
        "blocks" | "ext" => format!("/srv/lakefs/{kind}"),
        "amz_date" => "20240501T120000Z".to_owned(),
        "amz_day" => "20240501".to_owned(),
        // `repeat` counts from 0.
        "i" => "0000".to_owned(),
        opaque => format!("{opaque}{number}"),
    }
}
