//! Counts the bytes of a body as they pass.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use metrics::Histogram;
use pin_project_lite::pin_project;

use super::Active;

pin_project! {
    /// A body whose bytes are counted as they pass: the one of the answer of [`Metrics`](super::Metrics).
    pub struct CountedBody<B> {
        #[pin]
        body: B,
        count: Count,
    }
}

/// The bytes of a body, so far.
pub(super) struct Count {
    bytes: u64,
    /// Until the body is over.
    open: Option<Open>,
}

struct Open {
    sizes: Histogram,
    /// The request that is under way as long as the body of its answer is.
    _active: Option<Active>,
}

// ===== impl CountedBody =====

impl<B: Body> CountedBody<B> {
    pub(super) fn new(body: B, mut count: Count) -> Self {
        if body.is_end_stream() {
            count.end();
        }
        Self { body, count }
    }
}

impl<B: Body<Data = Bytes>> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                this.count.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.count.end();
                }
            }
            Some(Err(_)) | None => this.count.end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for CountedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedBody")
            .field("body", &self.body)
            .field("bytes", &self.count.bytes)
            .finish()
    }
}

// ===== impl Count =====

impl Count {
    pub(super) fn new(sizes: Histogram, active: Option<Active>) -> Self {
        Self {
            bytes: 0,
            open: Some(Open {
                sizes,
                _active: active,
            }),
        }
    }

    fn end(&mut self) {
        if let Some(open) = self.open.take() {
            // Exact up to 2^53 bytes, 8 PiB.
            open.sizes.record(self.bytes as f64);
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.end();
    }
}
