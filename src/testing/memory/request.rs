//! A request as the handlers see it: checked, decoded, and with the body whole.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use super::accounts::User;
use super::error::Failure;
use super::object_store::Origin;
use super::state::Window;

/// One call of an operation.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) user: Option<User>,
    /// Where the caller finds the object store.
    pub(super) object_store: Origin,
    /// More than this is on no page.
    pub(super) max_page_size: usize,
}

/// The parameters of a query string, as bytes: a path need not be UTF-8.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(Vec<u8>, Vec<u8>)>);

// ===== impl Call =====

impl Call {
    /// A variable of the path; the route has all that the template names.
    pub(super) fn variable(&self, name: &str) -> &str {
        self.variables
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    pub(super) fn repository(&self) -> &str {
        self.variable("repository")
    }

    /// The body, which was checked against the operation's schema; an empty one counts as `{}`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let body: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body
        };
        serde_json::from_slice(body).map_err(|error| Failure::bad_request(error.to_string()))
    }

    /// How many results are asked for. An amount of 0 or −1 means the default.
    pub(super) fn amount(&self) -> usize {
        let amount = self.query.integer("amount").filter(|amount| *amount > 0);
        usize::try_from(amount.unwrap_or(100))
            .unwrap_or(100)
            .min(1000)
    }

    /// The part of a list that is answered.
    pub(super) fn window(&self) -> Window<'_> {
        Window {
            prefix: self.query.bytes("prefix"),
            after: self.query.bytes("after"),
            delimiter: self.query.bytes("delimiter"),
            amount: self.amount().min(self.max_page_size),
        }
    }

    /// Who commits: by email address, of those who have one.
    pub(super) fn committer(&self) -> String {
        let user = self.user.as_ref();
        user.map(|user| match user.email.as_str() {
            "" => user.name.clone(),
            email => email.to_owned(),
        })
        .unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
    }
}

// ===== impl Query =====

impl Query {
    /// Splits and decodes a query string. As Go does, it leaves out pairs with a broken escape or a semicolon.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'));
        let pairs = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key)?, decode(value)?))
        });
        Self(pairs.collect())
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }

    /// The first value of a parameter, empty when there is none.
    pub(super) fn bytes(&self, name: &str) -> &[u8] {
        self.all(name).next().unwrap_or_default()
    }

    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).next().map(String::from_utf8_lossy)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        Some(matches!(
            &*self.text(name)?,
            "1" | "t" | "T" | "true" | "TRUE" | "True"
        ))
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.flag(name).unwrap_or(false)
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?,
            byte => byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_strings_decode_as_go_decodes_them() {
        let query = Query::parse("path=a+b%2Bc&path=2&bad=%zz&semi=a;b&flag=T&raw=%FF&empty=&bare");
        assert_eq!(query.bytes("path"), b"a b+c");
        assert_eq!(query.all("path").count(), 2);
        assert_eq!(query.text("bad"), None);
        assert_eq!(query.text("semi"), None);
        assert!(query.is_set("flag"));
        assert_eq!(query.bytes("raw"), [0xff]);
        assert_eq!(query.text("empty").as_deref(), Some(""));
        assert_eq!(query.text("bare").as_deref(), Some(""));
    }
}
