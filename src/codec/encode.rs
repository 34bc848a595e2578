//! Writes operations as requests.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::validate::{Invalid, Validate};
use crate::{Body, Error, Result, operation::OperationMeta};

/// RFC 3986's unreserved characters stay, everything else is encoded: one value is one path segment, or one query value.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Writes the request of one operation: the path first, parameter by parameter, then the query, then headers and body.
///
/// It does not fail before the end: [`empty`](Self::empty), [`json`](Self::json) and [`data`](Self::data) report the
/// first value that could not be encoded.
///
/// ```
/// # use lakefs_sdk::{codec::Encoder, operation::OperationMeta};
/// # use http::Method;
/// const META: &OperationMeta = &OperationMeta::new("getTag", Method::GET, "/repositories/{repository}/tags/{tag}");
/// let request = Encoder::new(META).path("repository", "lake").path("tag", "v1/ünï").query("verbose", true).empty()?;
/// assert_eq!(request.uri(), "/repositories/lake/tags/v1%2F%C3%BCn%C3%AF?verbose=true");
/// # Ok::<_, lakefs_sdk::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "an encoder makes nothing until it is finished with a body"]
pub struct Encoder {
    meta: &'static OperationMeta,
    /// What is left of the path template.
    template: &'static str,
    target: String,
    has_query: bool,
    headers: HeaderMap,
    error: Option<Error>,
}

// ===== impl Encoder =====

impl Encoder {
    /// Starts the request of an operation.
    pub fn new(meta: &'static OperationMeta) -> Self {
        let mut headers = HeaderMap::with_capacity(6);
        if !meta.streamed {
            headers.insert(ACCEPT, JSON);
        }
        let target = String::with_capacity(128);
        Self {
            meta,
            template: meta.path,
            target,
            has_query: false,
            headers,
            error: None,
        }
    }

    /// Fills the next parameter of the path template, which must be called `name`, with one segment.
    ///
    /// Everything but letters, digits and `-._~` is percent-encoded, so that `feat/x` stays one segment. Empty values, `.`
    /// and `..` are refused: they would change which path is meant.
    pub fn path(mut self, name: &'static str, value: &str) -> Self {
        if matches!(value, "" | "." | "..") {
            let problem = if value.is_empty() {
                "must not be empty".into()
            } else {
                format!("must not be \"{value}\"")
            };
            return self.fail(name, &problem);
        }
        let parameter = self.template.split_once('{').and_then(|(before, rest)| {
            let (found, after) = rest.split_once('}')?;
            (found == name).then_some((before, after))
        });
        let Some((before, after)) = parameter else {
            return self.fail(name, "is not the next parameter of the path");
        };
        self.target.push_str(before);
        self.target.extend(utf8_percent_encode(value, RESERVED));
        self.template = after;
        self
    }

    /// Adds a query parameter; `None` adds nothing, a list repeats the name.
    pub fn query(mut self, name: &'static str, value: impl QueryValue) -> Self {
        value.write(name, &mut self);
        self
    }

