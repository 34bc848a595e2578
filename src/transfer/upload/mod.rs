//! Objects in: from memory, files, streams and readers.
//!
//! | the data | the way it takes ([`Mode::Auto`](super::Mode::Auto)) |
//! |---|---|
//! | up to 64 KiB, without a condition | to lakeFS, in one request |
//! | up to [`part_size`](Transfer::part_size) | to the object store by one presigned URL, then linked to its path |
//! | more, or a stream of unknown length that has more | to the object store in parts side by side |
//! | any, where lakeFS hands out no presigned URLs | to lakeFS |
//! | more than a part, with a condition | to the object store by one presigned URL: lakeFS keeps no conditions for parts |
//!
//! Content type, metadata and conditions are the same by every way. What was sent is compared with what the server says that
//! it stored. When an answer is lost, the server is asked what it has, rather than guessing. Each part is tried again by
//! itself, five times beyond what the client repeats, with a fresh URL where the old one expired; a part that has arrived is
//! never sent again. An upload in parts that fails or is dropped is aborted, so that no parts are left in the store to be paid
//! for. To put parts together takes a store minutes where they are thousands, so that request alone may take ten for each
//! attempt, whatever the limits of the client.
//!
//! lakeFS takes what went to the object store for 24 hours from when the upload began; after that it refuses it
//! ([`is_bad_request`](Error::is_bad_request)). A writer that is open for longer must be finished, and another begun.

use std::{
    fmt,
    future::{Future, IntoFuture},
    path::PathBuf,
    pin::Pin,
};

use tokio::io::AsyncRead;

use self::{
    job::{Facts, Job},
    source::Source,
    target::Target,
    watch::Watch,
};
use super::{
    Transfer,
    progress::{Event, Progress},
    runtime,
};
use crate::{Body, Error, LakeFsUri, Result, models::ObjectStats};

mod allowance;
mod body;
mod checksum;
mod direct;
mod file;
mod job;
mod multipart;
mod single;
mod source;
mod target;
mod watch;
mod writer;

pub use self::writer::ObjectWriter;
pub(super) use self::{file::small, job::SMALL};

/// An object about to be uploaded: say what is in it, then await it.
///
/// Made by [`Transfer::upload`] and [`Transfer::upload_to`].
#[must_use = "an upload does nothing until it is awaited"]
pub struct Upload {
    transfer: Transfer,
    /// An error where it was given as a URI that is none.
    target: Result<Target>,
    facts: Facts,
    input: Input,
    /// Whether it is one of many, which tell by themselves when each begins and ends.
    of_many: bool,
}

/// Where the data comes from.
enum Input {
    Body(Body),
    File(PathBuf),
}

// ===== impl Transfer =====

impl Transfer {
    /// Uploads an object to a branch, where it stays uncommitted until a commit. It replaces what is at the path.
    pub fn upload(
        &self,
        repository: impl Into<String>,
        branch: impl Into<String>,
        path: impl Into<String>,
    ) -> Upload {
        Upload::new(
            self,
            Ok(Target {
                client: self.client.clone(),
                repository: repository.into(),
                branch: branch.into(),
                path: path.into(),
            }),
        )
    }

    /// As [`upload`](Self::upload), to a place in one piece: a [`LakeFsUri`], or a string that is one.
    ///
    /// ```
    /// # use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let client = Client::new(MemoryLakeFs::new());
    /// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
    /// let stats = client.transfer().upload_to("lakefs://lake/main/a.txt").body("hello").await?;
    /// assert_eq!(stats.path, "a.txt");
    /// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// What is no URI is [`is_invalid_input`](Error::is_invalid_input) when the upload is awaited. Nothing is sent.
    pub fn upload_to<U>(&self, uri: U) -> Upload
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let uri = uri.try_into().map_err(Error::from);
        Upload::new(self, uri.map(|uri| Target::of(self.client.clone(), &uri)))
    }

    /// Uploads what is written to an [`ObjectWriter`]. For one with a content type, metadata or conditions see
    /// [`Upload::writer`].
    pub fn writer(
        &self,
        repository: impl Into<String>,
        branch: impl Into<String>,
        path: impl Into<String>,
    ) -> ObjectWriter {
        self.upload(repository, branch, path).writer()
    }

    /// As [`writer`](Self::writer), to a place in one piece: see [`upload_to`](Self::upload_to).
    ///
    /// # Errors
    ///
    /// What is no URI is told by the first write, or by [`finish`](ObjectWriter::finish).
    pub fn writer_to<U>(&self, uri: U) -> ObjectWriter
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        self.upload_to(uri).writer()
    }
}

// ===== impl Upload =====

