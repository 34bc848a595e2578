//! [`Cassette`]: the traffic of a real server, recorded once and replayed in every test after that.
//!
//! It goes over any transport and under the whole stack of a client, so that what is recorded is attempts: a retry is on the
//! cassette, and takes place again when it is played.
//!
//! ```
//! use lakefs_sdk::{Client, models::RepositoryCreation, testing::{Cassette, MemoryLakeFs}};
//!
//! # let folder = std::env::temp_dir().join(format!("cassette-doc-{}", std::process::id()));
//! # let path = folder.join("create.json");
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! // The same code, with a server and without. A test has one line for both:
//! // `Cassette::open(path, Mode::from_env()?, transport)?`.
//! let recording = Cassette::record(&path, MemoryLakeFs::new());
//! let client = Client::new(recording.clone());
//! let made = client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//! recording.save().unwrap();
//!
//! let playing = Cassette::replay(&path)?;
//! let client = Client::new(playing.clone());
//! let again = client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//! assert_eq!(again, made);
//! playing.verify();
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! # std::fs::remove_dir_all(folder).unwrap();
//! ```
//!
//! # The file
//!
//! JSON that reads well and differs in few lines: an entry an interaction, headers in the order of their names, documents
//! spelled out with their properties in order, text line by line, anything else as base64. Left out is what differs from run
//! to run: dates, request ids, `User-Agent`, the host.
//!
//! **Secrets never get there**: `Authorization`, `Cookie`, `Set-Cookie` and whatever header is marked as sensitive; passwords,
//! secret keys and tokens in documents; credentials and signatures in presigned URLs, in the URL of a request, in `Location`
//! and in documents. [`redact_header`](Cassette::redact_header) and [`redact_property`](Cassette::redact_property) name
//! others. Objects' contents are kept to the byte, whatever is in them.
//!
//! # Playing
//!
//! A request is compared by method, path, query, body, and those headers that change what is asked for (`Range`, `If-Match`
//! and others). **Strictly**, the requests must come in the order in which they were recorded. **Loosely**
//! ([`loose`](Cassette::loose)), each is answered by what was recorded for such a request, in turn, and the last of those
//! answers whatever comes after; that is for code that does several things at a time. A request that was not recorded fails
//! with [`is_invalid_input`](crate::Error::is_invalid_input), which no layer retries, and the message says how it differs from
//! what was.

