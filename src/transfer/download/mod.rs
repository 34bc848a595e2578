//! Reading one object: [`Download`], whole or a range of it, and [`ObjectReader`], here and there.

use std::{
    ops::{Bound, RangeBounds},
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::stream;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use self::{
    file::Prepare,
    flow::Flow,
    source::{Place, Source},
    temporary::Finish,
    told::Story,
    wanted::Wanted,
};
use crate::{
    Body, Error, LakeFsUri, Result,
    error::ErrorKind,
    transfer::{Transfer, disk::Disk},
};

mod answer;
mod doubt;
mod file;
mod flow;
mod parts;
mod ranges;
mod reader;
mod source;
mod stretch;
mod temporary;
mod told;
mod verify;
mod wanted;

pub use self::reader::ObjectReader;
#[cfg(feature = "blocking")]
pub(crate) use self::reader::io_error;
pub(super) use self::temporary::{is_part_name, part_name};

/// An object about to be read; made by [`Transfer::download`].
///
/// What it is read into decides the method: [`to_file`](Self::to_file), [`to_bytes`](Self::to_bytes),
/// [`to_writer`](Self::to_writer), or [`stream`](Self::stream).
///
/// ```
/// # use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let client = Client::new(MemoryLakeFs::new());
/// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
/// client.upload_object("lake", "main", "a.txt").body("0123456789").await?;
/// let transfer = client.transfer();
/// let path = std::env::temp_dir().join("lakefs-sdk-download-example.txt");
/// let done = transfer.download("lake", "main", "a.txt").to_file(&path).await?;
/// assert_eq!((done.size_bytes, done.verified), (10, true));
/// assert_eq!(std::fs::read(&path)?, b"0123456789");
/// assert_eq!(transfer.download("lake", "main", "a.txt").range(2..5).to_bytes().await?, "234");
/// # std::fs::remove_file(path)?;
/// # Ok::<_, lakefs_sdk::BoxError>(()) }).unwrap();
/// ```
///
/// # What it takes care of
///
/// - **Cuts.** A body that is cut or stalls is taken up at the next byte. Every byte that arrives renews the allowance, and
///   every request has its own time limits, so a slow line is no reason to fail; [`Downloaded::resumed`] counts them.
/// - **Changes.** All parts are of one version of the object, by its ETag. When it changes meanwhile, that is an
///   [`is_precondition_failed`](Error::is_precondition_failed) error: pieces of two objects are never joined.
/// - **Damage.** The MD5 of a whole object is compared with the checksum that lakeFS has, where it is
///   one: see [`verify`](Self::verify).
/// - **Speed.** An object of more than 8 MiB is fetched in parts, [`Transfer::concurrency`] of them at once. In a file, each is
///   written to its own place as it arrives; elsewhere they are passed on in order. They grow with the object, up to
///   [`Transfer::part_size`]. With a concurrency of 1 it is one request.
/// - **The way.** [`Transfer::mode`] decides. A presigned URL is replaced before it expires, and when the store says that it
///   has.
#[must_use = "a download does nothing until it is read into something"]
#[derive(Clone, Debug)]
pub struct Download {
    transfer: Transfer,
    /// A URI that is none is told when it is read.
    place: Result<Place, String>,
    start: Bound<u64>,
    end: Bound<u64>,
    verify: bool,
    finish: Finish,
    of_many: bool,
}

/// What was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// How many bytes.
    pub size_bytes: u64,
    /// The ETag of the object, in quotes, as lakeFS tells it; `None` where a proxy removed it.
    pub etag: Option<String>,
    /// Whether the MD5 of all of it is the checksum. False where nothing was compared, of a range for one, and where the
    /// checksum turned out to be no MD5 of the data: see [`Download::verify`].
    pub verified: bool,
    /// How often a body that was cut was taken up again.
    pub resumed: u32,
}

// ===== impl Transfer =====

impl Transfer {
    /// Reads an object into a file, into memory, or into a writer.
    pub fn download(
        &self,
        repository: impl Into<String>,
        reference: impl Into<String>,
        path: impl Into<String>,
    ) -> Download {
        let place = Place {
            repository: repository.into(),
            reference: reference.into(),
            path: path.into(),
        };
        Download::new(self, Ok(place))
    }

    /// As [`download`](Self::download), from a place in one piece: `lakefs://repository/ref/path`, as text or a [`LakeFsUri`].
    ///
    /// A text that is no such URI is an [`is_invalid_input`](Error::is_invalid_input) error where the object is read, before
    /// anything is sent.
    pub fn download_from<U>(&self, uri: U) -> Download
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let place = Place::of(uri).map_err(|error| error.message().to_owned());
        Download::new(self, place)
    }

    /// Opens an object to be read here and there: an `AsyncRead` and `AsyncSeek` that fetches what is read.
    ///
    /// # Errors
    ///
    /// As [`stat_object`](crate::Client::stat_object).
    pub async fn reader(
        &self,
        repository: impl Into<String>,
        reference: impl Into<String>,
        path: impl Into<String>,
    ) -> Result<ObjectReader> {
        let place = Place {
            repository: repository.into(),
            reference: reference.into(),
            path: path.into(),
        };
        Source::find(self, place).await.map(ObjectReader::new)
    }

    /// As [`reader`](Self::reader), from a place in one piece: `lakefs://repository/ref/path`, as text or a [`LakeFsUri`].
    ///
    /// # Errors
    ///
    /// As [`reader`](Self::reader); [`is_invalid_input`](Error::is_invalid_input) where it is no such URI.
    pub async fn reader_from<U>(&self, uri: U) -> Result<ObjectReader>
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let source = Source::find(self, Place::of(uri)?).await?;
        Ok(ObjectReader::new(source))
    }
}

