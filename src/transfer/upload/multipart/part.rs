//! One part: to its URL, and to a fresh one where that expired.

use tokio::time::Instant;

use super::{
    super::{
        super::store::{self, PRESIGNED_PUT, Presigned},
        Job,
        allowance::Allowance,
        checksum::{self, Sent},
        single::{MAX_RENEWALS, put, too_early, without_etag},
    },
    abort::Pending,
    reader::Part,
};
use crate::{
    Error, Result,
    models::UploadPartFrom,
    transfer::checksum::{Sum, is_md5, is_opaque},
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
    pub(super) async fn send(&self, job: &Job, number: u64, part: Part) -> Result<Stored> {
        let verify = job.transfer.verify;
        let (size, watch) = (part.size(), job.watch.part());
        let ahead = match verify {
            true => part.sum().await?,
            false => None,
        };
        let sent = Sent::new(verify && ahead.is_none());
        let (mut renewals, mut allowance) = (0, Allowance::default());
        let mut given = self.given_url(number).transpose()?;
        let (answer, url) = loop {
            let url = match given.take().filter(|url| !url.is_old()) {
                Some(url) => Ok(url),
                None => self.fresh_url(number).await,
            };
            let error = match url {
                Ok(url) => {
                    let request = put(&url, watch.body(part.body(&sent)));
                    match store::send(&self.target.client, request, PRESIGNED_PUT).await {
                        Ok((parts, _)) => break (parts, url),
                        Err(error) if renewals < MAX_RENEWALS && url.has_expired(&error) => {
                            renewals += 1;
                            continue;
                        }
                        Err(error) => {
                            given = Some(url);
                            error
                        }
                    }
                }
                // lakeFS may be away for a moment too.
                Err(error) => error,
            };
            if job.gives_store_up(&error) || !allowance.renew(&error).await {
                return Err(error);
            }
        };
        job.transfer.store_was_reached();
        let what = format!("part {number}");
        let etag =
            checksum::etag(&answer.headers).ok_or_else(|| without_etag(&what, url.host()))?;
        let Some(whole) = sent.get() else {
            return Err(too_early(&what, url.host()));
        };
        let sum = ahead.or(whole.sum);
        let sum = sum.filter(|_| !is_opaque(&answer.headers));
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

    async fn fresh_url(&self, number: u64) -> Result<Presigned> {
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
        Presigned::parse(&call.await?.presigned_url, Instant::now())
    }
}
