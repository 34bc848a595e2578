//! Sends a request again when that may help and does no harm.
//!
//! | what happened | the operation may be repeated | it may not |
//! |---|---|---|
//! | no connection, nothing sent; 429, 420, 423 | again | again |
//! | 408, 500, 502, 503, 504, a timeout, a lost connection, a cut document | again | error |
//! | anything else | error | error |
//!
//! Whether an operation may be repeated says [`OperationMeta::idempotency`]; a request without one is judged by its method.
//! A body that cannot be made again is never sent twice, and never sent empty. Between attempts it waits: twice as long
//! each time, with full jitter, and at least as long as the server asks (`Retry-After`); where that would outlast the
//! call's deadline, the answer is given at once. Inside the identity, outside everything that belongs to one attempt; see
//! [the stack](super#order).
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
//!     .layer(RetryLayer::with_timer(RetryPolicy::standard(), TokioTimer::default()))
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
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tower::{Layer, Service};

use crate::{
    Body, BoxError,
    body::Spare,
    error::{ErrorKind, classify},
    middleware::timeout::Deadline,
    operation::{Idempotency, OperationMeta},
    timer::{SharedTimer, Timer},
    transport::{Erased, ResponseFuture},
};

mod policy;

pub use self::policy::RetryPolicy;

/// Adds [`Retry`] to a stack.
#[derive(Clone, Debug)]
pub struct RetryLayer {
    policy: RetryPolicy,
    call_limit: Option<Duration>,
    timer: SharedTimer,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    policy: RetryPolicy,
    call_limit: Option<Duration>,
    timer: SharedTimer,
}

/// How often a call was tried; in the extensions of the response when it was more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts {
    pub(crate) count: u32,
    /// An attempt before the last may have done its work.
    pub(crate) in_doubt: bool,
}

/// What an attempt came to.
enum Outcome {
    /// Final, whatever it is.
    Final,
    /// It was certainly not done.
    NotDone,
    /// It may have been done.
    InDoubt,
}

// ===== impl RetryLayer =====

impl RetryLayer {
    /// `call_limit` holds for a request without a [`Deadline`].
    pub(crate) fn new(
        policy: RetryPolicy,
        call_limit: Option<Duration>,
        timer: SharedTimer,
    ) -> Self {
        Self {
            policy,
            call_limit,
            timer,
        }
    }

