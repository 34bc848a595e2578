use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// What one retry costs, in the units that the bucket counts in.
const RETRY: u32 = 100;

/// How many retries all calls of a client may spend together: a token bucket.
///
/// A server that is down gets each call once, and on top of that no more retries than the bucket holds; without it, three
/// attempts a call would make the load on a struggling server three times what it was. It is counted in calls, not in time:
///
/// - a retry takes one token; where there is none, the call gives back what it met, as if its attempts had run out;
/// - a call that succeeds in the end returns what it took, so throttling that passes costs nothing;
/// - a call that succeeds at once adds a part of a token.
///
/// Its clones are the same bucket, so several clients can share one.
///
/// ```
/// # use http::{Request, Response, StatusCode};
/// # use lakefs_sdk::{Body, BoxError, middleware::retry::{RetryBudget, RetryLayer, RetryPolicy}, timer::TokioTimer};
/// # use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
/// # use tower::{ServiceBuilder, ServiceExt};
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// let sent = Arc::new(AtomicU32::new(0));
/// let counter = sent.clone();
/// let service = ServiceBuilder::new()
///     .layer(RetryLayer::new(RetryPolicy::standard(), TokioTimer::default()).budget(RetryBudget::new(10, 10)))
///     .service_fn(move |_: Request<Body>| {
///         counter.fetch_add(1, Ordering::Relaxed);
///         async { Ok::<_, BoxError>(Response::builder().status(503).body(Body::empty())?) }
///     });
/// for _ in 0..100 {
///     service.clone().oneshot(Request::new(Body::empty())).await?;
/// }
/// assert_eq!(sent.load(Ordering::Relaxed), 100 + 10);
/// # Ok::<_, BoxError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct RetryBudget {
    bucket: Arc<Bucket>,
}

struct Bucket {
    tokens: AtomicU32,
    capacity: u32,
    earned: u32,
}

// ===== impl RetryBudget =====

impl RetryBudget {
    /// A bucket that holds `retries`, full at first, and gains `percent` of a retry for every call that succeeds at once.
    ///
    /// The default of a client is `RetryBudget::new(100, 10)`.
    #[must_use]
    pub fn new(retries: u32, percent: u32) -> Self {
        let capacity = retries.saturating_mul(RETRY);
        Self {
            bucket: Arc::new(Bucket {
                tokens: AtomicU32::new(capacity),
                capacity,
                earned: percent,
            }),
        }
    }

    /// How many retries are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.bucket.tokens.load(Ordering::Relaxed) / RETRY
    }

    /// Takes a retry, if there is one.
    pub(super) fn take(&self) -> bool {
        self.bucket
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                tokens.checked_sub(RETRY)
            })
            .is_ok()
    }

    /// Gives back what a call took, now that it succeeded; or what it earned by taking nothing.
    pub(super) fn succeeded(&self, taken: u32) {
        let bucket = &*self.bucket;
        // A full bucket, as it nearly always is, is only read.
        if bucket.tokens.load(Ordering::Relaxed) >= bucket.capacity {
            return;
        }
        let gain = match taken {
            0 => bucket.earned,
            taken => taken.saturating_mul(RETRY),
        };
        let _ = bucket
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                Some(tokens.saturating_add(gain).min(bucket.capacity))
            });
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(100, 10)
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("left", &self.left())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket that fills beyond its size, or never again, is no limit or a ban for ever.
    #[test]
    fn it_empties_and_fills_and_holds_no_more_than_its_size() {
        let budget = RetryBudget::new(2, 50);
        assert!(budget.take() && budget.take());
        assert!(!budget.take());

        budget.succeeded(0);
        assert_eq!(budget.left(), 0);
        budget.succeeded(0);
        assert_eq!(budget.left(), 1);
        assert!(budget.take());

        budget.succeeded(2);
        assert_eq!(budget.left(), 2);
        budget.succeeded(0);
        budget.succeeded(7);
        assert_eq!(budget.left(), 2);
    }

    /// The largest numbers must not wrap round to none.
    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let budget = RetryBudget::new(u32::MAX, u32::MAX);
        assert!(budget.take());
        budget.succeeded(u32::MAX);
        assert_eq!(budget.left(), u32::MAX / RETRY);
    }
}
