//! [`Source`]: one object, held to the version that was found first.

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use http::header::IF_RANGE;
use tokio::runtime::Handle;

use self::signed::Signed;
use super::answer::{self, Version};
use crate::{
    Body, Error, Result,
    error::ErrorKind,
    models::{Answer, ObjectHead, ObjectStats},
    transfer::{
        Mode, Transfer,
        checksum::Sum,
        progress::{Event, Progress},
        runtime,
    },
};

mod opened;
mod place;
mod signed;

pub(super) use self::{opened::Opened, place::Place};

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
    /// It turned out that the checksum, though it has the form of one, is no MD5 of the data.
    no_md5: AtomicBool,
    /// How often a body that was cut was taken up again.
    pub(super) resumed: AtomicU32,
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
        runtime("a download")?;
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
            runtime: runtime("a download")?,
            place,
            size: size_of(stats)?,
            version: Version::of_checksum(&stats.checksum),
            direct: AtomicBool::new(signed.is_none()),
            signed: signed.map(Mutex::new),
            no_md5: AtomicBool::new(false),
            resumed: AtomicU32::new(0),
        })
    }

    /// The same version of the object, to be read once more: nothing of that is told or counted.
    pub(super) fn again(&self) -> Self {
        let mut transfer = self.transfer.clone();
        transfer.progress = Progress::default();
        let signed = self.signed.as_ref().map(Signed::share);
        Self {
            transfer,
            runtime: self.runtime.clone(),
            place: self.place.clone(),
            size: self.size,
            version: self.version.clone(),
            signed,
            direct: AtomicBool::new(self.direct.load(Ordering::Relaxed)),
            no_md5: AtomicBool::new(true),
            resumed: AtomicU32::new(0),
        }
    }

    #[cfg(feature = "tracing")]
    pub(super) fn path(&self) -> &str {
        &self.place.path
    }

    pub(super) fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The MD5 of the object, where its checksum is one.
    pub(super) fn md5(&self) -> Option<Sum> {
        let md5 = self.version.md5();
        md5.filter(|_| !self.is_refuted())
    }

    /// Whether it is known that its checksum is none, though it has the form of one.
    pub(super) fn is_refuted(&self) -> bool {
        self.no_md5.load(Ordering::Relaxed)
    }

    pub(super) fn refute(&self) {
        self.no_md5.store(true, Ordering::Relaxed);
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

    /// Reads the rest through lakeFS.
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

#[cfg(feature = "tracing")]
fn unreachable_store(error: &Error) {
    tracing::warn!(%error, "reading through lakeFS from here on");
}

#[cfg(not(feature = "tracing"))]
fn unreachable_store(_: &Error) {}
