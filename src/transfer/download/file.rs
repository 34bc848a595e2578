//! [`write`]: an object that is written to a file part by part, each in its place.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::try_join, stream};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    parts::Parts,
    stretch::Stretch,
    temporary::{self, Temporary},
    verify::{Check, Turn, Turns},
    wanted::Wanted,
};
use crate::{Error, Result, error::ErrorKind, transfer::MIB};

/// How much of a part is written at once, in bytes.
const BATCH: u64 = MIB;

/// How a file comes to its place.
#[derive(Default)]
pub(in crate::transfer) struct Placing {
    /// Comes right before the file is made, on a thread for blocking work: where it is small, after all is fetched. It looks
    /// whether there may be a file.
    pub(in crate::transfer) prepare: Option<Prepare>,
    /// The time of the last change that it gets; `None` for that of its last write.
    pub(in crate::transfer) modified: Option<SystemTime>,
    pub(in crate::transfer) fsync: bool,
}

type Prepare = Box<dyn FnOnce() -> Result<()> + Send>;

/// The file that all parts write to.
struct Shared {
    /// Removed before `_alive` goes.
    file: Temporary,
    _alive: oneshot::Sender<()>,
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
pub(super) async fn write(wanted: Wanted, target: PathBuf, mut placing: Placing) -> Result<()> {
    let Wanted {
        mut parts,
        size,
        concurrency,
        check,
        ..
    } = wanted;
    let prepare = placing.prepare.take();
    let batch = parts.part().min(BATCH);
    let small = if size <= batch { parts.only() } else { None };
    if let Some(all) = small {
        let chunks = all.collect().await?;
        let write = move || {
            begin(&target, prepare)?;
            at_once(target, &chunks, check, &placing)
        };
        return blocking(write).await;
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
    match side_by_side(parts, check, concurrency, batch, &file).await {
        Ok(()) => blocking(move || commit(file, &placing)).await,
        Err(error) => {
            // A thread may be writing still: whoever hears of the error finds the file gone.
            drop(file);
            let _ = gone.await;
            Err(error)
        }
    }
}

/// What is small costs one turn of a thread.
fn at_once(
    target: PathBuf,
    chunks: &[Bytes],
    check: Option<Check>,
    placing: &Placing,
) -> Result<()> {
    if let Some(mut check) = check {
        chunks.iter().for_each(|chunk| check.update(chunk));
        check.finish()?;
    }
    let file = Temporary::beside(target)?;
    file.write(0, chunks)?;
    file.commit(placing.modified, placing.fsync)
}

fn begin(target: &Path, prepare: Option<Prepare>) -> Result<()> {
    match prepare {
        Some(prepare) => prepare(),
        None => temporary::check(target),
    }
}

async fn side_by_side(
    parts: Parts,
    check: Option<Check>,
    concurrency: usize,
    batch: u64,
    file: &Arc<Shared>,
) -> Result<()> {
    let mut turns = Turns::new(check);
    let start = parts.start();
    let parts = parts.map(|stretch| {
        let pen = Pen {
            file: Arc::clone(file),
            at: stretch.at() - start,
            turn: turns.next(),
        };
        fetch(stretch, pen, batch)
    });
    let mut parts = stream::iter(parts).buffer_unordered(concurrency);
    while let Some(part) = parts.next().await {
        part?;
    }
    drop(parts);
    turns.finish().await
}

/// Fetches one part, and writes it as it arrives.
async fn fetch(mut stretch: Stretch, mut pen: Pen, size: u64) -> Result<()> {
    let mut batch = stretch.batch(size).await?;
    while !batch.is_empty() {
        // The next bytes arrive while these are written.
        let write = blocking(move || pen.write(batch));
        (batch, pen) = try_join(stretch.batch(size), write).await?;
    }
    match pen.turn {
        Some(turn) => turn.pass().await,
        None => Ok(()),
    }
}

/// Gives the file its name, after the last part.
fn commit(file: Arc<Shared>, placing: &Placing) -> Result<()> {
    match Arc::into_inner(file) {
        Some(shared) => shared.file.commit(placing.modified, placing.fsync),
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

// ===== impl Pen =====

impl Pen {
    /// It blocks.
    fn write(mut self, batch: Vec<Bytes>) -> Result<Self> {
        self.at = self.file.file.write(self.at, &batch)?;
        if let Some(turn) = &mut self.turn {
            turn.hash(batch)?;
        }
        Ok(self)
    }
}
