use std::time::Duration;

/// How often to try, and how long to wait in between.
///
/// The wait before attempt *n* + 1 is random between zero and `base` × 2ⁿ⁻¹, at most `max` (exponential back-off with full
/// jitter), but at least what the server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(super) max_attempts: u32,
    pub(super) repeats_always: bool,
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
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        let factor = 1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let ceiling = self.base.saturating_mul(factor).min(self.max);
        ceiling.mul_f64(fastrand::f64())
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
