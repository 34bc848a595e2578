//! [`Source`]: one object, held to the version that was found first.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use http::{
    HeaderMap, Request, StatusCode, Uri,
    header::{IF_RANGE, RANGE},
};
use tokio::{runtime::Handle, time::Instant};

use super::answer::{self, Version};
use crate::{
    Body, Call, Client, Error, LakeFsUri, Result,
    api::objects::GetObject,
    error::ErrorKind,
    models::{Answer, ObjectHead, ObjectStats},
    transfer::{
        Mode, Transfer,
        progress::Event,
        store::{self, PRESIGNED_GET},
    },
};

/// Where an object is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) repository: String,
    pub(super) reference: String,
    pub(super) path: String,
}

/// An object of which parts are fetched, all of the same version.
pub(super) struct Source {
    transfer: Transfer,
    /// Where parts are fetched.
    pub(super) runtime: Handle,
    place: Place,
    pub(super) size: u64,
    /// As lakeFS tells it.
    pub(super) version: Version,
    /// Where the store has it; `None` where it is read through lakeFS.
    signed: Option<Mutex<Signed>>,
    /// The store was not reached: from here on through lakeFS.
    direct: AtomicBool,
    /// The store says that the ETag that lakeFS may have from it is no MD5.
    encrypted: AtomicBool,
    /// How often a body that was cut was taken up again.
    pub(super) resumed: AtomicU32,
}

/// A presigned URL, and what it leads to.
#[derive(Clone)]
struct Signed {
    url: Uri,
    /// When it is time for another one.
    renew: Option<Instant>,
    /// As the store tells it, which counts versions in its own way.
    version: Option<Version>,
}

/// The first answer, with the part of the object that it brings.
pub(super) struct Opened {
    pub(super) source: Arc<Source>,
    /// From the first byte that is wanted to where the first answer ends.
    pub(super) first: Range<u64>,
    /// `None` where it is still to be asked for.
    pub(super) body: Option<Body>,
    /// Where what is wanted ends.
    pub(super) end: u64,
}

// ===== impl Place =====

impl Place {
    pub(super) fn of<U>(uri: U) -> Result<Self>
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let uri = uri.try_into()?;
        Ok(Self {
            repository: uri.repository().to_owned(),
            reference: uri.reference().to_owned(),
            path: uri.path().to_owned(),
        })
    }

    fn check(&self) -> Result<()> {
        match self.path.is_empty() {
            true => Err(Error::invalid_input(
                "`path` is empty; give the path of an object",
            )),
            false => Ok(()),
        }
    }

    fn get(&self, client: &Client) -> Call<GetObject> {
        client.get_object(&self.repository, &self.reference, &self.path)
    }

    async fn stat(&self, client: &Client, presign: bool) -> Result<ObjectStats> {
        let call = client.stat_object(&self.repository, &self.reference, &self.path);
        let call = call.user_metadata(false);
        match presign {
            true => call.presign(true).await,
            false => call.await,
        }
    }
}

// ===== impl Opened =====

impl Opened {
    /// Finds an object, and asks for the first `most` bytes from `start` on; for all of them where that is `None`.
    pub(super) async fn find(
        transfer: &Transfer,
        place: Place,
        start: u64,
        end: Option<u64>,
        most: Option<u64>,
    ) -> Result<Self> {
        // Before anything is sent.
        runtime()?;
        place.check()?;
        if let Some(source) = Source::presigned(transfer, &place).await? {
            let end = end.map_or(source.size, |end| end.min(source.size));
            if start > 0 && start >= end {
                return Err(beyond(start, source.size));
            }
            let first = start..most.map_or(end, |most| end.min(start.saturating_add(most)));
            return Ok(Self {
                source: Arc::new(source),
                first,
                body: None,
                end,
            });
        }
        let most = most.map(|most| start.saturating_add(most));
        let until = match (most, end) {
            (Some(most), Some(end)) => Some(most.min(end)),
            (one, other) => one.or(other),
        };
        let client = transfer.client();
        let call = match (start, until) {
            (0, None) => place.get(client),
            (start, Some(until)) => place
                .get(client)
                .range(format!("bytes={start}-{}", until - 1)),
            (start, None) => place.get(client).range(format!("bytes={start}-")),
        };
        let content = match call.await {
            // There is no first byte of an object that is empty.
            Err(error) if start == 0 && error.kind() == ErrorKind::RangeNotSatisfiable => {
                place.get(client).await?
            }
            content => content?,
        };
        let (range, size) = match (&content.answer, content.head.content_length) {
            (Answer::Partial, _) => {
                let (range, size) = answer::content_range(&content.head)?;
                if range.start != start || until.is_some_and(|until| range.end > until) {
                    return Err(answer::other_range(&range, &(start..until.unwrap_or(size))));
                }
                (range, size)
            }
            (Answer::Full, _) if start > 0 => return Err(answer::whole(start)),
            (Answer::Full, Some(size)) => (0..size, size),
            // Something in between sends it in chunks.
            (Answer::Full, None) => {
                let size = size_of(&place.stat(client, false).await?)?;
                (0..size, size)
            }
            (Answer::NotModified | Answer::Redirect(_), _) => {
                return Err(content
                    .into_body()
                    .err()
                    .unwrap_or_else(|| answer::whole(start)));
            }
        };
        let source = Source {
            transfer: transfer.clone(),
            runtime: runtime()?,
            place,
            size,
            version: Version::of(&content.head),
            signed: None,
            direct: AtomicBool::new(true),
            encrypted: AtomicBool::new(false),
            resumed: AtomicU32::new(0),
        };
        let end = end.map_or(size, |end| end.min(size));
        Ok(Self {
            source: Arc::new(source),
            first: start..range.end.min(end),
            body: Some(content.body),
            end,
        })
    }
}

