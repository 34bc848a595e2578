//! What streams are wrapped in.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::BoxBody;
use crate::{BoxError, Error};

/// A stream that knows how far it was read, and how far it has to go to be whole.
pub(super) struct Counted {
    body: BoxBody,
    read: u64,
    expected: Option<u64>,
}

// ===== impl Counted =====

impl Counted {
    pub(super) fn new(body: BoxBody, expected: Option<u64>) -> Self {
        Self {
            body,
            read: 0,
            expected,
        }
    }

    fn missing(&self) -> u64 {
        self.expected
            .map_or(0, |expected| expected.saturating_sub(self.read))
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        let frame = match ready!(self.body.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => {
                self.read += frame.data_ref().map_or(0, |data| data.len() as u64);
                Some(Ok(frame))
            }
            // It says itself how far it got.
            Some(Err(error)) if error.downcast_ref().is_some_and(Error::is_timeout) => {
                Some(Err(error))
            }
            Some(Err(error)) => {
                let failed = Error::cut(format!("the body failed after {} bytes", self.read));
                Some(Err(failed.with_source(error).into()))
            }
            None if self.missing() > 0 => {
                let expected = self.expected.take().unwrap_or_default(); // said once
                Some(Err(Error::cut(format!(
                    "the body was cut after {} of {expected} bytes",
                    self.read
                ))
                .into()))
            }
            None => None,
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        // Announced bytes that are missing must still be reported.
        self.body.is_end_stream() && self.missing() == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pin_project_lite::pin_project! {
    /// A stream as a body; with a `size`, held to it.
    pub(super) struct Chunks<S> {
        #[pin]
        pub(super) stream: S,
        pub(super) size: Option<u64>,
    }
}

impl<S, B, E> HttpBody for Chunks<S>
where
    S: Stream<Item = std::result::Result<B, E>>,
    B: Into<Bytes>,
    E: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let chunk = match ready!(this.stream.poll_next(cx)) {
            Some(Ok(chunk)) => chunk.into(),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => {
                let missing = this.size.take().unwrap_or(0);
                return Poll::Ready((missing > 0).then(|| {
                    Err(format!("the stream ended {missing} bytes before its declared size").into())
                }));
            }
        };
        if let Some(left) = this.size {
            match left.checked_sub(chunk.len() as u64) {
                Some(rest) => *left = rest,
                None => {
                    return Poll::Ready(Some(Err(
                        "the stream has more bytes than its declared size".into(),
                    )));
                }
            }
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        self.size
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