use std::{
    fmt,
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use self::{replay::Replay, tape::Tape};
use super::{operation_of, redact::Secrets};
use crate::{
    Body, BoxError, Result,
    transport::{BoxTransport, HttpTransport},
};

mod file;
mod mode;
mod passing;
mod replay;
mod tape;

pub use self::mode::Mode;

/// A recording of a server's traffic, as a transport. See the [module](self). Copies share everything.
///
/// What is recorded is written by [`save`](Self::save), and when the last copy and the last body of an answer are dropped;
/// not so while the thread panics, as a test that failed must not spoil the file. Both block for a moment.
#[derive(Clone)]
pub struct Cassette {
    shared: Arc<Shared>,
    strict: bool,
}

struct Shared {
    path: PathBuf,
    secrets: Arc<Mutex<Secrets>>,
    job: Job,
}

enum Job {
    Record(BoxTransport, Tape),
    Replay(Replay),
    Off(BoxTransport),
}

// ===== impl Cassette =====

impl Cassette {
    /// Records everything that goes through `inner`; the file is written anew.
    pub fn record(path: impl AsRef<Path>, inner: impl HttpTransport) -> Self {
        let secrets = Arc::default();
        let tape = Tape::new(path.as_ref().to_owned(), Arc::clone(&secrets));
        let job = Job::Record(BoxTransport::new(inner), tape);
        Self::new(path.as_ref(), secrets, job)
    }

    /// Replays a file, strictly. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input) when the file cannot be read or is not a cassette.
    pub fn replay(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let job = Job::Replay(Replay::new(file::load(path)?));
        Ok(Self::new(path, Arc::default(), job))
    }

    /// Does what the mode says: see [`Mode::from_env`].
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay), where it replays.
    pub fn open(path: impl AsRef<Path>, mode: Mode, inner: impl HttpTransport) -> Result<Self> {
        let path = path.as_ref();
        match mode {
            Mode::Auto if path.exists() => Self::replay(path),
            Mode::Replay => Self::replay(path),
            Mode::Record | Mode::Auto => Ok(Self::record(path, inner)),
            Mode::Off => {
                let job = Job::Off(BoxTransport::new(inner));
                Ok(Self::new(path, Arc::default(), job))
            }
        }
    }

    fn new(path: &Path, secrets: Arc<Mutex<Secrets>>, job: Job) -> Self {
        let path = path.to_owned();
        let shared = Shared { path, secrets, job };
        Self {
            shared: Arc::new(shared),
            strict: true,
        }
    }

    /// Replays whatever comes in whatever order: see the [module](self#playing). Default: strictly.
    #[must_use]
    pub fn loose(mut self) -> Self {
        self.strict = false;
        self
    }

    /// Keeps the values of another header out of the file, such as a gateway's `X-Gateway-Key`.
    ///
    /// Say it when recording and when replaying, as redacted values are compared.
    #[must_use]
    pub fn redact_header(self, name: &str) -> Self {
        self.secrets().add_header(name);
        self
    }

    /// Keeps the values of another property of documents out of the file, at any depth.
    ///
    /// Say it when recording and when replaying, as redacted values are compared.
    #[must_use]
    pub fn redact_property(self, name: &str) -> Self {
        self.secrets().add_property(name);
        self
    }

    /// Writes what was recorded so far, through a second file, so that nobody ever sees half of it. Without a recording it
    /// does nothing.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        match &self.shared.job {
            Job::Record(_, tape) => tape.save(),
            Job::Replay(_) | Job::Off(_) => Ok(()),
        }
    }

    /// Checks that everything on the cassette was asked for, and nothing else was.
    ///
    /// # Panics
    ///
    /// When that is not so. Where nothing is replayed it never does.
    #[track_caller]
    #[expect(clippy::panic, reason = "it fails a test")]
    pub fn verify(&self) {
        if let Job::Replay(replay) = &self.shared.job {
            if let Some(report) = replay.report() {
                panic!("{}: {report}", self.shared.path.display());
            }
        }
    }

    fn secrets(&self) -> MutexGuard<'_, Secrets> {
        let secrets = self.shared.secrets.lock();
        secrets.unwrap_or_else(PoisonError::into_inner)
    }

    async fn play(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let Job::Replay(replay) = &self.shared.job else {
            return Err("nothing is replayed".into());
        };
        let (parts, body) = request.into_parts();
        let body = body.bytes().await?;
        let asked = tape::request(&parts, &body, &self.secrets());
        replay.play(operation_of(&parts), &asked, self.strict)
    }
}

async fn record(
    inner: BoxTransport,
    tape: Tape,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let (entry, body) = tape.request(&parts, body);
    match inner.send(Request::from_parts(parts, body)).await {
        Ok(response) => Ok(tape.response(entry, response)),
        Err(error) => {
            tape.failed(entry, &*error);
            Err(error)
        }
    }
}

impl Service<Request<Body>> for Cassette {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match &self.shared.job {
            Job::Record(inner, tape) => Box::pin(record(inner.clone(), tape.clone(), request)),
            Job::Replay(_) => Box::pin(self.clone().play(request)),
            Job::Off(inner) => inner.send(request),
        }
    }
}

impl fmt::Debug for Cassette {
    /// No traffic, which may hold secrets as long as it is not written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mode, interactions) = match &self.shared.job {
            Job::Record(_, tape) => (Mode::Record, tape.len()),
            Job::Replay(replay) => (Mode::Replay, replay.len()),
            Job::Off(_) => (Mode::Off, 0),
        };
        f.debug_struct("Cassette")
            .field("path", &self.shared.path)
            .field("mode", &mode)
            .field("interactions", &interactions)
            .finish()
    }
}
