//! Spans: one for every call, and in it one for every attempt, named and filled as OpenTelemetry's HTTP client spans are.
//!
//! [`Client`](crate::Client) opens the span of a call by itself, around all its layers: yours, the retries and their
//! events, the waits. The span of an attempt is this layer's. It sits next to the transport, so that it tells what is
//! really sent, the events of the transport are in it, and every attempt, redirect and repeated authentication has one of
//! its own. See [the stack](super#order).
//!
//! Both have the level `INFO`, and targets to filter them by. Nothing is computed where no subscriber listens, and no
//! header, query or body is ever recorded, so that no credential and no signature can be. A field is missing where its
//! value is not known.
//!
//! # The span of a call
//!
//! Name `call`, target `lakefs_sdk::call`.
//!
//! | field | value |
//! |---|---|
//! | `otel.name` | `lakefs.` and the operation's id, such as `lakefs.listObjects`; `lakefs.request` for a raw request |
//! | `lakefs.operation` | the operation's id |
//! | `lakefs.attempts` | how often it was sent, or tried to be |
//! | `lakefs.retry.wait` | how long it waited between attempts in all, in seconds; where it did |
//! | `http.response.status_code` | of the last attempt |
//! | `lakefs.request_id` | the server's `X-Request-Id`, to find the call in the server's log |
//! | `error.type` | where it failed: [`ErrorKind::as_str`](crate::ErrorKind::as_str), such as `not_found` or `timeout`; `cancelled` when it was dropped |
//! | `otel.status_code` | `ERROR` where it failed |
//!
//! # The span of an attempt
//!
//! Name `HTTP`, target `lakefs_sdk::attempt`. It ends with the answer's head: a body is read later, by
//! [`collect`](super::collect) or by the caller.
//!
//! | field | value |
//! |---|---|
//! | `otel.name` | method and template, such as `GET /repositories/{repository}`; the method alone for a raw request |
//! | `otel.kind` | `client` |
//! | `lakefs.operation` | the operation's id |
//! | `http.request.method` | the method; `_OTHER` for one that no RFC knows |
//! | `url.template` | [`OperationMeta::path`]: of low cardinality, below the endpoint's `/api/v1` |
//! | `url.full` | the URL without query and user; the path alone for a transport that needs no host |
//! | `url.scheme` | `http` or `https` |
//! | `server.address` | the host |
//! | `server.port` | the port, also where it is the scheme's own |
//! | `http.request.header.x_request_id` | the id that the request was sent with: see [`request_id`](super::request_id) |
//! | `http.request.resend_count` | 1 for the second attempt: see [`AttemptNumber`] |
//! | `http.request.body.size` | in bytes, where it is known ahead |
//! | `http.response.status_code` | the status |
//! | `http.response.body.size` | in bytes, where the answer announced it |
//! | `network.protocol.version` | `1.1` or `2` |
//! | `lakefs.request_id` | the server's `X-Request-Id` |
//! | `error.type` | a status of 400 and above, as text; [`ErrorKind::as_str`](crate::ErrorKind::as_str) where no answer came, such as `connect` or `transport`; `cancelled` when it was dropped, by a time limit too |
//! | `otel.status_code` | `ERROR` where there is an `error.type` |
//!
//! The layer alone, below a retry layer of another:
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, middleware::trace::TraceLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
//! # #[derive(Clone)] struct Writer(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
//! # impl std::io::Write for Writer {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(bytes) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # let writer = Writer(log.clone());
//! let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
//! let _guard = tracing::subscriber::set_default(subscriber);
//!
//! let service = ServiceBuilder::new().layer(TraceLayer::new()).service_fn(async |_: Request<Body>| {
//!     tracing::info!("sending");
//!     Ok::<_, BoxError>(Response::new(Body::empty()))
//! });
//! service.oneshot(Request::get("http://localhost:8000/api/v1/repositories?token=t0p").body(Body::empty())?).await?;
//!
//! let log = String::from_utf8(log.lock().unwrap().clone())?;
//! assert!(log.contains(r#"server.address="localhost""#) && log.contains("/api/v1/repositories"));
//! assert!(!log.contains("t0p"));
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, Request, Response, Uri, Version};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::{Span, field::Empty};

