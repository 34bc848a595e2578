use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::meter::Meter;
use crate::{
    Body, Error, Result,
    error::ErrorKind,
    timer::{Sleep, Timer},
};

/// The most that is handed over at once: of a larger chunk nobody would see how far it got.
const CHUNK: usize = 128 * 1024;

/// The body of a request, which tells [`Watch`] how far it was taken.
pub(super) struct Upload {
    body: Body,
    /// What is left of a large chunk.
    rest: Bytes,
    progress: Arc<Mutex<Progress>>,
    timer: Arc<dyn Timer>,
}

/// Waits for an upload to stall.
pub(super) struct Watch {
    progress: Arc<Mutex<Progress>>,
    headers: Option<Duration>,
    idle: Option<Duration>,
    timer: Arc<dyn Timer>,
    sleep: Option<Sleep>,
}

struct Progress {
    meter: Option<Meter>,
    /// The size of the chunk that the transport has.
    handed: u64,
    total: u64,
    sent: Option<Instant>,
}

// ===== impl Watch =====

impl Watch {
    pub(super) fn new(
        meter: Option<Meter>,
        headers: Option<Duration>,
        timer: Arc<dyn Timer>,
    ) -> Self {
        let idle = meter.as_ref().map(Meter::limit);
        Self {
            progress: Arc::new(Mutex::new(Progress {
                meter,
                handed: 0,
                total: 0,
                sent: None,
            })),
            headers,
            idle,
            timer,
            sleep: None,
        }
    }

    /// Ready when a limit has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
            }
            // Whatever begins after this look ends no earlier than the shorter limit from now.
            let shorter = self.idle.into_iter().chain(self.headers).min();
            let left = match self.look() {
                Ok(left) => left.or(shorter),
                Err(error) => return Poll::Ready(error),
            };
            let Some(left) = left else {
                return Poll::Pending;
            };
            self.sleep = Some(self.timer.sleep(left));
        }
    }

    /// How long to leave it alone; or the limit that has passed.
    fn look(&self) -> std::result::Result<Option<Duration>, Error> {
        let progress = lock(&self.progress);
        let total = progress.total;
        if let Some(sent) = progress.sent {
            let Some(limit) = self.headers else {
                return Ok(None);
            };
            let waited = self.timer.now().saturating_duration_since(sent);
            return match limit.saturating_sub(waited) {
                Duration::ZERO => Err(Error::new(
                    ErrorKind::Timeout,
                    format!(
                        "no answer to the upload within {limit:?} after its {total} bytes were sent"
                    ),
                )),
                left => Ok(Some(left)),
            };
        }
        let Some(meter) = &progress.meter else {
            return Ok(None);
        };
        match meter.left() {
            Some(Duration::ZERO) => Err(Error::new(
                ErrorKind::Timeout,
                format!(
                    "the upload stalled: the server took too little for {:?}, after {total} bytes",
                    meter.limit()
                ),
            )),
            left => Ok(left),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

// ===== impl Upload =====

impl Upload {
    pub(super) fn new(body: Body, watch: &Watch) -> Self {
        let upload = Self {
            body,
            rest: Bytes::new(),
            progress: Arc::clone(&watch.progress),
            timer: Arc::clone(&watch.timer),
        };
        // Nobody asks an empty body for anything.
        upload.note(0);
        upload
    }

    /// The next chunk of the stream, or of what is left of a large one.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let mut data = std::mem::take(&mut self.rest);
        if data.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => data = chunk,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        if data.len() > CHUNK {
            self.rest = data.split_off(CHUNK);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// Notes that a chunk was handed over, and whether it is the last.
    fn note(&self, handed: usize) {
        let ended = self.is_end_stream();
        let mut progress = lock(&self.progress);
        progress.handed = handed as u64;
        progress.total += handed as u64;
        if ended {
            progress.sent = Some(self.timer.now());
        } else if handed > 0 {
            if let Some(meter) = &mut progress.meter {
                meter.wait();
            }
        }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        {
            // Whoever asks for more got rid of what he had.
            let mut progress = lock(&self.progress);
            let taken = std::mem::take(&mut progress.handed);
            if let Some(meter) = &mut progress.meter {
                meter.moved(taken);
            }
        }
        let frame = ready!(self.poll_chunk(cx));
        match &frame {
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, Bytes::len);
                self.note(size);
            }
            Some(Err(_)) => {}
            None => lock(&self.progress).sent = Some(self.timer.now()),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
