//! [`Flow`]: the bytes of an object in order, several parts of it under way.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::{
    runtime::Handle,
    task::{JoinHandle, yield_now},
};

use super::{parts::Parts, source::Source, stretch::Stretch, verify::Check, wanted::Wanted};
use crate::{Error, Result, error::ErrorKind, transfer::MIB};

/// How many bytes are hashed before other tasks have their turn.
const BURST: usize = MIB as usize;

/// The bytes that are wanted, in order.
///
/// The first answer is passed on as it arrives; meanwhile, and after it, the parts behind it are fetched by tasks of their
/// own, at most so many at once, each of them held in memory until its turn.
pub(super) struct Flow {
    source: Arc<Source>,
    head: Option<Stretch>,
    parts: Parts,
    concurrency: usize,
    window: VecDeque<Task<Result<Vec<Bytes>>>>,
    ready: VecDeque<Bytes>,
    /// How many bytes are not handed out yet.
    left: u64,
    /// How many were handed out since other tasks had their turn.
    burst: usize,
    check: Option<Check>,
}

/// A task that ends with its owner.
pub(super) struct Task<T>(JoinHandle<T>);

// ===== impl Flow =====

impl Flow {
    pub(super) fn new(wanted: Wanted) -> Self {
        let Wanted {
            source,
            mut parts,
            size,
            concurrency,
            check,
        } = wanted;
        Self {
            source,
            head: parts.next(),
            parts,
            concurrency,
            window: VecDeque::new(),
            ready: VecDeque::new(),
            left: size,
            burst: 0,
            check,
        }
    }

    /// The next chunk; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.unchecked().await?;
        for piece in chunk.iter().flat_map(|chunk| chunk.chunks(BURST)) {
            if let Some(check) = &mut self.check {
                check.update(piece);
            }
            self.left = self.left.saturating_sub(piece.len() as u64);
            self.burst += piece.len();
            // Of a part that is here already, nothing else is waited for.
            if self.burst >= BURST {
                self.burst = 0;
                yield_now().await;
            }
        }
        // Before the last bytes are given away: who knows how many there are does not ask for more.
        if self.is_at_end() {
            if let Some(check) = self.check.take() {
                check.finish().await?;
            }
        }
        Ok(chunk)
    }

    /// Whether all of it was handed out.
    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// All of it, which is so many bytes, in one piece.
    pub(super) async fn collect(mut self, size: u64) -> Result<Bytes> {
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        if first.len() as u64 == size {
            self.next().await?;
            return Ok(first);
        }
        let mut all = Vec::new();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        all.try_reserve_exact(size).map_err(|error| {
            let message = format!("{size} bytes do not fit into memory");
            Error::new(ErrorKind::Io, message).with_source(error)
        })?;
        all.extend_from_slice(&first);
        drop(first);
        while let Some(chunk) = self.next().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    async fn unchecked(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            self.refill();
            if let Some(head) = &mut self.head {
                if let Some(chunk) = head.next().await? {
                    return Ok(Some(chunk));
                }
                self.head = None;
                continue;
            }
            let Some(part) = self.window.front_mut() else {
                return Ok(None);
            };
            self.ready = part.await??.into();
            self.window.pop_front();
        }
    }

    fn refill(&mut self) {
        let most = self.concurrency - usize::from(self.head.is_some() && self.concurrency > 1);
        while self.window.len() < most {
            let Some(part) = self.parts.next() else {
                return;
            };
            let task = Task::spawn(&self.source.runtime, part.collect());
            self.window.push_back(task);
        }
    }
}

// ===== impl Task =====

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(runtime: &Handle, work: impl Future<Output = T> + Send + 'static) -> Self {
        #[cfg(feature = "tracing")]
        let work = tracing::Instrument::in_current_span(work);
        Self(runtime.spawn(work))
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "the task of a part was stopped").with_source(error)
        }))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
