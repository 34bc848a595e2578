//! Reads an answer that is a document whole, before [`retry`](super::retry) sees it: one that was cut is then tried again.
//!
//! Inside [`timeout`](super::timeout), which so covers the reading. The body of an operation marked as streamed is left to
//! the caller, unless the status is an error; and of an error's body no more than 64 KiB is read. See
//! [the stack](super#order).
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, Operation as _, api::{branches::GetBranch, objects::GetObject}, middleware::collect::CollectLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let service = ServiceBuilder::new().layer(CollectLayer::new()).service_fn(async |_: Request<Body>| {
//!     let chunks = futures_util::stream::iter(["{", "}"].map(Ok::<_, BoxError>));
//!     Ok::<_, BoxError>(Response::new(Body::from_stream(chunks)))
//! });
//! let document = service.clone().oneshot(GetBranch::new("lake", "main").into_request()?).await?;
//! assert_eq!(document.body().as_bytes().unwrap(), "{}"); // in memory
//! let object = service.oneshot(GetObject::new("lake", "main", "a").into_request()?).await?;
//! assert!(object.body().as_bytes().is_none()); // still to be read
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream as _;
use http::{Request, Response, response::Parts};
use http_body::Body as _;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{
    Body, BoxError, codec::decode, error::classify::MAX_ERROR_BODY, middleware::timeout::stage,
    operation::OperationMeta,
};

/// What is set aside for a body of announced size before any of it has come, at most: the announcement may be wrong.
const MAX_RESERVED: usize = 1024 * 1024;

/// Adds [`Collect`] to a stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct CollectLayer {}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Collect<S> {
    inner: S,
}

pin_project! {
    /// The answer of [`Collect`].
    pub struct CollectFuture<F> {
        #[pin]
        head: F,
        streamed: bool,
        reading: Option<Reading>,
    }
}

struct Reading {
    parts: Option<Parts>,
    body: Body,
    first: Bytes,
    rest: BytesMut,
    limit: usize,
}

// ===== impl CollectLayer =====

impl CollectLayer {
    /// The layer has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl<S> Layer<S> for CollectLayer {
    type Service = Collect<S>;

    fn layer(&self, inner: S) -> Collect<S> {
        Collect { inner }
    }
}

// ===== impl Collect =====

impl<S> Service<Request<Body>> for Collect<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = CollectFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // A request of the user's own gets its body as it comes.
        let streamed = OperationMeta::of(&request).is_none_or(|meta| meta.streamed);
        CollectFuture {
            head: self.inner.call(request),
            streamed,
            reading: None,
        }
    }
}

impl<F> Future for CollectFuture<F>
where
    F: Future<Output = Result<Response<Body>, BoxError>>,
{
    type Output = Result<Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.reading.is_none() {
            let (parts, body) = ready!(this.head.poll(cx))?.into_parts();
            let failed = parts.status.is_client_error() || parts.status.is_server_error();
            if *this.streamed && !failed {
                return Poll::Ready(Ok(Response::from_parts(parts, body)));
            }
            let limit = if failed { MAX_ERROR_BODY } else { usize::MAX };
            *this.reading = Some(Reading {
                parts: Some(parts),
                body,
                first: Bytes::new(),
                rest: BytesMut::new(),
                limit,
            });
        }
        match this.reading {
            Some(reading) => reading.poll(cx),
            None => Poll::Pending,
        }
    }
}

// ===== impl Reading =====

impl Reading {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<Body>, BoxError>> {
        loop {
            let Poll::Ready(chunk) = Pin::new(&mut self.body).poll_next(cx) else {
                stage::waiting_for("the rest of the answer");
                return Poll::Pending;
            };
            match chunk {
                Some(Ok(chunk)) => self.push(chunk),
                // What an error says must not get lost because its body was cut.
                Some(Err(_)) if self.limit < usize::MAX => return Poll::Ready(Ok(self.finish())),
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Ok(self.finish())),
            }
            let full = self.first.len() + self.rest.len() >= self.limit;
            if full || self.body.is_end_stream() {
                return Poll::Ready(Ok(self.finish()));
            }
        }
    }

    /// Most documents come in one chunk, which is then not copied.
    fn push(&mut self, chunk: Bytes) {
        if self.rest.is_empty() {
            if self.first.is_empty() {
                self.first = chunk;
                return;
            }
            let announced = self
                .parts
                .as_ref()
                .and_then(|parts| decode::content_length(&parts.headers))
                .unwrap_or(0);
            let announced = usize::try_from(announced)
                .unwrap_or(usize::MAX)
                .min(MAX_RESERVED);
            self.rest
                .reserve(announced.max(self.first.len() + chunk.len()));
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&chunk);
    }

    fn finish(&mut self) -> Response<Body> {
        let mut bytes = std::mem::take(&mut self.first);
        if !self.rest.is_empty() {
            bytes = std::mem::take(&mut self.rest).freeze();
        }
        bytes.truncate(self.limit);
        let mut response = Response::new(Body::from(bytes));
        if let Some(parts) = self.parts.take() {
            let (_, body) = response.into_parts();
            response = Response::from_parts(parts, body);
        }
        response
    }
}
