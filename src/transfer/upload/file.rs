//! Files as the source of an upload.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use md5::{Digest as _, Md5};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    SMALL,
    checksum::Sent,
    source::{Chunks, READ, Source, read},
};
use crate::{Body, Error, Result};

/// How many chunks of a file are under way at once, about: one that is read, and those that the connection takes in.
const KEPT: usize = 4;

/// An open file, and how much of it counts.
#[derive(Clone)]
pub(super) struct File {
    file: Arc<Mutex<fs::File>>,
    path: Arc<Path>,
    size: u64,
}

/// A chunk that is read, and the MD5 up to its end.
type Coming = JoinHandle<io::Result<(Bytes, Option<Md5>)>>;

/// The chunks of a stretch of a file, one of which is read while another is sent.
struct Ahead {
    file: File,
    stretch: Range<u64>,
    at: u64,
    coming: Option<Coming>,
    /// What was given out last: its memory is used again when it is free.
    given: VecDeque<Bytes>,
    sent: Sent,
}

/// What opening a file tells.
struct Open {
    file: fs::File,
    metadata: fs::Metadata,
    /// All of it, where that is not much.
    small: Option<Bytes>,
}

/// The content of a small file that is no symbolic link; `None` of any other, and where that cannot be told.
///
/// It blocks.
pub(in crate::transfer) fn small(path: &Path) -> Option<Bytes> {
    Open::new(path, false).ok()?.small
}

// ===== impl Open =====

impl Open {
    fn new(path: &Path, links: bool) -> io::Result<Self> {
        let mut file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::other("it is a directory"));
        }
        if !links && fs::symlink_metadata(path)?.is_symlink() {
            return Err(io::Error::other("it is a symbolic link"));
        }
        let mut small = None;
        if metadata.is_file() && metadata.len() <= SMALL {
            // Whole, even where it has more by now, or claims to be empty as those of /proc do.
            let size = usize::try_from(metadata.len()).unwrap_or_default();
            let mut bytes = Vec::with_capacity(size);
            (&mut file).take(SMALL + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 <= SMALL {
                small = Some(bytes.into());
            } else {
                file.rewind()?;
            }
        }
        Ok(Self {
            file,
            metadata,
            small,
        })
    }
}

// ===== impl Source =====

impl Source {
    /// Opens a file; one that is a symbolic link only where `links` says so.
    pub(super) async fn open(path: PathBuf, links: bool) -> Result<Self> {
        let path: Arc<Path> = path.into();
        let opened = Arc::clone(&path);
        let cannot = |error: io::Error| {
            let message = format!("the file {:?} cannot be opened", &*path);
            Error::invalid_input(message).with_source(error)
        };
        let open = move || Open::new(&opened, links);
        let Open {
            file,
            metadata,
            small,
        } = run(open).await.map_err(cannot)?;
        if let Some(bytes) = small {
            return Ok(Self::Memory(Chunks::from(bytes)));
        }
        // One that claims to be empty and is not has no size to go by.
        if !metadata.is_file() || metadata.len() == 0 {
            let file = tokio::fs::File::from_std(file);
            return Ok(Self::from_body(read(file)));
        }
        Ok(Self::File(File {
            file: Arc::new(Mutex::new(file)),
            path,
            size: metadata.len(),
        }))
    }
}

// ===== impl File =====

impl File {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// A stretch as the body of a request, which is read anew for each attempt: none of it is kept.
    pub(super) fn body(&self, stretch: Range<u64>, sent: &Sent) -> Body {
        let (file, sent) = (self.clone(), sent.clone());
        let size = stretch.end - stretch.start;
        Body::replayable(move || {
            let chunks = file.clone().stream(stretch.clone(), sent.clone());
            Body::from_sized_stream(size, chunks)
        })
    }

