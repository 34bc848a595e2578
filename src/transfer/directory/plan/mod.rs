//! [`Plan`]: what a transfer of many will do, path by path, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    checksum,
    names::Naming,
    remote::RemoteObject,
    walk::{self, Local, LocalFile},
};

/// What a transfer of many will do, as it was found by comparing, before anything is changed.
///
/// `Display` shows a line for each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The steps in the order of their paths.
    pub steps: Vec<Step>,
}

/// What is done about one path, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The path below the directory and below the URI's path alike, with `/` between its parts.
    pub path: String,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// How many bytes the file or object has.
    pub bytes: u64,
}

/// What is done about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Action {
    /// A file is uploaded.
    Upload,
    /// An object is downloaded.
    Download,
    /// An object is copied within lakeFS.
    Copy,
    /// What is at the destination is deleted.
    Delete,
    /// Nothing.
    Skip,
}

/// Why something is done, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The destination has nothing at this path.
    New,
    /// The sizes differ.
    SizeDiffers,
    /// The sizes are equal, the times of the last change are not.
    TimeDiffers,
    /// The checksums differ.
    ContentDiffers,
    /// The contents are equal, metadata or content type are not.
    MetadataDiffers,
    /// The sizes are equal, and the object has no MD5 that could tell more.
    ChecksumUnknown,
    /// The source has nothing at this path.
    Extraneous,
    /// It was asked for.
    Asked,
    /// Skipped: both sides are equal, as far as was compared.
    Same,
    /// Skipped: it is a symbolic link, or would be written through one. What is behind it is left alone.
    SymbolicLink,
    /// Skipped: it is a pipe, a socket or a device.
    NotAFile,
    /// Skipped: the object stands for a directory, as its path ends in a slash and there is nothing in it.
    DirectoryMarker,
    /// Skipped: a download that was killed has left the file, which begins with `.lakefs-` and ends with `.part`.
    Leftover,
    /// Skipped: the object's path must not be a file's here; what follows "the path".
    UnsafeName(&'static str),
    /// Skipped: the paths of several objects differ only in case, and would be one file here. None of them is written.
    CaseCollision,
    /// Skipped: other objects need a directory of this name.
    AlsoDirectory,
    /// A file is where a directory is needed, or in a directory where a file is to be. It is deleted, before anything else is
    /// done, where what is extraneous may be; else what is to be there is skipped.
    InTheWay,
    /// Skipped: it would have been deleted, but to the file system it is the file of an object that was downloaded, by another
    /// name, such as one that writes its accents in another way.
    SameFile,
    /// Skipped: it would have been deleted, but the source could not be read as a whole, or something else failed.
    Withheld,
}

/// How files are compared with objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compare {
    /// By size and the time of the last change, in whole seconds.
    ///
    /// An object's time is that of the file that it was uploaded from (`::lakefs::client-mtime`, which lakectl writes too),
    /// else when it was written. Times that differ in any way count as a change. What changes twice within a second and keeps
    /// its size goes unnoticed.
    #[default]
    SizeAndTime,
    /// By size and MD5: every file is read.
    ///
    /// The checksum of an object that was uploaded in parts is the MD5 of the parts' MD5s on most stores. It is compared too,
    /// for parts of [`part_size`](crate::transfer::Transfer::part_size) and of the sizes that other tools use. What cannot be
    /// compared counts as changed: parts of another size, a checksum of another kind.
    Checksum,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    Differs(Reason),
    /// The file's MD5 has to be asked.
    AskChecksum,
}

/// What the MD5s of files said, by path.
pub(super) type Verdicts = BTreeMap<String, Verdict>;

// ===== comparing =====

pub(super) fn compare(file: &LocalFile, object: &RemoteObject, how: Compare) -> Verdict {
    if file.size != object.size {
        return Verdict::Differs(Reason::SizeDiffers);
    }
    match how {
        Compare::SizeAndTime if file.modified == object.modified => Verdict::Same,
        Compare::SizeAndTime => Verdict::Differs(Reason::TimeDiffers),
        Compare::Checksum if checksum::is_comparable(&object.checksum) => Verdict::AskChecksum,
        Compare::Checksum => Verdict::Differs(Reason::ChecksumUnknown),
    }
}

/// The plan to make what is below the URI like the directory.
pub(super) fn upload(
    local: &Local,
    remote: &BTreeMap<String, RemoteObject>,
    verdicts: &Verdicts,
    delete: bool,
) -> Plan {
    let mut steps = Vec::with_capacity(local.files.len());
    for (path, file) in &local.files {
        if walk::is_leftover(path) {
            steps.push(Step::new(path, Action::Skip, Reason::Leftover, file.size));
            continue;
        }
        let verdict = match remote.get(path) {
            None => Verdict::Differs(Reason::New),
            Some(_) => verdicts.get(path).copied().unwrap_or(Verdict::Same),
        };
        steps.push(Step::of(path, Action::Upload, verdict, file.size));
    }
    for (path, other) in local.others.iter().filter(|(_, other)| other.counts) {
        steps.push(Step::new(path, Action::Skip, other.reason, 0));
    }
    let complete = local.failed.is_empty();
    for (path, object) in remote.iter().filter(|_| delete) {
        if local.files.contains_key(path) || local.behind_other(path).is_some() {
            continue;
        }
        let (action, reason) = match complete {
            _ if object.is_marker(path) => (Action::Skip, Reason::DirectoryMarker),
            true => (Action::Delete, Reason::Extraneous),
            false => (Action::Skip, Reason::Withheld),
        };
        steps.push(Step::new(path, action, reason, object.size));
    }
    Plan::new(steps)
}

