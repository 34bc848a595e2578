use std::{
    fmt,
    io::{self, BufRead, Read},
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_util::stream;
use tokio::runtime::Handle;

use crate::{
    Body, BoxError, Error, Result, blocking::runtime, error::ErrorKind, models::ObjectContent,
};

/// The most that is read ahead of a reader that is uploaded, in bytes.
const CHUNK: usize = 128 * 1024;

/// A [`Body`] as a [`Read`] and a [`BufRead`] that wait for what arrives. See [`Body::into_reader`].
///
/// Nothing is read ahead: a reader that pauses lets the sender wait.
pub struct Reader {
    state: State,
    /// What arrived and was not read yet.
    chunk: Bytes,
}

enum State {
    Open(Body),
    Ended,
    Failed,
}

// ===== downloads =====

impl Body {
    /// The bytes as a [`Read`] and a [`BufRead`], without async. See [`blocking`](crate::blocking).
    ///
    /// # Errors
    ///
    /// Reading it fails with an [`io::Error`] that holds an [`Error`] of this crate
    /// ([`get_ref`](io::Error::get_ref)): [`is_body`](Error::is_body) when the body is cut,
    /// [`is_timeout`](Error::is_timeout) when it stalls. It never ends as if it were complete: the kind is not
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), which a parser may take for the end, and reading on fails again.
    #[must_use]
    pub fn into_reader(self) -> Reader {
        Reader {
            state: State::Open(self),
            chunk: Bytes::new(),
        }
    }
}

impl ObjectContent {
    /// The contents as a [`Read`] and a [`BufRead`], without async: see [`Body::into_reader`].
    ///
    /// ```
    /// # use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
    /// # fn main() -> Result<(), lakefs_sdk::BoxError> {
    /// # let client = Client::new(MemoryLakeFs::new());
    /// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).send_blocking()?;
    /// client.upload_object("lake", "main", "a.txt").body("0123456789").send_blocking()?;
    /// let mut object = client.get_object("lake", "main", "a.txt").send_blocking()?.into_reader()?;
    /// let mut copy = Vec::new();
    /// std::io::copy(&mut object, &mut copy)?;
    /// assert_eq!(copy, b"0123456789");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`into_body`](Self::into_body).
    pub fn into_reader(self) -> Result<Reader> {
        self.into_body().map(Body::into_reader)
    }
}

impl Reader {
    /// The next chunk that is not empty, or `None` at the end.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut body = match std::mem::replace(&mut self.state, State::Failed) {
            State::Open(body) => body,
            State::Ended => {
                self.state = State::Ended;
                return Ok(None);
            }
            State::Failed => return Err(io::Error::other("the body failed before")),
        };
        if let Some(bytes) = body.as_bytes().cloned() {
            self.state = State::Ended;
            return Ok((!bytes.is_empty()).then_some(bytes));
        }
        let waited = runtime::wait(async move {
            loop {
                match body.chunk().await {
                    Ok(Some(chunk)) if chunk.is_empty() => {}
                    chunk => return (body, chunk),
                }
            }
        });
        let (body, chunk) = waited.map_err(io_error)?;
        let chunk = chunk.map_err(io_error)?;
        self.state = match &chunk {
            Some(_) => State::Open(body),
            None => State::Ended,
        };
        Ok(chunk)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.is_empty() {
            self.chunk = self.next()?.unwrap_or_default();
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, count: usize) {
        self.chunk.advance(count.min(self.chunk.len()));
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl fmt::Debug for Reader {
    /// Never the bytes, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

fn io_error(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::Timeout => io::ErrorKind::TimedOut,
        ErrorKind::Body | ErrorKind::Transport => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

// ===== uploads =====

impl Body {
    /// What a [`Read`] yields, such as a file, a pipe, or a decoder; its length is unknown, so it is sent chunked.
    ///
    /// It is read on a thread for blocking work, at most 128 KiB ahead of what was sent, and only once: a request is sent
    /// again only if its first attempt failed before anything was read. It may be sent with async too, on any tokio
    /// runtime, which waits at its end for a read that is under way.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Self {
        Self::from_stream(chunks(reader))
    }

    /// Like [`from_reader`](Self::from_reader) for exactly `size` bytes, sent with a `Content-Length`.
    ///
    /// ```
    /// # use lakefs_sdk::{Body, Client, models::RepositoryCreation, testing::MemoryLakeFs};
    /// # fn main() -> Result<(), lakefs_sdk::BoxError> {
    /// # let client = Client::new(MemoryLakeFs::new());
    /// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).send_blocking()?;
    /// let file = std::fs::File::open("Cargo.toml")?;
    /// let body = Body::from_sized_reader(file.metadata()?.len(), file);
    /// let stats = client.upload_object("lake", "main", "Cargo.toml").body(body).send_blocking()?;
    /// assert_eq!(stats.size_bytes, Some(std::fs::metadata("Cargo.toml")?.len() as i64));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Reading it fails when the reader yields more or fewer bytes.
    pub fn from_sized_reader(size: u64, reader: impl Read + Send + 'static) -> Self {
        Self::from_sized_stream(size, chunks(reader))
    }
}

fn chunks<R: Read + Send + 'static>(
    reader: R,
) -> impl Stream<Item = std::result::Result<Bytes, BoxError>> {
    stream::try_unfold(reader, |mut reader| async {
        let runtime = Handle::try_current().map_err(|_| {
            "a reader is read on a thread of tokio's: make the call inside of a runtime, or with `send_blocking`"
        })?;
        let read = runtime.spawn_blocking(move || {
            let chunk = read_chunk(&mut reader)?;
            Ok::<_, io::Error>(chunk.map(|chunk| (chunk, reader)))
        });
        let read = read.await.map_err(|_| "the reader panicked")?;
        Ok(read?)
    })
}

/// What one read gives, or `None` at the end.
fn read_chunk(reader: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                buffer.truncate(count);
                buffer.shrink_to_fit(); // a reader of small pieces must not fill the memory with large buffers
                return Ok(Some(buffer.into()));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
