//! [`write`]: a file that appears under its name when it is whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{flow::Flow, verify::Check};
use crate::{Error, Result, error::ErrorKind};

/// What is written at once, in bytes.
const BATCH: usize = 1024 * 1024;

/// What writes the file, on threads for blocking work.
struct Sink {
    target: PathBuf,
    fsync: bool,
    check: Option<Check>,
    /// Made with the first write.
    file: Option<Temporary>,
}

/// Where the sink is.
enum Pen {
    Idle(Sink),
    Writing(JoinHandle<Result<Sink>>),
}

/// A file that goes away when it is dropped.
///
/// It travels into the closures that write it, and back: where nobody waits for a closure any more, it is dropped there.
struct Temporary {
    path: PathBuf,
    /// `None` where it was closed.
    file: Option<File>,
    kept: bool,
}

/// Writes all that comes to a file, and answers how many bytes that was.
///
/// Until it is whole it has a name of its own, beside the target.
pub(super) async fn write(mut flow: Flow, target: &Path, fsync: bool) -> Result<u64> {
    let mut pen = Pen::Idle(Sink {
        target: target.to_owned(),
        fsync,
        check: flow.take_check(),
        file: None,
    });
    let mut written = 0;
    loop {
        // The next bytes arrive while the last ones are written.
        let (batch, last) = match batch(&mut flow).await {
            Ok(batch) => batch,
            Err(error) => {
                // Whoever hears of the error finds the file gone.
                drop(pen.sink().await);
                return Err(error);
            }
        };
        written += batch.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let mut sink = pen.sink().await?;
        pen = Pen::Writing(tokio::task::spawn_blocking(move || {
            sink.write(&batch)?;
            match last {
                true => sink.commit(),
                false => Ok(sink),
            }
        }));
        if last {
            pen.sink().await?;
            return Ok(written);
        }
    }
}

async fn batch(flow: &mut Flow) -> Result<(Vec<Bytes>, bool)> {
    let most = usize::try_from(flow.part()).unwrap_or(BATCH).min(BATCH);
    let (mut batch, mut size) = (Vec::new(), 0);
    while size < most {
        let Some(chunk) = flow.next().await? else {
            return Ok((batch, true));
        };
        size += chunk.len();
        batch.push(chunk);
    }
    Ok((batch, false))
}

// ===== impl Pen =====

impl Pen {
    async fn sink(self) -> Result<Sink> {
        match self {
            Self::Idle(sink) => Ok(sink),
            Self::Writing(task) => task.await.map_err(|error| {
                Error::new(ErrorKind::Io, "the file was not written to its end").with_source(error)
            })?,
        }
    }
}

// ===== impl Sink =====

impl Sink {
    fn write(&mut self, batch: &[Bytes]) -> Result<()> {
        for chunk in batch {
            if let Some(check) = &mut self.check {
                check.update(chunk);
            }
        }
        let target = &self.target;
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = Temporary::beside(target);
                none.insert(file.map_err(|error| failed("made", target, error))?)
            }
        };
        file.write(batch)
            .map_err(|error| failed("written", target, error))
    }

    fn commit(mut self) -> Result<Self> {
        if let Some(check) = self.check.take() {
            check.finish()?;
        }
        if let Some(mut file) = self.file.take() {
            file.commit(&self.target, self.fsync)
                .map_err(|error| failed("put in its place", &self.target, error))?;
        }
        Ok(self)
    }
}

fn failed(what: &str, target: &Path, error: io::Error) -> Error {
    let message = format!("the file {target:?} could not be {what}: {error}");
    Error::new(ErrorKind::Io, message).with_source(error)
}

// ===== impl Temporary =====

impl Temporary {
    fn beside(target: &Path) -> io::Result<Self> {
        // Found only after all the work otherwise.
        if target.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is a directory",
            ));
        }
        let name = format!(".lakefs-{:016x}.part", fastrand::u64(..));
        let path = target.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self {
            path,
            file: Some(file),
            kept: false,
        })
    }

    fn write(&mut self, batch: &[Bytes]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => batch.iter().try_for_each(|chunk| file.write_all(chunk)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn commit(&mut self, target: &Path, fsync: bool) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            if fsync {
                file.sync_all()?;
            }
        }
        fs::rename(&self.path, target)?;
        self.kept = true;
        match fsync {
            true => sync_directory(target),
            false => Ok(()),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // Where an open file cannot be removed.
            self.file = None;
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name is as durable as the directory that holds it.
#[cfg(unix)]
fn sync_directory(target: &Path) -> io::Result<()> {
    let directory = target.parent().filter(|parent| *parent != Path::new(""));
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
