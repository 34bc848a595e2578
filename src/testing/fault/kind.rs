//! [`Fault`]: what can go wrong on the way.

use std::{ops::RangeInclusive, time::Duration};

/// What can go wrong with one request, and whether the server sees it.
///
/// Ranges are drawn from; one of a single value, such as `10..=10`, says exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request waits so long before it goes on.
    Latency(RangeInclusive<Duration>),
    /// No connection is made; nothing of the request is read, and the server does not see it.
    Refuse,
    /// The connection is lost while the request is sent; the server does not see it.
    ResetBefore,
    /// The server does what it is asked, and the connection is lost before its answer.
    ResetAfter,
    /// The request is taken, and nothing happens ever after; the server does not see it.
    StallBefore,
    /// The server does what it is asked, and its answer never comes.
    StallAfter,
    /// The connection is lost within the body of the answer, after so many bytes.
    CutBody {
        /// How many bytes arrive; always fewer than there are, where their number is known.
        after: RangeInclusive<u64>,
    },
    /// The body of the answer stops after so many bytes, and the connection stays.
    StallBody {
        /// How many bytes arrive; always fewer than there are, where their number is known.
        after: RangeInclusive<u64>,
    },
    /// One byte of the answer's body is another one.
    CorruptBody {
        /// Which byte; one that is there, where their number is known.
        at: RangeInclusive<u64>,
    },
    /// Something before the server answers with this status; the server does not see the request.
    Status {
        /// The status.
        status: u16,
        /// What `Retry-After` says, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// The server does what it is asked, and something before it answers with this status, as a proxy that lost patience.
    StatusAfter {
        /// The status.
        status: u16,
    },
    /// The server gets the request twice, one after the other. A body that can be sent only once prevents that.
    Duplicate(Seen),
    /// The answer has this `Content-Type`, and is what it is otherwise.
    ContentType(&'static str),
}

/// Which of two answers arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// The first one: a network that repeats what it has delivered.
    First,
    /// The second one: a proxy that repeats what it got no answer to.
    Second,
}

// ===== impl Fault =====

impl Fault {
    /// Latency up to `most`.
    #[must_use]
    pub fn latency(most: Duration) -> Self {
        Self::Latency(Duration::ZERO..=most)
    }

    /// A status from something before the server, without `Retry-After`.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
        }
    }

    /// The body of the answer is cut somewhere.
    #[must_use]
    pub fn cut_body() -> Self {
        Self::CutBody { after: 0..=4096 }
    }

    /// A byte of the answer's body is another one.
    #[must_use]
    pub fn corrupt_body() -> Self {
        Self::CorruptBody { at: 0..=4096 }
    }

    /// The kind in words, such as `reset after`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Refuse => "refuse",
            Self::ResetBefore => "reset before",
            Self::ResetAfter => "reset after",
            Self::StallBefore => "stall before",
            Self::StallAfter => "stall after",
            Self::CutBody { .. } => "cut body",
            Self::StallBody { .. } => "stall body",
            Self::CorruptBody { .. } => "corrupt body",
            Self::Status { .. } => "status",
            Self::StatusAfter { .. } => "status after",
            Self::Duplicate(_) => "duplicate",
            Self::ContentType(_) => "content type",
        }
    }

    /// The same with every range drawn.
    pub(super) fn drawn(&self, chance: &mut fastrand::Rng) -> Self {
        let mut draw = |range: &RangeInclusive<u64>| {
            // An empty range has nothing to draw from.
            let (start, end) = (*range.start(), *range.end());
            let value = chance.u64(start..=end.max(start));
            value..=value
        };
        match self {
            Self::Latency(range) => {
                let micros =
                    |duration: &Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
                let drawn = draw(&(micros(range.start())..=micros(range.end())));
                let duration = Duration::from_micros(*drawn.start());
                Self::Latency(duration..=duration)
            }
            Self::CutBody { after } => Self::CutBody { after: draw(after) },
            Self::StallBody { after } => Self::StallBody { after: draw(after) },
            Self::CorruptBody { at } => Self::CorruptBody { at: draw(at) },
            other => other.clone(),
        }
    }

    /// The same for a body of a known size; `None` where there is nothing of it to spoil.
    pub(super) fn within(self, size: Option<u64>) -> Option<Self> {
        let Some(size) = size else {
            return Some(self);
        };
        let last = size.checked_sub(1)?;
        let clamp = |range: RangeInclusive<u64>| {
            let value = (*range.start()).min(last);
            value..=value
        };
        Some(match self {
            Self::CutBody { after } => Self::CutBody {
                after: clamp(after),
            },
            Self::StallBody { after } => Self::StallBody {
                after: clamp(after),
            },
            // Within, and not all at the end: what is drawn beyond it comes round.
            Self::CorruptBody { at } => {
                let value = at.start() % size;
                Self::CorruptBody { at: value..=value }
            }
            other => other,
        })
    }
}
