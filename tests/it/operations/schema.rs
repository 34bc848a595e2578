//! A validator for the part of JSON Schema that `spec/lakefs.yaml` uses.

use serde_json::{Map, Value};

use super::{
    checker::{Fill, ODD},
    spec::Spec,
};

/// What the validator understands; any other keyword is a fault, lest it be skipped in silence.
const KEYWORDS: [&str; 18] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "default",
    "deprecated",
    "description",
    "enum",
    "format",
    "items",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "type",
];

/// Says where `value` is not what `schema` asks for, or where it has more or less than `fill`. With everything, a text that
/// may be any must be an [`odd!`](super::checker::odd) one.
pub(crate) fn validate(
    spec: &Spec,
    schema: &Value,
    value: &Value,
    fill: Fill,
    at: &str,
) -> Result<(), String> {
    let schema = &flat(spec, schema)?;
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        if !values.contains(value) {
            return Err(format!("{at}: {value} is not in the enum"));
        }
    }
    let valid = match schema.get("type").and_then(Value::as_str) {
        Some("string") => {
            let text = value.as_str();
            let free = ["enum", "pattern", "format"].map(|keyword| schema.contains_key(keyword));
            if fill == Fill::Everything
                && free == [false; 3]
                && text.is_some_and(|text| !text.ends_with(ODD))
            {
                return Err(format!("{at}: {value} is too plain for this test"));
            }
            text.is_some_and(|text| text.len() as i64 >= bound(schema, "minLength", 0))
        }
        Some("integer") => value.as_i64().is_some_and(|number| {
            number >= bound(schema, "minimum", i64::MIN)
                && number <= bound(schema, "maximum", i64::MAX)
        }),
        Some("boolean") => value.is_boolean(),
        Some("array") => return array(spec, schema, value, fill, at),
        Some("object") => return object(spec, schema, value, fill, at),
        other => return Err(format!("{at}: the schema has the type {other:?}")),
    };
    if valid {
        Ok(())
    } else {
        Err(format!("{at}: {value} is not what {schema:?} asks for"))
    }
}

fn array(
    spec: &Spec,
    schema: &Map<String, Value>,
    value: &Value,
    fill: Fill,
    at: &str,
) -> Result<(), String> {
    let elements = value
        .as_array()
        .ok_or_else(|| format!("{at}: {value} is no array"))?;
    let least = match fill {
        Fill::Everything => 1,
        Fill::Required => bound(schema, "minItems", 0),
    };
    if (elements.len() as i64) < least {
        return Err(format!("{at}: has fewer than {least} elements"));
    }
    let items = schema
        .get("items")
        .ok_or_else(|| format!("{at}: the schema has no items"))?;
    elements
        .iter()
        .enumerate()
        .try_for_each(|(index, element)| {
            validate(spec, items, element, fill, &format!("{at}[{index}]"))
        })
}

fn object(
    spec: &Spec,
    schema: &Map<String, Value>,
    value: &Value,
    fill: Fill,
    at: &str,
) -> Result<(), String> {
    let fields = value
        .as_object()
        .ok_or_else(|| format!("{at}: {value} is no object"))?;
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties");
    let required: Vec<&str> = names(schema).collect();

    let wanted = properties
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .filter(|name| fill == Fill::Everything || required.contains(name));
    for name in wanted.chain(required.iter().copied()) {
        if !fields.contains_key(name) {
            return Err(format!("{at}: lacks {name:?}"));
        }
    }
    if properties.is_none() && fields.is_empty() && fill == Fill::Everything {
        return Err(format!("{at}: is an empty map"));
    }
    for (name, field) in fields {
        let at = format!("{at}.{name}");
        match (properties.and_then(|known| known.get(name)), additional) {
            (Some(_), _) if fill == Fill::Required && !required.contains(&name.as_str()) => {
                return Err(format!("{at}: is not required"));
            }
            (Some(schema), _) => validate(spec, schema, field, fill, &at)?,
            (None, Some(schema)) => validate(spec, schema, field, fill, &at)?,
            // A schema with neither is an object of any kind.
            (None, None) if properties.is_none() => {}
            (None, None) => return Err(format!("{at}: the schema has no such property")),
        }
    }
    Ok(())
}

/// The schema with its references followed and its `allOf` joined.
fn flat(spec: &Spec, schema: &Value) -> Result<Map<String, Value>, String> {
    let schema = spec
        .resolve(schema)?
        .as_object()
        .ok_or("a schema is no object")?;
    if let Some(unknown) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Err(format!("the validator does not know {unknown:?}"));
    }
    let mut joined = schema.clone();
    let Some(parts) = joined.remove("allOf") else {
        return Ok(joined);
    };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts.as_array().into_iter().flatten() {
        let part = flat(spec, part)?;
        if let Some(more) = part.get("properties").and_then(Value::as_object) {
            properties.extend(more.clone());
        }
        required.extend(names(&part).map(Value::from));
    }
    joined.insert("type".to_owned(), "object".into());
    joined.insert("properties".to_owned(), properties.into());
    joined.insert("required".to_owned(), required.into());
    Ok(joined)
}

fn names(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let required = schema.get("required").and_then(Value::as_array);
    required.into_iter().flatten().filter_map(Value::as_str)
}

fn bound(schema: &Map<String, Value>, keyword: &str, default: i64) -> i64 {
    schema
        .get(keyword)
        .and_then(Value::as_i64)
        .unwrap_or(default)
}