    /// As [`query`](Self::query) for a text that the server does not accept empty.
    pub fn query_non_empty<'v>(
        mut self,
        name: &'static str,
        value: impl Into<Option<&'v str>>,
    ) -> Self {
        match value.into() {
            Some("") => self.fail(name, "must not be empty"),
            Some(value) => {
                self.pair(name, value);
                self
            }
            None => self,
        }
    }

    /// Adds a header; `None` adds nothing.
    ///
    /// A value that a header cannot hold (a line break, another control character) is refused.
    pub fn header<'v>(mut self, name: HeaderName, value: impl Into<Option<&'v str>>) -> Self {
        let Some(value) = value.into() else {
            return self;
        };
        match HeaderValue::from_bytes(value.as_bytes()) {
            Ok(value) => {
                self.headers.insert(name, value);
                self
            }
            Err(_) => self.fail(
                name.as_str(),
                "has a character that a header cannot hold, such as a line break",
            ),
        }
    }

    /// As [`header`](Self::header) for a value that the server does not accept empty.
    pub fn header_non_empty<'v>(self, name: HeaderName, value: impl Into<Option<&'v str>>) -> Self {
        match value.into() {
            Some("") => self.fail(name.as_str(), "must not be empty"),
            value => self.header(name, value),
        }
    }

    /// Adds a header for each entry of a map: `prefix` and the key make its name, such as `x-lakefs-meta-owner`.
    ///
    /// Refused is what would not arrive as it is: keys that differ in case alone, values with white space around them.
    pub fn prefixed_headers(self, prefix: &str, values: &BTreeMap<String, String>) -> Self {
        values.iter().fold(self, |encoder, (key, value)| {
            let text = format!("{prefix}{key}");
            let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
                return encoder.fail(
                    &text,
                    "is not the name of a header: use letters, digits and `-`",
                );
            };
            if key.is_empty() {
                return encoder.fail(&text, "has an empty key");
            }
            if encoder.headers.contains_key(&name) {
                return encoder.fail(
                    &text,
                    "is there twice: headers do not tell upper from lower case",
                );
            }
            if value.trim_matches([' ', '\t']) != value {
                return encoder.fail(
                    &text,
                    "begins or ends with white space, which a header does not keep",
                );
            }
            encoder.header(name, value.as_str())
        })
    }

    /// Checks an integer against its bounds.
    pub fn bounded(
        self,
        name: &'static str,
        value: impl Into<Option<i64>>,
        minimum: i64,
        maximum: i64,
    ) -> Self {
        match value.into() {
            Some(value) if !(minimum..=maximum).contains(&value) => self.fail(
                name,
                &format!("is {value}; it must be from {minimum} to {maximum}"),
            ),
            _ => self,
        }
    }

    /// Checks a text with one of the crate's checks.
    pub(crate) fn checked<'v>(
        self,
        name: &'static str,
        value: impl Into<Option<&'v str>>,
        check: fn(&str) -> Result<(), Cow<'static, str>>,
    ) -> Self {
        match value.into().map(check) {
            Some(Err(problem)) => self.fail(name, &problem),
            _ => self,
        }
    }

    /// The request without a body.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) for the first value that could not be encoded.
    pub fn empty(self) -> Result<Request<Body>> {
        self.data(Body::empty())
    }

    /// The request with `document` as its JSON body.
    ///
    /// # Errors
    ///
    /// As [`empty`](Self::empty).
    pub fn json<T: Serialize>(mut self, document: &T) -> Result<Request<Body>> {
        match serde_json::to_vec(document) {
            Ok(json) => {
                self.headers.insert(CONTENT_TYPE, JSON);
                self.data(Body::from(json))
            }
            Err(error) => Err(Error::invalid_input("the body cannot be written as JSON")
                .with_source(error)
                .with_operation(Some(self.meta))),
        }
    }

    /// As [`json`](Self::json), after checking the bounds that the API document sets.
    pub(crate) fn valid_json<T: Serialize + Validate>(self, document: &T) -> Result<Request<Body>> {
        match document.validate() {
            Ok(()) => self.json(document),
            Err(Invalid { field, problem }) => self.fail(&field, &problem).empty(),
        }
    }

    /// The request with a body of data.
    ///
    /// # Errors
    ///
    /// As [`empty`](Self::empty).
    pub fn data(mut self, body: Body) -> Result<Request<Body>> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.template.contains('{') {
            return self
                .fail("path", "has a parameter without a value")
                .data(body);
        }
        if !self.has_query {
            self.target.push_str(self.template);
        }
        let uri = Uri::try_from(self.target).map_err(|error| {
            Error::invalid_input("the request's path is not valid")
                .with_source(error)
                .with_operation(Some(self.meta))
        })?;
        let mut request = Request::new(body);
        *request.method_mut() = self.meta.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(self.meta);
        Ok(request)
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.key(name);
        self.target.extend(utf8_percent_encode(value, RESERVED));
    }

    fn key(&mut self, name: &str) {
        if !self.has_query {
            self.target.push_str(self.template);
            self.has_query = true;
            self.target.push('?');
        } else {
            self.target.push('&');
        }
        self.target.push_str(name);
        self.target.push('=');
    }

    #[cold]
    fn fail(mut self, name: &str, problem: &str) -> Self {
        self.error.get_or_insert_with(|| {
            Error::invalid_input(format!("`{name}` {problem}")).with_operation(Some(self.meta))
        });
        self
    }
}

/// A value that can stand in a query: text, integer, boolean, an enum of the API, an optional one, a list of text.
pub trait QueryValue {
    #[doc(hidden)]
    fn write(&self, name: &'static str, encoder: &mut Encoder);
}

impl QueryValue for str {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        encoder.pair(name, self);
    }
}

impl QueryValue for String {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        encoder.pair(name, self);
    }
}

impl QueryValue for bool {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        encoder.pair(name, if *self { "true" } else { "false" });
    }
}

impl QueryValue for i64 {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        encoder.key(name);
        // Writing to a String cannot fail.
        let _ = write!(encoder.target, "{self}");
    }
}

impl QueryValue for jiff::Timestamp {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        encoder.pair(name, &self.to_string());
    }
}

impl<T: QueryValue> QueryValue for Vec<T> {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        self.iter().for_each(|value| value.write(name, encoder));
    }
}

impl<T: QueryValue> QueryValue for Option<T> {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        if let Some(value) = self {
            value.write(name, encoder);
        }
    }
}

impl<T: QueryValue + ?Sized> QueryValue for &T {
    fn write(&self, name: &'static str, encoder: &mut Encoder) {
        (**self).write(name, encoder);
    }
}
