//! The placeholders of recorded traffic: `{{time}}`, `{{commit:1}}`, `{{commit:1:8}}`.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Map, Value};

/// The values that placeholders stand for, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(BTreeMap<String, String>);

enum Piece<'a> {
    Literal(&'a str),
    Placeholder(&'a str),
}

impl Bindings {
    /// Learns the checksum of the README of sample_data, which is known by its length.
    pub(crate) fn learn_checksum(
        &mut self,
        recorded: &Map<String, Value>,
        found: &Map<String, Value>,
    ) {
        let is_readme = |object: &Map<String, Value>| {
            let size = object.get("size_bytes").and_then(Value::as_u64);
            object.get("path").is_some_and(|path| path == "README.md")
                && size.is_some_and(|size| size > 20_000)
        };
        let checksum =
            |object: &Map<String, Value>| Some(object.get("checksum")?.as_str()?.to_owned());
        if !is_readme(recorded) || !is_readme(found) {
            return;
        }
        if let (Some(recorded), Some(found)) = (checksum(recorded), checksum(found)) {
            self.0.insert(format!("{README} {recorded}"), found);
        }
    }

    /// A recorded text with the checksum that is found instead.
    pub(crate) fn with_checksum(&self, recorded: &str) -> String {
        let checksum = recorded.trim_matches('"');
        match self.0.get(&format!("{README} {checksum}")) {
            Some(found) => recorded.replace(checksum, found),
            None => recorded.to_owned(),
        }
    }

    /// Learns the ids of ranges where a metarange lists them: the recorded bytes hold no placeholders.
    pub(crate) fn learn_ranges<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        for id in ids {
            let known = self.0.iter().filter(|(name, _)| name.starts_with("range:"));
            let values: Vec<&String> = known.map(|(_, value)| value).collect();
            if values.iter().all(|value| *value != id) {
                let name = format!("range:{}", values.len() + 1);
                self.0.insert(name, id.to_owned());
            }
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The same, but for all placeholders of a kind.
    pub(crate) fn without(&self, kind: &str) -> Self {
        let of_kind = |name: &str| name.split(':').next() == Some(kind);
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !of_kind(name))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
        )
    }
}

/// The name under which the checksum of the README is kept that comes with sample_data. It cannot be computed.
const README: &str = "readme";

/// The name under which the time seen last is kept: requests repeat it.
const LAST_TIME: &str = "last time";

/// Puts the known values into a request.
pub(crate) fn expand(text: &str, bindings: &Bindings) -> String {
    let fill = |piece| match piece {
        Piece::Literal(text) => text.to_owned(),
        Piece::Placeholder(name) => {
            let time = || {
                bindings
                    .0
                    .get(LAST_TIME)
                    .filter(|_| name == "time")
                    .cloned()
            };
            known(name, bindings)
                .or_else(time)
                .unwrap_or_else(|| format!("unknown-{}", name.replace(':', "-")))
        }
    };
    pieces(text).into_iter().map(fill).collect()
}

/// Whether a text fits a template. Placeholders seen for the first time are learned.
pub(crate) fn match_text(template: &str, text: &str, bindings: &mut Bindings) -> bool {
    let mut rest = text;
    let mut pieces = pieces(template).into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let length = match piece {
            Piece::Literal(literal) if rest.starts_with(literal) => literal.len(),
            Piece::Literal(_) => return false,
            Piece::Placeholder(name) => {
                let until = match pieces.peek() {
                    Some(Piece::Literal(next)) => rest.find(next),
                    Some(Piece::Placeholder(next)) if known(name, bindings).is_none() => {
                        known(next, bindings).and_then(|next| rest.find(&next))
                    }
                    Some(Piece::Placeholder(_)) => known(name, bindings).map(|value| value.len()),
                    None => Some(rest.len()),
                };
                let Some(value) = until.and_then(|end| rest.get(..end)) else {
                    return false;
                };
                if !agrees(name, value, bindings) {
                    return false;
                }
                value.len()
            }
        };
        rest = &rest[length..];
    }
    rest.is_empty()
}