// ===== impl Download =====

impl Download {
    fn new(transfer: &Transfer, place: Result<Place, String>) -> Self {
        Self {
            transfer: transfer.clone(),
            place,
            start: Bound::Unbounded,
            end: Bound::Unbounded,
            verify: transfer.verify,
            finish: Finish::default(),
            of_many: false,
        }
    }

    /// One of many, whose beginnings and ends are told by who knows them all.
    pub(super) fn of_many(mut self) -> Self {
        self.of_many = true;
        self
    }

    /// When a file says that it was changed. Default: when it is written.
    pub(super) fn modified(mut self, time: SystemTime) -> Self {
        self.finish.modified = Some(time);
        self
    }

    /// Only these bytes, such as `100..200` or `1024..`. What is beyond the object's end is left out.
    pub fn range(mut self, range: impl RangeBounds<u64>) -> Self {
        self.start = range.start_bound().cloned();
        self.end = range.end_bound().cloned();
        self
    }

    /// Whether the MD5 of a whole object is compared with its checksum. Default: as [`Transfer::verify`].
    ///
    /// Not every checksum that looks like an MD5 is one of the data: lakeFS's S3 gateway, through which Spark, boto3 and the
    /// AWS command line write, gives an object that was written in parts the MD5 of the parts' MD5s, and an import takes
    /// what the object store has, which is another value where it encrypts with a key of yours. Often the object store
    /// tells. Where it does not, and the MD5 is another, the object is read once more and thrown away: the same bytes twice
    /// are what is stored, so that is no error, but a warning in the log, and [`Downloaded::verified`] is false. Where they
    /// differ they were damaged. Switching it off saves the second reading of such objects.
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Whether a file is written through to the disk before it gets its name. Default: no.
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.finish.fsync = fsync;
        self
    }

    /// Reads into a file, which appears under its name when it is whole: until then it has another one in the same directory.
    ///
    /// A file of that name is replaced. What was begun is removed when it fails, and when the future is dropped. It has its
    /// full size from the beginning, so that a file system may say at once that there is no room.
    ///
    /// # Errors
    ///
    /// - As [`get_object`](crate::Client::get_object), and those of its body, when it could not be taken up again.
    /// - [`is_precondition_failed`](Error::is_precondition_failed): the object changed while it was read.
    /// - [`is_body`](Error::is_body): what arrived is not what was stored, see [`verify`](Self::verify).
    /// - [`is_io`](Error::is_io): the file could not be written.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<Downloaded> {
        self.place_file(path.as_ref().to_owned(), None, &Disk::default())
            .await
    }

    /// As [`to_file`](Self::to_file), with what there is to be done before the file is made.
    pub(super) async fn place_file(
        self,
        path: PathBuf,
        prepare: Option<Prepare>,
        disk: &Disk,
    ) -> Result<Downloaded> {
        let finish = self.finish;
        let mut story = Story::of(&self);
        let outcome = async {
            let wanted = Wanted::find(self, &mut story).await?;
            let report = wanted.report();
            file::write(wanted, path, prepare, finish, disk).await?;
            Ok(report.done())
        }
        .await;
        story.end(outcome)
    }

    /// Reads into memory.
    ///
    /// # Errors
    ///
    /// As [`to_file`](Self::to_file); [`is_io`](Error::is_io) when there is not enough of it.
    pub async fn to_bytes(self) -> Result<Bytes> {
        let mut story = Story::of(&self);
        let outcome = async {
            let wanted = Wanted::find(self, &mut story).await?;
            let size = wanted.size;
            Flow::new(wanted).collect(size).await
        }
        .await;
        story.end(outcome)
    }

    /// Reads into a writer, in order, and flushes it.
    ///
    /// When it fails, the writer has got a part.
    ///
    /// # Errors
    ///
    /// As [`to_file`](Self::to_file).
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin) -> Result<Downloaded> {
        let failed = |error| Error::new(ErrorKind::Io, "the writer failed").with_source(error);
        let mut story = Story::of(&self);
        let outcome = async {
            let wanted = Wanted::find(self, &mut story).await?;
            let report = wanted.report();
            let mut flow = Flow::new(wanted);
            while let Some(chunk) = flow.next().await? {
                writer.write_all(&chunk).await.map_err(failed)?;
            }
            writer.flush().await.map_err(failed)?;
            Ok(report.done())
        }
        .await;
        story.end(outcome)
    }

    /// The bytes as they come, in order: a stream that is taken up where it is cut, unlike that of
    /// [`get_object`](crate::Client::get_object).
    ///
    /// Where the object is read again to [`verify`](Self::verify) it, that is before the last bytes, which come the later.
    ///
    /// # Errors
    ///
    /// As [`to_file`](Self::to_file), while it is read. It never ends as if it were whole: the MD5 is compared before the last
    /// bytes are handed out, and where it is wrong there is an error in their place.
    pub async fn stream(self) -> Result<Body> {
        let mut story = Story::of(&self);
        let wanted = match Wanted::find(self, &mut story).await {
            Ok(wanted) => wanted,
            failed => return story.end(failed).map(|_| Body::empty()),
        };
        let size = wanted.size;
        let chunks =
            stream::try_unfold((Flow::new(wanted), story), |(mut flow, mut story)| async {
                let chunk = flow.next().await;
                match &chunk {
                    Ok(_) if flow.is_at_end() => story.done(),
                    Ok(_) => {}
                    Err(error) => story.failed(error),
                }
                Ok::<_, Error>(chunk?.map(|chunk| (chunk, (flow, story))))
            });
        Ok(Body::from_sized_stream(size, chunks))
    }
}
