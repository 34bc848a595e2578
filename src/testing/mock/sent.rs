//! [`Sent`]: a request that arrived, and what is in it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, request::Parts};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::{Mockable, Other};
use crate::{
    Body, Error, Operation, Result,
    operation::OperationMeta,
    testing::{difference::Fields, memory},
};

/// A request that arrived, whole, and decoded as the server does it.
#[derive(Clone)]
pub struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    operation: Option<&'static str>,
    variables: Vec<(&'static str, String)>,
}

// ===== impl Sent =====

impl Sent {
    pub(in crate::testing) fn new(parts: &Parts, body: Bytes) -> Self {
        let meta = parts.extensions.get::<&'static OperationMeta>().copied();
        let path = parts.uri.path();
        // What a redirect led to is still of the operation, but has another path; what was made by hand has no operation.
        let known = match meta {
            Some(meta) => variables(meta.path, path).map(|variables| (meta.id, variables)),
            None => memory::recognize(&parts.method, path),
        };
        let (operation, variables) = match known {
            Some((id, variables)) => (Some(id), variables),
            None => (None, Vec::new()),
        };
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            body,
            operation,
            variables,
        }
    }

    /// The id of the operation, such as `getBranch`; `None` where the request is of none.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.operation
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL as it was sent.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The headers, those of the layers among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, whole.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The operation as the value that was sent.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when the request is another operation's, or lacks something.
    pub fn decode<Op: Mockable>(&self) -> Result<Op> {
        if self.is_of(Op::META.id) {
            return Op::read(self);
        }
        let (title, id) = (self.title(), Op::META.id);
        Err(Error::decode(format!("this is no {id}: {title}")))
    }

    /// A parameter of the path, such as `branch`.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not there, or not a `T`.
    pub fn path<T: FromStr>(&self, name: &str) -> Result<T> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(variable, _)| *variable == name);
        parse(name, found.map(|(_, value)| value.as_str()))?.ok_or_else(|| lacks(name))
    }

    /// A parameter of the query.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not a `T`.
    pub fn query<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let pair = self.pairs().find(|(key, _)| key == name);
        parse(name, pair.as_ref().map(|(_, value)| value.as_str()))
    }

    /// A parameter of the query that must be there.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not there, or not a `T`.
    pub fn required_query<T: FromStr>(&self, name: &str) -> Result<T> {
        self.query(name)?.ok_or_else(|| lacks(name))
    }

    /// All values of a parameter of the query.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when one of them is not a `T`.
    pub fn query_all<T: FromStr>(&self, name: &str) -> Result<Vec<T>> {
        let values = self.pairs().filter(|(key, _)| key == name);
        values
            .map(|(_, value)| parse(name, Some(&value))?.ok_or_else(|| lacks(name)))
            .collect()
    }

    /// A header.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not UTF-8, or not a `T`.
    pub fn header<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.headers.get(name) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.as_bytes());
        let text = text
            .map_err(|error| Error::decode(format!("`{name}` is not UTF-8")).with_source(error))?;
        parse(name, Some(text))
    }

    /// A header that must be there.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not there, or not a `T`.
    pub fn required_header<T: FromStr>(&self, name: &str) -> Result<T> {
        self.header(name)?.ok_or_else(|| lacks(name))
    }

    /// The headers whose name starts with `prefix`, by the rest of the name.
    #[must_use]
    pub fn headers_with(&self, prefix: &str) -> BTreeMap<String, String> {
        let named = self.headers.iter().filter_map(|(name, value)| {
            let key = name.as_str().strip_prefix(prefix)?;
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            Some((key.to_owned(), value.to_owned()))
        });
        named.collect()
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::decode("`body` is not what it should be").with_source(error))
    }

    /// The body as JSON, where there is one.
    ///
    /// # Errors
    ///
    /// [`is_decode`](Error::is_decode) when it is not a `T`.
    pub fn optional_json<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        if self.body.is_empty() {
            return Ok(None);
        }
        self.json().map(Some)
    }

    /// The body once more.
    #[must_use]
    pub fn data(&self) -> Body {
        self.body.clone().into()
    }

    /// The query, decoded: a `+` is a space there.
    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        let query = self.uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decoded(&name.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        })
    }

    /// Whether it is a request of an operation; [`Other`] is what is of none.
    pub(super) fn is_of(&self, id: &str) -> bool {
        self.operation.unwrap_or(Other::META.id) == id
    }

    /// What is asked for, field by field.
    pub(in crate::testing) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in &self.variables {
            fields.insert(*name, value);
        }
        for (name, value) in self.pairs() {
            fields.insert(name, value);
        }
        fields.headers(&self.headers);
        fields.body(&self.headers, &self.body);
        fields
    }

    /// Operation, method and path, for a message.
    pub(in crate::testing) fn title(&self) -> String {
        let operation = self.operation.unwrap_or("a request of no operation");
        format!("{operation}, {} {}", self.method, self.uri.path())
    }
}

impl fmt::Debug for Sent {
    /// The fields without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sent({} {{ {} }})", self.title(), self.fields())
    }
}

/// The values of a template's variables, in a path that may have more before it; `None` where it is another path.
fn variables(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut path = path.rsplit('/');
    let mut found = Vec::new();
    for name in template.rsplit('/').filter(|segment| !segment.is_empty()) {
        let value = path.next()?;
        match name
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => found.push((name, decoded(value))),
            None if name == value => {}
            None => return None,
        }
    }
    found.reverse();
    Some(found)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn parse<T: FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let value = text.parse();
    value
        .map(Some)
        .map_err(|_| Error::decode(format!("`{name}` is not what it should be")))
}

fn lacks(name: &str) -> Error {
    Error::decode(format!("the request lacks `{name}`"))
}
