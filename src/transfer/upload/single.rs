//! An object to the object store by one presigned URL, then linked to its path.

use http::{
    HeaderName, HeaderValue, Request, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::{
    super::store::{self, PRESIGNED_PUT},
    Job,
    checksum::{self, Sent},
    source::Source,
};
use crate::{
    Body, Error, Result,
    models::{ObjectStats, StagingLocation, StagingMetadata},
    transfer::{
        Mode,
        route::{self, Route},
    },
};

/// How often a URL that expired is replaced by a fresh one.
pub(super) const MAX_RENEWALS: u32 = 3;
/// How often an object is linked whose link may have been lost.
const MAX_LINKS: u32 = 3;

impl Job {
    pub(super) async fn single(
        &self,
        source: &mut Source,
        size: u64,
        route: Route,
    ) -> Result<ObjectStats> {
        let mut renewals = 0;
        loop {
            let location = self.address().await?;
            let Some(url) = &location.presigned_url else {
                return match self.transfer.mode {
                    Mode::Presigned => Err(route::no_url()),
                    _ => self.direct(source).await,
                };
            };
            let sent = Sent::default();
            let body = self
                .watch
                .body(source.body(self.transfer.verify.then_some(&sent)));
            let request = self.put(url, body, route)?;
            match store::send(&self.target.client, request, PRESIGNED_PUT).await {
                Ok((parts, _)) => {
                    let stored = checksum::stored(&parts.headers)
                        .ok_or_else(|| without_etag("the object", url))?;
                    if self.transfer.verify && sent.get().is_none() {
                        return Err(Error::cut(format!(
                            "the object store {} answered before it had all data; nothing was written to the branch: upload it \
                             again",
                            store::host(&store::parse(url)?)
                        )));
                    }
                    let sum = sent.get().filter(|_| !checksum::is_opaque(&parts.headers));
                    if let Some((sum, _)) = sum.filter(|(sum, _)| sum.contradicts(&stored)) {
                        return Err(Error::cut(format!(
                            "the object was changed on the way to the object store: its MD5 is {stored} instead of {}; nothing \
                             was written to the branch: upload it again",
                            sum.hex()
                        )));
                    }
                    return self.link(location, stored, size).await;
                }
                Err(error) if !source.is_replayable() => return Err(error),
                Err(error) if renewals < MAX_RENEWALS && store::is_expired(&error) => renewals += 1,
                Err(error) if self.falls_back(&error) => return self.direct(source).await,
                Err(error) => return Err(error),
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

    fn put(&self, url: &str, body: Body, route: Route) -> Result<Request<Body>> {
        const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");
        let url = store::parse(url)?;
        // Azure wants to know what kind of blob it is to make. Without a word of lakeFS's, its host tells that it is Azure.
        let is_azure = route.azure || url.host().is_some_and(|host| host.contains(".blob."));
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
        let mut links = 0;
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
            // A 412 behind a lost answer may be about that link.
            let in_doubt =
                error.may_have_taken_effect() || (links > 0 && error.is_precondition_failed());
            if !in_doubt {
                return Err(error);
            }
            match target.look().await {
                // No other object has this address.
                Ok(stats) if stats.physical_address == address => return Ok(stats),
                Ok(_) | Err(_) if links + 1 == MAX_LINKS || !error.retryable() => {
                    return Err(error);
                }
                Ok(_) | Err(_) => links += 1,
            }
        }
    }
}

/// A request that puts data to a presigned URL.
pub(super) fn put(url: Uri, body: Body) -> Request<Body> {
    let is_empty = body.size() == Some(0);
    let mut request = Request::put(url).body(body).unwrap_or_default();
    if is_empty {
        // What has no body is sent without its length, for which stores answer 411.
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    request
}

/// The error of data that was taken by a store whose answer does not say what it took.
pub(super) fn without_etag(what: &str, url: &str) -> Error {
    let url = url.parse().unwrap_or_default();
    Error::decode(format!(
        "the object store {} took {what}, but its answer has no ETag: a proxy in between probably removes that header; let it \
         through, or use `transfer::Mode::Direct`",
        store::host(&url)
    ))
}
