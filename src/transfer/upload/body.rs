//! Bodies of requests that know what was sent of them.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use md5::{Digest as _, Md5};

use super::checksum::Sent;
use crate::{Body, Result};

/// How much is hashed at once: other tasks must have their turn.
const PIECE: usize = 256 * 1024;

/// A stream that is counted on the way, and whose MD5 is taken where that is wanted.
struct Counted<S> {
    inner: S,
    rest: Bytes,
    read: u64,
    size: Option<u64>,
    md5: Option<Md5>,
    /// `None` when it is over.
    sent: Option<Sent>,
}

// ===== impl Counted =====

impl<S> Counted<S> {
    fn new(inner: S, size: Option<u64>, sent: &Sent) -> Self {
        let mut counted = Self {
            inner,
            rest: Bytes::new(),
            read: 0,
            size,
            md5: sent.begin(),
            sent: Some(sent.clone()),
        };
        if size == Some(0) {
            counted.settle();
        }
        counted
    }

    fn settle(&mut self) {
        if let Some(sent) = self.sent.take() {
            sent.end(self.read, self.md5.take());
        }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for Counted<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.settle();
                    return Poll::Ready(None);
                }
            }
        }
        let mut end = self.rest.len();
        if self.md5.is_some() {
            end = end.min(PIECE);
        }
        let piece = self.rest.split_to(end);
        self.read += piece.len() as u64;
        if let Some(md5) = &mut self.md5 {
            md5.update(&piece);
        }
        // Whoever announced the size may not ask whether there is more.
        if self.size == Some(self.read) {
            self.settle();
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

/// A body that is sent again by making its stream anew.
pub(super) fn replayable<F, S>(size: u64, sent: &Sent, make: F) -> Body
where
    F: Fn() -> S + Send + Sync + 'static,
    S: Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
{
    let sent = sent.clone();
    Body::replayable(move || once(Some(size), &sent, make()))
}

/// Gives a body as often as it is wanted: one that can be had again.
pub(super) fn again(body: Body) -> impl Fn() -> Body + Send + Sync + 'static {
    // Bodies are not `Sync`.
    let body = Mutex::new(body);
    move || {
        let body = body.lock().unwrap_or_else(PoisonError::into_inner);
        body.try_clone().unwrap_or_default()
    }
}

/// A body that is sent once.
pub(super) fn once<S>(size: Option<u64>, sent: &Sent, stream: S) -> Body
where
    S: Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
{
    let counted = Counted::new(stream, size, sent);
    match size {
        Some(size) => Body::from_sized_stream(size, counted),
        None => Body::from_stream(counted),
    }
}
