//! Many objects at once: directories up and down, and prefixes that are deleted or copied.
//!
//! Each transfer first looks at both sides and makes a [`Plan`]; run, it gives a [`Report`]. A path that fails stops no other,
//! and running it again does what is left. [`plan`](DirectoryTransfer::plan) alone is the dry run.
//!
//! ```
//! use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let client = Client::new(MemoryLakeFs::new());
//! # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//! # let directory = tempfile::tempdir().unwrap();
//! # std::fs::write(directory.path().join("events.csv"), "id,kind\n1,click\n").unwrap();
//! let transfer = client.transfer().concurrency(16);
//! let upload = transfer.upload_directory(directory.path(), "lakefs://lake/main/raw").exclude("*.tmp");
//! assert_eq!(upload.plan().await?.to_string(), "upload   events.csv (new)\n");
//!
//! let report = upload.await?;
//! report.check()?;
//! assert_eq!(report.to_string(), "1 uploaded, 0 skipped, 0 failed");
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! ```
//!
//! # Sync
//!
//! A copy in one direction, with [`delete_extraneous`](DirectoryTransfer::delete_extraneous), is what other tools call sync:
//! afterwards the destination has what the source has, and nothing else. [`Transfer::upload_directory`] has a branch follow a
//! directory, [`Transfer::download_directory`] a directory a ref, [`Transfer::copy_recursive`] a branch a ref. Nothing is kept
//! between runs and there is no merging of two sides: where both change, give each of them a branch and let lakeFS merge.
//!
//! # What is compared
//!
//! See [`Compare`]: by default size and time. Uploads keep a file's time in the object's metadata (`::lakefs::client-mtime`),
//! downloads set it, and so does lakectl: what either has moved, the other need not move again.
//!
//! # What is left out
//!
//! Symbolic links are not followed, in either direction. An object whose path cannot be a file here, or would be the same file
//! as another's, is not written. What a killed download left behind (`.lakefs-….part`) is not uploaded. All that is in the
//! plan and the report, with its [`Reason`].
//!
//! lakeFS has no directories: empty ones are not uploaded, and objects that stand for some (`dir/`) are passed over. Of a file,
//! its bytes and its time are kept, not its permissions, owner or extended attributes. Objects get the media type
//! `application/octet-stream`.
//!
//! # What happens meanwhile
//!
//! Both sides may change while a transfer runs. A file or object that vanishes is a failure of its path alone, and no longer
//! there for the next run. One that changes is transferred as it was or as it is, never as a mixture that stays: the time that
//! is kept is that of the comparison, so that the next run sees the change. To read a branch as it is at one moment, give its
//! last commit in its place; what is not committed is then left out.
//!
//! # Memory
//!
//! All paths of both sides are held, with some hundred bytes each. Of the data, no more than one object's upload or download
//! would hold: a file takes as many of the [`concurrency`](super::Transfer::concurrency) slots as it has parts, so that many
//! small ones are under way at once, or few large ones.

use std::{
    future::{Future, IntoFuture},
    path::PathBuf,
    pin::Pin,
};

use self::{
    filter::Filter,
    job::{Job, Place},
};
use super::Transfer;
use crate::{Error, LakeFsUri, Result};

mod ahead;
mod checksum;
mod delete;
mod filter;
mod find;
mod job;
mod names;
mod one;
mod plan;
mod remote;
mod report;
mod run;
mod same_file;
mod walk;

pub use self::{
    plan::{Action, Compare, Plan, Reason, Step},
    report::{Failure, Report},
};

/// A directory about to be uploaded or downloaded. See [`Transfer::upload_directory`], [`Transfer::download_directory`].
#[must_use = "a transfer does nothing until it is awaited"]
#[derive(Clone, Debug)]
pub struct DirectoryTransfer {
    bulk: Bulk,
}

/// A change about to be made to all objects below a path. See [`Transfer::delete_recursive`], [`Transfer::copy_recursive`].
#[must_use = "a transfer does nothing until it is awaited"]
#[derive(Clone, Debug)]
pub struct RecursiveChange {
    bulk: Bulk,
}

/// What both are: a job with its settings. A URI that is none is told when it is awaited.
#[derive(Clone, Debug)]
struct Bulk {
    transfer: Transfer,
    job: Result<Job, String>,
    include: Vec<String>,
    exclude: Vec<String>,
    compare: Compare,
    delete: bool,
}

// ===== impl Transfer =====

/// Many objects at once: see [`directory`](self).
impl Transfer {
    /// Makes what is below a URI like a local directory: uploads the files that are new or differ.
    ///
    /// The URI's path is a directory's, with or without a slash at its end.
    ///
    /// # Errors
    ///
    /// Of what concerns all, before anything is changed:
    ///
    /// - [`is_invalid_input`](Error::is_invalid_input): a glob or the URI is not valid, or the directory is a file.
    /// - [`is_io`](Error::is_io): the directory cannot be read.
    /// - [`is_not_found`](Error::is_not_found): the branch does not exist, or the ref is none.
    /// - What the comparison meets: see [`list_objects`](crate::Client::list_objects).
    ///
    /// What concerns one path is in the [`Report`].
    #[doc(alias = "sync")]
    pub fn upload_directory<U>(&self, from: impl Into<PathBuf>, to: U) -> DirectoryTransfer
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let root = from.into();
        let job = place(to).map(|to| Job::Upload { root, to });
        DirectoryTransfer {
            bulk: Bulk::new(self, job),
        }
    }

    /// Makes a local directory like what is below a URI: downloads the objects that are new or differ.
    ///
    /// The directory is made where there is none. Files get their objects' times. The ref may be a branch, with what is not
    /// committed, a tag, a commit, or an expression such as `main~1`.
    ///
    /// The URI's path is a directory's. One object is taken by [`download`](Self::download).
    ///
    /// # Errors
    ///
    /// As [`upload_directory`](Self::upload_directory). A path without any object below it is
    /// [`is_not_found`](Error::is_not_found), rather than an empty directory that all is deleted for; that of an object,
    /// [`is_invalid_input`](Error::is_invalid_input).
    #[doc(alias = "sync")]
    pub fn download_directory<U>(&self, from: U, to: impl Into<PathBuf>) -> DirectoryTransfer
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let root = to.into();
        let job = place(from).map(|from| Job::Download { from, root });
        DirectoryTransfer {
            bulk: Bulk::new(self, job),
        }
    }

    /// Deletes all objects below a URI's path from a branch, 1,000 a request (operation `deleteObjects`).
    ///
    /// An empty path stands for the whole branch. The object at the path itself is not below it. Commits keep what they have.
    ///
    /// What the server refuses inside of an answer that says 200 is in the report, by path.
    ///
    /// # Errors
    ///
    /// As [`upload_directory`](Self::upload_directory). Where there is nothing to delete, nothing is deleted.
    pub fn delete_recursive<U>(&self, at: U) -> RecursiveChange
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let job = place(at).map(|at| Job::Delete { at });
        RecursiveChange {
            bulk: Bulk::new(self, job),
        }
    }

    /// Copies all objects below a URI's path to below another one on a branch, within a repository: the data does not come
    /// here (operation `copyObject`).
    ///
    /// Objects that are there already, with the same size, checksum, metadata and content type, are skipped.
    ///
    /// # Errors
    ///
    /// As [`download_directory`](Self::download_directory) of the source, as [`upload_directory`](Self::upload_directory) of the
    /// destination; [`is_invalid_input`](Error::is_invalid_input) for two repositories, or for the same place twice.
    pub fn copy_recursive<A, B>(&self, from: A, to: B) -> RecursiveChange
    where
        A: TryInto<LakeFsUri>,
        B: TryInto<LakeFsUri>,
        Error: From<A::Error> + From<B::Error>,
    {
        let job = place(from).and_then(|from| Ok((from, place(to)?)));
        RecursiveChange {
            bulk: Bulk::new(self, job.and_then(|(from, to)| Job::copy(from, to))),
        }
    }
}

fn place<U>(uri: U) -> Result<Place, String>
where
    U: TryInto<LakeFsUri>,
    Error: From<U::Error>,
{
    match uri.try_into() {
        Ok(uri) => Ok(Place::new(&uri)),
        Err(error) => Err(Error::from(error).message().to_owned()),
    }
}

// ===== impl DirectoryTransfer =====

impl DirectoryTransfer {
    /// Takes only paths that match a glob; may be given several times. Default: all.
    ///
    /// `*` stays within a name, `**` does not. As in a `.gitignore`, a glob without a slash matches a name at any depth, one
    /// that begins with a slash is tied to the top, and one that matches a directory matches all in it.
    pub fn include(mut self, glob: impl Into<String>) -> Self {
        self.bulk.include.push(glob.into());
        self
    }

    /// Leaves out paths that match a glob, on both sides: they are neither transferred nor deleted. May be given several
    /// times, and wins over [`include`](Self::include).
    pub fn exclude(mut self, glob: impl Into<String>) -> Self {
        self.bulk.exclude.push(glob.into());
        self
    }

    /// What tells whether a file and an object differ. Default: [`Compare::SizeAndTime`].
    pub fn compare(mut self, how: Compare) -> Self {
        self.bulk.compare = how;
        self
    }

    /// Whether to delete, at the destination, what the source does not have. Default: no.
    ///
    /// It comes last, and only when all else succeeded: a source that could not be read as a whole deletes nothing. Only files
    /// that are [in the way](Reason::InTheWay) of what is to be written go first.
    ///
    /// What is excluded stays, on both sides. So does a file that a file system takes for that of an object under another name.
    ///
    /// An empty source directory deletes everything at the destination, as with other tools, and a disk that is not mounted is
    /// an empty directory. Where that can happen, look at [`plan`](Self::plan) first: at how much it deletes, and whether it
    /// finds anything to keep.
    pub fn delete_extraneous(mut self, delete: bool) -> Self {
        self.bulk.delete = delete;
        self
    }

    /// What would be done: the dry run. Changes nothing.
    ///
    /// # Errors
    ///
    /// As the transfer itself, of what concerns all.
    pub async fn plan(&self) -> Result<Plan> {
        Ok(self.bulk.find().await?.plan)
    }
}

impl IntoFuture for DirectoryTransfer {
    type Output = Result<Report>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Report>> + Send>>;

    /// Runs it. Dropping the future stops it; what is done stays done.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.bulk.run())
    }
}

// ===== impl RecursiveChange =====

impl RecursiveChange {
    /// Takes only paths that match a glob: see [`DirectoryTransfer::include`].
    pub fn include(mut self, glob: impl Into<String>) -> Self {
        self.bulk.include.push(glob.into());
        self
    }

    /// Leaves out paths that match a glob: see [`DirectoryTransfer::exclude`].
    pub fn exclude(mut self, glob: impl Into<String>) -> Self {
        self.bulk.exclude.push(glob.into());
        self
    }

    /// What would be done: the dry run. Changes nothing.
    ///
    /// # Errors
    ///
    /// As the change itself, of what concerns all.
    pub async fn plan(&self) -> Result<Plan> {
        Ok(self.bulk.find().await?.plan)
    }
}

impl IntoFuture for RecursiveChange {
    type Output = Result<Report>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Report>> + Send>>;

    /// Runs it. Dropping the future stops it; what is done stays done.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.bulk.run())
    }
}

// ===== impl Bulk =====

impl Bulk {
    fn new(transfer: &Transfer, job: Result<Job, String>) -> Self {
        Self {
            transfer: transfer.clone(),
            job,
            include: Vec::new(),
            exclude: Vec::new(),
            compare: Compare::default(),
            delete: false,
        }
    }

    fn job(&self) -> Result<&Job> {
        let wrong = |problem: &String| Error::invalid_input(problem.clone());
        self.job.as_ref().map_err(wrong)
    }

    fn filter(&self) -> Result<Filter> {
        Filter::new(&self.include, &self.exclude)
    }
}
