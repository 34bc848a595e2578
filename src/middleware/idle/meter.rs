use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crate::timer::{Sleep, Timer};

/// Measures how long the other side was waited for, and how much came of it.
///
/// It looks at a window of waiting: when the waits add up to the limit before enough bytes passed, the transfer stalled; when
/// enough passed, the next window begins. Time that is not spent waiting does not count.
pub(super) struct Meter {
    limit: Duration,
    /// How many bytes end a window.
    enough: u64,
    timer: Arc<dyn Timer>,
    /// The waits of this window that are over.
    waited: Duration,
    /// The bytes of this window.
    moved: u64,
    /// When the wait began that is not over.
    since: Option<Instant>,
    /// Kept from one wait to the next: it is made anew only when it ends, not for every chunk.
    sleep: Option<Sleep>,
    total: u64,
}

// ===== impl Meter =====

impl Meter {
    pub(super) fn new(
        limit: Duration,
        bytes_per_second: u64,
        timer: Arc<dyn Timer>,
    ) -> Option<Self> {
        // Outside of a runtime nothing can be measured.
        timer.is_running().then(|| Self {
            limit,
            enough: bytes_per_second.saturating_mul(limit.as_secs()).max(1),
            timer,
            waited: Duration::ZERO,
            moved: 0,
            since: None,
            sleep: None,
            total: 0,
        })
    }

    /// From here on it is waited for.
    pub(super) fn wait(&mut self) {
        if self.since.is_none() {
            self.since = Some(self.timer.now());
        }
    }

    /// So many bytes passed; nobody waits any more.
    pub(super) fn moved(&mut self, bytes: u64) {
        self.total += bytes;
        self.moved = self.moved.saturating_add(bytes);
        let since = self.since.take();
        if self.moved >= self.enough {
            self.moved = 0;
            self.waited = Duration::ZERO;
        } else if let Some(since) = since {
            self.waited += self.timer.now().saturating_duration_since(since);
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// How many bytes passed since the beginning.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How long it may still be waited for; `None` while nobody waits.
    pub(super) fn left(&self) -> Option<Duration> {
        let waiting = self.timer.now().saturating_duration_since(self.since?);
        Some(self.limit.saturating_sub(self.waited + waiting))
    }

    /// Ready with the limit when a wait that is under way has gone on for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        loop {
            let sleep = match &mut self.sleep {
                Some(sleep) => sleep,
                None => {
                    let left = self.left().unwrap_or(self.limit);
                    self.sleep.insert(self.timer.sleep(left))
                }
            };
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
            // It may have been set in an earlier wait, of which only the end of this one's counts.
            if self.left().is_some_and(|left| left.is_zero()) {
                return Poll::Ready(self.limit);
            }
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("limit", &self.limit)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
