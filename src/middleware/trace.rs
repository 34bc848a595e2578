//! A span for every attempt, named and filled as OpenTelemetry's HTTP client spans are.
//!
//! Next to the transport, so that it sees what is really sent. Neither headers nor queries are recorded, so no credential and
//! no signature can be. See [the stack](super#order).

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::{Span, field::Empty};

use crate::operation::OperationMeta;

/// Adds [`Trace`] to a stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceLayer {}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

pin_project! {
    /// The answer of [`Trace`].
    pub struct TraceFuture<F> {
        #[pin]
        inner: F,
        span: Span,
    }
}

// ===== impl TraceLayer =====

impl TraceLayer {
    /// The layer has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}

// ===== impl Trace =====

impl<S, B, R> Service<Request<B>> for Trace<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The fields are looked up only where somebody listens.
        let meta = || OperationMeta::of(&request);
        let span = tracing::debug_span!(
            "HTTP",
            otel.kind = "client",
            lakefs.operation = meta().map_or("", |meta| meta.id),
            http.request.method = request.method().as_str(),
            url.template = meta().map_or("", |meta| meta.path),
            server.address = request.uri().host().unwrap_or_default(),
            http.response.status_code = Empty,
            error.type = Empty,
        );
        let inner = span.in_scope(|| self.inner.call(request));
        TraceFuture { inner, span }
    }
}

impl<F, R, E> Future for TraceFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let entered = this.span.enter();
        let answer = ready!(this.inner.poll(cx));
        drop(entered);
        match &answer {
            Ok(response) => this
                .span
                .record("http.response.status_code", response.status().as_u16()),
            Err(_) => this.span.record("error.type", "transport"),
        };
        Poll::Ready(answer)
    }
}
