//! Objects in and out: fast, verified, and safe to cancel.
//!
//! [`Client::transfer`] gives a [`Transfer`]: the settings that uploads and downloads share. Where lakeFS hands out presigned
//! URLs, the data goes between here and the object store itself, in parts that travel side by side; elsewhere it goes through
//! lakeFS.
//!
//! ```
//! use lakefs_sdk::{Client, models::RepositoryCreation, testing::MemoryLakeFs};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let client = Client::new(MemoryLakeFs::new());
//! client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//! let transfer = client.transfer().concurrency(8);
//! let stats = transfer
//!     .upload("lake", "main", "events.csv")
//!     .body("id,kind\n1,click\n")
//!     .content_type("text/csv")
//!     .metadata("origin", "web")
//!     .if_none_match("*")
//!     .await?;
//! assert_eq!(stats.size_bytes, Some(16));
//!
//! let all = transfer.download("lake", "main", "events.csv").to_bytes().await?;
//! assert_eq!(all, "id,kind\n1,click\n");
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! ```
//!
//! # Memory
//!
//! Nothing is buffered without bound: a transfer holds at most ([`concurrency`](Transfer::concurrency) + 2) ×
//! [`part_size`](Transfer::part_size) bytes. A stream of more than 1,280 parts needs larger ones, as stores take at most
//! 10,000; then fewer are under way at once. Where that many bytes do not hold two parts, it is one part: a 1,280th of the
//! stream. Files are read again for each attempt, so their parts are not held at all.
//!
//! # Cancelling
//!
//! Dropping a transfer's future cancels it. What it left on the server is cleared away by a task of its own on the runtime;
//! where there is none any more, a warning is logged.
//!
//! What goes through lakeFS ([`Mode::Direct`]) cannot be cleared away from here. lakeFS itself sends more than 5 MiB to S3 in
//! parts, and may leave them there when the connection is cut.
//!
//! The guide, with a section for each job and for who comes from Python: [`guide::transfers`](crate::guide::transfers).

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::OnceCell};

use self::progress::{Event, Progress};
use crate::{Client, Error, Result, transfer::route::Offer};

mod checksum;
pub mod directory;
mod disk;
pub mod download;
pub mod progress;
mod route;
mod store;
pub mod upload;

pub use self::{
    download::{Download, Downloaded, ObjectReader},
    upload::{ObjectWriter, Upload},
};

const MIB: u64 = 1024 * 1024;

/// The smallest part that stores accept, but for the last one.
const MIN_PART: u64 = 5 * MIB;
/// The largest.
const MAX_PART: u64 = 5 * 1024 * MIB;

/// How long one request may take that has the server copy, or put together, as much as an object can have.
const WORK: Duration = Duration::from_secs(10 * 60);
/// The same for all attempts together.
const WORK_IN_ALL: Duration = Duration::from_secs(30 * 60);

/// What uploads and downloads share: how many requests at once, how much a request, and by which way.
///
/// Cheap to clone. Clones share what was learnt about the server, so keep one rather than making one an object.
#[must_use = "settings do nothing by themselves"]
#[derive(Clone)]
pub struct Transfer {
    client: Client,
    concurrency: NonZeroUsize,
    part_size: u64,
    mode: Mode,
    verify: bool,
    progress: Progress,
    /// What the server offers, asked for once.
    offer: Arc<OnceCell<Offer>>,
}

/// Which way the data takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Presigned where the server offers it and it pays, else direct. An object store that cannot be reached from here is
    /// given up after the first try, with a warning in the log.
    #[default]
    Auto,
    /// Through lakeFS.
    Direct,
    /// Between here and the object store, by presigned URLs. Where that is not possible it is an error.
    Presigned,
}

// ===== impl Client =====

impl Client {
    /// Moves objects in and out: in parts side by side, verified, safe to cancel. See [`transfer`](crate::transfer).
    pub fn transfer(&self) -> Transfer {
        Transfer {
            client: self.clone(),
            concurrency: const { NonZeroUsize::new(4).unwrap() },
            part_size: 8 * MIB,
            mode: Mode::default(),
            verify: true,
            progress: Progress::default(),
            offer: Arc::default(),
        }
    }
}

// ===== impl Transfer =====

impl Transfer {
    /// How many parts of one object are under way at once. Default: 4. Zero counts as one.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = NonZeroUsize::new(requests).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// The size of a part, in bytes. Default: 8 MiB. Zero counts as one.
    ///
    /// Object stores take parts of 5 MiB to 5 GiB, so uploads hold it between these. And they take at most 10,000 of them: an
    /// object that would need more is uploaded in larger ones, and a stream of unknown length in parts that grow with it.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes.max(1);
        self
    }

    /// Which way the data takes. Default: [`Mode::Auto`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Whether what was sent is compared, by its MD5, with what the server says that it stored, and what is read whole with
    /// the checksum that it has, where that is an MD5. Default: yes.
    ///
    /// It costs about a second and a half of CPU time a GiB. Sizes are always compared.
    ///
    /// An object that goes to the store by one URL is kept with its MD5 for a checksum; without this, with the ETag that the
    /// store gives it. That of S3 under a key of KMS looks like an MD5 and is none, so that readers will take the data for
    /// damaged.
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Tells what happens to a closure: see [`Event`]. Default: nobody listens, and it costs nothing.
    ///
    /// It is called on the tasks that move the bytes, so it should return soon.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use lakefs_sdk::transfer::progress::Meter;
    ///
    /// # let client = lakefs_sdk::Client::new(lakefs_sdk::testing::MemoryLakeFs::new());
    /// let meter = Arc::new(Meter::new());
    /// let counting = meter.clone();
    /// let transfer = client.transfer().progress(move |event| counting.record(event));
    /// # drop(transfer);
    /// assert_eq!(meter.totals().bytes, 0);
    /// ```
    pub fn progress(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.progress = Progress::new(listener);
        self
    }

    /// As object stores take it.
    fn upload_part_size(&self) -> u64 {
        self.part_size.clamp(MIN_PART, MAX_PART)
    }

    /// The client that does the work.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// The runtime that files are read and written on, and what is left is cleared away. `work` is what needs it.
fn runtime(work: &str) -> Result<Handle> {
    Handle::try_current().map_err(|error| {
        let message = format!("{work} must be polled on a tokio runtime");
        Error::invalid_input(message).with_source(error)
    })
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("client", &self.client)
            .field("concurrency", &self.concurrency)
            .field("part_size", &self.part_size)
            .field("mode", &self.mode)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}
