//! Answers, as the handlers build them.

use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use serde::Serialize;

/// The page that a lakeFS without its web interface answers outside the API.
const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"UTF-8\" />\n  <title>lakeFS</title>\n\
    </head>\n<body>\n  <h1>lakeFS</h1>\n  <p>This is the web interface. The API is below <code>/api/v1</code>.</p>\n\
    </body>\n</html>\n";

/// A status, headers, and a body that is whole.
#[derive(Debug)]
pub(super) struct Reply(Response<Bytes>);

impl Reply {
    /// Nothing but a status.
    pub(super) fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Self(response)
    }

    pub(super) fn bytes(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status).text_header(CONTENT_TYPE, content_type);
        *reply.0.body_mut() = body.into();
        reply
    }

    /// JSON, with the line break the real server ends it with.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut body = match serde_json::to_vec(value) {
            Ok(body) => body,
            Err(error) => return Self::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        body.push(b'\n');
        Self::bytes(status, "application/json", body).header(X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    /// The same answer with another JSON document after its own.
    pub(super) fn and_json(mut self, value: &impl Serialize) -> Self {
        let second = Self::json(self.0.status(), value);
        let both = [&self.0.body()[..], &second.0.body()[..]].concat();
        *self.0.body_mut() = both.into();
        self
    }

    pub(super) fn text(status: StatusCode, body: String) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", body)
    }

    /// The web interface.
    pub(super) fn page() -> Self {
        Self::bytes(StatusCode::OK, "text/html; charset=utf-8", PAGE)
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(X_FRAME_OPTIONS, "SAMEORIGIN")
    }

    pub(super) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        self
    }

    /// Sets a header to text that may hold anything; what no header can carry is left out.
    pub(super) fn text_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// Adds headers to those there, which stay where both have one.
    pub(super) fn with_headers(mut self, headers: HeaderMap) -> Self {
        for (name, value) in headers.iter() {
            self.0
                .headers_mut()
                .entry(name)
                .or_insert_with(|| value.clone());
        }
        self
    }

    /// The answer to a `HEAD`: the same headers, no body.
    pub(super) fn without_body(mut self) -> Self {
        self = self.with_length();
        *self.0.body_mut() = Bytes::new();
        self
    }

    /// Tells the length of the body, where there is one and nobody has.
    pub(super) fn with_length(mut self) -> Self {
        let length = self.0.body().len();
        if length > 0 || self.0.headers().contains_key(CONTENT_TYPE) {
            self.0
                .headers_mut()
                .entry(CONTENT_LENGTH)
                .or_insert_with(|| length.into());
        }
        self
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        self.0
    }
}
