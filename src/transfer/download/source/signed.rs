//! [`Signed`]: an object in the store, by presigned URLs.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{
    Request, StatusCode, Uri,
    header::{IF_RANGE, RANGE},
};
use tokio::time::Instant;

use super::{Source, shrunk, size_of};
use crate::{
    Body, Error, Result,
    models::{ObjectHead, ObjectStats},
    transfer::{
        checksum::is_opaque,
        download::answer::{self, Version},
        store::{self, PRESIGNED_GET},
    },
};

/// A presigned URL, and what it leads to.
#[derive(Clone)]
pub(super) struct Signed {
    url: Uri,
    /// When it is time for another one.
    renew: Option<Instant>,
    /// As the store tells it, which counts versions in its own way.
    version: Option<Version>,
}

// ===== impl Source =====

impl Source {
    pub(super) async fn ask_store(
        &self,
        signed: &Mutex<Signed>,
        range: &Range<u64>,
    ) -> Result<Body> {
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
        self.transfer.store_was_reached();
        let head = ObjectHead::read(&parts.headers);
        let partial = parts.status == StatusCode::PARTIAL_CONTENT;
        let version = {
            let mut kept = lock(signed);
            kept.version
                .get_or_insert_with(|| Version::of(&head))
                .clone()
        };
        self.check(partial, &head, &version, range)?;
        if is_opaque(&parts.headers) || version.is_in_parts(&self.version) {
            self.refute();
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
}

// ===== impl Signed =====

impl Signed {
    pub(super) fn of(stats: &ObjectStats) -> Result<Self> {
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

    /// For another who reads the same.
    pub(super) fn share(signed: &Mutex<Self>) -> Mutex<Self> {
        Mutex::new(lock(signed).clone())
    }
}

fn lock(signed: &Mutex<Signed>) -> MutexGuard<'_, Signed> {
    signed.lock().unwrap_or_else(PoisonError::into_inner)
}
