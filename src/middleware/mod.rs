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
//! | [`idle`] | bodies that stall, as they come from the wire |
//! | [`trace`] | a span an attempt, without the credentials' values |
//! | the transport | |

use std::{sync::Arc, time::Duration};

use tower::{Layer, ServiceBuilder};

use crate::{auth::AuthHeader, timer::SharedTimer, transport::BoxTransport};

pub mod authenticate;
pub mod collect;
pub mod identity;
pub mod idle;
pub mod retry;
pub mod timeout;
#[cfg(feature = "tracing")]
pub mod trace;

/// A layer of the user's, its type forgotten.
pub(crate) type BoxLayer = Box<dyn Fn(BoxTransport) -> BoxTransport + Send + Sync>;

/// What the layers of a client are made from.
pub(crate) struct Stack {
    pub(crate) layers: Vec<BoxLayer>,
    pub(crate) attempt_layers: Vec<BoxLayer>,
    pub(crate) identity: identity::IdentityLayer,
    pub(crate) retry: retry::SharedPolicy,
    pub(crate) retry_budget: Option<retry::RetryBudget>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) upload_answer_timeout: Option<Duration>,
    pub(crate) min_bytes_per_second: u64,
    pub(crate) auth: Option<Arc<AuthHeader>>,
    pub(crate) timer: SharedTimer,
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
            .layer(collect::CollectLayer::new())
            .layer(idle::IdleLayer::new(
                self.idle_timeout,
                self.upload_answer_timeout,
                self.min_bytes_per_second,
                self.attempt_timeout.is_some(),
                self.timer.clone(),
            ));
        #[cfg(feature = "tracing")]
        let attempt = attempt.layer(trace::TraceLayer::new());
        let attempt = attempt.service(transport);

        let retry =
            retry::RetryLayer::new(self.retry, self.retry_budget, self.call_timeout, self.timer);
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
