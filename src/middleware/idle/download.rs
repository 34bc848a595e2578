use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::meter::Meter;
use crate::{Body, Error, Result, error::ErrorKind};

/// The body of an answer, which must not stall.
pub(super) struct Download {
    body: Body,
    meter: Meter,
}

// ===== impl Download =====

impl Download {
    pub(super) fn new(body: Body, meter: Meter) -> Self {
        Self { body, meter }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        // The data first: what has arrived is not late.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let data = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            self.meter.moved(data as u64);
            return Poll::Ready(frame);
        }
        self.meter.wait();
        let limit = ready!(self.meter.poll(cx));
        let total = self.meter.total();
        Poll::Ready(Some(Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "the download stalled: the server sent too little for {limit:?}, after {total} bytes"
            ),
        ))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
