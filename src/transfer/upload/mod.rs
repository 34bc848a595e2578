//! Objects in: from memory, files, streams and readers.
//!
//! | the data | the way it takes ([`Mode::Auto`]) |
//! |---|---|
//! | up to 64 KiB | to lakeFS, in one request |
//! | up to [`part_size`](Transfer::part_size) | to the object store by one presigned URL, then linked to its path |
//! | more, or a stream of unknown length that has more | to the object store in parts side by side |
//! | any, where lakeFS hands out no presigned URLs | to lakeFS |
//! | more than a part, with a condition | to the object store by one presigned URL: lakeFS keeps no conditions for parts |
//!
//! Content type, metadata and conditions are the same by every way. What was sent is compared with what the server says that
//! it stored. When an answer is lost, the server is asked what it has, rather than guessing. Each part is tried again by
//! itself, with a fresh URL where the old one expired; a part that has arrived is never sent again. An upload in parts that
//! fails or is dropped is aborted, so that no parts are left in the store to be paid for.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, IntoFuture},
    path::PathBuf,
    pin::Pin,
};

use tokio::{io::AsyncRead, runtime::Handle};

use self::{
    source::{Source, Stream},
    watch::Watch,
};
use super::{MAX_PART, MIN_PART, Mode, Transfer, route::Route};
use crate::{
    Body, Client, Error, Result,
    error::ErrorKind,
    models::{ObjectStats, StagingMetadata},
};

mod body;
mod checksum;
mod direct;
mod file;
mod multipart;
mod single;
mod source;
mod watch;
mod writer;

pub use self::writer::ObjectWriter;

/// What is sent to lakeFS itself even where it offers presigned URLs, which take three requests.
const SMALL: u64 = 64 * 1024;
/// The most that stores take in one request.
const MAX_SINGLE: u64 = 5 * 1024 * 1024 * 1024;
/// The longest path that lakeFS takes, in bytes.
const MAX_PATH: usize = 1024;

/// An object about to be uploaded: say what is in it, then await it.
///
/// Made by [`Transfer::upload`].
#[must_use = "an upload does nothing until it is awaited"]
pub struct Upload {
    transfer: Transfer,
    target: Target,
    facts: Facts,
    input: Input,
}

/// Where the data comes from.
enum Input {
    Body(Body),
    File(PathBuf),
}

/// Where an object goes.
#[derive(Clone, Debug)]
struct Target {
    client: Client,
    repository: String,
    branch: String,
    path: String,
}

/// What is kept with an object, and when it is written at all.
#[derive(Clone, Debug, Default)]
struct Facts {
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    if_none_match: Option<String>,
    if_match: Option<String>,
}

/// One upload under way, but for its data.
struct Job {
    transfer: Transfer,
    target: Target,
    facts: Facts,
    watch: Watch,
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
        Upload {
            transfer: self.clone(),
            target: Target {
                client: self.client.clone(),
                repository: repository.into(),
                branch: branch.into(),
                path: path.into(),
            },
            facts: Facts::default(),
            input: Input::Body(Body::empty()),
        }
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
}

// ===== impl Upload =====

impl Upload {
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

    /// Adds user metadata. Keys are stored in lower case, as lakeFS does with those that come in headers.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into().to_ascii_lowercase();
        self.facts.metadata.insert(key, value.into());
        self
    }

    /// Writes only where there is nothing at the path yet: `*` is the one value that lakeFS knows.
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

    /// Uploads.
    ///
    /// # Errors
    ///
    /// - [`is_invalid_input`](Error::is_invalid_input): the path is empty or too long, the file cannot be opened, or this is
    ///   not polled on a tokio runtime. Nothing was sent.
    /// - [`is_precondition_failed`](Error::is_precondition_failed): the condition does not hold. Nothing was changed.
    /// - [`is_body`](Error::is_body): the data could not be read to its end, or what was stored is not what was sent; the
    ///   message says which, and what to do.
    /// - Besides: whatever lakeFS or the object store refuse. The message names the store's host where it was the store.
    async fn run(self) -> Result<ObjectStats> {
        let Self {
            transfer,
            target,
            facts,
            input,
        } = self;
        target.check()?;
        runtime()?;
        let source = match input {
            Input::Body(body) => Source::from_body(body),
            Input::File(path) => Source::open(path).await?,
        };
        let watch = Watch::new(&transfer.progress, &target.path);
        let job = Job {
            transfer,
            target,
            facts,
            watch,
        };
        let stats = job.run(source).await?;
        job.watch.complete(stats.size_bytes);
        Ok(stats)
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
        f.debug_struct("Upload")
            .field("repository", &self.target.repository)
            .field("branch", &self.target.branch)
            .field("path", &self.target.path)
            .finish_non_exhaustive()
    }
}