// ===== impl Source =====

impl Source {
    pub(super) fn tell_bytes(&self, bytes: u64) {
        let path = &self.place.path;
        self.transfer.progress.tell(|| Event::Bytes { path, bytes });
    }

    /// What is asked for again is what did not arrive, so no bytes are counted twice.
    pub(super) fn tell_retry(&self) {
        let path = &self.place.path;
        let bytes = 0;
        self.transfer
            .progress
            .tell(|| Event::Retried { path, bytes });
    }

    /// Looks an object up; none of it is asked for.
    pub(super) async fn find(transfer: &Transfer, place: Place) -> Result<Self> {
        // Before anything is sent.
        runtime()?;
        place.check()?;
        if let Some(source) = Self::presigned(transfer, &place).await? {
            return Ok(source);
        }
        let stats = place.stat(transfer.client(), false).await?;
        Self::of(transfer, place, &stats, None)
    }

    /// The object in the store, where that is the way to go.
    async fn presigned(transfer: &Transfer, place: &Place) -> Result<Option<Self>> {
        if !transfer.route(&place.repository).await?.presigned {
            return Ok(None);
        }
        let stats = match place.stat(transfer.client(), true).await {
            Err(error) if transfer.mode == Mode::Auto && error.is_bad_request() => {
                return Ok(None);
            }
            stats => stats?,
        };
        let signed = Signed::of(&stats)?;
        Self::of(transfer, place.clone(), &stats, Some(signed)).map(Some)
    }

    fn of(
        transfer: &Transfer,
        place: Place,
        stats: &ObjectStats,
        signed: Option<Signed>,
    ) -> Result<Self> {
        Ok(Self {
            transfer: transfer.clone(),
            runtime: runtime()?,
            place,
            size: size_of(stats)?,
            version: Version::of_checksum(&stats.checksum),
            direct: AtomicBool::new(signed.is_none()),
            signed: signed.map(Mutex::new),
            encrypted: AtomicBool::new(false),
            resumed: AtomicU32::new(0),
        })
    }

    pub(super) fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The MD5 of the object, where its checksum is one.
    pub(super) fn md5(&self) -> Option<[u8; 16]> {
        let md5 = self.version.md5();
        md5.filter(|_| !self.encrypted.load(Ordering::Relaxed))
    }

    /// A part, which must not be empty: the answer was checked to be that, or its beginning.
    pub(super) async fn fetch(&self, range: &Range<u64>) -> Result<Body> {
        let signed = self.signed.as_ref();
        if let Some(signed) = signed.filter(|_| !self.direct.load(Ordering::Relaxed)) {
            match self.ask_store(signed, range).await {
                Err(error) if self.transfer.mode == Mode::Auto && error.is_connect() => {
                    self.leave_store(&error);
                }
                answer => return answer,
            }
        }
        self.ask_lakefs(range).await
    }

    async fn ask_lakefs(&self, range: &Range<u64>) -> Result<Body> {
        let mut call = self
            .place
            .get(self.transfer.client())
            .range(self.header(range));
        if let Some(etag) = self.version.strong() {
            call = call.header(IF_RANGE, etag);
        }
        let content = call.await.map_err(shrunk)?;
        let partial = content.answer == Answer::Partial;
        self.check(partial, &content.head, &self.version, range)?;
        content.into_body()
    }

    async fn ask_store(&self, signed: &Mutex<Signed>, range: &Range<u64>) -> Result<Body> {
        let mut now = lock(signed).clone();
        if now.renew.is_some_and(|renew| Instant::now() >= renew) {
            now = self.renew(signed).await?;
        }
        let (parts, body) = match self.send(&now, range).await {
            Err(error) if store::is_expired(&error) => {
                now = self.renew(signed).await?;
                self.send(&now, range).await
            }
            answer => answer,
        }
        .map_err(shrunk)?;
        let head = ObjectHead::read(&parts.headers);
        let partial = parts.status == StatusCode::PARTIAL_CONTENT;
        let version = {
            let mut kept = lock(signed);
            kept.version
                .get_or_insert_with(|| Version::of(&head))
                .clone()
        };
        self.check(partial, &head, &version, range)?;
        if is_encrypted(&parts.headers) {
            self.encrypted.store(true, Ordering::Relaxed);
        }
        Ok(body.counted(head.content_length))
    }

