//! How the body of an answer arrives.

use std::{future::pending, io, time::Duration};

use bytes::Bytes;
use futures_util::stream;

use crate::{Body, BoxError};

/// How the body of an answer arrives: as it is, in chunks with pauses, or only in part.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::testing) struct Shape {
    /// After how many bytes the connection is lost.
    pub(in crate::testing) cut: Option<u64>,
    /// Whether it is not lost there, but silent.
    stalls: bool,
    /// The size of chunks, and the pause before each but the first.
    pub(in crate::testing) chunks: Option<(usize, Duration)>,
}

struct State {
    body: Body,
    shape: Shape,
    read: u64,
    /// What was received and not yet passed on.
    rest: Bytes,
    first: bool,
    over: bool,
}

// ===== impl Shape =====

impl Shape {
    pub(in crate::testing) fn cut(after: u64) -> Self {
        Self {
            cut: Some(after),
            ..Self::default()
        }
    }

    pub(in crate::testing) fn stall(after: u64) -> Self {
        Self {
            stalls: true,
            ..Self::cut(after)
        }
    }

    pub(in crate::testing) fn apply(self, body: Body) -> Body {
        if self.cut.is_none() && self.chunks.is_none() {
            return body;
        }
        let state = State {
            body,
            shape: self,
            read: 0,
            rest: Bytes::new(),
            first: true,
            over: false,
        };
        Body::from_stream(stream::unfold(state, |mut state| async {
            let chunk = state.next().await?;
            Some((chunk, state))
        }))
    }
}

// ===== impl State =====

impl State {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if self.over {
            return None;
        }
        let left = self.shape.cut.map(|cut| cut.saturating_sub(self.read));
        if left == Some(0) {
            return Some(Err(self.lost().await));
        }
        while self.rest.is_empty() {
            match self.body.chunk().await {
                Ok(Some(chunk)) => self.rest = chunk,
                // What is shorter than the cut is cut at its end.
                Ok(None) if self.shape.cut.is_some() => return Some(Err(self.lost().await)),
                Ok(None) => return None,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error.into()));
                }
            }
        }
        let mut size = self.rest.len();
        if let Some((most, pause)) = self.shape.chunks {
            if !std::mem::take(&mut self.first) {
                tokio::time::sleep(pause).await;
            }
            size = size.min(most);
        }
        if let Some(left) = left {
            size = size.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let chunk = self.rest.split_to(size);
        self.read += chunk.len() as u64;
        Some(Ok(chunk))
    }

    async fn lost(&mut self) -> BoxError {
        if self.shape.stalls {
            return pending().await;
        }
        self.over = true;
        io::Error::from(io::ErrorKind::ConnectionReset).into()
    }
}
