//! Gives every request an id, `X-Request-Id`, unless it carries one already.
//!
//! Outside of [`retry`](super::retry), so that all attempts of a call have the same, and inside of your own layers, so that
//! one of those can pass on the id that your service was called with. lakeFS ignores it and answers with an id of its own
//! ([`ApiResponse::request_id`](crate::ApiResponse::request_id)); proxies and load balancers in between log it, and a call
//! that failed without an answer is found there by it: see
//! [`Error::client_request_id`](crate::Error::client_request_id). See [the stack](super#order).
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{BoxError, middleware::request_id::RequestIdLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let service = ServiceBuilder::new()
//!     .layer(RequestIdLayer::new())
//!     .service_fn(async |sent: Request<()>| Ok::<_, BoxError>(Response::new(sent.headers()["x-request-id"].clone())));
//! assert_eq!(service.clone().oneshot(Request::new(())).await?.into_body().len(), 32);
//!
//! let own = Request::builder().header("x-request-id", "order-4711").body(())?;
//! assert_eq!(service.oneshot(own).await?.into_body(), "order-4711");
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, Request, header::Entry};
use tower::{Layer, Service};

use crate::{
    Body,
    middleware::authenticate::ForeignOrigin,
    transport::{Erased, ResponseFuture},
};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds [`RequestId`] to a stack.
#[derive(Clone, Copy, Debug)]
pub struct RequestIdLayer {
    enabled: bool,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct RequestId<S> {
    inner: S,
    enabled: bool,
}

/// What was sent; in the extensions of an answer that is an error.
#[derive(Clone, Debug)]
pub(crate) struct SentId(pub(crate) HeaderValue);

// ===== impl RequestIdLayer =====

impl RequestIdLayer {
    /// Gives ids.
    #[must_use]
    pub fn new() -> Self {
        Self { enabled: true }
    }

    /// Whether ids are given. One that a request carries already is sent all the same.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

impl Default for RequestIdLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestId<S>;

    fn layer(&self, inner: S) -> RequestId<S> {
        RequestId {
            inner,
            enabled: self.enabled,
        }
    }
}

// ===== impl RequestId =====

impl<S> RequestId<S> {
    fn name<B>(&self, request: &mut Request<B>) {
        if !self.enabled || request.extensions().get::<ForeignOrigin>().is_some() {
            return;
        }
        if let Entry::Vacant(entry) = request.headers_mut().entry(X_REQUEST_ID) {
            if let Some(id) = new_id() {
                entry.insert(id);
            }
        }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for RequestId<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.name(&mut request);
        self.inner.call(request)
    }
}

impl<S: Erased> Erased for RequestId<S> {
    fn call(&self, mut request: Request<Body>) -> ResponseFuture {
        self.name(&mut request);
        self.inner.call(request)
    }
}

/// 128 random bits in hexadecimal.
fn new_id() -> Option<HeaderValue> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let random = fastrand::u128(..).to_ne_bytes();
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(random) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    HeaderValue::from_bytes(&text).ok()
}
