//! [`Stretch`]: a run of an object's bytes that goes on where it was cut.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body::Body as _;
use tokio::runtime::Handle;

use super::source::Source;
use crate::{Body, Error, Result};

/// How often it is tried to go on without a byte in between.
const ATTEMPTS: u32 = 5;
/// The longest wait before the first of them; it doubles with each.
const WAIT: Duration = Duration::from_millis(100);

/// The bytes of a range, chunk by chunk.
///
/// A body that is cut, or stalls, is taken up at the next byte with a call of its own, which has time limits and retries of
/// its own. Every byte that arrives renews the allowance: a long download over a bad line comes to its end.
pub(super) struct Stretch {
    source: Arc<Source>,
    left: Range<u64>,
    body: Option<Body>,
    /// Attempts since the last byte.
    attempts: u32,
}

// ===== impl Stretch =====

impl Stretch {
    pub(super) fn new(source: Arc<Source>, range: Range<u64>, body: Option<Body>) -> Self {
        Self {
            source,
            left: range,
            body,
            attempts: 0,
        }
    }

    /// Where in the object the next chunk is from.
    pub(super) fn at(&self) -> u64 {
        self.left.start
    }

    /// The next chunk, which is not empty; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.left.is_empty() {
                self.finish();
                return Ok(None);
            }
            let body = match &mut self.body {
                Some(body) => body,
                None => {
                    let body = self.source.fetch(&self.left).await;
                    self.body.insert(body.map_err(|error| self.explain(error))?)
                }
            };
            let cut = match body.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => continue,
                Ok(Some(chunk)) => return self.arrived(chunk).map(Some),
                Ok(None) => Error::cut("the body ended too early"),
                Err(error) => error,
            };
            self.body = None;
            self.attempts += 1;
            if self.attempts >= ATTEMPTS || !cut.retryable() {
                return Err(self.explain(cut));
            }
            self.source.resumed.fetch_add(1, Ordering::Relaxed);
            self.source.tell_retry();
            let most = WAIT.saturating_mul(1 << (self.attempts - 1));
            if Handle::try_current().is_ok() {
                tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
            }
        }
    }

    /// Chunks of that many bytes, or some more; fewer only where it ends, and none after that.
    pub(super) async fn batch(&mut self, bytes: u64) -> Result<Vec<Bytes>> {
        let (mut batch, mut size) = (Vec::new(), 0);
        while size < bytes {
            let Some(chunk) = self.next().await? else {
                break;
            };
            size += chunk.len() as u64;
            batch.push(chunk);
        }
        Ok(batch)
    }

    /// All of it.
    pub(super) async fn collect(mut self) -> Result<Vec<Bytes>> {
        self.batch(u64::MAX).await
    }

    fn arrived(&mut self, mut chunk: Bytes) -> Result<Bytes> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        // A server that was asked for less may send more where the first answer was the whole object.
        if chunk.len() > left {
            chunk.truncate(left);
            self.body = None;
        }
        self.left.start += chunk.len() as u64;
        self.source.tell_bytes(chunk.len() as u64);
        self.attempts = 0;
        Ok(chunk)
    }

    /// Looks whether the body ends where it should, so that the connection can serve another request. All that was wanted
    /// is here: nothing is waited for.
    fn finish(&mut self) {
        if let Some(mut body) = self.body.take() {
            if !body.is_end_stream() {
                let _ = body.chunk().now_or_never();
            }
        }
    }

    fn explain(&self, error: Error) -> Error {
        let Range { start, .. } = self.left;
        let size = self.source.size;
        match self.attempts {
            0 => error.in_context(format_args!("at byte {start} of {size}")),
            attempts => error.in_context(format_args!(
                "cut at byte {start} of {size}, attempts since the last byte: {attempts}"
            )),
        }
    }
}
