//! Whether paths lead to one file.
//!
//! Names that differ are one to some file systems: in case, in how accents are written, in a short form. No table of ours knows
//! them all, so the files themselves are asked.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::Path,
};

use super::{plan::Step, walk};

#[cfg(unix)]
type Id = (u64, u64);
#[cfg(not(unix))]
type Id = std::path::PathBuf;

/// Whether that is worth a look. What differs only in the case of ASCII letters is known beforehand: see
/// [`Naming`](super::names::Naming).
pub(super) fn may_be<'a>(mut paths: impl Iterator<Item = &'a String>) -> bool {
    cfg!(not(unix)) || paths.any(|path| !path.is_ascii())
}

/// Of the paths that were written, each that leads to the file of another path, and that one.
///
/// A file that was just written has no other names but those that the file system takes for its own. It blocks.
pub(super) fn shared(root: &Path, written: &[String], kept: &[String]) -> Vec<(String, String)> {
    let mut files: HashMap<Id, Vec<&String>> = HashMap::new();
    for path in written.iter().chain(kept) {
        if let Ok(id) = id(&walk::file(root, path)) {
            files.entry(id).or_default().push(path);
        }
    }
    let written: HashSet<&String> = written.iter().collect();
    let mut shared = Vec::new();
    for paths in files.into_values() {
        let written = paths.iter().filter(|path| written.contains(*path));
        for &path in written {
            let other = paths.iter().find(|other| **other != path);
            shared.extend(other.map(|&other| (path.clone(), other.clone())));
        }
    }
    shared
}

/// Parts the steps at files that were written from the others. It blocks.
pub(super) fn split(root: &Path, written: &[String], steps: Vec<Step>) -> (Vec<Step>, Vec<Step>) {
    let ids = written.iter().map(|path| id(&walk::file(root, path)));
    let ids: HashSet<Id> = ids.filter_map(Result::ok).collect();
    let same = |step: &Step| {
        let id = id(&walk::file(root, &step.path));
        id.is_ok_and(|id| ids.contains(&id))
    };
    steps.into_iter().partition(same)
}

/// What tells a file from all others.
#[cfg(unix)]
fn id(file: &Path) -> io::Result<Id> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(file)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id(file: &Path) -> io::Result<Id> {
    fs::canonicalize(file)
}
