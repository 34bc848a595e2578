//! Bodies that are recorded as they are read.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::tape::Tape;
use crate::{Body, Error};

/// A body whose bytes are kept as they pass.
pub(super) struct Passing {
    body: Body,
    tape: Tape,
    entry: usize,
    side: Side,
}

/// Whose body it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

// ===== impl Passing =====

impl Passing {
    /// A body to be read in the place of one that is not in memory.
    pub(super) fn record(body: Body, tape: &Tape, entry: usize, side: Side) -> Body {
        if body.as_bytes().is_some() {
            return body;
        }
        Body::new(Self {
            body,
            tape: tape.clone(),
            entry,
            side,
        })
    }
}

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let over = frame.is_none() || matches!(frame, Some(Ok(_))) && self.body.is_end_stream();
        let data = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref());
        self.tape.passed(self.entry, self.side, data, over);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
