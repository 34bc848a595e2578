//! Sends the trace context with every attempt, so that what the server does is in the same trace: `traceparent` and
//! `tracestate` ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).
//!
//! Inside of [`trace`](super::trace): the span of the attempt is the parent of the server's. See
//! [the stack](super#order). A client does it when it is asked to, by
//! [`ClientBuilder::propagate_trace_context`](crate::ClientBuilder::propagate_trace_context).
//!
//! Which context: that of the current [`tracing`] span, where the subscriber has the layer of
//! [`tracing-opentelemetry`](https://docs.rs/tracing-opentelemetry); else the current one of
//! [`opentelemetry`](opentelemetry::Context). Without a valid span in it nothing is sent; a trace that is not sampled is
//! sent, and says so.
//!
//! In which form: as the program's own propagator writes it, where one is set with
//! [`set_text_map_propagator`](opentelemetry::global::set_text_map_propagator); it may send more, such as baggage. Else as
//! the W3C has it. A request that has a `traceparent` already is left as it is.
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, middleware::propagate::PropagateLayer};
//! # use opentelemetry::{Context, trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState}};
//! # use tower::{Service, ServiceBuilder};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut service = ServiceBuilder::new().layer(PropagateLayer::new()).service_fn(async |sent: Request<Body>| {
//!     assert_eq!(sent.headers()["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
//!     Ok::<_, BoxError>(Response::new(Body::empty()))
//! });
//! # let (trace, span) = (0x0af7651916cd43dd8448eb211c80319c_u128, 0xb7ad6b7169203331_u64);
//! let parent = SpanContext::new(trace.into(), span.into(), TraceFlags::SAMPLED, false, TraceState::NONE);
//! let _current = Context::new().with_remote_span_context(parent).attach();
//! service.call(Request::new(Body::empty())).await?;
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::{
    global,
    propagation::Injector,
    trace::{SpanContext, TraceContextExt, TraceFlags},
};
use tower::{Layer, Service};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Adds [`Propagate`] to a stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct PropagateLayer {}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Propagate<S> {
    inner: S,
}

/// Where a propagator writes to.
struct Headers<'h>(&'h mut HeaderMap);

// ===== impl PropagateLayer =====

impl PropagateLayer {
    /// The layer has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = Propagate<S>;

    fn layer(&self, inner: S) -> Propagate<S> {
        Propagate { inner }
    }
}

// ===== impl Propagate =====

impl<S: Service<Request<B>>, B> Service<Request<B>> for Propagate<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        inject(request.headers_mut());
        self.inner.call(request)
    }
}

fn inject(headers: &mut HeaderMap) {
    if headers.contains_key(TRACEPARENT) {
        return;
    }
    let mut context = tracing::Span::current().context();
    if !context.span().span_context().is_valid() {
        context = opentelemetry::Context::current();
    }
    let span = context.span();
    if !span.span_context().is_valid() {
        return;
    }
    let written = global::get_text_map_propagator(|propagator| {
        // The one that stands there until a program sets its own has no fields.
        let set = propagator.fields().next().is_some();
        if set {
            propagator.inject_context(&context, &mut Headers(headers));
        }
        set
    });
    if !written {
        write_w3c(span.span_context(), headers);
    }
}

/// W3C Trace Context, 3.2 and 3.3.
fn write_w3c(span: &SpanContext, headers: &mut HeaderMap) {
    let parent = format!(
        "00-{}-{}-{:02x}",
        span.trace_id(),
        span.span_id(),
        span.trace_flags() & TraceFlags::SAMPLED
    );
    let mut headers = Headers(headers);
    headers.set(TRACEPARENT.as_str(), parent);
    headers.set(TRACESTATE.as_str(), span.trace_state().header());
}

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty `tracestate` says nothing, and what cannot be in a header is not worth failing a call.
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
