//! A digest of what an API document states, without its words: a line an operation, schema, parameter and response.
//!
//! Descriptions may be rewritten freely; a fact that goes missing changes a line, which names what it was in.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Result;

/// One line a piece of the document: its kind, its name, and the first 16 hex digits of a SHA-256 over its facts.
///
/// # Errors
///
/// When the document is not YAML, or lacks paths or components.
pub fn digest(document: &str) -> Result<String> {
    let document: Value = yaml_serde::from_str(document)?;
    let mut lines = String::new();
    let object = |value: &Value, name: &str| -> Result<serde_json::Map<String, Value>> {
        Ok(value[name]
            .as_object()
            .ok_or_else(|| format!("the document lacks `{name}`"))?
            .clone())
    };
    writeln!(
        lines,
        "document {}",
        hash(&facts(
            &serde_json::json!([document["servers"], document["security"]]),
            false
        ))
    )?;
    for (path, item) in object(&document, "paths")? {
        let item = item.as_object().ok_or("a path without operations")?;
        let shared = item.get("parameters").cloned().unwrap_or_default();
        for (method, operation) in item.iter().filter(|(method, _)| *method != "parameters") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let whole = serde_json::json!([path, method, shared, operation]);
            writeln!(lines, "operation {id} {}", hash(&facts(&whole, false)))?;
        }
    }
    for section in ["schemas", "parameters", "responses", "securitySchemes"] {
        for (name, value) in object(&document["components"], section)? {
            writeln!(lines, "{section} {name} {}", hash(&facts(&value, false)))?;
        }
    }
    Ok(lines)
}

/// The value without its prose, every object in the order of its keys. `names` is whether the keys are names, not keywords.
fn facts(value: &Value, names: bool) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object
                .iter()
                .filter(|(key, _)| names || !matches!(key.as_str(), "description" | "summary"))
                .map(|(key, value)| (key.clone(), facts(value, key == "properties")))
                .collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(values) => {
            Value::Array(values.iter().map(|value| facts(value, false)).collect())
        }
        other => other.clone(),
    }
}

fn hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
