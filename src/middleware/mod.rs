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
//! | [`identity`] | every attempt says the same |
//! | [`retry`] | everything below happens once an attempt |
//! | your attempt layers ([`ClientBuilder::attempt_layer`](crate::ClientBuilder::attempt_layer)) | see every attempt |
//! | [`timeout`] | limits one attempt, and reading its document |
//! | [`authenticate`] | every attempt with the credentials as they are then |
//! | [`collect`] | reads a document whole, so that one that was cut is tried again |
//! | [`trace`] | a span an attempt, without the credentials' values |
//! | `propagate` ([`ClientBuilder::propagate_trace_context`](crate::ClientBuilder::propagate_trace_context)) | the attempt's span is what the server's spans are children of |
//! | `metrics` ([`ClientBuilder::metrics`](crate::ClientBuilder::metrics)) | counts what is sent and received, byte by byte |
//! | the transport | |

use std::{sync::Arc, time::Duration};

use tower::{Layer, ServiceBuilder};

use crate::{auth::AuthHeader, timer::SharedTimer, transport::BoxTransport};

pub mod attempt;
pub mod authenticate;
pub mod collect;
pub mod identity;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
pub(crate) mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod propagate;
pub mod retry;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod semconv;
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
    pub(crate) retry: retry::RetryPolicy,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) auth: Option<Arc<AuthHeader>>,
    pub(crate) timer: SharedTimer,
    /// What is around the transport itself.
    pub(crate) wire_layers: Vec<BoxLayer>,
}

// ===== impl Stack =====

impl Stack {
    /// Stacks everything above a transport, in the order of the [table](self#order).
    pub(crate) fn build(self, transport: BoxTransport) -> BoxTransport {
        let attempt = ServiceBuilder::new()
            .layer(timeout::AttemptTimeoutLayer::new(
                self.attempt_timeout,
                self.call_timeout,
                self.timer.clone(),
            ))
            .layer(authenticate::AuthenticateLayer::new(self.auth))
            .layer(collect::CollectLayer::new());
        #[cfg(feature = "tracing")]
        let attempt = attempt.layer(trace::TraceLayer::new());
        let attempt = attempt.service(wrap(self.wire_layers, transport));

        let retry = retry::RetryLayer::new(self.retry, self.call_timeout, self.timer);
        let identity = self.identity;
        let whole = if self.attempt_layers.is_empty() {
            BoxTransport::from_erased(identity.layer(retry.layer(attempt)))
        } else {
            let attempt = wrap(self.attempt_layers, BoxTransport::new(attempt));
            BoxTransport::from_erased(identity.layer(retry.layer(attempt)))
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
