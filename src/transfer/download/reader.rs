//! [`ObjectReader`]: an object that is read here and there.

use std::{
    fmt,
    future::Future,
    io::{self, SeekFrom},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, ReadBuf};

use super::{
    flow::Task,
    ranges::merge,
    source::{Source, beyond},
    stretch::Stretch,
};
use crate::{Error, Result, error::ErrorKind, transfer::MIB};

/// How much is fetched where a reader was just put, in bytes; it doubles with each fetch that follows on.
const LEAST: u64 = 256 * 1024;
/// And the most.
pub(super) const MOST: u64 = 8 * MIB;
/// An object as an [`AsyncRead`], [`AsyncBufRead`] and [`AsyncSeek`] that fetches what is read; made by
/// [`Transfer::reader`](super::Transfer::reader).
///
/// Nothing is fetched before the first read, and a seek costs nothing until the next one. Where it is read on, it fetches
/// ahead: 256 KiB first, twice as much each time, up to 8 MiB, and from the second block on one while another is read. All that it reads is of one
/// version of the object: when that changes, reading fails. Cuts are taken up as in a [`Download`](super::Download).
///
/// ```
/// # use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
/// # use tokio::io::{AsyncReadExt, AsyncSeekExt};
/// # use std::io::SeekFrom;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let client = Client::new(MemoryLakeFs::new());
/// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
/// client.upload_object("lake", "main", "a.txt").body("head, body, foot").await?;
/// let mut object = client.transfer().reader("lake", "main", "a.txt").await?;
/// let mut foot = String::new();
/// object.seek(SeekFrom::End(-4)).await?;
/// object.read_to_string(&mut foot).await?;
/// assert_eq!((foot.as_str(), object.size()), ("foot", 16));
///
/// // Several at once, as readers of column files do.
/// let parts = object.read_ranges(&[0..4, 6..10]).await?;
/// assert_eq!(parts, ["head", "body"]);
/// # Ok::<_, lakefs_sdk::BoxError>(()) }).unwrap();
/// ```
pub struct ObjectReader {
    source: Arc<Source>,
    at: u64,
    block: Block,
    /// What is on its way: the block to read, or the one after it.
    coming: Option<Coming>,
    /// How much the next fetch asks for.
    window: u64,
}

/// Bytes of the object that are here.
#[derive(Default)]
struct Block {
    start: u64,
    bytes: Bytes,
}

struct Coming {
    range: Range<u64>,
    task: Task<Result<Bytes>>,
}

// ===== impl ObjectReader =====

