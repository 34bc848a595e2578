//! [`ObjectWriter`]: an object that is written bit by bit.

use std::{
    fmt,
    future::IntoFuture as _,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf},
    task::JoinHandle,
};

use super::Upload;
use crate::{Error, Result, error::ErrorKind, models::ObjectStats, transfer::runtime};

/// How much may be written before the upload takes it up.
const AHEAD: usize = 256 * 1024;

/// Writes an object bit by bit: small ones in one request, larger ones in parts as they fill up.
///
/// The object appears with [`finish`](Self::finish), and not before. Dropping a writer without it gives the upload up, as does
/// [`abort`](Self::abort); `shutdown` alone does not finish, as code that only copies calls it on errors too.
///
/// ```
/// # use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
/// use tokio::io::AsyncWriteExt;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let client = Client::new(MemoryLakeFs::new());
/// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
/// let mut writer = client.transfer().writer("lake", "main", "log.txt");
/// writer.write_all(b"one\n").await?;
/// writer.write_all(b"two\n").await?;
/// assert_eq!(writer.finish().await?.size_bytes, Some(8));
/// # Ok::<_, lakefs_sdk::BoxError>(()) }).unwrap();
/// ```
#[must_use = "an object appears only when its writer is finished"]
pub struct ObjectWriter {
    state: State,
}

enum State {
    /// Nothing was written yet.
    Idle(Box<Upload>),
    Running {
        pipe: DuplexStream,
        finished: Arc<AtomicBool>,
        upload: Task,
    },
    Over,
}

/// An upload in a task of its own, which is dropped with this.
struct Task(JoinHandle<Result<ObjectStats>>);

/// The end of the pipe that the upload reads. Its end is that of the object only where the writer said so.
struct Written {
    pipe: DuplexStream,
    finished: Arc<AtomicBool>,
}

// ===== impl ObjectWriter =====

impl ObjectWriter {
    pub(super) fn new(upload: Upload) -> Self {
        Self {
            state: State::Idle(Box::new(upload)),
        }
    }

    /// Sends the rest, and makes the object appear.
    ///
    /// # Errors
    ///
    /// As of an [`Upload`]; [`is_invalid_input`](Error::is_invalid_input) when it failed before.
    pub async fn finish(mut self) -> Result<ObjectStats> {
        self.start()?;
        let State::Running {
            mut pipe,
            finished,
            mut upload,
        } = std::mem::replace(&mut self.state, State::Over)
        else {
            return Err(Error::invalid_input(
                "the writer failed before; make another one",
            ));
        };
        finished.store(true, Ordering::Release);
        // When the other end is gone, the upload knows better why.
        let _ = pipe.shutdown().await;
        drop(pipe);
        upload.outcome().await
    }

    /// Gives the upload up: nothing appears. The same as dropping it.
    pub fn abort(self) {}

    /// Begins the upload, in a task of its own.
    fn start(&mut self) -> Result<()> {
        let runtime = runtime("an upload")?;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Idle(upload) => {
                let (pipe, read) = tokio::io::duplex(AHEAD);
                let finished = Arc::new(AtomicBool::new(false));
                let written = Written {
                    pipe: read,
                    finished: Arc::clone(&finished),
                };
                let upload = upload.reader(written).into_future();
                self.state = State::Running {
                    pipe,
                    finished,
                    upload: Task(runtime.spawn(upload)),
                };
            }
            state => self.state = state,
        }
        Ok(())
    }

    /// Does something with the pipe. When its other end is gone, the error is the upload's.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut part: impl FnMut(Pin<&mut DuplexStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.start().map_err(io::Error::other)?;
        let State::Running { pipe, upload, .. } = &mut self.state else {
            let error = "the upload is over";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, error)));
        };
        match part(Pin::new(pipe), cx) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                let outcome = std::task::ready!(Pin::new(&mut upload.0).poll(cx));
                self.state = State::Over;
                Poll::Ready(Err(match outcome {
                    Ok(Err(error)) => io::Error::other(error),
                    _ => error,
                }))
            }
            answer => answer,
        }
    }
}

impl AsyncWrite for ObjectWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, |pipe, cx| pipe.poll_write(cx, bytes))
    }

    /// What was written is on its way; only [`finish`](Self::finish) says that it arrived.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |pipe, cx| pipe.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Idle(upload) => return f.debug_tuple("ObjectWriter").field(upload).finish(),
            State::Running { .. } => "running",
            State::Over => "over",
        };
        f.debug_tuple("ObjectWriter").field(&state).finish()
    }
}

// ===== impl Task =====

impl Task {
    async fn outcome(&mut self) -> Result<ObjectStats> {
        (&mut self.0).await.unwrap_or_else(|error| {
            let message = "the upload ended with the runtime that it ran on";
            Err(Error::new(ErrorKind::Transport, message).with_source(error))
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

// ===== impl Written =====

impl AsyncRead for Written {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.pipe).poll_read(cx, buffer))?;
        let ended = buffer.filled().len() == before && buffer.remaining() > 0;
        if ended && !self.finished.load(Ordering::Acquire) {
            let error = "the writer was dropped before it was finished";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)));
        }
        Poll::Ready(Ok(()))
    }
}
