//! Where the data of an upload comes from.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use md5::Digest as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{SMALL, body, checksum::Sent, file::File};
use crate::{Body, Result};

/// How much is read at once of a reader, and of a file that is sent whole.
pub(super) const READ: usize = 256 * 1024;
/// Smaller chunks of a stream are copied together: each would cost more than its bytes.
const SMALL_CHUNK: usize = 16 * 1024;

/// The data of an upload.
pub(super) enum Source {
    Memory(Chunks),
    File(File),
    Stream(Stream),
}

/// Data in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Bytes>,
    /// Small chunks that came last, together.
    tail: BytesMut,
    size: u64,
}

/// What can be read once.
pub(super) struct Stream {
    /// What was read already, and comes first.
    read: Chunks,
    rest: Body,
}

// ===== impl Source =====

impl Source {
    pub(super) fn from_body(body: Body) -> Self {
        match body.as_bytes() {
            Some(bytes) => Self::Memory(Chunks::from(bytes.clone())),
            None => Self::Stream(Stream {
                read: Chunks::default(),
                rest: body,
            }),
        }
    }

    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Memory(chunks) => Some(chunks.size),
            Self::File(file) => Some(file.size()),
            Self::Stream(stream) => stream.size(),
        }
    }

    /// Whether [`body`](Self::body), which was had, can be had once more: of a stream, as long as nobody has read any of it.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Memory(_) | Self::File(_) => true,
            Self::Stream(stream) => stream.rest.spare().body().is_some(),
        }
    }

    /// The body of a request.
    pub(super) fn body(&mut self, sent: &Sent) -> Body {
        match self {
            Self::Memory(chunks) => chunks.clone().body(sent),
            Self::File(file) => file.body(0..file.size(), sent),
            Self::Stream(stream) => {
                let (size, whole) = (stream.size(), stream.share());
                match (size, whole.try_clone()) {
                    (Some(size), Some(whole)) => body::replayable(size, sent, body::again(whole)),
                    _ => body::once(size, sent, whole),
                }
            }
        }
    }
}

// ===== impl Chunks =====

impl Chunks {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        self.size += chunk.len() as u64;
        if chunk.len() < SMALL_CHUNK {
            self.tail.extend_from_slice(&chunk);
            if self.tail.len() >= READ {
                self.flush();
            }
        } else {
            self.flush();
            self.chunks.push(chunk);
        }
    }

    fn flush(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(self.tail.split().freeze());
        }
    }

    /// Adds the same chunks, which are not copied.
    pub(super) fn append(&mut self, other: &Self) {
        self.flush();
        self.size += other.size;
        self.chunks.extend(other.chunks.iter().cloned());
        self.tail.extend_from_slice(&other.tail);
    }

    /// The bytes from `start` on, at most `size`.
    pub(super) fn slice(&self, start: u64, size: u64) -> Self {
        let mut rest = self.clone();
        rest.split(start);
        rest.split(size)
    }

    /// All but what is behind the first `size` bytes; that stays here.
    pub(super) fn split(&mut self, size: u64) -> Self {
        self.flush();
        let mut first = Self::default();
        let mut chunks = std::mem::take(&mut self.chunks).into_iter();
        while let Some(mut chunk) = chunks.as_slice().first().cloned() {
            let left = size - first.size;
            if left == 0 {
                break;
            }
            chunks.next();
            if chunk.len() as u64 > left {
                // Less than a chunk, so it fits.
                let head = chunk.split_to(usize::try_from(left).unwrap_or(usize::MAX));
                first.size += head.len() as u64;
                first.chunks.push(head);
                self.chunks.push(chunk);
                break;
            }
            first.size += chunk.len() as u64;
            first.chunks.push(chunk);
        }
        self.chunks.extend(chunks);
        self.size -= first.size;
        first
    }

    pub(super) fn into_vec(mut self) -> Vec<Bytes> {
        self.flush();
        self.chunks
    }

    /// The body of a request.
    pub(super) fn body(self, sent: &Sent) -> Body {
        let size = self.size;
        let mut chunks = self.into_vec();
        if size <= SMALL && chunks.len() <= 1 {
            let all = chunks.pop().unwrap_or_default();
            let md5 = sent.begin().map(|md5| md5.chain_update(&all));
            sent.end(size, md5);
            return Body::from(all);
        }
        let chunks: Arc<[Bytes]> = chunks.into();
        body::replayable(size, sent, move || in_memory(Arc::clone(&chunks)))
    }
}

impl From<Bytes> for Chunks {
    fn from(bytes: Bytes) -> Self {
        Self {
            size: bytes.len() as u64,
            chunks: if bytes.is_empty() {
                vec![]
            } else {
                vec![bytes]
            },
            tail: BytesMut::new(),
        }
    }
}

/// The chunks, one after the other.
fn in_memory(
    chunks: Arc<[Bytes]>,
) -> impl futures_core::Stream<Item = Result<Bytes>> + Send + Unpin + 'static {
    stream::iter((0..chunks.len()).map(move |index| Ok(chunks[index].clone())))
}

// ===== impl Stream =====

impl From<Stream> for Source {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}

impl Stream {
    pub(super) fn new(read: Chunks, rest: Body) -> Self {
        Self { read, rest }
    }

    /// All of it as one body, of which this keeps a hold: until somebody reads it, and for good where it can be made anew.
    fn share(&mut self) -> Body {
        let size = self.size();
        let read = std::mem::take(&mut self.read).into_vec();
        let mut whole = std::mem::take(&mut self.rest);
        if !read.is_empty() || whole.spare().body().is_none() {
            let chunks = stream::iter(read.into_iter().map(Ok)).chain(whole);
            whole = match size {
                Some(size) => Body::from_sized_stream(size, chunks),
                None => Body::from_stream(chunks),
            };
        }
        self.rest = whole.spare().body().unwrap_or_default();
        whole
    }

    /// The bytes still to come, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        Some(self.read.size + self.rest.size()?)
    }

    /// Reads up to `size` bytes: where that is all, the source is in memory.
    pub(super) async fn settle(mut self, size: u64) -> Result<Source> {
        loop {
            if self.read.size > size {
                return Ok(self.into());
            }
            match self.rest.chunk().await? {
                Some(chunk) => self.read.push(chunk),
                None => return Ok(Source::Memory(self.read)),
            }
        }
    }

    /// Reads until `size` bytes are there, or the end. They stay here until they are [taken](Self::take), so that nothing is
    /// lost when this is dropped.
    pub(super) async fn fill(&mut self, size: u64) -> Result<()> {
        while self.read.size < size {
            match self.rest.chunk().await? {
                Some(chunk) => self.read.push(chunk),
                None => {
                    self.rest = Body::empty();
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) fn take(&mut self, size: u64) -> Chunks {
        self.read.split(size)
    }

    pub(super) fn into_parts(self) -> (Chunks, Body) {
        (self.read, self.rest)
    }
}

/// What a reader gives, as a body.
pub(super) fn read(reader: impl AsyncRead + Send + 'static) -> Body {
    let state = (Box::pin(reader), BytesMut::new());
    Body::from_stream(stream::try_unfold(
        state,
        |(mut reader, mut buffer)| async {
            buffer.reserve(READ);
            let read = reader.read_buf(&mut buffer).await?;
            let chunk = buffer.split().freeze();
            Ok::<_, io::Error>((read > 0).then_some((chunk, (reader, buffer))))
        },
    ))
}
