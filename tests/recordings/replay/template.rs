//! The placeholders of recorded traffic: `{{time}}`, `{{commit:1}}`, `{{commit:1:8}}`.

use std::collections::BTreeMap;

/// The values that placeholders stand for, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(BTreeMap<String, String>);

enum Piece<'a> {
    Literal(&'a str),
    Placeholder(&'a str),
}

impl Bindings {
    /// What is known before the first answer.
    pub(crate) fn given<const N: usize>(known: [(&str, &str); N]) -> Self {
        Self(
            known
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
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

/// Puts the known values into a request.
pub(crate) fn expand(text: &str, bindings: &Bindings) -> String {
    let fill = |piece| match piece {
        Piece::Literal(text) => text.to_owned(),
        Piece::Placeholder(name) => {
            known(name, bindings).unwrap_or_else(|| format!("unknown-{}", name.replace(':', "-")))
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
                    // Nothing but its own length tells where it ends.
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

/// `commit:1:8` is the beginning of `commit:1`.
fn known(name: &str, bindings: &Bindings) -> Option<String> {
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
    bindings.0.get(name).cloned()
}

fn agrees(name: &str, value: &str, bindings: &mut Bindings) -> bool {
    let kind = name.split(':').next().unwrap_or_default();
    if let Some(expected) = known(name, bindings) {
        return value == expected;
    }
    if !has_shape(kind, value) {
        return false;
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
        "time" | "expiry" | "count" | "length" => all(None, |byte| byte.is_ascii_digit()),
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
