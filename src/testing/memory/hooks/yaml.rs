//! Reads YAML as the real server's decoder does, and complains in its words.

use yaml_serde::{Deserializer, Mapping, Value};

/// The first document of a text: a mapping, or nothing.
pub(super) fn read(bytes: &[u8]) -> Result<Mapping, String> {
    use serde::Deserialize as _;

    let value = match Deserializer::from_slice(bytes).next() {
        Some(document) => Value::deserialize(document).map_err(|error| syntax(&error))?,
        None => Value::Null,
    };
    Ok(mapping(&value)?.clone())
}

/// A mapping; null counts as an empty one.
pub(super) fn mapping(value: &Value) -> Result<&Mapping, String> {
    static EMPTY: std::sync::LazyLock<Mapping> = std::sync::LazyLock::new(Mapping::new);
    match untagged(value) {
        Value::Mapping(mapping) => Ok(mapping),
        Value::Null => Ok(&EMPTY),
        other => Err(mismatch(other, "a mapping")),
    }
}

/// A sequence; null counts as an empty one.
pub(super) fn sequence(value: &Value) -> Result<&[Value], String> {
    match untagged(value) {
        Value::Sequence(values) => Ok(values),
        Value::Null => Ok(&[]),
        other => Err(mismatch(other, "a sequence")),
    }
}

/// A text; other scalars are taken as they were written, and null as an empty one.
pub(super) fn text(value: &Value) -> Result<String, String> {
    match untagged(value) {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Ok(String::new()),
        other => Err(mismatch(other, "a string")),
    }
}

/// A mapping as JSON, for those who use an action's properties.
pub(super) fn json(
    mapping: &Mapping,
) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    match serde_json::to_value(mapping) {
        Ok(serde_json::Value::Object(fields)) => Ok(fields),
        Ok(_) => Ok(serde_json::Map::new()),
        Err(error) => Err(format!("yaml: unmarshal errors:\n  {error}")),
    }
}

fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => untagged(&tagged.value),
        value => value,
    }
}

fn mismatch(value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::Sequence(_) => "!!seq",
        Value::Mapping(_) => "!!map",
        Value::Number(_) => "!!int",
        Value::Bool(_) => "!!bool",
        _ => "!!str",
    };
    format!("yaml: unmarshal errors:\n  cannot unmarshal {found} into {wanted}")
}

/// Both decoders stem from libyaml; they differ in how they tell the place. The real server counts lines from 0, and
/// prefers the line where the broken thing began.
fn syntax(error: &yaml_serde::Error) -> String {
    let text = error.to_string();
    let line = |part: &str| -> Option<u64> {
        let (_, place) = part.rsplit_once(" at line ")?;
        place.split(' ').next()?.parse().ok()
    };
    let (problem, context) = text.split_once(", ").unwrap_or((&text, ""));
    let begun = line(context).map(|line| line - 1).filter(|line| *line > 0);
    let broken = line(problem).map(|line| line.saturating_sub(1));
    let what = problem.split(" at ").next().unwrap_or(problem);
    match begun.or(broken).filter(|line| *line > 0) {
        Some(line) => format!("yaml: line {line}: {what}"),
        None => format!("yaml: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_errors_read_as_those_of_the_real_server() {
        assert_eq!(
            read(b"name: [\n"),
            Err("yaml: line 1: did not find expected node content".into())
        );
        assert_eq!(read(b""), Ok(Mapping::new()));
        assert!(read(b"- a").is_err());
    }

    #[test]
    fn scalars_are_texts_as_they_stand() {
        let document = read(b"a: 1\nb: yes\nc:\nd: [x]\n").unwrap();
        assert_eq!(text(&document["a"]), Ok("1".into()));
        assert_eq!(text(&document["b"]), Ok("yes".into()));
        assert_eq!(text(&document["c"]), Ok(String::new()));
        assert!(text(&document["d"]).is_err());
    }
}
