//! An object to the object store by one presigned URL, then linked to its path.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use tokio::time::Instant;

use super::{
    super::store::{self, PRESIGNED_PUT, Presigned},
    Job,
    allowance::{self, Allowance},
    checksum::{self, Sent, Whole},
    source::Source,
};
use crate::{
    Body, Error, Result,
    models::{ObjectStats, StagingLocation, StagingMetadata},
    transfer::{
        Mode,
        checksum::is_opaque,
        route::{self, Route},
    },
};

/// How often a URL that expired is replaced by a fresh one.
pub(super) const MAX_RENEWALS: u32 = 3;
/// How often it is tried to link an object.
const MAX_LINKS: u32 = 5;
/// The longest wait before the second time; it doubles with each.
const LINK_WAIT: Duration = Duration::from_millis(500);

impl Job {
    pub(super) async fn single(
        &self,
        source: &mut Source,
        size: u64,
        route: Route,
    ) -> Result<ObjectStats> {
        let sent = Sent::new(self.transfer.verify);
        let (mut renewals, mut allowance) = (0, Allowance::default());
        let mut place = None;
        loop {
            let (location, url) = match place.take() {
                Some((location, url)) => (location, url),
                None => {
                    let (location, received) = (self.address().await?, Instant::now());
                    let Some(url) = &location.presigned_url else {
                        return match self.transfer.mode {
                            Mode::Presigned => Err(route::no_url()),
                            _ => self.direct(source).await,
                        };
                    };
                    let url = Presigned::parse(url, received)?;
                    (location, url)
                }
            };
            let body = self.watch.body(source.body(&sent));
            let request = self.put(&url, body, route)?;
            let error = match store::send(&self.target.client, request, PRESIGNED_PUT).await {
                Ok((parts, _)) => {
                    self.transfer.store_was_reached();
                    let checksum = checksum_of(&parts.headers, &sent, &url)?;
                    return self.link(location, checksum, size).await;
                }
                Err(error) => error,
            };
            // Also where this one cannot be sent again: the next ones need not try.
            let gives_up = self.gives_store_up(&error);
            if !source.is_whole() {
                return Err(error);
            }
            if renewals < MAX_RENEWALS && url.has_expired(&error) {
                renewals += 1;
            } else if !gives_up && allowance.renew(&error).await {
                place = (!url.is_old()).then_some((location, url));
            } else if self.falls_back(&error) {
                return self.direct(source).await;
            } else {
                return Err(error);
            }
        }
    }

    async fn address(&self) -> Result<StagingLocation> {
        let target = &self.target;
        target
            .client
            .get_physical_address(&target.repository, &target.branch, &target.path)
            .presign(true)
            .await
    }

    fn put(&self, url: &Presigned, body: Body, route: Route) -> Result<Request<Body>> {
        const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");
        // Azure wants to know what kind of blob it is to make. Without a word of lakeFS's, its host tells that it is Azure.
        let is_azure = route.azure || url.host().contains(".blob.");
        let mut request = put(url, body);
        if is_azure {
            let headers = request.headers_mut();
            headers.insert(BLOB_TYPE, HeaderValue::from_static("BlockBlob"));
        }
        if let Some(content_type) = &self.facts.content_type {
            let value = HeaderValue::try_from(content_type).map_err(|_| {
                Error::invalid_input(format!(
                    "`content_type` is {content_type:?}, which a header cannot hold"
                ))
            })?;
            request.headers_mut().insert(CONTENT_TYPE, value);
        }
        Ok(request)
    }

    /// Makes an object of what was put. When the answer is lost, looks.
    async fn link(
        &self,
        location: StagingLocation,
        checksum: String,
        size: u64,
    ) -> Result<ObjectStats> {
        let target = &self.target;
        let address = location.physical_address.clone().unwrap_or_default();
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let (mut failures, mut in_doubt) = (0, false);
        loop {
            let staged = StagingMetadata::new(location.clone(), &checksum, size);
            let mut call = target.client.link_physical_address(
                &target.repository,
                &target.branch,
                &target.path,
                self.staging_metadata(staged),
            );
            if let Some(tag) = &self.facts.if_none_match {
                call = call.if_none_match(tag);
            }
            if let Some(tag) = &self.facts.if_match {
                call = call.if_match(tag);
            }
            let error = match call.await {
                Ok(stats) => return Ok(stats),
                Err(error) => error,
            };
            in_doubt |= error.may_have_taken_effect();
            // Also a 412 behind a lost answer may be about that link. No other object has this address.
            if in_doubt {
                if let Ok(stats) = target.look().await {
                    if stats.physical_address == address {
                        return Ok(stats);
                    }
                }
            }
            failures += 1;
            if failures == MAX_LINKS || !error.retryable() {
                return Err(error);
            }
            tokio::time::sleep(allowance::wait(LINK_WAIT, failures)).await;
        }
    }
}

/// What to link as the checksum of an object that the store took: its MD5 where that is known, else what the store says.
///
/// An ETag may look like an MD5 and be none, by which readers would take good data for damaged.
fn checksum_of(headers: &HeaderMap, sent: &Sent, url: &Presigned) -> Result<String> {
    let stored = checksum::stored(headers).ok_or_else(|| without_etag("the object", url.host()))?;
    let Some(Whole { sum, .. }) = sent.get() else {
        return Err(too_early("the object", url.host()));
    };
    match sum {
        Some(sum) if !is_opaque(headers) && sum.contradicts(&stored) => Err(Error::cut(format!(
            "the object was changed on the way to the object store: its MD5 is {stored} instead of {}; nothing was written \
                 to the branch: upload it again",
            sum.hex()
        ))),
        Some(sum) => Ok(sum.hex()),
        None => Ok(stored),
    }
}

/// A request that puts data to a presigned URL.
pub(super) fn put(url: &Presigned, body: Body) -> Request<Body> {
    let is_empty = body.size() == Some(0);
    let mut request = Request::put(url.uri()).body(body).unwrap_or_default();
    if is_empty {
        // What has no body is sent without its length, for which stores answer 411.
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    request
}

/// The error of data that was taken by a store whose answer does not say what it took.
pub(super) fn without_etag(what: &str, host: &str) -> Error {
    Error::decode(format!(
        "the object store {host} took {what}, but its answer has no ETag: a proxy in between probably removes that header; let \
         it through, or use `transfer::Mode::Direct`"
    ))
}

/// The error of data that was not all sent when a success was answered.
pub(super) fn too_early(what: &str, host: &str) -> Error {
    Error::cut(format!(
        "the object store {host} answered before it had all data of {what}; nothing was written to the branch: upload it again"
    ))
}
