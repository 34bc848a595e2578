//! [`Event`]: what a transfer tells while it runs; [`Meter`]: events added up.
//!
//! A closure hears each event as it happens, on the task that moves the bytes: it should return soon, and it may not block.
//! Where no closure is set, nothing is made up, counted or allocated.
//!
//! ```
//! use lakefs_sdk::transfer::progress::{Event, Meter};
//!
//! let meter = Meter::new();
//! for event in [
//!     Event::Planned { objects: 2, bytes: 300 },
//!     Event::ObjectStarted { path: "a.csv", bytes: Some(100) },
//!     Event::Bytes { path: "a.csv", bytes: 60 },
//! ] {
//!     meter.record(&event);
//! }
//! let totals = meter.totals();
//! assert_eq!((totals.bytes, totals.planned_bytes), (60, 300));
//! assert_eq!(totals.fraction(), Some(0.2));
//! ```
//!
//! # As a stream
//!
//! An event borrows what it names. Whoever would rather await events than be called keeps what is of interest, and sends it
//! to a channel; it ends when the transfer is dropped.
//!
//! ```
//! # use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
//! use lakefs_sdk::transfer::progress::{Event, Meter};
//! use tokio::sync::mpsc;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let client = Client::new(MemoryLakeFs::new());
//! # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//! let (tell, mut heard) = mpsc::unbounded_channel();
//! let meter = Meter::new();
//! let transfer = client.transfer().progress(move |event| {
//!     meter.record(event);
//!     if let Event::ObjectDone { path, .. } | Event::ObjectFailed { path, .. } = event {
//!         // An error says that nobody listens any more.
//!         let _ = tell.send((path.to_string(), meter.totals()));
//!     }
//! });
//! let work = tokio::spawn(async move {
//!     transfer.upload_to("lakefs://lake/main/a.txt").body("hello").await?;
//!     transfer.upload_to("lakefs://lake/main/b.txt").body("you").await
//! });
//!
//! let mut lines = Vec::new();
//! while let Some((path, totals)) = heard.recv().await {
//!     lines.push(format!("{path}: {} of {} bytes so far", totals.bytes, totals.planned_bytes));
//! }
//! assert_eq!(lines, ["a.txt: 5 of 5 bytes so far", "b.txt: 8 of 8 bytes so far"]);
//! work.await??;
//! # Ok::<_, lakefs_sdk::BoxError>(()) }).unwrap();
//! ```
//!
//! For a bar, a `tokio::sync::watch` of the [`Totals`] is better: it keeps the last ones only, so that a slow terminal piles
//! nothing up.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::Error;

/// Something that happened in a transfer.
///
/// Paths are those of the objects in lakeFS, whichever way the bytes go.
///
/// Of an object come, in this order: [`ObjectStarted`]; [`Bytes`] and [`Retried`], as often as there is something to tell; and
/// [`ObjectDone`] or [`ObjectFailed`]. One that could not even begin, such as a file that cannot be opened, only fails. Of one
/// whose future is dropped, no more is told. [`Planned`] and [`ObjectSkipped`] are for transfers of
/// [many](super::directory).
///
/// [`Planned`]: Self::Planned
/// [`ObjectStarted`]: Self::ObjectStarted
/// [`Bytes`]: Self::Bytes
/// [`Retried`]: Self::Retried
/// [`ObjectDone`]: Self::ObjectDone
/// [`ObjectSkipped`]: Self::ObjectSkipped
/// [`ObjectFailed`]: Self::ObjectFailed
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What is ahead is known: after the comparison of a directory, or with each batch where a listing goes on meanwhile.
    ///
    /// It may come more than once: the figures are to be added up.
    Planned {
        /// How many objects will be uploaded, downloaded, deleted or copied.
        objects: u64,
        /// How many bytes that will move through this program.
        bytes: u64,
    },
    /// An object is begun.
    ObjectStarted {
        /// Its path.
        path: &'a str,
        /// How large it is, where that is known.
        bytes: Option<u64>,
    },
    /// Bytes of an object went through: handed to the transport to be sent, or received.
    Bytes {
        /// Its path.
        path: &'a str,
        /// How many since the last event.
        bytes: u64,
    },
    /// A piece of an object, such as a part, is sent or asked for again.
    Retried {
        /// Its path.
        path: &'a str,
        /// How many bytes that were counted will be counted again.
        bytes: u64,
    },
    /// An object is done: stored, written, deleted, copied.
    ObjectDone {
        /// Its path.
        path: &'a str,
        /// How large it is; 0 for a deletion.
        bytes: u64,
    },
    /// Nothing is to be done for an object, or nothing may be.
    ObjectSkipped {
        /// Its path.
        path: &'a str,
    },
    /// An object failed, for good. The others go on.
    ObjectFailed {
        /// Its path.
        path: &'a str,
        /// Why.
        error: &'a Error,
    },
}

type Listener = dyn Fn(&Event<'_>) + Send + Sync;

/// Who hears of progress: nobody, or a closure.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    listener: Option<Arc<Listener>>,
}

/// Adds up [`Event`]s, for a bar or a line at the end. It may be shared between threads.
#[derive(Debug)]
pub struct Meter {
    started: Instant,
    planned_objects: AtomicU64,
    planned_bytes: AtomicU64,
    started_objects: AtomicU64,
    started_bytes: AtomicU64,
    done: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
}

/// Where a transfer stands: see [`Meter::totals`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// How many objects are to be done, as far as that is known: those that were planned, or those that were begun where
    /// these are more.
    pub planned_objects: u64,
    /// How many bytes are to move, likewise.
    pub planned_bytes: u64,
    /// How many objects are done.
    pub done: u64,
    /// How many were skipped.
    pub skipped: u64,
    /// How many failed.
    pub failed: u64,
    /// How many pieces were sent or asked for again.
    pub retries: u64,
    /// How many bytes went through, without those that had to be repeated.
    pub bytes: u64,
    /// The time since the meter was made.
    pub elapsed: Duration,
}

