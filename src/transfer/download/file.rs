//! [`write`]: an object that is written to a file part by part, each in its place.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::try_join, stream};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    parts::Parts,
    stretch::Stretch,
    temporary::{self, Finish, Temporary},
    verify::{Check, Turn, Turns},
    wanted::Wanted,
};
use crate::{
    Error, Result,
    error::ErrorKind,
    transfer::{MIB, disk::Disk},
};

/// How much of a part is written at once, in bytes.
const BATCH: u64 = MIB;

/// What comes right before a file is made, on a thread for blocking work: where it is small, after all is fetched. It looks
/// whether there may be a file.
pub(in crate::transfer) type Prepare = Box<dyn FnOnce() -> Result<()> + Send>;

/// The file that all parts write to.
struct Shared {
    /// Removed before `_alive` goes.
    file: Temporary,
    _alive: oneshot::Sender<()>,
}

/// A file that is written when all of it is here.
struct Small {
    target: PathBuf,
    prepare: Option<Prepare>,
    chunks: Vec<Bytes>,
    finish: Finish,
}

/// Writes one part.
struct Pen {
    file: Arc<Shared>,
    /// Where in the file its next byte belongs.
    at: u64,
    /// `None` where nothing is hashed.
    turn: Option<Turn>,
}

/// Writes what is wanted to a file, which gets its name when it is whole.
///
/// Files are written, and bytes are hashed, on threads for blocking work.
pub(super) async fn write(
    wanted: Wanted,
    target: PathBuf,
    prepare: Option<Prepare>,
    finish: Finish,
    disk: &Disk,
) -> Result<()> {
    let Wanted {
        mut parts,
        size,
        concurrency,
        check,
        ..
    } = wanted;
    let batch = parts.part().min(BATCH);
    let small = if size <= batch { parts.only() } else { None };
    if let Some(all) = small {
        let chunks = all.collect().await?;
        let file = Small {
            target,
            prepare,
            chunks,
            finish,
        };
        return file.write(check, disk).await;
    }

    // First of all: whether there may be such a file, and room for it.
    let make = move || {
        begin(&target, prepare)?;
        Temporary::of_size(target, size)
    };
    let file = blocking(make).await?;
    let (alive, gone) = oneshot::channel();
    let file = Arc::new(Shared {
        file,
        _alive: alive,
    });
    match side_by_side(parts, check, concurrency, batch, &file, disk).await {
        Ok(()) => blocking(move || commit(file, finish)).await,
        Err(error) => {
            // A thread may be writing still: whoever hears of the error finds the file gone.
            drop(file);
            let _ = gone.await;
            Err(error)
        }
    }
}

async fn side_by_side(
    parts: Parts,
    check: Option<Check>,
    concurrency: usize,
    batch: u64,
    file: &Arc<Shared>,
    disk: &Disk,
) -> Result<()> {
    let mut turns = Turns::new(check);
    let start = parts.start();
    let parts = parts.map(|stretch| {
        let pen = Pen {
            file: Arc::clone(file),
            at: stretch.at() - start,
            turn: turns.next(),
        };
        fetch(stretch, pen, batch, disk)
    });
    let mut parts = stream::iter(parts).buffer_unordered(concurrency);
    while let Some(part) = parts.next().await {
        part?;
    }
    drop(parts);
    turns.finish().await
}

/// Fetches one part, and writes it as it arrives.
async fn fetch(mut stretch: Stretch, mut pen: Pen, size: u64, disk: &Disk) -> Result<()> {
    let mut batch = stretch.batch(size).await?;
    while !batch.is_empty() {
        // The next bytes arrive while these are written.
        (batch, pen) = try_join(stretch.batch(size), pen.put(batch, disk)).await?;
    }
    match pen.turn {
        Some(turn) => turn.pass().await,
        None => Ok(()),
    }
}

fn begin(target: &Path, prepare: Option<Prepare>) -> Result<()> {
    match prepare {
        Some(prepare) => prepare(),
        None => temporary::check(target),
    }
}

/// Gives the file its name, after the last part.
fn commit(file: Arc<Shared>, finish: Finish) -> Result<()> {
    match Arc::into_inner(file) {
        Some(shared) => shared.file.commit(finish),
        None => Err(Error::new(
            ErrorKind::Unexpected,
            "a part is written after the last",
        )),
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Io, "the file was not written to its end").with_source(error)
    })?
}

// ===== impl Small =====

impl Small {
    /// It takes one piece of work, unless there is a doubt.
    async fn write(self, check: Option<Check>, disk: &Disk) -> Result<()> {
        let written = disk.run(move || {
            if let Some(mut check) = check {
                self.chunks.iter().for_each(|chunk| check.update(chunk));
                if let Some(doubt) = check.compare() {
                    return Ok(Err((doubt, self)));
                }
            }
            self.put().map(Ok)
        });
        match written.await? {
            Ok(()) => Ok(()),
            Err((doubt, file)) => {
                doubt.settle().await?;
                disk.run(|| file.put()).await
            }
        }
    }

    /// It blocks.
    fn put(self) -> Result<()> {
        begin(&self.target, self.prepare)?;
        let file = Temporary::beside(self.target)?;
        file.write(0, &self.chunks)?;
        file.commit(self.finish)
    }
}

// ===== impl Pen =====

impl Pen {
    /// A file takes one write at a time, so those of several parts wait for each other on one thread rather than on several.
    /// What is hashed besides has a thread of its own.
    async fn put(self, batch: Vec<Bytes>, disk: &Disk) -> Result<Self> {
        let hashes = self.turn.is_some();
        let write = move || self.write(batch);
        match hashes {
            true => blocking(write).await,
            false => disk.run(write).await,
        }
    }

    /// It blocks.
    fn write(mut self, batch: Vec<Bytes>) -> Result<Self> {
        self.at = self.file.file.write(self.at, &batch)?;
        if let Some(turn) = &mut self.turn {
            turn.hash(batch)?;
        }
        Ok(self)
    }
}
