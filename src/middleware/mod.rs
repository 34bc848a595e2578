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
//! | [`authenticate`] | every attempt with the credentials as they are then; refused ones are replaced once |
//! | [`collect`] | reads a document whole, so that one that was cut is tried again |
//! | [`trace`] | a span an attempt, without the credentials' values |
//! | the transport | |

use std::time::Duration;

use tower::{Layer, ServiceBuilder};

use crate::{auth::Auth, config::Endpoint, timer::SharedTimer, transport::BoxTransport};

pub mod authenticate;
pub mod collect;
pub mod identity;
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
    pub(crate) retry: retry::RetryPolicy,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) auth: Auth,
    pub(crate) endpoint: Endpoint,
    pub(crate) timer: SharedTimer,
}

// ===== impl Stack =====

impl Stack {
    /// Stacks everything above a transport, in the order of the [table](self#order).
    pub(crate) fn build(self, transport: BoxTransport) -> BoxTransport {
        let timeout = timeout::AttemptTimeoutLayer::new(
            self.attempt_timeout,
            self.call_timeout,
            self.timer.clone(),
        );
        let retry = retry::RetryLayer::new(self.retry, self.call_timeout, self.timer.clone());
        let authenticate =
            authenticate::AuthenticateLayer::new(self.auth, self.endpoint, self.timer)
                .around_logins(self.identity.clone(), retry.clone(), timeout.clone());
        let attempt = ServiceBuilder::new()
            .layer(timeout)
            .layer(authenticate)
            .layer(collect::CollectLayer::new());
        #[cfg(feature = "tracing")]
        let attempt = attempt.layer(trace::TraceLayer::new());
        let attempt = attempt.service(transport);

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
