//! Checks a request against its [`Operation`], with the messages of the real server (their first line: the rest quotes
//! the API document).

use http::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use super::patterns::{DATE_TIME, is_date_time};
use super::{Fields, Kind, Operation, Parameter, Place};
use crate::testing::memory::error::Failure;
use crate::testing::memory::request::Query;

/// Parameters first, then the body, as the real server does; the first fault is the answer.
pub(in super::super) fn check(
    operation: &Operation,
    variables: &[(&'static str, String)],
    query: &Query,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Failure> {
    for parameter in operation.parameters {
        check_parameter(parameter, variables, query, headers).map_err(|fault| {
            let place = match parameter.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
            };
            Failure::bad_request(format!(
                "parameter \"{}\" in {place} has an error: {fault}",
                parameter.name
            ))
        })?;
    }
    if let Some(expected) = &operation.body {
        check_body(&expected.kind, expected.required, headers, body)
            .map_err(|fault| Failure::bad_request(format!("request body has an error: {fault}")))?;
    }
    Ok(())
}

/// Refuses repeated values of parameters that take one. The real server finds them after authentication.
pub(in super::super) fn check_single_values(
    operation: &Operation,
    query: &Query,
) -> Result<(), Failure> {
    for parameter in operation
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Query)
    {
        if matches!(parameter.kind, Kind::List(_)) {
            continue;
        }
        let values = query.all(parameter.name).count();
        // The real server adds the default beside an empty value, and then finds two.
        let defaulted = parameter.has_default
            && query
                .text(parameter.name)
                .is_some_and(|text| text.is_empty());
        if values > 1 || defaulted {
            let name = parameter.name;
            return Err(Failure::plain_bad_request(format!(
                "Invalid format for parameter {name}: multiple values for single value parameter '{name}'"
            )));
        }
    }
    Ok(())
}

fn check_parameter(
    parameter: &Parameter,
    variables: &[(&'static str, String)],
    query: &Query,
    headers: &HeaderMap,
) -> Result<(), String> {
    let value = match parameter.place {
        Place::Path => variables
            .iter()
            .find(|(name, _)| *name == parameter.name)
            .map(|(_, value)| value.as_str().into()),
        Place::Query => query.text(parameter.name),
        Place::Header => headers
            .get(parameter.name)
            .map(|value| String::from_utf8_lossy(value.as_bytes())),
    };
    match value.as_deref() {
        None if parameter.required => Err("value is required but missing".into()),
        None => Ok(()),
        Some("") if parameter.may_be_empty || parameter.has_default => Ok(()),
        Some("") => Err("empty value is not allowed".into()),
        Some(text) => check_text(&parameter.kind, text),
    }
}

fn check_text(kind: &Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Integer => parse_integer(text).map(drop),
        Kind::Between(low, high) => check_bounds(parse_integer(text)?, *low, *high),
        Kind::Boolean => match text {
            // The spellings Go's parser takes.
            "1" | "t" | "T" | "true" | "TRUE" | "True" | "0" | "f" | "F" | "false" | "FALSE"
            | "False" => Ok(()),
            _ => Err(format!("value {text}: an invalid boolean: invalid syntax")),
        },
        Kind::List(item) => check_text(item, text),
        _ => check_string(kind, text),
    }
}

fn parse_integer(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let why = if numeric {
            "value out of range"
        } else {
            "invalid syntax"
        };
        format!("value {text}: an invalid integer: {why}")
    })
}

fn check_bounds(number: i64, low: Option<i64>, high: Option<i64>) -> Result<(), String> {
    match (low, high) {
        (Some(low), _) if number < low => Err(format!("number must be at least {low}")),
        (_, Some(high)) if number > high => Err(format!("number must be at most {high}")),
        _ => Ok(()),
    }
}

fn check_string(kind: &Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::NonEmptyText if text.is_empty() => Err("minimum string length is 1".into()),
        Kind::Pattern(pattern) if !(pattern.matches)(text) => Err(format!(
            "string doesn't match the regular expression \"{}\"",
            pattern.text
        )),
        Kind::OneOf(allowed) if !allowed.contains(&text) => {
            let allowed: Vec<String> = allowed.iter().map(|value| format!("\"{value}\"")).collect();
            Err(format!(
                "value is not one of the allowed values [{}]",
                allowed.join(",")
            ))
        }
        Kind::DateTime if !is_date_time(text) => Err(format!(
            "string doesn't match the format \"date-time\": string doesn't match pattern \"{DATE_TIME}\""
        )),
        _ => Ok(()),
    }
}

