//! Sends a request again when that may help and does no harm.
//!
//! | what happened | the operation may be repeated | it may not |
//! |---|---|---|
//! | no connection, nothing sent; 429, 420, 423; 500 `branch is currently locked` | again | again |
//! | 408, 500, 502, 503, 504, a timeout, a lost connection, a cut document | again | error |
//! | anything else, such as 412 | error | error |
//!
//! Whether an operation may be repeated says [`OperationMeta::idempotency`]; a request without one is judged by its method.
//! A body that cannot be made again is never sent twice, and never sent empty. Between attempts it waits: twice as long
//! each time, with full jitter, and at least as long as the server asks (`Retry-After`); where that would outlast the
//! call's deadline, or an hour, the answer is given at once. [`RetryPolicy`] sets the numbers, a [`Policy`] of your own
//! another table, and [`RetryBudget`] limits the retries of all calls together. Inside the identity, outside everything that
//! belongs to one attempt; see [the stack](super#order).
//!
//! ```
//! # use http::{Request, Response, StatusCode};
//! # use lakefs_sdk::{Body, BoxError, middleware::retry::{RetryLayer, RetryPolicy}, timer::TokioTimer};
//! # use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let attempts = Arc::new(AtomicU32::new(0));
//! let counter = attempts.clone();
//! let service = ServiceBuilder::new()
//!     .layer(RetryLayer::new(RetryPolicy::standard(), TokioTimer::default()))
//!     .service_fn(move |_: Request<Body>| {
//!         let status = if counter.fetch_add(1, Ordering::Relaxed) < 2 { 503 } else { 200 };
//!         async move { Ok::<_, BoxError>(Response::builder().status(status).body(Body::empty())?) }
//!     });
//! let response = service.oneshot(Request::new(Body::empty())).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(attempts.load(Ordering::Relaxed), 3);
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tower::{Layer, Service};

use crate::{
    Body, BoxError, Error,
    error::classify,
    middleware::{again::Again, request_id::SentId, timeout::Deadline},
    operation::OperationMeta,
    timer::{SharedTimer, Timer},
    transport::{Erased, ResponseFuture},
};

mod attempt;
mod budget;
mod policy;

pub use self::{
    attempt::{Attempt, AttemptNumber, Outcome},
    budget::RetryBudget,
    policy::{Policy, RetryPolicy},
};

/// The longest wait of a call without a deadline: whoever asks for more does not mean this call.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Adds [`Retry`] to a stack.
#[derive(Clone, Debug)]
pub struct RetryLayer {
    settings: Arc<Settings>,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    policy: SharedPolicy,
    budget: Option<RetryBudget>,
    call_limit: Option<Duration>,
    timer: SharedTimer,
}

/// A policy; in the extensions of a request that has one of its own.
#[derive(Clone, Debug)]
pub(crate) struct SharedPolicy(Arc<dyn Policy>);

/// How often a call was tried; in the extensions of the response when it was more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts {
    pub(crate) count: u32,
    /// The waits between them, together.
    pub(crate) waited: Duration,
    /// An attempt before the last may have done its work.
    pub(crate) in_doubt: bool,
}

// ===== impl RetryLayer =====

impl RetryLayer {
    /// Retries as `policy` says, waiting on `timer`, with a [budget](RetryBudget) of the default size.
    #[must_use]
    pub fn new(policy: impl Policy, timer: impl Timer) -> Self {
        Self::within(
            SharedPolicy::new(policy),
            Some(RetryBudget::default()),
            None,
            Some(Arc::new(timer)),
        )
    }

    /// `call_limit` holds for a request without a [`Deadline`].
    pub(crate) fn within(
        policy: SharedPolicy,
        budget: Option<RetryBudget>,
        call_limit: Option<Duration>,
        timer: SharedTimer,
    ) -> Self {
        Self {
            settings: Arc::new(Settings {
                policy,
                budget,
                call_limit,
                timer,
            }),
        }
    }

    /// The same with another budget; `None` for no limit.
    #[must_use]
    pub fn budget(self, budget: impl Into<Option<RetryBudget>>) -> Self {
        let Settings {
            policy,
            call_limit,
            timer,
            ..
        } = &*self.settings;
        Self::within(policy.clone(), budget.into(), *call_limit, timer.clone())
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry {
            inner,
            settings: Arc::clone(&self.settings),
        }
    }
}

// ===== impl Retry =====

impl<S> Service<Request<Body>> for Retry<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    /// Always ready: every attempt waits for the inner service by itself. Forwarding it would hold a permit of the inner
    /// service during the waits between attempts.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Erased::call(self, request)
    }
}

impl<S> Erased for Retry<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    fn call(&self, request: Request<Body>) -> ResponseFuture {
        Box::pin(run(self.inner.clone(), Arc::clone(&self.settings), request))
    }
}

