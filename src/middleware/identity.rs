//! Says who is calling: `User-Agent` and `X-Lakefs-Client` on every request that carries none.
//!
//! Outside [`retry`](super::retry): every attempt sends the same value. See [the stack](super#order).
//!
//! ```
//! # use http::{HeaderValue, Request, Response, header::USER_AGENT};
//! # use lakefs_sdk::{BoxError, middleware::identity::IdentityLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let service = ServiceBuilder::new()
//!     .layer(IdentityLayer::new(HeaderValue::from_static("etl/2.1")))
//!     .service_fn(async |sent: Request<()>| Ok::<_, BoxError>(Response::new(sent.headers()[USER_AGENT].clone())));
//! assert_eq!(service.oneshot(Request::new(())).await?.into_body(), "etl/2.1");
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, Request, header::USER_AGENT};
use tower::{Layer, Service};

use crate::{
    Body,
    middleware::authenticate::ForeignOrigin,
    transport::{Erased, ResponseFuture},
};

/// What lakeFS counts its clients by.
const CLIENT: HeaderName = HeaderName::from_static("x-lakefs-client");

/// The agent of a client whose builder was given none.
pub(crate) const DEFAULT: HeaderValue =
    HeaderValue::from_static(concat!("lakefs-rust-sdk/", env!("CARGO_PKG_VERSION")));

/// Adds [`Identity`] to a stack.
#[derive(Clone, Debug)]
pub struct IdentityLayer {
    agent: HeaderValue,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Identity<S> {
    inner: S,
    agent: HeaderValue,
}

// ===== impl IdentityLayer =====

impl IdentityLayer {
    /// Sends `agent`, such as `etl/2.1`.
    #[must_use]
    pub fn new(agent: HeaderValue) -> Self {
        Self { agent }
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Identity<S>;

    fn layer(&self, inner: S) -> Identity<S> {
        Identity {
            inner,
            agent: self.agent.clone(),
        }
    }
}

// ===== impl Identity =====

impl<S> Identity<S> {
    fn sign<B>(&self, request: &mut Request<B>) {
        let foreign = request.extensions().get::<ForeignOrigin>().is_some();
        let headers = request.headers_mut();
        headers
            .entry(USER_AGENT)
            .or_insert_with(|| self.agent.clone());
        // An object store counts no clients, and signs what it was sent.
        if !foreign {
            headers.entry(CLIENT).or_insert(DEFAULT);
        }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Identity<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.sign(&mut request);
        self.inner.call(request)
    }
}

impl<S: Erased> Erased for Identity<S> {
    fn call(&self, mut request: Request<Body>) -> ResponseFuture {
        self.sign(&mut request);
        self.inner.call(request)
    }
}
