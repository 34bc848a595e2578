//! Sends less while the server says that it has too much to do, and more again while it does not.
//!
//! It limits how many requests are under way, as [`concurrency`](super::concurrency) does, by a number that changes (additive
//! increase, multiplicative decrease, as TCP does it: RFC 5681): it begins at the most that is allowed; a 429 or 503 makes it
//! half of what is under way, but at least one; and once as many answers as the limit has requests came without one, it is one
//! more. All that was under way together counts as one sign: the requests that were sent before the limit was lowered
//! lower it no further, and raise it no more.
//!
//! Retries alone wait and then send as much as before; with many tasks, or many clones of a client, that is what keeps a
//! server busy with refusing. Next to the transport, where each answer of the server is seen, those of an object store after a
//! redirect included. See [the stack](super#order). Off by default: [`ClientBuilder::adaptive_throttle`](crate::ClientBuilder::adaptive_throttle).
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, middleware::throttle::ThrottleLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let throttle = ThrottleLayer::new(64);
//! let service = ServiceBuilder::new()
//!     .layer(throttle.clone())
//!     .service_fn(async |_: Request<Body>| {
//!         tokio::task::yield_now().await; // on its way
//!         Response::builder().status(429).body(Body::empty())
//!     });
//! let calls = (0..8).map(|_| service.clone().oneshot(Request::new(Body::empty())));
//! futures_util::future::join_all(calls).await;
//! assert_eq!(throttle.limit(), 4); // eight were too many at once
//! # });
//! ```

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower::{Layer, Service};

use super::limiter::{self, Limiter};
use crate::{Body, BoxError};

/// Adds [`Throttle`] to a stack. Its clones, and all services that it makes, share the limit.
#[derive(Clone, Debug)]
pub struct ThrottleLayer {
    window: Window,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Throttle<S> {
    inner: S,
    window: Window,
}

#[derive(Clone, Debug)]
struct Window {
    limiter: Limiter,
    max: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// How often the limit was lowered.
    round: u64,
    /// Answers of this round that were no refusals, since the limit last changed.
    successes: usize,
}

// ===== impl ThrottleLayer =====

impl ThrottleLayer {
    /// Lets at most `requests` be under way at a time, with which it begins. Zero counts as one.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        let limiter = Limiter::new(requests);
        Self {
            window: Window {
                max: limiter.limit(),
                limiter,
                state: Arc::default(),
            },
        }
    }

    /// How many requests may be under way now: to show in a metric, or to wait for in a test.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.window.limiter.limit()
    }
}

impl<S> Layer<S> for ThrottleLayer {
    type Service = Throttle<S>;

    fn layer(&self, inner: S) -> Throttle<S> {
        Throttle {
            inner,
            window: self.window.clone(),
        }
    }
}

// ===== impl Throttle =====

impl<S, B> Service<Request<Body>> for Throttle<S>
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

    /// Always ready, as [`ConcurrencyLimit`](super::concurrency::ConcurrencyLimit) is.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, window) = (self.inner.clone(), self.window.clone());
        Box::pin(async move {
            let permit = window.limiter.acquire().await?;
            let round = window.round();
            let answer = limiter::send(inner, request).await?;
            window.answered(answer.0.status(), round);
            Ok(limiter::hold(answer, permit))
        })
    }
}

// ===== impl Window =====

impl Window {
    fn round(&self) -> u64 {
        self.state().round
    }

    /// Learns from the answer to a request that was sent in `round`.
    fn answered(&self, status: StatusCode, round: u64) {
        let mut state = self.state();
        if round != state.round {
            return;
        }
        let limit = self.limiter.limit();
        if matches!(status.as_u16(), 429 | 503) {
            *state = State {
                round: state.round + 1,
                successes: 0,
            };
            // What was allowed but not used is no measure of what the server bears.
            let lowered = (self.limiter.on_loan().min(limit) / 2).max(1);
            self.limiter.lower_to(lowered);
            report(limit, lowered);
        } else if !status.is_server_error() && limit < self.max {
            state.successes += 1;
            if state.successes >= limit {
                state.successes = 0;
                drop(state); // who is woken looks at it
                self.limiter.raise(self.max);
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "tracing")]
fn report(before: usize, now: usize) {
    tracing::debug!(before, now, "sending less at a time, as the server asks");
}

#[cfg(not(feature = "tracing"))]
fn report(_: usize, _: usize) {}
