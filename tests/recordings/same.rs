//! Whether a document says the same after it was decoded and encoded again.

use jiff::Timestamp;
use serde_json::Value;

/// Fields that a model has as `""`, 0 or `false` when they were not received, and why that is no loss. They are the
/// `lenient` ones of `spec/overlay.yaml` that hold no list.
const DEFAULTED: [(&str, &str); 11] = [
    (
        "/description",
        "a listing of pull requests leaves it out; empty when there is none",
    ),
    ("/pagination/results", "the length of the list beside it"),
    ("/pagination/max_per_page", "0 stands for no limit"),
    ("/pre_sign_support", "servers without it cannot presign"),
    ("/pre_sign_support_ui", "servers without it cannot presign"),
    ("/import_support", "servers without it cannot import"),
    ("/import_validity_regex", "no pattern, nothing to check"),
    ("/blockstore_namespace_example", "an example, for people"),
    (
        "/blockstore_namespace_ValidityRegex",
        "no pattern, nothing to check",
    ),
    ("/login_url", "servers without it have no page to log in"),
    ("/logout_url", "servers without it have no page to log out"),
];

/// Adds a line for each place where `encoded` does not say what `received` said.
///
/// `null`, an absent field and a list that is empty are the same when they were received as one of the first two: there
/// is nothing that a caller could want to tell apart.
pub(crate) fn compare(place: &str, received: &Value, encoded: &Value, differing: &mut Vec<String>) {
    match (received, encoded) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                let place = format!("{place}/{key}");
                compare(
                    &place,
                    value,
                    right.get(key).unwrap_or(&Value::Null),
                    differing,
                );
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                compare(&format!("{place}/{key}"), &Value::Null, value, differing);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{place}/{index}"), left, right, differing);
            }
        }
        (Value::Null, Value::Array(right)) if right.is_empty() => {}
        (Value::Null, default) if is_defaulted(place, default) => {}
        (Value::String(left), Value::String(right)) if same_instant(left, right) => {}
        _ if received == encoded => {}
        _ => differing.push(format!(
            "{place}: received {received:.200}, kept {encoded:.200}"
        )),
    }
}

fn is_defaulted(place: &str, value: &Value) -> bool {
    let empty = *value == "" || *value == 0 || *value == false;
    empty && DEFAULTED.iter().any(|(field, _)| place.ends_with(field))
}

fn same_instant(left: &str, right: &str) -> bool {
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    instant(left).is_some_and(|left| Some(left) == instant(right))
}

/// A comparison that takes everything for the same would prove nothing.
#[test]
fn a_loss_is_noticed() {
    let lost = |received: &str, encoded: &str| {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let mut differing = Vec::new();
        compare("", &parse(received), &parse(encoded), &mut differing);
        !differing.is_empty()
    };
    for (received, encoded) in [
        (r#"{"a":1}"#, "{}"),
        (r#"{"a":1}"#, r#"{"a":1.0}"#),
        (r#"{"a":[]}"#, "{}"),
        (r#"{"a":""}"#, r#"{"a":null}"#),
        (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
        (r#"{}"#, r#"{"a":false}"#),
        (r#""2024-05-01T12:00:00.5Z""#, r#""2024-05-01T12:00:00Z""#),
    ] {
        assert!(lost(received, encoded), "{received} became {encoded}");
    }
    for (received, encoded) in [
        (r#"{"a":null}"#, "{}"),
        (r#"{"a":null}"#, r#"{"a":[]}"#),
        (
            r#""2024-05-01T14:00:00+02:00""#,
            r#""2024-05-01T12:00:00Z""#,
        ),
    ] {
        assert!(!lost(received, encoded), "{received} became {encoded}");
    }
}
