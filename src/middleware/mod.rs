//! The layers between a call and the wire, each usable alone on any `Service<Request<Body>>`.
//!
//! # Order
//!
//! From the outside in, the same for every transport:
//!
//! | layer | why there |
//! |---|---|
//! | deadline of the call | covers everything, waiting for readiness included |
//! | your layers ([`ClientBuilder::layer`](crate::ClientBuilder::layer)) | see a call once |
//! | [`identity`], [`request_id`] | every attempt says the same |
//! | [`retry`] | everything below happens once an attempt |
//! | your attempt layers ([`ClientBuilder::attempt_layer`](crate::ClientBuilder::attempt_layer)) | see every attempt |
//! | [`timeout`] | limits one attempt, and reading its document |
//! | [`authenticate`] | every attempt with the credentials as they are then; refused ones are replaced once |
//! | [`collect`] | reads a document whole, so that one that was cut is tried again |
//! | [`redirect`] | follows a presigned read to the object store, without the credentials |
//! | [`idle`] | bodies that stall, as they come from the wire |
//! | [`trace`] | a span an attempt, without the credentials' values |
//! | [`concurrency`], [`throttle`] | off by default; limit what is under way, until the body has ended |
//! | `propagate` ([`ClientBuilder::propagate_trace_context`](crate::ClientBuilder::propagate_trace_context)) | the attempt's span is what the server's spans are children of |
//! | `metrics` ([`ClientBuilder::metrics`](crate::ClientBuilder::metrics)) | counts what is sent and received, byte by byte |
//! | the transport | |
//!
//! # What tower has already
//!
//! Rate limits, load shedding, hedging and buffers are not written again: `tower::limit`, `tower::load_shed`,
//! `tower::hedge` and `tower::buffer` work over and under this stack, as `examples/existing_tower_stack.rs` shows.
//!
//! Leave out of every stack what decompresses answers (tower-http's `Decompression`, the `gzip` of a reqwest client): an
//! object that is stored compressed has a `Content-Encoding`, so it would arrive as other bytes than those that are stored,
//! and with a length and a checksum that no longer fit. No layer here asks for compression or undoes it.

use std::time::Duration;

use tower::{Layer, ServiceBuilder};

use crate::{auth::Auth, config::Endpoint, timer::SharedTimer, transport::BoxTransport};

mod again;
pub mod authenticate;
pub mod collect;
#[cfg(feature = "tokio")]
pub mod concurrency;
pub mod identity;
pub mod idle;
#[cfg(feature = "tokio")]
mod limiter;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
pub(crate) mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod propagate;
pub mod redirect;
pub mod request_id;
pub mod retry;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod semconv;
#[cfg(feature = "tokio")]
pub mod throttle;
pub mod timeout;
#[cfg(feature = "tracing")]
pub mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "no_trace.rs"]
pub(crate) mod trace;

/// A layer of the user's, its type forgotten.
pub(crate) type BoxLayer = Box<dyn Fn(BoxTransport) -> BoxTransport + Send + Sync>;

/// What the layers of a client are made from.
pub(crate) struct Stack {
    pub(crate) layers: Vec<BoxLayer>,
    pub(crate) attempt_layers: Vec<BoxLayer>,
    pub(crate) identity: identity::IdentityLayer,
    pub(crate) request_ids: request_id::RequestIdLayer,
    pub(crate) retry: retry::SharedPolicy,
    pub(crate) retry_budget: Option<retry::RetryBudget>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) upload_answer_timeout: Option<Duration>,
    pub(crate) min_bytes_per_second: u64,
    pub(crate) auth: Auth,
    pub(crate) endpoint: Endpoint,
    pub(crate) redirect: redirect::RedirectLayer,
    /// Limits of what is under way, next to the transport; the first is the outermost.
    pub(crate) limits: Vec<BoxLayer>,
    pub(crate) timer: SharedTimer,
    /// What is around the transport itself.
    pub(crate) wire_layers: Vec<BoxLayer>,
}

// ===== impl Stack =====

impl Stack {
    /// Stacks everything above a transport, in the order of the [table](self#order).
    pub(crate) fn build(self, transport: BoxTransport) -> BoxTransport {
        let timeout = timeout::AttemptTimeoutLayer::within(
            self.attempt_timeout,
            self.call_timeout,
            self.timer.clone(),
        );
        let retry = retry::RetryLayer::within(
            self.retry,
            self.retry_budget,
            self.call_timeout,
            self.timer.clone(),
        );
        let idle = idle::IdleLayer::from_limits(
            self.idle_timeout,
            self.upload_answer_timeout,
            self.min_bytes_per_second,
            self.attempt_timeout.is_some(),
            self.timer.clone(),
        );
        let authenticate =
            authenticate::AuthenticateLayer::from_auth(self.auth, self.endpoint, self.timer)
                .around_logins(self.identity.clone(), retry.clone(), timeout.clone());
        let attempt = ServiceBuilder::new()
            .layer(timeout)
            .layer(authenticate)
            .layer(collect::CollectLayer::new())
            .layer(self.redirect)
            .layer(idle);
        #[cfg(feature = "tracing")]
        let attempt = attempt.layer(trace::TraceLayer::new());
        let transport = wrap(self.wire_layers, transport);
        let attempt = attempt.service(wrap(self.limits, transport));

        let identity = ServiceBuilder::new()
            .layer(self.identity)
            .layer(self.request_ids);
        let whole = if self.attempt_layers.is_empty() {
            BoxTransport::from_erased(identity.service(retry.layer(attempt)))
        } else {
            let attempt = wrap(self.attempt_layers, BoxTransport::new(attempt));
            BoxTransport::from_erased(identity.service(retry.layer(attempt)))
        };
        wrap(self.layers, whole)
    }
}

/// The first layer that was added is the outermost, as in [`ServiceBuilder`].
fn wrap(layers: Vec<BoxLayer>, service: BoxTransport) -> BoxTransport {
    layers
        .iter()
        .rev()
        .fold(service, |service, layer| layer(service))
}