/// The plan to make the directory like what is below the URI.
pub(super) fn download(
    remote: &BTreeMap<String, RemoteObject>,
    local: &Local,
    verdicts: &Verdicts,
    delete: bool,
    naming: Naming,
) -> Plan {
    let files = remote.keys().filter(|path| !path.ends_with('/'));
    let safe = files.clone().filter(|path| naming.problem(path).is_none());
    let collisions = naming.collisions(safe.map(String::as_str));
    let mut steps = Vec::with_capacity(remote.len());
    let mut in_the_way = BTreeSet::new();
    for (path, object) in remote {
        let refused = if object.is_marker(path) {
            Some(Reason::DirectoryMarker)
        } else if path.ends_with('/') {
            Some(Reason::UnsafeName("ends in a slash"))
        } else if let Some(problem) = naming.problem(path) {
            Some(Reason::UnsafeName(problem))
        } else if let Some(&collision) = collisions.get(&**path) {
            Some(collision)
        } else {
            local.behind_other(path)
        };
        if let Some(reason) = refused {
            steps.push(Step::new(path, Action::Skip, reason, object.size));
            continue;
        }
        let verdict = match local.files.get(path) {
            None => {
                let obstacles = local.in_the_way(path);
                if !obstacles.is_empty() && !delete {
                    steps.push(Step::new(path, Action::Skip, Reason::InTheWay, object.size));
                    continue;
                }
                in_the_way.extend(obstacles);
                Verdict::Differs(Reason::New)
            }
            Some(_) => verdicts.get(path).copied().unwrap_or(Verdict::Same),
        };
        steps.push(Step::of(path, Action::Download, verdict, object.size));
    }
    if delete {
        let kept: BTreeSet<String> = files.map(|path| naming.fold(path)).collect();
        for (path, file) in &local.files {
            let reason = match in_the_way.contains(&**path) {
                true => Reason::InTheWay,
                false if kept.contains(&naming.fold(path)) => continue,
                false => Reason::Extraneous,
            };
            steps.push(Step::new(path, Action::Delete, reason, file.size));
        }
    }
    Plan::new(steps)
}

// ===== impl Plan =====

impl Plan {
    pub(super) fn new(mut steps: Vec<Step>) -> Self {
        steps.sort_by(|a, b| a.path.cmp(&b.path));
        Self { steps }
    }

    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action != Action::Skip)
    }

    /// How many bytes will go up or down. What is copied or deleted moves none through here.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let moved = self.steps.iter().filter(|step| step.action.moves_bytes());
        moved.map(|step| step.bytes).sum()
    }

    /// Whether nothing has to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

// ===== impl Step =====

impl Step {
    pub(super) fn new(path: &str, action: Action, reason: Reason, bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            action,
            reason,
            bytes,
        }
    }

    fn of(path: &str, action: Action, verdict: Verdict, bytes: u64) -> Self {
        match verdict {
            Verdict::Differs(reason) => Self::new(path, action, reason, bytes),
            Verdict::Same | Verdict::AskChecksum => {
                Self::new(path, Action::Skip, Reason::Same, bytes)
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<8} {} ({})",
            self.action.as_str(),
            Shown(&self.path),
            self.reason
        )
    }
}

/// A path as a line can show it: with quotes and escapes where it has characters that a terminal would obey.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.contains(char::is_control) {
            true => write!(f, "{:?}", self.0),
            false => f.write_str(self.0),
        }
    }
}

// ===== impl Action =====

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Copy => "copy",
            Self::Delete => "delete",
            Self::Skip => "skip",
        }
    }

    pub(super) fn moves_bytes(self) -> bool {
        matches!(self, Self::Upload | Self::Download)
    }
}

// ===== impl Reason =====

impl Reason {
    /// Whether a path was left out though it was to be transferred: somebody should hear of it.
    #[must_use]
    pub fn is_problem(self) -> bool {
        matches!(
            self,
            Self::SymbolicLink
                | Self::NotAFile
                | Self::UnsafeName(_)
                | Self::CaseCollision
                | Self::AlsoDirectory
                | Self::InTheWay
                | Self::Withheld
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::SizeDiffers => "the size differs",
            Self::TimeDiffers => "the time differs",
            Self::ContentDiffers => "the content differs",
            Self::MetadataDiffers => "the metadata differs",
            Self::ChecksumUnknown => "its checksum is no MD5",
            Self::Extraneous => "not in the source",
            Self::Asked => "as asked",
            Self::Same => "unchanged",
            Self::SymbolicLink => "a symbolic link, or behind one",
            Self::NotAFile => "not a regular file",
            Self::DirectoryMarker => "stands for a directory",
            Self::Leftover => "left by a download that was killed",
            Self::UnsafeName(problem) => return write!(f, "the path {problem}"),
            Self::CaseCollision => "another path differs only in case",
            Self::AlsoDirectory => "other objects need a directory of this name",
            Self::InTheWay => "a file is where a directory has to be, or the reverse",
            Self::SameFile => "another name of a file that was downloaded",
            Self::Withheld => "not deleted, as not all else succeeded",
        })
    }
}

#[cfg(test)]
mod tests;
