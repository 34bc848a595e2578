//! Bodies of requests that know what was sent of them.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use md5::{Digest as _, Md5};

use super::checksum::Sent;
use crate::{Body, Result, transfer::checksum::Sum};

/// How much is hashed at once: other tasks must have their turn.
const PIECE: usize = 256 * 1024;

type BoxStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A stream whose MD5 is taken on the way.
struct Hashed {
    inner: BoxStream,
    rest: Bytes,
    /// `None` when it is over.
    md5: Option<Md5>,
    read: u64,
    size: Option<u64>,
    sent: Sent,
}

// ===== impl Hashed =====

impl Hashed {
    fn settle(&mut self) {
        if let Some(md5) = self.md5.take() {
            self.sent.set(Sum::finish(md5), self.read);
        }
    }
}

impl Stream for Hashed {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        while self.rest.is_empty() {
            match ready!(self.inner.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.settle();
                    return Poll::Ready(None);
                }
            }
        }
        let end = self.rest.len().min(PIECE);
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
pub(super) fn replayable<F, S>(size: u64, sent: Option<&Sent>, make: F) -> Body
where
    F: Fn() -> S + Send + Sync + 'static,
    S: Stream<Item = Result<Bytes>> + Send + 'static,
{
    let sent = sent.cloned();
    Body::replayable(move || once(Some(size), sent.as_ref(), make()))
}

/// A body that is sent once.
pub(super) fn once<S>(size: Option<u64>, sent: Option<&Sent>, stream: S) -> Body
where
    S: Stream<Item = Result<Bytes>> + Send + 'static,
{
    let stream: BoxStream = Box::pin(stream);
    let stream: BoxStream = match sent {
        Some(sent) => {
            let mut hashed = Hashed {
                inner: stream,
                rest: Bytes::new(),
                md5: Some(Md5::new()),
                read: 0,
                size,
                sent: sent.clone(),
            };
            if size == Some(0) {
                hashed.settle();
            }
            Box::pin(hashed)
        }
        None => stream,
    };
    match size {
        Some(size) => Body::from_sized_stream(size, stream),
        None => Body::from_stream(stream),
    }
}