impl Upload {
    fn new(transfer: &Transfer, target: Result<Target>) -> Self {
        Self {
            transfer: transfer.clone(),
            target,
            facts: Facts::default(),
            input: Input::Body(Body::empty()),
            of_many: false,
        }
    }

    /// The data: bytes, a string, or any [`Body`], also one of unknown length. Default: none.
    ///
    /// Of a stream that can be read only once, at most what is in flight is kept to send it again.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.input = Input::Body(body.into());
        self
    }

    /// The data: a file, as it is when the upload begins. It is read part by part.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Input::File(path.into());
        self
    }

    /// The data: what a reader gives until its end.
    pub fn reader(self, reader: impl AsyncRead + Send + 'static) -> Self {
        self.body(source::read(reader))
    }

    /// The data: what is written to the [`ObjectWriter`] that this gives.
    pub fn writer(self) -> ObjectWriter {
        ObjectWriter::new(self)
    }

    /// The media type that the object is stored with. Default: `application/octet-stream`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.facts.content_type = Some(content_type.into());
        self
    }

    /// Adds user metadata. Keys are stored in lower case, as lakeFS does with those that come in headers; what a header cannot
    /// hold is refused ([`is_invalid_input`](Error::is_invalid_input)), whichever way the data takes.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into().to_ascii_lowercase();
        self.facts.metadata.insert(key, value.into());
        self
    }

    /// Writes only where there is nothing at the path yet: `*` is the one value that lakeFS knows.
    ///
    /// When an answer is lost, what is at the path then may be this upload's. Where the data goes to the object store, it is
    /// known by its address. Where it goes through lakeFS, it is known by what is in it, and by when it was written: of
    /// two writers who write the same at the same time, both may be told that they were first.
    ///
    /// # Errors
    ///
    /// The upload fails with [`is_precondition_failed`](Error::is_precondition_failed) where there is something.
    pub fn if_none_match(mut self, tag: impl Into<String>) -> Self {
        self.facts.if_none_match = Some(tag.into());
        self
    }

    /// Writes only in place of one particular version of the object. The open-source server answers that it cannot
    /// ([`is_not_implemented`](Error::is_not_implemented)).
    pub fn if_match(mut self, tag: impl Into<String>) -> Self {
        self.facts.if_match = Some(tag.into());
        self
    }

    /// One of many, whose beginning and end somebody else tells.
    pub(in crate::transfer) fn of_many(mut self) -> Self {
        self.of_many = true;
        self
    }

    /// Uploads, and tells it.
    ///
    /// # Errors
    ///
    /// - [`is_invalid_input`](Error::is_invalid_input): the URI is none, the path is empty or too long, the file cannot be
    ///   opened, or this is not polled on a tokio runtime. Nothing was sent.
    /// - [`is_precondition_failed`](Error::is_precondition_failed): the condition does not hold. Nothing was changed.
    /// - [`is_body`](Error::is_body): the data could not be read to its end, or what was stored is not what was sent; the
    ///   message says which, and what to do.
    /// - Besides: whatever lakeFS or the object store refuse. The message names the store's host where it was the store.
    async fn run(self) -> Result<ObjectStats> {
        let target = self.target?;
        let watch = Watch::new(&self.transfer.progress, &target.path);
        let job = Job {
            transfer: self.transfer,
            target,
            facts: self.facts,
            watch,
        };
        let progress = match self.of_many {
            true => Progress::default(),
            false => job.transfer.progress.clone(),
        };
        let path = &job.target.path;
        let outcome = async {
            job.target.check()?;
            runtime("an upload")?;
            let source = self.input.open(!self.of_many).await?;
            let bytes = source.size();
            progress.tell(|| Event::ObjectStarted { path, bytes });
            job.run(source).await
        }
        .await;
        match &outcome {
            Ok(stats) => {
                let bytes = stats.size_bytes.and_then(|size| u64::try_from(size).ok());
                let bytes = bytes.unwrap_or_default();
                job.watch.complete(bytes);
                progress.tell(|| Event::ObjectDone { path, bytes });
            }
            Err(error) => progress.tell(|| Event::ObjectFailed { path, error }),
        }
        outcome
    }
}

// ===== impl Input =====

impl Input {
    /// Who named a file wants what a link leads to; who named a directory wants what is in it.
    async fn open(self, links: bool) -> Result<Source> {
        match self {
            Self::Body(body) => Ok(Source::from_body(body)),
            Self::File(path) => Source::open(path, links).await,
        }
    }
}

impl IntoFuture for Upload {
    type Output = Result<ObjectStats>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<ObjectStats>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Upload");
        match &self.target {
            Ok(target) => debug
                .field("repository", &target.repository)
                .field("branch", &target.branch)
                .field("path", &target.path),
            Err(error) => debug.field("error", error),
        };
        debug.finish_non_exhaustive()
    }
}