    /// Fills a buffer.
    fn read_into(&self, mut buffer: BytesMut, start: u64) -> io::Result<Bytes> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut buffer)?;
        Ok(buffer.freeze())
    }

    /// A stretch, read one chunk ahead. Its MD5, where that is wanted, is taken where it holds nobody up.
    fn stream(
        self,
        stretch: Range<u64>,
        sent: Sent,
    ) -> impl futures_core::Stream<Item = Result<Bytes>> + Send + 'static {
        let ahead = Ahead {
            file: self,
            at: stretch.start,
            stretch,
            coming: None,
            given: VecDeque::with_capacity(KEPT),
            sent,
        };
        stream::try_unfold(ahead, |mut ahead| async move {
            let chunk = ahead.next().await?;
            Ok(chunk.map(|chunk| (chunk, ahead)))
        })
    }
}

// ===== impl Ahead =====

impl Ahead {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.at == self.stretch.end {
            return Ok(None);
        }
        let coming = match self.coming.take() {
            Some(coming) => coming,
            None => {
                let md5 = self.sent.begin();
                self.read(md5)
            }
        };
        let read = coming.await.map_err(io::Error::other).and_then(|read| read);
        let (chunk, md5) = read.map_err(|error| unreadable(&self.file.path, error))?;
        self.at += chunk.len() as u64;
        if self.at == self.stretch.end {
            let size = self.stretch.end - self.stretch.start;
            self.sent.end(size, md5);
        } else {
            self.coming = Some(self.read(md5));
        }
        self.given.push_back(chunk.clone());
        Ok(Some(chunk))
    }

    /// Begins to read the next chunk.
    fn read(&mut self, md5: Option<Md5>) -> Coming {
        let (at, left) = (self.at, self.stretch.end - self.at);
        let buffer = self.buffer(usize::try_from(left).map_or(READ, |left| left.min(READ)));
        let file = self.file.clone();
        spawn_blocking(move || {
            let chunk = file.read_into(buffer, at)?;
            let md5 = md5.map(|md5| md5.chain_update(&chunk));
            Ok((chunk, md5))
        })
    }

    /// The oldest buffer that was sent meanwhile, or a new one.
    fn buffer(&mut self, size: usize) -> BytesMut {
        let sent = match self.given.pop_front().map(Bytes::try_into_mut) {
            Some(Ok(buffer)) => Some(buffer),
            Some(Err(in_use)) if self.given.len() + 1 < KEPT => {
                self.given.push_front(in_use);
                None
            }
            Some(Err(_)) | None => None,
        };
        match sent {
            Some(mut buffer) if buffer.len() >= size => {
                buffer.truncate(size);
                buffer
            }
            _ => BytesMut::zeroed(size),
        }
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            format!("the file {path:?} became shorter while it was uploaded")
        }
        _ => format!("the file {path:?} cannot be read"),
    };
    Error::cut(message).with_source(error)
}

async fn run<T: Send + 'static>(
    blocking: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(blocking).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, TryStreamExt as _};

    use super::*;
    use crate::transfer::checksum::Sum;

    /// Memory that is used again while somebody still holds it would change what is on its way.
    #[tokio::test]
    async fn chunks_that_are_held_stay_as_they_are() {
        let content: Vec<u8> = (0..9 * READ + 7).map(|at| (at / 1000) as u8).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &content).unwrap();
        let Source::File(file) = Source::open(file.path().to_owned(), true).await.unwrap() else {
            panic!("not read as a file")
        };

        let (all, sent) = (0..file.size(), Sent::new(true));
        let stream = file.clone().stream(all.clone(), sent.clone());
        let held: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert!(held.concat() == content);
        let whole = sent.get().unwrap();
        assert_eq!(whole.size, file.size());
        assert_eq!(whole.sum, Some(Sum::of(&[content.clone().into()])));

        // Here each is free when the next but one is read.
        let mut stream = Box::pin(file.stream(all, sent));
        let (mut copied, mut places) = (Vec::new(), std::collections::BTreeSet::new());
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.unwrap();
            places.insert(chunk.as_ptr());
            copied.extend_from_slice(&chunk);
        }
        assert!(copied == content);
        assert!(places.len() <= KEPT, "{} buffers", places.len());
    }
}
