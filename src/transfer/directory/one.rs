//! Moves one object of many.

use std::{
    collections::HashSet,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;

use super::{
    plan::Step,
    remote::{CLIENT_MTIME, Place},
    report::of_file,
    walk,
};
use crate::{
    Error, Result,
    models::ObjectCopyCreation,
    transfer::{Transfer, WORK, WORK_IN_ALL, disk::Disk},
};

pub(super) async fn upload(
    transfer: &Transfer,
    root: &Path,
    to: &Place,
    step: &Step,
    modified: i64,
    content: Option<Bytes>,
) -> Result<()> {
    let upload = transfer.upload(&*to.repository, &*to.reference, to.path(&step.path));
    let upload = match content {
        Some(content) => upload.body(content),
        None => upload.file(walk::file(root, &step.path)),
    };
    upload
        .metadata(CLIENT_MTIME, modified.to_string())
        .of_many()
        .await?;
    Ok(())
}

pub(super) async fn download(
    transfer: &Transfer,
    from: &Place,
    root: &Path,
    step: &Step,
    modified: i64,
    disk: &Disk,
    made: &Made,
) -> Result<()> {
    let file = walk::file(root, &step.path);
    let (root, path, target) = (root.to_owned(), step.path.clone(), file.clone());
    let made = made.clone();
    let prepare = Box::new(move || prepare(&root, &path, &target, &made));
    transfer
        .download(&*from.repository, &*from.reference, from.path(&step.path))
        .of_many()
        // Set after the last write, which would set it anew.
        .modified(time(modified)?)
        .place_file(file, Some(prepare), disk)
        .await?;
    Ok(())
}

pub(super) async fn copy(transfer: &Transfer, from: &Place, to: &Place, step: &Step) -> Result<()> {
    let source = ObjectCopyCreation::new(from.path(&step.path)).src_ref(&*from.reference);
    transfer
        .client()
        .copy_object(&*to.repository, &*to.reference, to.path(&step.path), source)
        // The server moves all of the data before it answers.
        .attempt_timeout(WORK)
        .timeout(WORK_IN_ALL)
        .await?;
    Ok(())
}

/// The directories that are there, as a run has found or made them.
#[derive(Clone, Default)]
pub(super) struct Made(Arc<Mutex<HashSet<String>>>);

impl Made {
    /// Makes a directory unless that was done before.
    fn once(&self, directory: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !lock().contains(directory) {
            make()?;
            lock().insert(directory.to_owned());
        }
        Ok(())
    }
}

/// Makes the directories that a file will be in, none of which may be a symbolic link: who writes through one writes elsewhere.
///
/// It blocks.
fn prepare(root: &Path, path: &str, file: &Path, made: &Made) -> Result<()> {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    made.once(parent, || make_directories(root, parent))?;
    match fs::symlink_metadata(file) {
        Ok(found) if found.is_dir() => remove_empty(file).map_err(|error| {
            let message =
                format!("{file:?} is a directory, and not empty, so no file can be written there");
            Error::invalid_input(message).with_source(error)
        }),
        // Such as a name that the file system does not take, before the bytes come that have no place.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(written(error)),
        _ => Ok(()),
    }
}

fn make_directories(root: &Path, directory: &str) -> Result<()> {
    fs::create_dir_all(root).map_err(written)?;
    let ends = directory.match_indices('/').map(|(end, _)| end);
    let all = ends.chain((!directory.is_empty()).then_some(directory.len()));
    for end in all {
        let directory = walk::file(root, &directory[..end]);
        match fs::symlink_metadata(&directory) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                return Err(Error::invalid_input(format!(
                    "{directory:?} is no directory, so nothing can be written below it"
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Another object's download may have made it meanwhile.
                fs::create_dir_all(&directory).map_err(written)?;
            }
            Err(error) => return Err(written(error)),
        }
    }
    Ok(())
}

fn written(error: io::Error) -> Error {
    of_file("written", error)
}

/// Removes a directory in which there is nothing but directories.
fn remove_empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Not so where it is a link to a directory.
        if !entry.file_type()?.is_dir() {
            return Err(io::Error::other(format!(
                "{:?} is in it",
                entry.file_name()
            )));
        }
        remove_empty(&entry.path())?;
    }
    fs::remove_dir(directory)
}

/// A time that a file can have.
fn time(seconds: i64) -> Result<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = match seconds {
        0.. => UNIX_EPOCH.checked_add(distance),
        _ => UNIX_EPOCH.checked_sub(distance),
    };
    time.ok_or_else(|| {
        Error::invalid_input(format!(
            "the object's time, {seconds} s since 1970, is none that a file can have"
        ))
    })
}
