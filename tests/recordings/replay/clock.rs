//! The time of the recorded servers.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

const RECORDED: Timestamp = Timestamp::constant(1_795_000_000, 0); // 2026-11-18

/// A clock that stays within a second until something takes one: some requests repeat the time of an answer to the second,
/// and which answer's, the placeholders do not tell. Equal requests got equal presigned URLs, too, the ids of runs sort by
/// the second, and some answers hold the month of the recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<Passed>);

#[derive(Debug, Default)]
struct Passed {
    seconds: AtomicI64,
    calls: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        let micros = self.0.calls.fetch_add(1, Ordering::Relaxed).min(999_999);
        let since = SignedDuration::from_micros(micros)
            + SignedDuration::from_secs(self.0.seconds.load(Ordering::Relaxed));
        RECORDED.saturating_add(since).unwrap_or(RECORDED)
    }

    pub(crate) fn pass_a_second(&self) {
        self.0.seconds.fetch_add(1, Ordering::Relaxed);
    }
}