// ===== impl Progress =====

impl Progress {
    pub(crate) fn new(listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self {
            listener: Some(Arc::new(listener)),
        }
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.listener.is_some()
    }

    /// Tells an event, which is made only if somebody listens.
    pub(crate) fn tell<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if let Some(listener) = &self.listener {
            listener(&event());
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.listener {
            Some(_) => "Progress(listener)",
            None => "Progress(none)",
        })
    }
}

// ===== impl Meter =====

impl Meter {
    /// A meter whose time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            planned_objects: AtomicU64::new(0),
            planned_bytes: AtomicU64::new(0),
            started_objects: AtomicU64::new(0),
            started_bytes: AtomicU64::new(0),
            done: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Counts an event.
    pub fn record(&self, event: &Event<'_>) {
        match *event {
            Event::Planned { objects, bytes } => {
                self.planned_objects.fetch_add(objects, Relaxed);
                self.planned_bytes.fetch_add(bytes, Relaxed);
            }
            Event::Bytes { bytes, .. } => {
                self.bytes.fetch_add(bytes, Relaxed);
            }
            Event::Retried { bytes, .. } => {
                self.retries.fetch_add(1, Relaxed);
                self.bytes.fetch_sub(bytes, Relaxed);
            }
            Event::ObjectDone { .. } => {
                self.done.fetch_add(1, Relaxed);
            }
            Event::ObjectSkipped { .. } => {
                self.skipped.fetch_add(1, Relaxed);
            }
            Event::ObjectFailed { .. } => {
                self.failed.fetch_add(1, Relaxed);
            }
            Event::ObjectStarted { bytes, .. } => {
                self.started_objects.fetch_add(1, Relaxed);
                self.started_bytes
                    .fetch_add(bytes.unwrap_or_default(), Relaxed);
            }
        }
    }

    /// Where the transfer stands now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        // A single object is not planned, but begun.
        let ahead = |planned: &AtomicU64, started: &AtomicU64| {
            planned.load(Relaxed).max(started.load(Relaxed))
        };
        Totals {
            planned_objects: ahead(&self.planned_objects, &self.started_objects),
            planned_bytes: ahead(&self.planned_bytes, &self.started_bytes),
            done: self.done.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            failed: self.failed.load(Relaxed),
            retries: self.retries.load(Relaxed),
            bytes: self.bytes_so_far(),
            elapsed: self.started.elapsed(),
        }
    }
}

impl Meter {
    /// Of two threads, one may have taken back what another has yet to count: for that moment, there are fewer than none.
    fn bytes_so_far(&self) -> u64 {
        let bytes = self.bytes.load(Relaxed);
        if i64::try_from(bytes).is_ok() {
            bytes
        } else {
            0
        }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

// ===== impl Totals =====

impl Totals {
    /// Bytes a second, on average since the start; 0 where no time has passed.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 {
            self.bytes as f64 / seconds
        } else {
            0.0
        }
    }

    /// How much of the bytes went through, from 0 to 1; `None` where nothing is planned.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        (self.planned_bytes > 0).then(|| (self.bytes as f64 / self.planned_bytes as f64).min(1.0))
    }

    /// How long the rest takes at the [`rate`](Self::rate) so far; `None` where that cannot be told yet.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let rate = self.rate();
        let left = self.planned_bytes.checked_sub(self.bytes)?;
        Duration::try_from_secs_f64(left as f64 / rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_repeated_count_once() {
        let meter = Meter::new();
        meter.record(&Event::Bytes {
            path: "a",
            bytes: 100,
        });
        meter.record(&Event::Retried {
            path: "a",
            bytes: 40,
        });
        meter.record(&Event::Bytes {
            path: "a",
            bytes: 40,
        });

        let totals = meter.totals();
        assert_eq!((totals.bytes, totals.retries), (100, 1));
    }

    /// A bar would show 18 exabytes for a moment.
    #[test]
    fn bytes_are_never_fewer_than_none() {
        let meter = Meter::new();
        meter.record(&Event::Retried {
            path: "a",
            bytes: 40,
        });
        assert_eq!(meter.totals().bytes, 0);
        meter.record(&Event::Bytes {
            path: "a",
            bytes: 100,
        });
        assert_eq!(meter.totals().bytes, 60);
    }

    /// The bar of a single object would have no end.
    #[test]
    fn what_is_begun_is_ahead_unless_it_was_planned() {
        let meter = Meter::new();
        let start = |bytes| meter.record(&Event::ObjectStarted { path: "a", bytes });
        start(Some(100));
        start(None);
        let totals = meter.totals();
        assert_eq!((totals.planned_objects, totals.planned_bytes), (2, 100));

        meter.record(&Event::Planned {
            objects: 3,
            bytes: 300,
        });
        let totals = meter.totals();
        assert_eq!((totals.planned_objects, totals.planned_bytes), (3, 300));
    }

    #[test]
    fn the_rest_is_told_from_the_rate_so_far() {
        let totals = Totals {
            planned_bytes: 400,
            bytes: 100,
            elapsed: Duration::from_secs(2),
            ..Totals::default()
        };
        assert_eq!(totals.rate(), 50.0);
        assert_eq!(totals.fraction(), Some(0.25));
        assert_eq!(totals.remaining(), Some(Duration::from_secs(6)));
        assert_eq!(Totals::default().remaining(), None);
    }

    #[test]
    fn an_event_that_nobody_hears_is_not_made() {
        Progress::default().tell(|| panic!("nobody asked"));
    }
}