    /// Retries as `policy` says, waiting on `timer`.
    pub fn with_timer(policy: RetryPolicy, timer: impl Timer) -> Self {
        Self::new(policy, None, Some(Arc::new(timer)))
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry {
            inner,
            policy: self.policy,
            call_limit: self.call_limit,
            timer: self.timer.clone(),
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
    fn call(&self, mut request: Request<Body>) -> ResponseFuture {
        // A request with its meta alone has nothing else to look for.
        let plain = request.extensions().len() < 2;
        let own = if plain {
            None
        } else {
            request.extensions_mut().remove::<RetryPolicy>()
        };
        let policy = own.unwrap_or(self.policy);
        // Without a clock it could not wait between attempts.
        let timer = self.timer.clone().filter(|_| policy.max_attempts > 1);
        Box::pin(run(
            self.inner.clone(),
            policy,
            timer,
            self.call_limit,
            request,
        ))
    }
}

async fn run<S>(
    mut inner: S,
    policy: RetryPolicy,
    timer: SharedTimer,
    call_limit: Option<Duration>,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let Some(timer) = timer else {
        return inner.call(request).await;
    };
    let meta = OperationMeta::of(&request);
    let repeatable = policy.repeats_always || may_repeat(&request, meta);
    let changes_nothing = meta.is_some_and(|meta| meta.idempotency == Idempotency::Safe);
    let uploads = meta.is_some_and(|meta| meta.uploads);
    let call_limit = call_limit.filter(|_| !uploads);
    let deadline = Deadline::of(&request, meta).or_else(|| Deadline::new(call_limit?, &*timer));
    let again = Again::new(&request, meta);

    let mut attempts = Attempts::ONE;
    let mut answer = inner.call(request).await;
    loop {
        let (outcome, asked) = judge(&answer);
        let may_retry = match outcome {
            Outcome::Final => false,
            Outcome::NotDone => true,
            Outcome::InDoubt => repeatable,
        };
        if !may_retry || attempts.count >= policy.max_attempts || !timer.is_running() {
            return attempts.mark(answer);
        }
        let wait = policy.wait(attempts.count).max(asked.unwrap_or_default());
        let too_late = deadline.is_some_and(|deadline| deadline.left(&*timer) <= wait);
        let Some(mut next) = (!too_late).then(|| again.request()).flatten() else {
            return attempts.mark(answer);
        };
        if let Some(deadline) = deadline {
            next.extensions_mut().insert(deadline);
        }
        attempts.in_doubt |= !changes_nothing && matches!(outcome, Outcome::InDoubt);
        report(&next, &answer, attempts.count, wait);
        // The document was read, or the rest of it is not worth the wait: either way the connection is free now.
        drop(answer);
        timer.sleep(wait).await;
        attempts.count += 1;
        answer = match poll_fn(|cx| inner.poll_ready(cx)).await {
            Ok(()) => inner.call(next).await,
            Err(error) => Err(error),
        };
    }
}

#[cfg(feature = "tracing")]
fn report(
    request: &Request<Body>,
    answer: &Result<Response<Body>, BoxError>,
    attempt: u32,
    wait: Duration,
) {
    let operation = OperationMeta::of(request).map_or("", |meta| meta.id);
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

#[cfg(not(feature = "tracing"))]
fn report(_: &Request<Body>, _: &Result<Response<Body>, BoxError>, _: u32, _: Duration) {}

fn may_repeat(request: &Request<Body>, meta: Option<&OperationMeta>) -> bool {
    match meta {
        Some(meta) => meta.idempotency.repeatable(),
        None => matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
        ),
    }
}

/// What an attempt came to, and how long the server asks to wait.
fn judge(answer: &Result<Response<Body>, BoxError>) -> (Outcome, Option<Duration>) {
    match answer {
        Ok(response) => {
            let outcome = match response.status().as_u16() {
                420 | 423 | 429 => Outcome::NotDone,
                408 | 500 | 502 | 503 | 504 => Outcome::InDoubt,
                _ => return (Outcome::Final, None),
            };
            (
                outcome,
                classify::retry_after(response.headers(), SystemTime::now()),
            )
        }
        Err(error) => (judge_failure(error), None),
    }
}

fn judge_failure(error: &BoxError) -> Outcome {
    match classify::kind_of_failure(&**error) {
        ErrorKind::Connect => Outcome::NotDone,
        ErrorKind::Timeout | ErrorKind::Transport | ErrorKind::Body => Outcome::InDoubt,
        _ => Outcome::Final,
    }
}

// ===== impl Attempts =====

impl Attempts {
    pub(crate) const ONE: Self = Self {
        count: 1,
        in_doubt: false,
    };

    /// Tells the caller what came before the answer that it gets.
    fn mark(self, answer: Result<Response<Body>, BoxError>) -> Result<Response<Body>, BoxError> {
        match answer {
            Ok(mut response) => {
                if self.count > 1 {
                    response.extensions_mut().insert(self);
                }
                Ok(response)
            }
            Err(error) => Err(classify::transport(error)
                .with_attempts(self.count, self.in_doubt)
                .into()),
        }
    }
}

// ===== sending again =====

/// What is needed to make the request once more. Headers are cloned for it; the body is shared.
pub(crate) struct Again {
    head: Head,
    body: Spare,
}

struct Head {
    method: Method,
    uri: http::Uri,
    headers: HeaderMap<HeaderValue>,
    /// The meta, where the extensions were that alone.
    meta: Option<&'static OperationMeta>,
    extensions: http::Extensions,
}

impl Again {
    pub(crate) fn new(request: &Request<Body>, meta: Option<&'static OperationMeta>) -> Self {
        // Most requests carry their meta alone, which is cheaper to put back than a map is to clone.
        let alone = meta.is_some() && request.extensions().len() == 1;
        let extensions = if alone {
            http::Extensions::new()
        } else {
            request.extensions().clone()
        };
        let head = Head {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            meta: meta.filter(|_| alone),
            extensions,
        };
        Self {
            head,
            body: request.body().spare(),
        }
    }

    /// `None` when the body was read and cannot be made again.
    pub(crate) fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::new(self.body.body()?);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        *request.extensions_mut() = self.head.extensions.clone();
        if let Some(meta) = self.head.meta {
            request.extensions_mut().insert(meta);
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    /// What is retried, and what is not, decides whether a commit is made twice.
    #[test]
    fn statuses_are_judged_as_the_table_says() {
        for (status, expected) in [
            (200, 'f'),
            (400, 'f'),
            (404, 'f'),
            (409, 'f'),
            (412, 'f'),
            (501, 'f'),
            (420, 'n'),
            (423, 'n'),
            (429, 'n'),
        ]
        .into_iter()
        .chain([408, 500, 502, 503, 504].map(|status| (status, 'd')))
        {
            let response = Response::builder()
                .status(StatusCode::from_u16(status).unwrap())
                .body(Body::empty())
                .unwrap();
            let outcome = match judge(&Ok(response)).0 {
                Outcome::Final => 'f',
                Outcome::NotDone => 'n',
                Outcome::InDoubt => 'd',
            };
            assert_eq!(outcome, expected, "{status}");
        }
    }
}
