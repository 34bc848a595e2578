//! [`Temporary`]: a file that appears under its name when it is whole.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;

use crate::{Error, Result, error::ErrorKind};

/// A file beside the one that it will be. Until it gets that name, it goes away when it is dropped.
///
/// All that it does blocks.
pub(super) struct Temporary {
    target: PathBuf,
    /// Closed before its name goes, as an open file cannot be removed everywhere.
    file: File,
    name: Name,
}

/// What a file is given besides its name, at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Finish {
    /// Whether it is written through to the disk.
    pub(super) fsync: bool,
    /// When it was changed, as it says; `None` for now.
    pub(super) modified: Option<SystemTime>,
}

/// A name that goes away, unless it was given up.
struct Name {
    path: PathBuf,
    kept: bool,
}

/// The name of a file that is not whole yet.
pub(in crate::transfer) fn part_name() -> String {
    format!(".lakefs-{:016x}.part", fastrand::u64(..))
}

/// Whether it is such a name.
pub(in crate::transfer) fn is_part_name(name: &str) -> bool {
    let random = name
        .strip_prefix(".lakefs-")
        .and_then(|rest| rest.strip_suffix(".part"));
    random.is_some_and(|random| {
        random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

// ===== impl Temporary =====

impl Temporary {
    /// A file of so many bytes, for which there must be room.
    pub(super) fn of_size(target: PathBuf, size: u64) -> Result<Self> {
        let temporary = Self::beside(target)?;
        // File systems that know their limits tell them here.
        let room = temporary.file.set_len(size);
        room.map_err(|error| failed("made", &temporary.target, error))?;
        Ok(temporary)
    }

    pub(super) fn beside(target: PathBuf) -> Result<Self> {
        let path = target.with_file_name(part_name());
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).open(&path);
        let file = file.map_err(|error| failed("made", &target, error))?;
        let name = Name { path, kept: false };
        Ok(Self { target, file, name })
    }

    /// Writes bytes to their place, and answers where they end. Others may write elsewhere meanwhile.
    pub(super) fn write(&self, mut at: u64, batch: &[Bytes]) -> Result<u64> {
        for chunk in batch {
            let written = write_at(&self.file, chunk, at);
            written.map_err(|error| failed("written", &self.target, error))?;
            at += chunk.len() as u64;
        }
        Ok(at)
    }

    /// Gives it its name.
    pub(super) fn commit(self, finish: Finish) -> Result<()> {
        let Self {
            target,
            file,
            mut name,
        } = self;
        let put = || {
            // After the last write, which would set it anew.
            if let Some(modified) = finish.modified {
                file.set_modified(modified)?;
            }
            if finish.fsync {
                file.sync_all()?;
            }
            drop(file);
            fs::rename(&name.path, &target)?;
            name.kept = true;
            match finish.fsync {
                true => sync_directory(&target),
                false => Ok(()),
            }
        };
        put().map_err(|error| failed("put in its place", &target, error))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether there may be a file, which is found only after all the work otherwise.
pub(super) fn check(target: &Path) -> Result<()> {
    match target.is_dir() {
        true => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "it is a directory");
            Err(failed("made", target, error))
        }
        false => Ok(()),
    }
}

fn failed(what: &str, target: &Path, error: io::Error) -> Error {
    let message = format!("the file {target:?} could not be {what}");
    Error::new(ErrorKind::Io, message).with_source(error)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::{
        io::{Seek as _, SeekFrom, Write as _},
        sync::{Mutex, PoisonError},
    };

    /// Where a file is written is known to the file, not to who writes: one at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
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

#[cfg(all(test, unix))]
mod tests {
    use std::{
        os::unix::fs::FileExt as _,
        time::{Duration, UNIX_EPOCH},
    };

    use super::*;

    /// An offset that is cut to 32 bits would put the end of a large file over its beginning.
    #[test]
    fn bytes_beyond_4_gib_have_their_place() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("large");
        let size = 5 << 30; // sparse: none of it but the end is on the disk
        let file = Temporary::of_size(target.clone(), size).unwrap();
        let batch = [Bytes::from_static(b"the "), Bytes::from_static(b"end")];

        assert_eq!(file.write(size - 7, &batch).unwrap(), size);
        file.commit(Finish::default()).unwrap();

        let file = File::open(target).unwrap();
        let mut end = [1; 8];
        file.read_exact_at(&mut end, size - 8).unwrap();
        assert_eq!((&end, file.metadata().unwrap().len()), (b"\0the end", size));
        file.read_exact_at(&mut end, (size - 7) & u64::from(u32::MAX))
            .unwrap();
        assert_eq!(end, [0; 8]);
    }

    /// A copy of a directory whose files all say that they are new is copied again the next time.
    #[test]
    fn a_file_has_its_time_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("old");
        let file = Temporary::of_size(target.clone(), 3).unwrap();
        file.write(0, &[Bytes::from_static(b"old")]).unwrap();
        let modified = UNIX_EPOCH + Duration::from_secs(1_000_000_000);

        let finish = Finish {
            fsync: false,
            modified: Some(modified),
        };
        file.commit(finish).unwrap();

        assert_eq!(fs::metadata(target).unwrap().modified().unwrap(), modified);
    }
}