/// Quotes the placeholders that stand for numbers, so that the text is JSON. A control character marks them.
pub(crate) fn quote_numbers(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut in_string = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = if rest.starts_with("{{") {
            rest.find("}}").map(|end| end + 2)
        } else {
            None
        };
        let length = match (c, end) {
            (_, Some(end)) if !in_string => {
                quoted.push_str("\"\\u0001");
                quoted.push_str(&rest[..end]);
                quoted.push('"');
                end
            }
            ('\\', _) if in_string => {
                let escaped = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                quoted.push_str(&rest[..escaped]);
                escaped
            }
            _ => {
                in_string ^= c == '"';
                quoted.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    quoted
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    // A JSON object may begin inside another: only what looks like a name is a placeholder.
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
    };
    let mut from = 0;
    while let Some(start) = rest[from..].find("{{").map(|at| at + from) {
        match rest[start + 2..]
            .find("}}")
            .map(|length| &rest[start + 2..start + 2 + length])
        {
            Some(name) if is_name(name) => {
                if start > 0 {
                    pieces.push(Piece::Literal(&rest[..start]));
                }
                pieces.push(Piece::Placeholder(name));
                rest = &rest[start + name.len() + 4..];
                from = 0;
            }
            _ => from = start + 1,
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    pieces
}

/// `commit:1:8` is the beginning of `commit:1`, and `address:1:unsigned` what of `address:1` was signed.
fn known(name: &str, bindings: &Bindings) -> Option<String> {
    if let Some(whole) = name.strip_suffix(":unsigned") {
        return Some(bindings.0.get(whole)?.split(',').next()?.to_owned());
    }
    if let Some((whole, length)) = name
        .rsplit_once(':')
        .filter(|(whole, _)| whole.contains(':'))
    {
        return Some(
            bindings
                .0
                .get(whole)?
                .get(..length.parse().ok()?)?
                .to_owned(),
        );
    }
    let bound = bindings.0.get(name).cloned();
    bound.or_else(|| key_pair(name, bindings))
}

/// `basic:1` is made of `access_key:1` and `secret:1`.
fn key_pair(name: &str, bindings: &Bindings) -> Option<String> {
    let number = name.strip_prefix("basic:")?;
    let part = |kind: &str| bindings.0.get(&format!("{kind}:{number}"));
    let pair = format!("{}:{}", part("access_key")?, part("secret")?);
    Some(base64::engine::general_purpose::STANDARD.encode(pair))
}

fn agrees(name: &str, value: &str, bindings: &mut Bindings) -> bool {
    let kind = name.split(':').next().unwrap_or_default();
    // A signed address has a comma, which a URL escapes.
    let unescaped = value.replace("%2C", ",");
    let value = if kind == "address" { &unescaped } else { value };
    if matches!(kind, "amz_date" | "amz_day" | "expiry" | "object_store") && has_shape(kind, value)
    {
        // Those of the last URL: a request to it follows.
        bindings.set(name, value);
        return true;
    }
    if let Some(expected) = known(name, bindings) {
        return value == expected;
    }
    if !has_shape(kind, value) {
        return false;
    }
    if name == "time" {
        bindings.0.insert(LAST_TIME.to_owned(), value.to_owned());
    }
    // Those without a number differ from one to the next, but for the directories.
    if name.contains(':') || matches!(kind, "blocks" | "ext") {
        bindings.0.insert(name.to_owned(), value.to_owned());
    }
    true
}

fn has_shape(kind: &str, value: &str) -> bool {
    let all = |length: Option<usize>, allowed: fn(u8) -> bool| {
        length.is_none_or(|length| value.len() == length)
            && !value.is_empty()
            && value.bytes().all(allowed)
    };
    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match kind {
        "commit" | "metarange" | "range" | "etag" => all(Some(64), lower_hex),
        // Right-aligned where it stands in a table.
        "count" => value.trim_start().parse::<u64>().is_ok(),
        "time" | "expiry" | "length" => all(None, |byte| byte.is_ascii_digit()),
        "run" | "pull" => all(Some(20), |byte| byte.is_ascii_alphanumeric()),
        "uuid" => all(Some(36), |byte| byte.is_ascii_hexdigit() || byte == b'-'),
        // The recorder took whatever followed the words for one; object stores have ids of their own kind.
        "request_id" => all(None, |byte| byte.is_ascii_graphic()),
        "http_date" => value.ends_with(" GMT") && httpdate::parse_http_date(value).is_ok(),
        "datetime" => value.parse::<jiff::Timestamp>().is_ok(),
        "blocks" | "ext" => value.starts_with('/'),
        "address" => {
            let parts: Vec<&str> = value.split([',', '/']).collect();
            value.starts_with("data/")
                && parts.len() >= 3
                && parts[1].len() == 20
                && parts[2].len() == 20
        }
        _ => !value.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_stands_for_one_value() {
        let mut bindings = Bindings::default();
        let id = "0123456789abcdef".repeat(4);
        assert!(match_text(
            "id {{commit:1}}!",
            &format!("id {id}!"),
            &mut bindings
        ));
        assert!(match_text("{{commit:1:8}}", "01234567", &mut bindings));
        assert!(!match_text("{{commit:1}}", &"f".repeat(64), &mut bindings));
        assert_eq!(
            expand("/commits/{{commit:1:6}}", &bindings),
            "/commits/012345"
        );
    }

    #[test]
    fn unquoted_placeholders_become_marked_strings() {
        let quoted = quote_numbers(r#"{"a":{{time}},"b":"\"{{commit:1}}"}"#);
        assert_eq!(quoted, r#"{"a":"\u0001{{time}}","b":"\"{{commit:1}}"}"#);
    }
}
