//! One part: to its URL, and to a fresh one where that expired.

use std::sync::Arc;

use super::{
    super::{
        super::store::{self, PRESIGNED_PUT},
        body, checksum,
        single::{MAX_RENEWALS, put, without_etag},
        source::in_memory,
        watch::Watch,
    },
    abort::Pending,
    reader::Part,
};
use crate::{
    Error, Result,
    models::UploadPartFrom,
    transfer::checksum::{Sum, is_md5},
};

/// A part that the store has.
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) etag: String,
    pub(super) size: u64,
    /// Its MD5, where the store confirmed it.
    pub(super) sum: Option<Sum>,
}

// ===== impl Pending =====

impl Pending {
    pub(super) async fn send(
        &self,
        number: u64,
        part: Part,
        verify: bool,
        watch: Watch,
    ) -> Result<Stored> {
        let size = part.size();
        let (chunks, sum) = part.load(verify).await?;
        let chunks: Arc<[_]> = chunks.into();
        let mut url = match self.given_url(number) {
            Some(url) => url,
            None => self.fresh_url(number).await?,
        };
        let mut renewals = 0;
        let answer = loop {
            let chunks = Arc::clone(&chunks);
            let body = body::replayable(size, None, move || in_memory(Arc::clone(&chunks)));
            let request = put(store::parse(&url)?, watch.body(body));
            match store::send(&self.target.client, request, PRESIGNED_PUT).await {
                Ok((parts, _)) => break parts,
                Err(error) if renewals < MAX_RENEWALS && store::is_expired(&error) => {
                    renewals += 1;
                    url = self.fresh_url(number).await?;
                }
                Err(error) => return Err(error),
            }
        };
        let etag = checksum::etag(&answer.headers)
            .ok_or_else(|| without_etag(&format!("part {number}"), &url))?;
        let sum = sum.filter(|_| !checksum::is_opaque(&answer.headers));
        if let Some(sum) = sum.filter(|sum| sum.contradicts(&etag)) {
            return Err(Error::cut(format!(
                "part {number} was changed on the way to the object store: its MD5 is {etag} instead of {}; nothing was \
                 written to the branch: upload the object again",
                sum.hex()
            )));
        }
        let sum = sum.filter(|_| is_md5(&etag));
        watch.complete(size);
        Ok(Stored {
            number,
            etag,
            size,
            sum,
        })
    }

    async fn fresh_url(&self, number: u64) -> Result<String> {
        let target = &self.target;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let call = target.client.upload_part(
            &target.repository,
            &target.branch,
            self.upload_id(),
            number,
            &target.path,
            UploadPartFrom::new(self.physical_address()),
        );
        Ok(call.await?.presigned_url)
    }
}
