//! Lets at most so many requests be under way at a time, each until the body of its answer has ended.
//!
//! Next to the transport, so that what it counts is what the server sees; waits between attempts and for credentials count
//! for nothing. See [the stack](super#order). tower's `ConcurrencyLimit` gives its permit back with the head of the answer:
//! a hundred downloads are then a hundred connections whatever the limit. Here the permit is returned when the body has
//! ended, has failed, or is dropped; at once when there is none, or when it is in memory already.
//!
//! The limit is shared by the clones of the service, and who waits is served in order. The time limits of the call and of the
//! attempt cover the wait; a call that gives up leaves neither a permit nor a place in the queue behind. A program that holds
//! as many bodies as it has permits, and reads none of them on, waits for itself.
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, middleware::concurrency::ConcurrencyLimitLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let service = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(1)).service_fn(async |_: Request<Body>| {
//!     let chunks = futures_util::stream::iter(["data"].map(Ok::<_, BoxError>));
//!     Ok::<_, BoxError>(Response::new(Body::from_stream(chunks)))
//! });
//! let first = service.clone().oneshot(Request::new(Body::empty())).await?;
//! let mut second = std::pin::pin!(service.oneshot(Request::new(Body::empty())));
//! assert!(futures_util::poll!(second.as_mut()).is_pending()); // the first has its headers, but not its body
//!
//! assert_eq!(first.into_body().text().await?, "data");
//! assert!(futures_util::poll!(second).is_ready());
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use tower::{Layer, Service};

use super::limiter::{self, Limiter};
use crate::{Body, BoxError};

/// Adds [`ConcurrencyLimit`] to a stack. Its clones, and all services that it makes, share the limit.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimitLayer {
    limiter: Limiter,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit<S> {
    inner: S,
    limiter: Limiter,
}

// ===== impl ConcurrencyLimitLayer =====

impl ConcurrencyLimitLayer {
    /// Lets `requests` be under way at a time. Zero counts as one.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        Self {
            limiter: Limiter::new(requests),
        }
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> ConcurrencyLimit<S> {
        ConcurrencyLimit {
            inner,
            limiter: self.limiter.clone(),
        }
    }
}

// ===== impl ConcurrencyLimit =====

impl<S, B> Service<Request<Body>> for ConcurrencyLimit<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    /// Always ready: a permit is waited for as part of the call. A service that has one before it is called could keep it
    /// without ever calling.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, limiter) = (self.inner.clone(), self.limiter.clone());
        Box::pin(async move {
            let permit = limiter.acquire().await?;
            let answer = limiter::send(inner, request).await?;
            Ok(limiter::hold(answer, permit))
        })
    }
}