async fn run<S>(
    mut inner: S,
    settings: Arc<Settings>,
    mut request: Request<Body>,
) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    // A request with its meta alone has nothing else to look for.
    let own = match request.extensions().len() {
        0 | 1 => None,
        _ => request.extensions_mut().remove::<SharedPolicy>(),
    };
    let policy = &*own.as_ref().unwrap_or(&settings.policy).0;
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    // Without a clock it could not wait between attempts.
    let Some(timer) = settings.timer.as_deref().filter(|_| policy.retries()) else {
        return inner.call(request).await;
    };
    let meta = OperationMeta::of(&request);
    let uploads = OperationMeta::sends_data(&request, meta);
    let call_limit = settings.call_limit.filter(|_| !uploads);
    let deadline = Deadline::of(&request, meta).or_else(|| Deadline::new(call_limit?, timer));
    let again = Again::new(&request, meta);

    let mut attempts = Attempts::ONE;
    let mut answer = inner.call(request).await;
    loop {
        let (outcome, wait) = {
            let attempt = Attempt::new(attempts.count, meta, again.repeatable(), &answer);
            (attempt.outcome(), policy.retry(&attempt))
        };
        let Some(wait) = wait.filter(|_| timer.is_running()) else {
            if let (Outcome::Final, Some(budget)) = (outcome, &settings.budget) {
                budget.succeeded(attempts.count - 1);
            }
            return attempts.mark(answer, &again);
        };
        let too_long = match deadline {
            Some(deadline) => deadline.left(timer) <= wait,
            None => wait > MAX_WAIT,
        };
        let Some(mut next) = (!too_long).then(|| again.request()).flatten() else {
            return attempts.mark(answer, &again);
        };
        if settings
            .budget
            .as_ref()
            .is_some_and(|budget| !budget.take())
        {
            report_exhausted(meta, attempts.count);
            return attempts.mark(answer, &again);
        }
        if let Some(deadline) = deadline {
            next.extensions_mut().insert(deadline);
        }
        attempts.in_doubt |= outcome == Outcome::InDoubt && !again.changes_nothing();
        report(meta, &answer, attempts.count, wait);
        // The document was read, or the rest of it is not worth the wait: either way the connection is free now.
        drop(answer);
        timer.sleep(wait).await;
        attempts.count += 1;
        attempts.waited += wait;
        next.extensions_mut()
            .insert(AttemptNumber::new(attempts.count));
        answer = match poll_fn(|cx| inner.poll_ready(cx)).await {
            Ok(()) => inner.call(next).await,
            Err(error) => Err(error),
        };
    }
}

#[cfg(feature = "tracing")]
fn report(
    meta: Option<&OperationMeta>,
    answer: &Result<Response<Body>, BoxError>,
    attempt: u32,
    wait: Duration,
) {
    let operation = meta.map_or("", |meta| meta.id);
    match answer {
        Ok(response) => {
            tracing::debug!(operation, attempt, wait = ?wait, status = response.status().as_u16(), "trying again after an answer");
        }
        Err(error) => {
            let kind = error.downcast_ref::<crate::Error>().map(crate::Error::kind);
            tracing::debug!(operation, attempt, wait = ?wait, ?kind, "trying again after a failure");
        }
    }
}

#[cfg(feature = "tracing")]
fn report_exhausted(meta: Option<&OperationMeta>, attempt: u32) {
    let operation = meta.map_or("", |meta| meta.id);
    tracing::debug!(
        operation,
        attempt,
        "not trying again: the retry budget is spent"
    );
}

#[cfg(not(feature = "tracing"))]
fn report(_: Option<&OperationMeta>, _: &Result<Response<Body>, BoxError>, _: u32, _: Duration) {}

#[cfg(not(feature = "tracing"))]
fn report_exhausted(_: Option<&OperationMeta>, _: u32) {}

// ===== impl SharedPolicy =====

impl SharedPolicy {
    pub(crate) fn new(policy: impl Policy) -> Self {
        Self(Arc::new(policy))
    }
}

// ===== impl Attempts =====

impl Attempts {
    pub(crate) const ONE: Self = Self {
        count: 1,
        waited: Duration::ZERO,
        in_doubt: false,
    };

    pub(crate) fn mark_error(self, error: Error) -> Error {
        error.with_attempts(self.count, self.waited, self.in_doubt)
    }

    /// Tells the caller what came before the answer that it gets.
    fn mark(
        self,
        answer: Result<Response<Body>, BoxError>,
        again: &Again,
    ) -> Result<Response<Body>, BoxError> {
        match answer {
            Ok(mut response) => {
                if self.count > 1 {
                    response.extensions_mut().insert(self);
                }
                if response.status().as_u16() >= 400 {
                    if let Some(id) = again.request_id() {
                        response.extensions_mut().insert(SentId(id.clone()));
                    }
                }
                Ok(response)
            }
            Err(error) => Err(self
                .mark_error(classify::transport(error))
                .with_client_request_id(again.request_id().cloned())
                .into()),
        }
    }
}
