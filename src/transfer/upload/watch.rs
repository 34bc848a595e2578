//! [`Watch`]: how much of an upload went out, told to whoever listens.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;

use super::body;
use crate::{
    Body, Result,
    transfer::progress::{Event, Progress},
};

/// How much is counted at once: a part is often a single chunk, and would move a bar in one leap.
const PIECE: usize = 64 * 1024;

/// Counts what is sent of an object, or of a part of it. Where nobody listens, it is nothing.
#[derive(Clone)]
pub(super) struct Watch {
    counter: Option<Arc<Counter>>,
}

struct Counter {
    progress: Progress,
    path: Arc<str>,
    /// What was counted, and not taken back.
    sent: AtomicU64,
    /// Whether any of it was sent before.
    begun: AtomicBool,
    /// Of a part: the object that it is counted with.
    whole: Option<Arc<Counter>>,
}

/// A body that is counted as it is read.
struct Counted {
    inner: Body,
    rest: Bytes,
    counter: Arc<Counter>,
    begun: bool,
}

// ===== impl Watch =====

impl Watch {
    pub(super) fn new(progress: &Progress, path: &str) -> Self {
        let counter = progress.is_heard().then(|| Counter {
            progress: progress.clone(),
            path: path.into(),
            sent: AtomicU64::new(0),
            begun: AtomicBool::new(false),
            whole: None,
        });
        Self {
            counter: counter.map(Arc::new),
        }
    }

    /// The same for a part of the object, which is sent and repeated by itself.
    pub(super) fn part(&self) -> Self {
        let counter = self.counter.as_ref().map(|whole| Counter {
            progress: whole.progress.clone(),
            path: Arc::clone(&whole.path),
            sent: AtomicU64::new(0),
            begun: AtomicBool::new(false),
            whole: Some(Arc::clone(whole)),
        });
        Self {
            counter: counter.map(Arc::new),
        }
    }

    /// The body of a request for all of it. Each time that it is read anew, what was counted is taken back: for the next
    /// attempt, with another URL, or in another way.
    pub(super) fn body(&self, body: Body) -> Body {
        let Some(counter) = &self.counter else {
            return body;
        };
        let counter = Arc::clone(counter);
        match (body.size(), body.try_clone()) {
            // There is nothing to count.
            (Some(0), _) => body,
            (Some(size), Some(body)) => {
                let again = body::again(body);
                Body::replayable(move || {
                    Body::from_sized_stream(size, Counted::new(again(), &counter))
                })
            }
            (Some(size), None) => Body::from_sized_stream(size, Counted::new(body, &counter)),
            (None, _) => Body::from_stream(Counted::new(body, &counter)),
        }
    }

    /// Counts what is missing of what is stored: that it is may be known without the last attempt, or before its end.
    pub(super) fn complete(&self, size: u64) {
        if let Some(counter) = &self.counter {
            let missing = size.saturating_sub(counter.sent.load(Relaxed));
            if missing > 0 {
                counter.add(missing);
            }
        }
    }
}

// ===== impl Counter =====

impl Counter {
    fn add(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Relaxed);
        if let Some(whole) = &self.whole {
            whole.sent.fetch_add(bytes, Relaxed);
        }
        let path = &self.path;
        self.progress.tell(|| Event::Bytes { path, bytes });
    }

    /// Begins to count; anew where that was done before, be it part by part.
    fn begin(&self) {
        let bytes = self.sent.swap(0, Relaxed);
        if let Some(whole) = &self.whole {
            whole.sent.fetch_sub(bytes, Relaxed);
        }
        if self.begun.swap(true, Relaxed) || bytes > 0 {
            let path = &self.path;
            self.progress.tell(|| Event::Retried { path, bytes });
        }
    }
}

// ===== impl Counted =====

impl Counted {
    fn new(inner: Body, counter: &Arc<Counter>) -> Self {
        Self {
            inner,
            rest: Bytes::new(),
            counter: Arc::clone(counter),
            begun: false,
        }
    }
}

impl Stream for Counted {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if !std::mem::replace(&mut self.begun, true) {
            self.counter.begin();
        }
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(chunk)) => self.rest = chunk,
                end => return Poll::Ready(end),
            }
        }
        let end = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(end);
        self.counter.add(piece.len() as u64);
        Poll::Ready(Some(Ok(piece)))
    }
}