// ===== impl Target =====

impl Target {
    fn check(&self) -> Result<()> {
        if self.path.is_empty() {
            return Err(Error::invalid_input(
                "`path` is empty; give the path that the object is to have",
            ));
        }
        if self.path.len() > MAX_PATH {
            return Err(Error::invalid_input(format!(
                "`path` has {} bytes; lakeFS takes at most {MAX_PATH}",
                self.path.len()
            )));
        }
        Ok(())
    }

    /// What is at the path now.
    async fn look(&self) -> Result<ObjectStats> {
        let Self {
            client,
            repository,
            branch,
            path,
        } = self;
        let call = client.stat_object(repository, branch, path);
        call.user_metadata(true).await
    }
}

// ===== impl Job =====

impl Job {
    async fn run(&self, source: Source) -> Result<ObjectStats> {
        let part_size = self.part_size();
        let mut source = match source {
            // Whatever fits into a part can be sent again, and has a size.
            Source::Stream(stream) if stream.size().is_none_or(|size| size <= part_size) => {
                stream.settle(part_size).await?
            }
            source => source,
        };
        let size = source.size();
        if self.transfer.mode == Mode::Auto && size.is_some_and(|size| size <= SMALL) {
            return self.direct(&mut source).await;
        }
        let route = self.transfer.route().await?;
        if route.multipart && !self.is_conditional() && size.is_none_or(|size| size > part_size) {
            return self.in_parts(source).await;
        }
        if !route.presigned {
            return self.direct(&mut source).await;
        }
        match size {
            Some(size) if size <= MAX_SINGLE => self.single(&mut source, size).await,
            _ if self.transfer.mode == Mode::Auto => self.direct(&mut source).await,
            _ => Err(self.too_large(route)),
        }
    }

    fn part_size(&self) -> u64 {
        self.transfer.part_size.clamp(MIN_PART, MAX_PART)
    }

    fn is_conditional(&self) -> bool {
        self.facts.if_none_match.is_some() || self.facts.if_match.is_some()
    }

    /// Whether data that could not reach the object store may go through lakeFS instead; then that is what all do from now
    /// on.
    fn falls_back(&self, error: &Error) -> bool {
        let unreached =
            error.is_connect() && error.operation().map(|meta| meta.id) == Some("presignedPut");
        let falls_back = unreached && self.transfer.mode == Mode::Auto;
        if falls_back {
            self.transfer.avoid_store();
            report_fallback(error);
        }
        falls_back
    }

    fn too_large(&self, route: Route) -> Error {
        let why = match route.multipart {
            true => "with a condition it cannot be sent in parts",
            false => "lakeFS offers no presigned upload in parts for this store",
        };
        let message = format!(
            "the object is too large for one presigned request, or its size is not known, and {why}; use `transfer::Mode::Auto`, \
             which sends it through lakeFS"
        );
        Error::new(ErrorKind::InvalidInput, message)
    }

    fn staging_metadata(&self, staged: StagingMetadata) -> StagingMetadata {
        let facts = &self.facts;
        let staged = match facts.metadata.is_empty() {
            true => staged,
            false => staged.user_metadata(facts.metadata.clone()),
        };
        match &facts.content_type {
            Some(content_type) => staged.content_type(content_type),
            None => staged,
        }
    }
}

/// The runtime that files are read on, and what is left is cleared away.
fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|error| {
        Error::invalid_input("an upload must be polled on a tokio runtime").with_source(error)
    })
}

#[cfg(feature = "tracing")]
fn report_fallback(error: &Error) {
    tracing::warn!(%error, "the object store cannot be reached from here: uploading through lakeFS from now on");
}

#[cfg(not(feature = "tracing"))]
fn report_fallback(_: &Error) {}

impl From<Stream> for Source {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}