use super::{retry::AttemptNumber, semconv};
use crate::{BoxError, error::CANCELLED, operation::OperationMeta};

mod call;

pub(crate) use self::call::CallSpan;

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
        attempt: AttemptSpan,
    }
}

/// The span of an attempt. Dropped before there is an outcome, it was cancelled.
struct AttemptSpan {
    span: Span,
    over: bool,
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
    S: Service<Request<B>, Response = Response<R>, Error = BoxError>,
    B: Body,
    R: Body,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = TraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let attempt = AttemptSpan::new(&request);
        let inner = attempt.span.in_scope(|| self.inner.call(request));
        TraceFuture { inner, attempt }
    }
}

impl<F, R> Future for TraceFuture<F>
where
    F: Future<Output = Result<Response<R>, BoxError>>,
    R: Body,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let entered = this.attempt.span.enter();
        let answer = ready!(this.inner.poll(cx));
        drop(entered);
        this.attempt.end(&answer);
        Poll::Ready(answer)
    }
}

// ===== impl AttemptSpan =====

impl AttemptSpan {
    fn new<B: Body>(request: &Request<B>) -> Self {
        // The fields are looked up only where somebody listens.
        let meta = || OperationMeta::of(request);
        let uri = request.uri();
        let span = tracing::info_span!(
            target: "lakefs_sdk::attempt",
            "HTTP",
            otel.name = %Name(request),
            otel.kind = "client",
            lakefs.operation = meta().map(|meta| meta.id),
            http.request.method = semconv::method(request.method()),
            url.template = meta().map(|meta| meta.path),
            url.full = %Url(uri),
            url.scheme = uri.scheme_str(),
            server.address = semconv::address(uri),
            server.port = semconv::port(uri),
            http.request.resend_count = Some(AttemptNumber::of(request).get()).filter(|number| *number > 1).map(|number| number - 1),
            http.request.body.size = request.body().size_hint().exact(),
            http.request.header.x_request_id = request_id(request.headers()),
            http.response.status_code = Empty,
            http.response.body.size = Empty,
            network.protocol.version = Empty,
            lakefs.request_id = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        );
        Self { span, over: false }
    }

    fn end<R: Body>(&mut self, answer: &Result<Response<R>, BoxError>) {
        self.over = true;
        if self.span.is_disabled() {
            return;
        }
        match answer {
            Ok(response) => {
                let status = response.status();
                let size = response.body().size_hint().exact();
                self.span
                    .record("http.response.status_code", status.as_u16());
                self.span.record("http.response.body.size", size);
                self.span
                    .record("network.protocol.version", version(response.version()));
                self.span
                    .record("lakefs.request_id", request_id(response.headers()));
                if status.is_client_error() || status.is_server_error() {
                    failed(&self.span, status.as_str());
                }
            }
            Err(error) => failed(&self.span, semconv::failure(error)),
        }
    }
}

impl Drop for AttemptSpan {
    fn drop(&mut self) {
        if !self.over {
            failed(&self.span, CANCELLED);
        }
    }
}

fn failed(span: &Span, error_type: &str) {
    span.record("error.type", error_type);
    span.record("otel.status_code", "ERROR");
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// `otel.name` of an attempt.
struct Name<'r, B>(&'r Request<B>);

impl<B> fmt::Display for Name<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match semconv::method(self.0.method()) {
            "_OTHER" => "HTTP",
            method => method,
        })?;
        match OperationMeta::of(self.0) {
            Some(meta) => write!(f, " {}", meta.path),
            None => Ok(()),
        }
    }
}

/// A URL without what may be secret in it: its user, and its query.
struct Url<'u>(&'u Uri);

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(scheme), Some(host)) = (self.0.scheme_str(), self.0.host()) {
            write!(f, "{scheme}://{host}")?;
            if let Some(port) = self.0.port() {
                write!(f, ":{port}")?;
            }
        }
        f.write_str(self.0.path())
    }
}