    async fn send(
        &self,
        signed: &Signed,
        range: &Range<u64>,
    ) -> Result<(http::response::Parts, Body)> {
        let mut request = Request::get(signed.url.clone()).header(RANGE, self.header(range));
        if let Some(etag) = signed.version.as_ref().and_then(Version::strong) {
            request = request.header(IF_RANGE, etag);
        }
        let request = request
            .body(Body::empty())
            .map_err(|_| Error::invalid_input("the presigned URL cannot be asked for a range"))?;
        store::send(self.transfer.client(), request, PRESIGNED_GET).await
    }

    /// Another URL, of the same object.
    async fn renew(&self, signed: &Mutex<Signed>) -> Result<Signed> {
        let stats = self.place.stat(self.transfer.client(), true).await?;
        if !self.version.is_checksum(&stats.checksum) || size_of(&stats)? != self.size {
            return Err(answer::changed());
        }
        let mut fresh = Signed::of(&stats)?;
        let mut kept = lock(signed);
        // The same bytes may lie elsewhere now, where they are another version.
        if kept.url.path() == fresh.url.path() {
            fresh.version = kept.version.take();
        }
        *kept = fresh.clone();
        Ok(fresh)
    }

    fn leave_store(&self, error: &Error) {
        self.transfer.avoid_store();
        if !self.direct.swap(true, Ordering::Relaxed) {
            unreachable_store(error);
        }
    }

    /// Open at its end where the object ends there too.
    fn header(&self, range: &Range<u64>) -> String {
        match range.end == self.size {
            true => format!("bytes={}-", range.start),
            false => format!("bytes={}-{}", range.start, range.end.saturating_sub(1)),
        }
    }

    /// Whether an answer is a part of this version of the object, and the one that was asked for.
    fn check(
        &self,
        partial: bool,
        head: &ObjectHead,
        version: &Version,
        range: &Range<u64>,
    ) -> Result<()> {
        version.check(head)?;
        if !partial {
            let all = *range == (0..self.size);
            let same = head.content_length.is_none_or(|size| size == self.size);
            return match (all, same) {
                (false, _) => Err(answer::whole(range.start)),
                (true, false) => Err(answer::changed()),
                (true, true) => Ok(()),
            };
        }
        let (got, size) = answer::content_range(head)?;
        if size != self.size {
            return Err(answer::changed());
        }
        if got.start != range.start || got.end > range.end {
            return Err(answer::other_range(&got, range));
        }
        Ok(())
    }
}

impl Signed {
    fn of(stats: &ObjectStats) -> Result<Self> {
        let expiry = stats.physical_address_expiry;
        let left = expiry.and_then(|expiry| {
            Duration::try_from(expiry.duration_since(jiff::Timestamp::now())).ok()
        });
        Ok(Self {
            url: store::parse(&stats.physical_address)?,
            // In time for a request that begins late; a clock that is wrong shows only when the store refuses it.
            renew: left.map(|left| Instant::now() + left.mul_f32(0.9)),
            version: None,
        })
    }
}

fn lock(signed: &Mutex<Signed>) -> MutexGuard<'_, Signed> {
    signed.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|error| {
        Error::invalid_input("a download must be polled on a tokio runtime").with_source(error)
    })
}

fn size_of(stats: &ObjectStats) -> Result<u64> {
    let size = stats.size_bytes.and_then(|size| u64::try_from(size).ok());
    size.ok_or_else(|| Error::decode("lakeFS does not say how large the object is"))
}

/// A range that was there when the object was found.
fn shrunk(error: Error) -> Error {
    match error.kind() {
        ErrorKind::RangeNotSatisfiable | ErrorKind::PreconditionFailed => {
            answer::changed().with_source(error)
        }
        _ => error,
    }
}

pub(super) fn beyond(start: u64, size: u64) -> Error {
    let message = format!("the object has {size} bytes, so none from byte {start} on");
    Error::new(ErrorKind::RangeNotSatisfiable, message)
}

/// Whether the store's ETag, which lakeFS may have taken as the checksum, is no MD5 of the data.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
fn is_encrypted(headers: &HeaderMap) -> bool {
    let kms = headers.get("x-amz-server-side-encryption");
    kms.is_some_and(|how| how.as_bytes().starts_with(b"aws:kms"))
        || headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
}

#[cfg(feature = "tracing")]
fn unreachable_store(error: &Error) {
    tracing::warn!(%error, "reading through lakeFS from here on");
}

#[cfg(not(feature = "tracing"))]
fn unreachable_store(_: &Error) {}
