//! Limits one attempt: until the answer's headers are there, and its document is read.
//!
//! Inside [`retry`](super::retry), so that an attempt that hangs is tried again. The body of an operation marked as streamed
//! is not limited here. See [the stack](super#order).

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{
    BoxError, Error,
    error::ErrorKind,
    operation::OperationMeta,
    timer::{SharedTimer, Sleep, Timer},
};

/// The limit of a client whose builder was given none.
pub(crate) const DEFAULT: Duration = Duration::from_secs(30);

/// Adds [`AttemptTimeout`] to a stack.
#[derive(Clone, Debug)]
pub struct AttemptTimeoutLayer {
    limit: Option<Duration>,
    timer: SharedTimer,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct AttemptTimeout<S> {
    inner: S,
    limit: Option<Duration>,
    timer: SharedTimer,
}

pin_project! {
    /// The answer of [`AttemptTimeout`].
    pub struct AttemptTimeoutFuture<F> {
        #[pin]
        inner: F,
        clock: Clock,
    }
}

/// A limit, and the sleep that keeps it from the first time that there is something to wait for.
pub(crate) struct Clock {
    limit: Option<Duration>,
    timer: SharedTimer,
    sleep: Option<Sleep>,
}

// ===== impl AttemptTimeoutLayer =====

impl AttemptTimeoutLayer {
    /// `None` for either means no limit.
    pub(crate) fn new(limit: Option<Duration>, timer: SharedTimer) -> Self {
        Self { limit, timer }
    }

    /// Limits every attempt to `limit`, on the clock of `timer`.
    pub fn with_limit(limit: Duration, timer: impl Timer) -> Self {
        Self::new(Some(limit), Some(std::sync::Arc::new(timer)))
    }
}

impl<S> Layer<S> for AttemptTimeoutLayer {
    type Service = AttemptTimeout<S>;

    fn layer(&self, inner: S) -> AttemptTimeout<S> {
        AttemptTimeout {
            inner,
            limit: self.limit,
            timer: self.timer.clone(),
        }
    }
}

// ===== impl AttemptTimeout =====

impl<S, B> Service<Request<B>> for AttemptTimeout<S>
where
    S: Service<Request<B>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = AttemptTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // How long a large body takes to send is no sign of trouble: the connection's own limits watch over it.
        let sends_data = OperationMeta::of(&request).is_some_and(|meta| meta.id == "uploadObject");
        let limit = self.limit.filter(|_| !sends_data);
        AttemptTimeoutFuture {
            inner: self.inner.call(request),
            clock: Clock::new(limit, self.timer.clone()),
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
        // The answer first: one that is there must not be thrown away because the time is up too.
        if let Poll::Ready(answer) = this.inner.poll(cx) {
            return Poll::Ready(answer);
        }
        this.clock.poll(cx).map(|limit| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("no answer to the attempt within {limit:?}"),
            )
            .into())
        })
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
