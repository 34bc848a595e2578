//! What is in a local directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use walkdir::{DirEntry, WalkDir};

use super::{filter::Filter, plan::Reason};
use crate::{Error, Result, error::ErrorKind, transfer::download::is_part_name};

/// The files of a directory, by their paths below it, with `/` between the parts.
#[derive(Debug, Default)]
pub(super) struct Local {
    pub(super) files: BTreeMap<String, LocalFile>,
    /// What is there and is no file that could be sent.
    pub(super) others: BTreeMap<String, Other>,
    /// What could not be looked at, and why.
    pub(super) failed: Vec<(String, Error)>,
}

/// A link, a pipe or the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Other {
    pub(super) reason: Reason,
    /// Whether it was asked for. What may be behind it can be asked for even where it is not.
    pub(super) counts: bool,
}

/// A file as a comparison sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalFile {
    pub(super) size: u64,
    /// In seconds since 1970.
    pub(super) modified: i64,
}

// ===== impl Local =====

impl Local {
    /// Reads a directory and all that are in it; symbolic links are not followed.
    ///
    /// It blocks.
    pub(super) fn read(root: &Path, filter: &Filter) -> Result<Self> {
        let metadata = std::fs::metadata(root).map_err(|error| unreadable(root, error))?;
        if !metadata.is_dir() {
            return Err(Error::invalid_input(format!(
                "the directory {root:?} is a file; give the directory that it is in, or move it alone"
            )));
        }
        // Otherwise all that is in it would seem to be gone.
        std::fs::read_dir(root).map_err(|error| unreadable(root, error))?;
        let mut local = Self::default();
        let walk = WalkDir::new(root).min_depth(1).into_iter();
        let entries = walk.filter_entry(|entry| match relative(root, entry.path()) {
            Some(path) => !(entry.file_type().is_dir() && filter.excludes(&path)),
            None => true,
        });
        for entry in entries {
            match entry {
                Ok(entry) => local.add(root, &entry, filter),
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    local.miss(root, &path, error.into());
                }
            }
        }
        Ok(local)
    }

    /// As [`read`](Self::read); a directory that is not there is empty.
    pub(super) fn read_if_there(root: &Path, filter: &Filter) -> Result<Self> {
        match root.try_exists() {
            Ok(false) => Ok(Self::default()),
            _ => Self::read(root, filter),
        }
    }

    fn add(&mut self, root: &Path, entry: &DirEntry, filter: &Filter) {
        let kind = entry.file_type();
        if kind.is_dir() {
            return;
        }
        let Some(path) = relative(root, entry.path()) else {
            let problem = io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8");
            return self.fail(root, entry.path(), problem);
        };
        let counts = filter.accepts(&path);
        if !kind.is_file() {
            let reason = if kind.is_symlink() {
                Reason::SymbolicLink
            } else {
                Reason::NotAFile
            };
            if counts || !filter.excludes(&path) {
                self.others.insert(path, Other { reason, counts });
            }
            return;
        }
        if !counts {
            return;
        }
        match entry.metadata() {
            Ok(metadata) => {
                self.files.insert(path, LocalFile::new(&metadata));
            }
            Err(error) => self.miss(root, entry.path(), error.into()),
        }
    }

    /// Keeps in mind what could not be looked at; what was removed since its name was read is not there, and that is all.
    fn miss(&mut self, root: &Path, path: &Path, problem: io::Error) {
        if problem.kind() != io::ErrorKind::NotFound {
            self.fail(root, path, problem);
        }
    }

    fn fail(&mut self, root: &Path, path: &Path, problem: io::Error) {
        let error = unreadable(path, problem);
        let path = path.strip_prefix(root).unwrap_or(path);
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        self.failed.push((parts.join("/"), error));
    }

    /// Why nothing can be said about a path: it is one of the [`others`](Self::others), or below one.
    pub(super) fn behind_other(&self, path: &str) -> Option<Reason> {
        if self.others.is_empty() {
            return None;
        }
        let mut parts = directories(path).chain([path]);
        parts.find_map(|part| Some(self.others.get(part)?.reason))
    }

    /// The files that keep a path from being a file: those that are where it needs a directory, and those in a directory of
    /// its name.
    pub(super) fn in_the_way(&self, path: &str) -> Vec<&str> {
        let above = directories(path).filter_map(|part| self.files.get_key_value(part));
        let within = format!("{path}/");
        let below = self.files.range(within.clone()..);
        let below = below.take_while(|(other, _)| other.starts_with(&within));
        above.chain(below).map(|(other, _)| &**other).collect()
    }
}

