//! How a server answers, beside what: how fast, in which portions, and who is told.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use http::{Method, StatusCode, Uri};
use tokio::time::Instant;

use super::MemoryLakeFsBuilder;

/// The most that a real server puts on a page.
const MAX_PAGE_SIZE: usize = 1000;

/// The one operation that is given a secret in its URL.
const CALLBACK: &str = "oauthCallback";

/// Requests to the object store are none of an operation.
pub(super) const OBJECT_STORE: &str = "object_store";

/// How long a [`MemoryLakeFs`](super::MemoryLakeFs) takes to answer: always as long, or somewhere in a range.
///
/// ```
/// use lakefs_sdk::testing::Latency;
/// use std::time::Duration;
///
/// let fixed = Latency::from(Duration::from_millis(5));
/// let varying = Latency::from(Duration::from_millis(5)..Duration::from_millis(50));
/// # let _ = (fixed, varying);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    least: Duration,
    most: Duration,
}

/// A request that a [`MemoryLakeFs`](super::MemoryLakeFs) has answered, for a log.
///
/// Displayed, it is a line of one: `GET /api/v1/repositories/lake 200 getRepository 1.5ms`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AnsweredRequest {
    /// The method.
    pub method: Method,
    /// The path, and the query where there is one that can be told: neither the signature of a presigned URL nor the code
    /// of a login.
    pub path: String,
    /// The id of the operation, `object_store` for a request to a presigned URL; `None` when it was no operation's.
    pub operation: Option<&'static str>,
    /// The status of the answer.
    pub status: StatusCode,
    /// From the head of the request to the answer, on tokio's clock.
    pub duration: Duration,
}

type OnRequest = Arc<dyn Fn(&AnsweredRequest) + Send + Sync>;

/// What a builder was told about it.
#[derive(Clone)]
pub(super) struct Conduct {
    pub(super) max_page_size: usize,
    latency: Option<Latency>,
    on_request: Option<OnRequest>,
    /// Of its own, so that a latency changes no ids.
    chance: Arc<Mutex<fastrand::Rng>>,
}

/// A request under way that somebody wants to hear of.
pub(super) struct Watched<'a> {
    tell: &'a OnRequest,
    start: Instant,
    method: Method,
    uri: Uri,
}

// ===== impl MemoryLakeFsBuilder =====

impl MemoryLakeFsBuilder {
    /// Answers pages of at most so many results, however many are asked for, and says that there are more: what a client
    /// has to cope with, and a test seldom has the objects for. Default, and most: 1000, as with lakeFS.
    ///
    /// At least 1. It counts for every listing, and for the log of commits unless that has a limit.
    pub fn max_page_size(mut self, results: usize) -> Self {
        self.conduct.max_page_size = results.clamp(1, MAX_PAGE_SIZE);
        self
    }

    /// Takes so long for every answer: a `Duration`, or a range of them. Default: none.
    ///
    /// Half of it passes before the request is carried out and half after, as on the way to a server and back: a client
    /// that gives up in time has changed nothing, or has. It passes on tokio's clock, so a paused one skips it; outside
    /// of tokio there is none. With a [`seed`](Self::seed), the same requests take the same times.
    pub fn latency(mut self, latency: impl Into<Latency>) -> Self {
        self.conduct.latency = Some(latency.into());
        self
    }

    /// Is told of every request, as soon as there is an answer to it: for a log, or for a test that counts.
    ///
    /// ```
    /// # use lakefs_sdk::{Client, testing::MemoryLakeFs};
    /// # use std::sync::{Arc, Mutex};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> lakefs_sdk::Result<()> {
    /// let lines = Arc::new(Mutex::new(Vec::new()));
    /// let seen = lines.clone();
    /// let lakefs = MemoryLakeFs::builder()
    ///     .on_request(move |request| seen.lock().unwrap().push(request.to_string()))
    ///     .build();
    /// Client::new(lakefs).list_repositories().await?;
    /// assert!(lines.lock().unwrap()[0].starts_with("GET /api/v1/repositories 200 listRepositories"));
    /// # Ok(()) }
    /// ```
    pub fn on_request(mut self, tell: impl Fn(&AnsweredRequest) + Send + Sync + 'static) -> Self {
        self.conduct.on_request = Some(Arc::new(tell));
        self
    }
}

// ===== impl Latency =====

impl From<Duration> for Latency {
    fn from(always: Duration) -> Self {
        Self::from(always..=always)
    }
}

impl From<Range<Duration>> for Latency {
    fn from(range: Range<Duration>) -> Self {
        Self::from(range.start..=range.end)
    }
}

impl From<RangeInclusive<Duration>> for Latency {
    fn from(range: RangeInclusive<Duration>) -> Self {
        let (least, most) = range.into_inner();
        Self { least, most }
    }
}

impl Latency {
    fn pick(self, chance: &mut fastrand::Rng) -> Duration {
        let span = self.most.saturating_sub(self.least);
        self.least + span.mul_f64(chance.f64())
    }
}

// ===== impl Conduct =====

impl Default for Conduct {
    fn default() -> Self {
        Self {
            max_page_size: MAX_PAGE_SIZE,
            latency: None,
            on_request: None,
            chance: Arc::default(),
        }
    }
}

impl Conduct {
    /// As it was told, for one server; with a seed, it repeats itself.
    pub(super) fn seeded(self, seed: Option<u64>) -> Self {
        let rng = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            chance: Arc::new(Mutex::new(rng)),
            ..self
        }
    }

    /// How long to wait before, and again after, carrying out a request.
    pub(super) fn half_latency(&self) -> Option<Duration> {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        Some(self.latency?.pick(&mut chance) / 2)
    }

    pub(super) fn watch(&self, parts: &Parts) -> Option<Watched<'_>> {
        Some(Watched {
            tell: self.on_request.as_ref()?,
            start: Instant::now(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        })
    }
}

/// Lets a latency pass, where there is a clock for it.
pub(super) async fn pass(latency: Option<Duration>) {
    match latency {
        Some(latency) if tokio::runtime::Handle::try_current().is_ok() => {
            tokio::time::sleep(latency).await;
        }
        _ => {}
    }
}

// ===== impl Watched =====

impl Watched<'_> {
    pub(super) fn answered(self, status: StatusCode, operation: Option<&'static str>) {
        let whole = self.uri.path_and_query().map_or("*", |path| path.as_str());
        let path = match operation {
            None | Some(OBJECT_STORE | CALLBACK) => self.uri.path(),
            Some(_) => whole,
        };
        (self.tell)(&AnsweredRequest {
            method: self.method,
            path: path.to_owned(),
            operation,
            status,
            duration: self.start.elapsed(),
        });
    }
}

impl fmt::Display for AnsweredRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            path,
            operation,
            status,
            duration,
        } = self;
        let (status, operation) = (status.as_u16(), operation.unwrap_or("-"));
        write!(f, "{method} {path} {status} {operation} {duration:.1?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_stays_in_its_range_however_that_is_written() {
        let ms = Duration::from_millis;
        let mut chance = fastrand::Rng::with_seed(1);
        for _ in 0..100 {
            let picked = Latency::from(ms(5)..ms(9)).pick(&mut chance);
            assert!((ms(5)..=ms(9)).contains(&picked), "{picked:?}");
        }
        assert_eq!(Latency::from(ms(5)).pick(&mut chance), ms(5));
        assert_eq!(Latency::from(ms(9)..ms(5)).pick(&mut chance), ms(9));
    }
}