fn check_body(kind: &Kind, required: bool, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    if body.is_empty() {
        return if required {
            Err("value is required but missing".into())
        } else {
            Ok(())
        };
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content_type = content_type.as_deref().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(format!(
            "header Content-Type has unexpected value \"{content_type}\""
        ));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| format!("failed to decode request body: {}", syntax(&error, body)))?;
    let name = if let Kind::Object(fields) = kind {
        fields.name
    } else {
        ""
    };
    check_value(kind, &value, "").map_err(|fault| match (fault.at.as_str(), name) {
        ("", "") => format!("doesn't match schema: {}", fault.message),
        ("", name) => format!(
            "doesn't match schema #/components/schemas/{name}: {}",
            fault.message
        ),
        (at, "") => format!("doesn't match schema: Error at \"{at}\": {}", fault.message),
        (at, name) => format!(
            "doesn't match schema #/components/schemas/{name}: Error at \"{at}\": {}",
            fault.message
        ),
    })
}

/// What Go's decoder says about broken JSON, as near as serde's error allows.
fn syntax(error: &serde_json::Error, body: &[u8]) -> String {
    if error.is_eof() {
        return "unexpected EOF".into();
    }
    let line = body
        .split(|&byte| byte == b'\n')
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    let byte = error
        .column()
        .checked_sub(1)
        .and_then(|column| line.get(column));
    match byte {
        Some(&byte) => format!(
            "invalid character '{}' looking for beginning of value",
            char::from(byte)
        ),
        None => "unexpected EOF".into(),
    }
}

struct Fault {
    at: String,
    message: String,
}

fn check_value(kind: &Kind, value: &Value, at: &str) -> Result<(), Fault> {
    let fail = |message: String| {
        Err(Fault {
            at: at.to_owned(),
            message,
        })
    };
    if value.is_null() && !matches!(kind, Kind::Any) {
        return fail("Value is not nullable".into());
    }
    match kind {
        Kind::Any => Ok(()),
        Kind::Boolean if !value.is_boolean() => fail("value must be a boolean".into()),
        Kind::Boolean => Ok(()),
        Kind::Integer | Kind::Between(..) => {
            let Some(number) = value.as_i64() else {
                return fail("value must be an integer".into());
            };
            let Kind::Between(low, high) = kind else {
                return Ok(());
            };
            check_bounds(number, *low, *high).or_else(fail)
        }
        Kind::Text | Kind::NonEmptyText | Kind::Pattern(_) | Kind::OneOf(_) | Kind::DateTime => {
            let Some(text) = value.as_str() else {
                return fail("value must be a string".into());
            };
            check_string(kind, text).or_else(fail)
        }
        Kind::List(item) | Kind::NonEmptyList(item) => {
            let Some(items) = value.as_array() else {
                return fail("value must be an array".into());
            };
            if items.is_empty() && matches!(kind, Kind::NonEmptyList(_)) {
                return fail("minimum number of items is 1".into());
            }
            items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| check_value(item, value, &format!("{at}/{index}")))
        }
        Kind::Map(item) => {
            let Some(entries) = value.as_object() else {
                return fail("value must be an object".into());
            };
            sorted(entries)
                .try_for_each(|(key, value)| check_value(item, value, &format!("{at}/{key}")))
        }
        Kind::Object(fields) => {
            let Some(entries) = value.as_object() else {
                return fail("value must be an object".into());
            };
            check_fields(fields, entries, at)
        }
    }
}

fn check_fields(
    fields: &Fields,
    entries: &serde_json::Map<String, Value>,
    at: &str,
) -> Result<(), Fault> {
    for (key, value) in sorted(entries) {
        if let Some((_, kind)) = fields.properties.iter().find(|(name, _)| name == key) {
            check_value(kind, value, &format!("{at}/{key}"))?;
        }
    }
    match fields
        .required
        .iter()
        .find(|name| !entries.contains_key(**name))
    {
        Some(name) => Err(Fault {
            at: format!("{at}/{name}"),
            message: format!("property \"{name}\" is missing"),
        }),
        None => Ok(()),
    }
}

/// serde_json keeps the order of the document when another crate asks it to; the real server goes by name.
fn sorted(entries: &serde_json::Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter()
}
