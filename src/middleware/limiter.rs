//! [`Limiter`]: permits for what is under way, whose number can change; what [`concurrency`](super::concurrency) and
//! [`throttle`](super::throttle) share.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use crate::{Body, BoxError, middleware::timeout::stage};

/// Gives permits, in the order in which they are asked for; shared by its clones.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    permits: Arc<Semaphore>,
    count: Arc<Mutex<Count>>,
}

#[derive(Debug)]
struct Count {
    /// How many permits there are, those on loan included.
    limit: usize,
    /// How many permits are more than that, since the limit was lowered while they were on loan: they are not given back.
    surplus: usize,
    on_loan: usize,
}

/// One request under way; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    limiter: Limiter,
    permit: Option<OwnedSemaphorePermit>,
}

/// A body that keeps a permit until it has ended, failed, or is dropped.
struct Held {
    body: Body,
    permit: Option<Permit>,
}

// ===== impl Limiter =====

impl Limiter {
    /// Zero counts as one.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            count: Arc::new(Mutex::new(Count {
                limit,
                surplus: 0,
                on_loan: 0,
            })),
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.count().limit
    }

    /// How many permits are on loan.
    pub(super) fn on_loan(&self) -> usize {
        self.count().on_loan
    }

    /// Waits for a permit. Dropping the future gives up the place in the queue, and a permit that was about to come.
    pub(super) async fn acquire(&self) -> Result<Permit, BoxError> {
        loop {
            let permit = Arc::clone(&self.permits).acquire_owned();
            let permit = stage::while_waiting_for("a free slot", permit).await?;
            let mut count = self.count();
            // The limit was lowered while this one was on its way back.
            if count.surplus > 0 {
                count.surplus -= 1;
                permit.forget();
                continue;
            }
            count.on_loan += 1;
            return Ok(Permit {
                limiter: self.clone(),
                permit: Some(permit),
            });
        }
    }

    /// Lowers the limit, to one at the least. What is on loan is not taken back: it runs out as it is returned.
    pub(super) fn lower_to(&self, limit: usize) {
        let mut count = self.count();
        let limit = limit.clamp(1, count.limit);
        let fewer = count.limit - limit;
        count.surplus += fewer - self.permits.forget_permits(fewer);
        count.limit = limit;
    }

    /// Raises the limit by one, unless it is `max`.
    pub(super) fn raise(&self, max: usize) {
        let mut count = self.count();
        if count.limit >= max {
            return;
        }
        count.limit += 1;
        if count.surplus > 0 {
            count.surplus -= 1;
            return;
        }
        // Wakes who waits, which must not find the lock taken.
        drop(count);
        self.permits.add_permits(1);
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut count = self.limiter.count();
        count.on_loan -= 1;
        if count.surplus > 0 {
            count.surplus -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
        // Wakes who waits, which must not find the lock taken.
        drop(count);
        self.permit = None;
    }
}

// ===== sending =====

/// Sends a request; `inner` must not have been asked whether it is ready, as that may reserve what waits for the permit.
pub(super) async fn send<S, B>(
    mut inner: S,
    request: Request<Body>,
) -> Result<(Response<Body>, bool), BoxError>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let is_head = request.method() == Method::HEAD;
    poll_fn(|cx| inner.poll_ready(cx))
        .await
        .map_err(Into::into)?;
    let response = inner.call(request).await.map_err(Into::into)?;
    let response = response.map(Body::new);
    let empty = is_head
        || matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let ended = empty || response.body().as_bytes().is_some() || response.body().is_end_stream();
    Ok((response, ended))
}

/// The same response, whose body keeps `permit` while there is something to come.
pub(super) fn hold((response, ended): (Response<Body>, bool), permit: Permit) -> Response<Body> {
    if ended {
        return response;
    }
    response.map(|body| {
        Body::new(Held {
            body,
            permit: Some(permit),
        })
    })
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = crate::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<crate::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // Many readers stop when they have all that was announced, and never ask for the end.
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.permit = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, future::Future, task::Waker};

    use proptest::{collection::vec, prelude::*};

    use super::*;

    type Waiter = Pin<Box<dyn Future<Output = Result<Permit, BoxError>>>>;

    #[derive(Clone, Debug)]
    enum Step {
        /// Asks for a permit.
        Ask,
        /// The waiter of that number gives up.
        GiveUp(usize),
        /// The permit of that number is returned.
        Return(usize),
        Lower(usize),
        Raise,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Ask),
            1 => any::<usize>().prop_map(Step::GiveUp),
            3 => any::<usize>().prop_map(Step::Return),
            1 => (0_usize..9).prop_map(Step::Lower),
            2 => Just(Step::Raise),
        ]
    }

    fn poll(waiter: &mut Waiter) -> Option<Permit> {
        match waiter
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(permit) => Some(permit.unwrap()),
            Poll::Pending => None,
        }
    }

    proptest! {
        /// A permit that is lost makes a client slower for ever; one too many breaks the promise.
        #[test]
        fn no_history_loses_a_permit_or_makes_one(first in 0_usize..9, steps in vec(step(), 0..80)) {
            let limiter = Limiter::new(first);
            let mut limit = first.max(1);
            let mut waiting = VecDeque::<Waiter>::new();
            let mut held = Vec::new();
            for step in steps {
                let before = held.len();
                match step {
                    Step::Ask => {
                        let limiter = limiter.clone();
                        waiting.push_back(Box::pin(async move { limiter.acquire().await }));
                    }
                    Step::GiveUp(number) if !waiting.is_empty() => {
                        waiting.remove(number % waiting.len());
                    }
                    Step::Return(number) if !held.is_empty() => {
                        held.swap_remove(number % held.len());
                    }
                    Step::Lower(number) => {
                        limiter.lower_to(number);
                        limit = number.clamp(1, limit);
                    }
                    Step::Raise => {
                        limiter.raise(8);
                        limit = if limit < 8 { limit + 1 } else { limit };
                    }
                    _ => {}
                }
                waiting.retain_mut(|waiter| match poll(waiter) {
                    Some(permit) => {
                        held.push(permit);
                        false
                    }
                    None => true,
                });
                prop_assert_eq!(limiter.limit(), limit);
                prop_assert_eq!(limiter.on_loan(), held.len());
                prop_assert!(held.len() <= limit.max(before), "{} of {limit}", held.len());
                prop_assert!(waiting.is_empty() || held.len() >= limit, "waits without need");
            }
            waiting.clear();
            held.clear();
            let all: Vec<_> = std::iter::from_fn(|| {
                let limiter = limiter.clone();
                poll(&mut (Box::pin(async move { limiter.acquire().await }) as Waiter))
            })
            .collect();
            prop_assert_eq!(all.len(), limit);
        }
    }
}