impl ObjectReader {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source: Arc::new(source),
            at: 0,
            block: Block::default(),
            coming: None,
            window: LEAST,
        }
    }

    /// The size of the object, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.source.size
    }

    /// The ETag of the version that is read, in quotes: that of lakeFS, whichever way the data takes.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.source.version.etag()
    }

    /// Reads several ranges, in the order in which they are given, wherever the reader stands.
    ///
    /// Ranges that overlap, or have less than 1 MiB between them, are fetched with one request, of up to 8 MiB unless a single
    /// range has more; up to [`Transfer::concurrency`](super::Transfer::concurrency) requests at once. Besides the ranges
    /// themselves, only what is under way is held in memory.
    ///
    /// # Errors
    ///
    /// - [`is_invalid_input`](Error::is_invalid_input): a range ends before it begins.
    /// - [`is_bad_request`](Error::is_bad_request): a range ends beyond the object.
    /// - As reading a [`Download`](super::Download).
    pub async fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        for range in ranges {
            if range.start > range.end {
                return Err(Error::invalid_input(format!(
                    "`ranges` has {range:?}, which ends before it begins"
                )));
            }
            if range.end > self.size() {
                return Err(beyond(range.end - 1, self.size()));
            }
        }
        let fetches = merge(ranges).into_iter().map(|block| async move {
            let bytes = fetch(&self.source, block.bytes.clone()).await?;
            Ok::<_, Error>(block.cut(&bytes, ranges))
        });
        let concurrency = self.source.transfer().concurrency.get();
        let mut parts = vec![Bytes::new(); ranges.len()];
        let mut blocks = stream::iter(fetches).buffer_unordered(concurrency);
        while let Some(cut) = blocks.try_next().await? {
            for (at, part) in cut {
                parts[at] = part;
            }
        }
        Ok(parts)
    }

    /// What of the block is to be read next; empty where there is nothing.
    pub(crate) fn here(&self) -> &[u8] {
        let Some(skip) = self.at.checked_sub(self.block.start) else {
            return &[];
        };
        self.block.bytes.get(index(skip)..).unwrap_or_default()
    }

    /// Moves, as files do: also beyond the end, where there is nothing to read.
    pub(crate) fn move_to(&mut self, position: SeekFrom) -> io::Result<()> {
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        let at = at.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the place is before the object's first byte",
            )
        })?;
        self.at = at;
        let coming = self.coming.as_ref().map(|coming| &coming.range);
        if self.here().is_empty() && !coming.is_some_and(|range| range.contains(&at)) {
            self.coming = None;
            self.window = LEAST;
        }
        Ok(())
    }

    /// Leaves out some of what is here.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at += count.min(self.here().len()) as u64;
    }

    /// Where it stands, in bytes from the object's first one.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Waits until there is something to read, or the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while self.at < self.size() && self.here().is_empty() {
            let at = self.at;
            match &mut self.coming {
                Some(coming) if coming.range.contains(&at) => {
                    let bytes = ready!(Pin::new(&mut coming.task).poll(cx));
                    let start = coming.range.start;
                    self.coming = None;
                    let bytes = bytes.and_then(|bytes| bytes)?;
                    let follows = !self.block.bytes.is_empty() && self.block.end() == start;
                    self.block = Block { start, bytes };
                    // Who reads on from one block to the next will want the one after it too.
                    if follows {
                        let end = self.block.end();
                        self.fetch_from(end);
                    }
                }
                _ => self.fetch_from(at),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Begins to fetch from `start` on.
    fn fetch_from(&mut self, start: u64) {
        let most = MOST.min(self.source.transfer().part_size);
        let window = self.window.min(most);
        let range = start..self.size().min(start.saturating_add(window));
        if range.is_empty() {
            return;
        }
        self.window = window.saturating_mul(2);
        let source = Arc::clone(&self.source);
        let wanted = range.clone();
        let task = Task::spawn(
            &self.source.runtime,
            async move { fetch(&source, wanted).await },
        );
        self.coming = Some(Coming { range, task });
    }
}

// ===== impl Block =====

impl Block {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

async fn fetch(source: &Arc<Source>, range: Range<u64>) -> Result<Bytes> {
    let size = index(range.end - range.start);
    let chunks = Stretch::new(Arc::clone(source), range, None)
        .collect()
        .await?;
    Ok(match <[Bytes; 1]>::try_from(chunks) {
        Ok([one]) => one,
        Err(chunks) => {
            let mut all = Vec::with_capacity(size);
            for chunk in chunks {
                all.extend_from_slice(&chunk);
            }
            all.into()
        }
    })
}

pub(super) fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl AsyncRead for ObjectReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0 {
            ready!(self.poll_fill(cx)).map_err(io_error)?;
            let here = self.here();
            let count = here.len().min(buffer.remaining());
            buffer.put_slice(&here[..count]);
            self.skip(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for ObjectReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_fill(cx)).map_err(io_error)?;
        Poll::Ready(Ok(this.here()))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.skip(count);
    }
}

impl AsyncSeek for ObjectReader {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.move_to(position)
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("size", &self.size())
            .field("etag", &self.etag())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Never [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), which a parser may take for the end.
pub(crate) fn io_error(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::Timeout => io::ErrorKind::TimedOut,
        ErrorKind::NotFound => io::ErrorKind::NotFound,
        ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
        ErrorKind::Body | ErrorKind::Transport => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
