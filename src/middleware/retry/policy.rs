use std::{fmt, time::Duration};

use super::attempt::{Attempt, Outcome};

/// Decides whether an attempt is followed by another, and after how long.
///
/// [`RetryPolicy`] is the usual one. A policy of your own sees every answer and failure, and may ask the usual one first:
///
/// ```
/// # use lakefs_sdk::{Client, middleware::retry::{Attempt, Policy, RetryPolicy}, testing::MemoryLakeFs};
/// # use std::time::Duration;
/// /// A branch that was just made by somebody else may not be visible yet.
/// #[derive(Debug)]
/// struct Patient;
///
/// impl Policy for Patient {
///     fn retry(&self, attempt: &Attempt<'_>) -> Option<Duration> {
///         let missing = attempt.status().is_some_and(|status| status == 404);
///         match attempt.operation().map(|operation| operation.id) {
///             Some("getBranch") if missing && attempt.number() < 5 => Some(Duration::from_millis(200)),
///             _ => RetryPolicy::standard().retry(attempt),
///         }
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// let client = Client::builder().transport(MemoryLakeFs::new()).retry(Patient).build()?;
/// assert_eq!(client.get_branch("lake", "main").await.unwrap_err().attempts(), 5);
/// assert_eq!(client.get_repository("lake").await.unwrap_err().attempts(), 1);
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
///
/// Whatever it says, a request whose body cannot be made again is not sent again, no wait outlasts the call's deadline, and
/// the [budget](super::RetryBudget) is kept.
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// How long to wait before the next attempt; `None` to leave it at this one.
    fn retry(&self, attempt: &Attempt<'_>) -> Option<Duration>;

    /// Whether it ever says so. Where it does not, nothing is kept of a request for another attempt.
    fn retries(&self) -> bool {
        true
    }
}

/// How often to try, and how long to wait in between: the usual [`Policy`], by the [table](super).
///
/// The wait before attempt *n* + 1 is random between zero and `base` × 2ⁿ⁻¹, at most `max` (exponential back-off with full
/// jitter), but at least what the server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    repeats_always: bool,
    base: Duration,
    max: Duration,
}

// ===== impl RetryPolicy =====

impl RetryPolicy {
    /// Three attempts, 100 ms doubling to at most 5 s. The default.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            max_attempts: 3,
            repeats_always: false,
            base: Duration::from_millis(100),
            max: Duration::from_secs(5),
        }
    }

    /// Ten attempts, 100 ms doubling to at most 20 s: for a job that nobody watches. Give it a call
    /// [`timeout`](crate::ClientBuilder::timeout) of minutes too, or that ends it first.
    #[must_use]
    pub const fn aggressive() -> Self {
        Self {
            max_attempts: 10,
            max: Duration::from_secs(20),
            ..Self::standard()
        }
    }

    /// One attempt.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            max_attempts: 1,
            ..Self::standard()
        }
    }

    /// The same with up to `attempts` attempts, the first included. Zero counts as one.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The same with waits that begin at `base` and do not exceed `max`.
    #[must_use]
    pub const fn backoff(mut self, base: Duration, max: Duration) -> Self {
        self.base = base;
        self.max = max;
        self
    }

    /// The same, repeating even operations that may have been done already: a commit or merge may then happen twice, or
    /// meet itself as a conflict.
    #[must_use]
    pub const fn repeat_always(mut self) -> Self {
        self.repeats_always = true;
        self
    }

    /// The wait after the attempt of that number, counted from 1.
    fn wait(&self, attempt: u32) -> Duration {
        let factor = 1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let ceiling = self.base.saturating_mul(factor).min(self.max);
        ceiling.mul_f64(fastrand::f64())
    }
}

impl Policy for RetryPolicy {
    fn retry(&self, attempt: &Attempt<'_>) -> Option<Duration> {
        let again = match attempt.outcome() {
            Outcome::Final => false,
            Outcome::NotDone => true,
            Outcome::InDoubt => self.repeats_always || attempt.repeatable(),
        };
        (again && attempt.number() < self.max_attempts).then(|| {
            self.wait(attempt.number())
                .max(attempt.retry_after().unwrap_or_default())
        })
    }

    fn retries(&self) -> bool {
        self.max_attempts > 1
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::standard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wait that overflows or grows without bound would hang a program, or hammer a server.
    #[test]
    fn waits_double_and_stay_below_the_maximum() {
        let policy = RetryPolicy::standard();
        for (attempt, ceiling) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (7, 5_000),
            (40, 5_000),
            (u32::MAX, 5_000),
        ] {
            for _ in 0..50 {
                assert!(
                    policy.wait(attempt) <= Duration::from_millis(ceiling),
                    "attempt {attempt}"
                );
            }
        }
    }
}
