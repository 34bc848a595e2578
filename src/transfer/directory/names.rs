//! Which objects can be files here: names that are unsafe, and names that meet in one file.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, OpenOptions},
    path::Path,
};

use super::plan::Reason;
use crate::transfer::download::part_name;

/// The longest name that file systems know, in bytes; on Windows in UTF-16 units.
const MAX_NAME: usize = 255;

/// What the file system at hand makes of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    /// Windows' rules: drives, reserved names, characters that no name has.
    pub(super) windows: bool,
    /// Whether `A` and `a` are one file.
    pub(super) folds_case: bool,
}

// ===== impl Naming =====

impl Naming {
    /// What this operating system does by default.
    pub(super) const HERE: Self = Self {
        windows: cfg!(windows),
        folds_case: cfg!(any(windows, target_os = "macos", target_os = "ios")),
    };

    /// What the file system of a directory does.
    ///
    /// It is asked, with a file that is there for a moment, where paths differ only in case: a directory may be on a disk of
    /// another system. It blocks.
    pub(super) fn of<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) -> Self {
        let folding = Self {
            folds_case: true,
            ..Self::HERE
        };
        let meet = |(_, reason)| reason == Reason::CaseCollision;
        match folding.collisions(paths).into_iter().any(meet) {
            true => Self {
                folds_case: folds_case(root).unwrap_or(Self::HERE.folds_case),
                ..Self::HERE
            },
            false => Self::HERE,
        }
    }

    /// Why a path, relative to a directory, must not become a file below it.
    pub(super) fn problem(self, path: &str) -> Option<&'static str> {
        if path.contains('\0') {
            return Some("has a NUL in it");
        }
        if path.starts_with('/') {
            return Some("begins with a slash");
        }
        path.split('/').find_map(|name| match name {
            "" => Some("has two slashes in a row"),
            "." | ".." => Some("has a part `.` or `..`"),
            _ if self.length(name) > MAX_NAME => Some("has a part that is too long for a name"),
            _ if self.windows => windows_problem(name),
            _ => None,
        })
    }

    fn length(self, name: &str) -> usize {
        match self.windows {
            true => name.encode_utf16().count(),
            false => name.len(),
        }
    }

    /// The paths that cannot be files beside each other, and why.
    pub(super) fn collisions<'a>(
        self,
        paths: impl Iterator<Item = &'a str>,
    ) -> HashMap<&'a str, Reason> {
        let mut names: HashMap<String, Vec<&str>> = HashMap::new();
        let mut directories = HashSet::new();
        for path in paths {
            let name = self.fold(path);
            for (end, _) in name.match_indices('/') {
                if !directories.contains(&name[..end]) {
                    directories.insert(name[..end].to_owned());
                }
            }
            names.entry(name).or_default().push(path);
        }
        let mut refused = HashMap::new();
        for (name, paths) in names {
            let reason = match &paths[..] {
                [_] if directories.contains(&name) => Reason::AlsoDirectory,
                [_] => continue,
                _ => Reason::CaseCollision,
            };
            refused.extend(paths.into_iter().map(|path| (path, reason)));
        }
        refused
    }

    /// The name by which the file system knows a path.
    pub(super) fn fold(self, path: &str) -> String {
        if self.folds_case {
            path.to_lowercase()
        } else {
            path.to_owned()
        }
    }
}

/// Whether a file is found by its name in other letters; `None` where that cannot be tried.
fn folds_case(root: &Path) -> Option<bool> {
    let there = root
        .ancestors()
        .map(|directory| match directory.as_os_str() {
            none if none.is_empty() => Path::new("."),
            _ => directory,
        });
    let directory = there.into_iter().find(|directory| directory.is_dir())?;
    // As downloads name what they have begun, so that it is known for what it is should it be left.
    let name = part_name();
    let file = directory.join(&name);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .ok()?;
    let found = fs::symlink_metadata(directory.join(name.to_uppercase())).is_ok();
    let _ = fs::remove_file(file);
    Some(found)
}

/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>
fn windows_problem(name: &str) -> Option<&'static str> {
    if name.contains(|c: char| c.is_control() || r#"<>:"\|?*"#.contains(c)) {
        return Some("has a character that no name on Windows has");
    }
    if name.ends_with(['.', ' ']) {
        return Some("has a part that ends with a dot or a space, which Windows drops");
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|rest| {
            matches!(rest, "¹" | "²" | "³")
                || rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit()
        })
    };
    let reserved = matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$");
    (reserved || numbered("COM") || numbered("LPT"))
        .then_some("has a part that is the name of a device on Windows")
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: Naming = Naming {
        windows: false,
        folds_case: false,
    };
    const WINDOWS: Naming = Naming {
        windows: true,
        folds_case: true,
    };

    #[test]
    fn a_path_never_leads_out_of_the_directory() {
        for path in [
            "../a",
            "a/../../b",
            "/etc/passwd",
            "a//b",
            "./a",
            "a\0b",
            "..",
            &format!("a/{}", "ü".repeat(128)),
        ] {
            assert!(UNIX.problem(path).is_some(), "{path:?}");
        }
        assert_eq!(WINDOWS.problem(&"ü".repeat(255)), None);
        for path in ["a", "a/b", "..a", "a..", "a b/ü", "c:/a", r"a\b", "con"] {
            assert_eq!(UNIX.problem(path), None, "{path:?}");
        }
    }

    #[test]
    fn windows_has_more_names_that_are_none() {
        for path in [
            "c:/a",
            r"..\a",
            "con",
            "a/NUL.txt",
            "com1",
            "LPT9.log",
            "a.",
            "a /b",
            "a?b",
            "a\u{1}",
        ] {
            assert!(WINDOWS.problem(path).is_some(), "{path:?}");
        }
        for path in ["console", "com", "com10", "a.b", "lpt"] {
            assert_eq!(WINDOWS.problem(path), None, "{path:?}");
        }
    }

    #[test]
    fn names_that_meet_are_all_refused() {
        let paths = ["A.csv", "a.csv", "b", "b/c", "d"];

        let refused = WINDOWS.collisions(paths.into_iter());
        assert_eq!(refused.len(), 3);
        assert_eq!(refused["A.csv"], Reason::CaseCollision);
        assert_eq!(refused["a.csv"], Reason::CaseCollision);
        assert_eq!(refused["b"], Reason::AlsoDirectory);

        let refused = UNIX.collisions(paths.into_iter());
        assert_eq!(refused.keys().copied().collect::<Vec<_>>(), ["b"]);
    }
}