// ===== impl LocalFile =====

impl LocalFile {
    fn new(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().map_or(0, seconds),
        }
    }
}

/// Whole seconds since 1970, rounded down as lakectl does it.
fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    }
}

/// The directories that a path is in, from the top.
fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// Whether it has the name of what a download writes before it is whole: nobody's data, where a process was killed meanwhile.
pub(super) fn is_leftover(path: &str) -> bool {
    is_part_name(path.rsplit('/').next().unwrap_or(path))
}

/// A path below a directory with `/` between its parts; `None` where it is not UTF-8.
fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.iter();
    let parts: Option<Vec<&str>> = parts.map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// The file that a path below a directory names.
pub(super) fn file(root: &Path, path: &str) -> PathBuf {
    path.split('/')
        .fold(root.to_owned(), |file, part| file.join(part))
}

/// Removes files, and the directories that are empty for that.
///
/// It blocks.
pub(super) fn prune(root: &Path, removed: &[String]) {
    let mut parents: BTreeSet<&str> = BTreeSet::new();
    for path in removed {
        parents.extend(directories(path));
    }
    // The deepest come last in this order, so from the end; one that is not empty stays.
    for parent in parents.into_iter().rev() {
        let _ = std::fs::remove_dir(file(root, parent));
    }
}

pub(super) fn unreadable(path: &Path, problem: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{path:?} cannot be read")).with_source(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Filter {
        Filter::new(&[], &[]).unwrap()
    }

    #[test]
    fn files_are_found_at_any_depth_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b")).unwrap();
        std::fs::write(root.path().join("a/b/c.csv"), "12345").unwrap();
        std::fs::write(root.path().join("top"), "1").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("a", root.path().join("link")).unwrap();

        let local = Local::read(root.path(), &everything()).unwrap();

        assert_eq!(local.files.keys().collect::<Vec<_>>(), ["a/b/c.csv", "top"]);
        assert_eq!(local.files["a/b/c.csv"].size, 5);
        #[cfg(unix)]
        {
            let link = Some(Reason::SymbolicLink);
            assert!(local.others["link"].counts);
            assert_eq!(local.behind_other("link/b/c.csv"), link);
            assert_eq!(local.behind_other("linked"), None);

            // A link that is not asked for may hide what is.
            let filter = Filter::new(&["*.csv".to_owned()], &[]).unwrap();
            let local = Local::read(root.path(), &filter).unwrap();
            assert!(!local.others["link"].counts);
            assert_eq!(local.behind_other("link/b/c.csv"), link);
        }
    }

    #[test]
    fn what_is_in_the_way_of_a_file_is_above_it_or_below() {
        let mut local = Local::default();
        let file = LocalFile {
            size: 1,
            modified: 1,
        };
        for path in ["a", "b.c", "b/c/d", "b/e", "b0"] {
            local.files.insert(path.to_owned(), file);
        }
        for (path, expected) in [
            ("a/b/c", &["a"][..]),
            ("b", &["b/c/d", "b/e"]),
            ("b/c", &["b/c/d"]),
            ("b/e", &[]),
            ("c", &[]),
        ] {
            assert_eq!(local.in_the_way(path), expected, "{path}");
        }
    }

    #[test]
    fn a_root_that_is_no_directory_is_an_error_and_an_absent_one_is_empty_where_that_is_fine() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "1").unwrap();
        assert!(
            Local::read(&file, &everything())
                .unwrap_err()
                .is_invalid_input()
        );
        let absent = root.path().join("absent");
        assert!(Local::read(&absent, &everything()).is_err());
        assert!(
            Local::read_if_there(&absent, &everything())
                .unwrap()
                .files
                .is_empty()
        );
    }

    #[test]
    fn times_before_1970_are_rounded_down() {
        use std::time::Duration;
        for (millis, expected) in [(1500, 1), (0, 0)] {
            assert_eq!(
                seconds(UNIX_EPOCH + Duration::from_millis(millis)),
                expected
            );
        }
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_millis(1500)), -2);
    }
}
