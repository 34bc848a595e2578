//! [`Watch`]: how much of an upload went out, told to whoever listens.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;

use crate::{
    Body, Result,
    transfer::progress::{Event, Progress},
};

/// Counts what is sent of one object. Where nobody listens, it is nothing.
#[derive(Clone)]
pub(super) struct Watch {
    counter: Option<Arc<Counter>>,
}

struct Counter {
    progress: Progress,
    path: String,
    sent: AtomicU64,
}

/// A body that is counted as it is read.
struct Counted {
    inner: Body,
    counter: Arc<Counter>,
    begun: bool,
}

// ===== impl Watch =====

impl Watch {
    pub(super) fn new(progress: &Progress, path: &str) -> Self {
        let counter = progress.is_heard().then(|| Counter {
            progress: progress.clone(),
            path: path.to_owned(),
            sent: AtomicU64::new(0),
        });
        Self {
            counter: counter.map(Arc::new),
        }
    }

    /// The body of a request for the whole object. When it is read anew, so are the counted bytes.
    pub(super) fn body(&self, body: Body) -> Body {
        let Some(counter) = &self.counter else {
            return body;
        };
        // What is in memory is counted when it has arrived.
        if body.as_bytes().is_some() {
            return body;
        }
        let counter = Arc::clone(counter);
        match (body.size(), body.try_clone()) {
            (Some(size), Some(again)) => {
                let again = Mutex::new(again);
                Body::replayable(move || {
                    let body = again
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .try_clone();
                    let body = body.unwrap_or_default();
                    Body::from_sized_stream(size, Counted::new(body, &counter))
                })
            }
            (Some(size), None) => Body::from_sized_stream(size, Counted::new(body, &counter)),
            (None, _) => Body::from_stream(Counted::new(body, &counter)),
        }
    }

    /// Counts a part that has arrived.
    pub(super) fn arrived(&self, bytes: u64) {
        if let Some(counter) = &self.counter {
            counter.add(bytes);
        }
    }

    /// Counts what is missing of an object that is stored, such as what another attempt had sent.
    pub(super) fn complete(&self, size: Option<i64>) {
        if let Some(counter) = &self.counter {
            let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
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
        let path = &self.path;
        self.progress.tell(|| Event::Bytes { path, bytes });
    }

    fn begin_anew(&self) {
        let bytes = self.sent.swap(0, Relaxed);
        if bytes > 0 {
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
            counter: Arc::clone(counter),
            begun: false,
        }
    }
}

impl Stream for Counted {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let chunk = ready!(Pin::new(&mut self.inner).poll_next(cx));
        if !std::mem::replace(&mut self.begun, true) {
            self.counter.begin_anew();
        }
        if let Some(Ok(chunk)) = &chunk {
            self.counter.add(chunk.len() as u64);
        }
        Poll::Ready(chunk)
    }
}
