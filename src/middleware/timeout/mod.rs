//! Limits one attempt: until the answer's headers are there, and its document is read.
//!
//! Inside [`retry`](super::retry), so that an attempt that hangs is tried again. The body of an operation marked as streamed
//! is not limited here. The error names the limit that passed, and what was waited for: a connection, credentials, a free
//! slot, the answer, or the rest of it. See [the stack](super#order).
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, Error, middleware::timeout::AttemptTimeoutLayer, timer::TokioTimer};
//! # use std::time::Duration;
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let service = ServiceBuilder::new()
//!     .layer(AttemptTimeoutLayer::new(Duration::from_secs(5), TokioTimer::default()))
//!     .service_fn(async |_: Request<Body>| std::future::pending::<Result<Response<Body>, BoxError>>().await);
//! let error = service.oneshot(Request::new(Body::empty())).await.unwrap_err();
//! assert!(error.downcast_ref::<Error>().is_some_and(Error::is_timeout));
//! assert_eq!(error.to_string(), "no answer to the attempt within its limit of 5s, while waiting for the server's answer");
//! # });
//! ```

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use http::Request;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{
    Body, BoxError, Error,
    error::ErrorKind,
    operation::OperationMeta,
    timer::{SharedTimer, Sleep, Timer},
};

pub(crate) mod stage;

/// The limit of a client whose builder was given none.
pub(crate) const DEFAULT: Duration = Duration::from_secs(30);

/// Longer limits count as this one, a century, which every clock can hold.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Adds [`AttemptTimeout`] to a stack.
#[derive(Clone, Debug)]
pub struct AttemptTimeoutLayer {
    limit: Option<Duration>,
    call_limit: Option<Duration>,
    timer: SharedTimer,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct AttemptTimeout<S> {
    inner: S,
    limit: Option<Duration>,
    call_limit: Option<Duration>,
    timer: SharedTimer,
}

pin_project! {
    /// The answer of [`AttemptTimeout`].
    pub struct AttemptTimeoutFuture<F> {
        #[pin]
        inner: F,
        clock: Clock,
        // The limit of the whole call, where the clock keeps that one.
        of_call: Option<Duration>,
    }
}

/// When the call must be over; in the extensions of a request when the call has a limit of its own, and when it is tried
/// again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

/// Overrides the limit of the layer; in the extensions of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptLimit(pub(crate) Duration);

/// A limit, and the sleep that keeps it from the first time that there is something to wait for.
pub(crate) struct Clock {
    limit: Option<Duration>,
    timer: SharedTimer,
    sleep: Option<Sleep>,
}

// ===== impl AttemptTimeoutLayer =====

impl AttemptTimeoutLayer {
    /// Limits every attempt to `limit`, on the clock of `timer`.
    #[must_use]
    pub fn new(limit: Duration, timer: impl Timer) -> Self {
        Self::within(Some(limit), None, Some(Arc::new(timer)))
    }

    /// `call_limit` holds for the whole call, of which a request without a [`Deadline`] is the first attempt.
    pub(crate) fn within(
        limit: Option<Duration>,
        call_limit: Option<Duration>,
        timer: SharedTimer,
    ) -> Self {
        Self {
            limit,
            call_limit,
            timer,
        }
    }
}

impl<S> Layer<S> for AttemptTimeoutLayer {
    type Service = AttemptTimeout<S>;

    fn layer(&self, inner: S) -> AttemptTimeout<S> {
        AttemptTimeout {
            inner,
            limit: self.limit,
            call_limit: self.call_limit,
            timer: self.timer.clone(),
        }
    }
}

// ===== impl AttemptTimeout =====

impl<S> Service<Request<Body>> for AttemptTimeout<S>
where
    S: Service<Request<Body>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = AttemptTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // How long a large body takes to send is no sign of trouble.
        let meta = OperationMeta::of(&request);
        let uploads = OperationMeta::sends_data(&request, meta);
        let own = match request.extensions().len() {
            0 | 1 => None,
            _ => request.extensions().get::<AttemptLimit>(),
        };
        let limit = match own {
            Some(own) => Some(own.0.min(FOR_EVER)),
            None => self.limit.filter(|_| !uploads),
        };
        let deadline = Deadline::of(&request, meta);
        let inner = self.inner.call(request);
        // The call's limit, where it comes first: one sleep keeps both.
        let (left, call_limit) = match (deadline, &self.timer) {
            (Some(deadline), Some(timer)) => (Some(deadline.left(&**timer)), Some(deadline.limit)),
            _ => {
                let limit = self.call_limit.filter(|_| !uploads);
                (limit, limit)
            }
        };
        let (limit, of_call) = match (limit, left) {
            (Some(limit), Some(left)) if limit <= left => (Some(limit), None),
            (_, Some(left)) => (Some(left), call_limit),
            (limit, None) => (limit, None),
        };
        AttemptTimeoutFuture {
            inner,
            clock: Clock::new(limit, self.timer.clone()),
            of_call,
        }
    }
}

impl<F, T> Future for AttemptTimeoutFuture<F>
where
    F: Future<Output = Result<T, BoxError>>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        stage::reset();
        // The answer first: one that is there must not be thrown away because the time is up too.
        if let Poll::Ready(answer) = this.inner.poll(cx) {
            return Poll::Ready(answer);
        }
        let limit = ready!(this.clock.poll(cx));
        let error = match *this.of_call {
            Some(limit) => missed(limit),
            None => Error::new(
                ErrorKind::Timeout,
                format!(
                    "no answer to the attempt within its limit of {limit:?}, while waiting for {}",
                    stage::current()
                ),
            ),
        };
        Poll::Ready(Err(error.into()))
    }
}

/// The error of a call that was not over within its limit, in the poll in which it passed.
pub(crate) fn missed(limit: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!(
            "the call was not over within its limit of {limit:?}, while waiting for {}",
            stage::current()
        ),
    )
}

// ===== impl Deadline =====

impl Deadline {
    /// `None` on a clock that ends before the limit does.
    pub(crate) fn new(limit: Duration, timer: &dyn Timer) -> Option<Self> {
        let at = timer.now().checked_add(limit.min(FOR_EVER))?;
        Some(Self { at, limit })
    }

    /// `meta` is the request's own.
    pub(crate) fn of<B>(request: &Request<B>, meta: Option<&OperationMeta>) -> Option<Self> {
        // Most requests carry their meta alone: nothing to look for then.
        let extensions = request.extensions();
        if meta.is_some() && extensions.len() < 2 {
            None
        } else {
            extensions.get::<Self>().copied()
        }
    }

    pub(crate) fn left(self, timer: &dyn Timer) -> Duration {
        self.at.saturating_duration_since(timer.now())
    }
}

// ===== impl Clock =====

impl Clock {
    pub(crate) fn new(limit: Option<Duration>, timer: SharedTimer) -> Self {
        Self {
            limit,
            timer,
            sleep: None,
        }
    }

    /// Ready with the limit when it has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let (Some(limit), Some(timer)) = (self.limit, &self.timer) else {
            return Poll::Pending;
        };
        self.sleep
            .get_or_insert_with(|| timer.sleep(limit))
            .as_mut()
            .poll(cx)
            .map(|()| limit)
    }
}
