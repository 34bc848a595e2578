//! An object to the object store in parts side by side.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};

use self::{
    abort::Pending,
    part::Stored,
    plan::Plan,
    reader::{Part, Reader},
};
use super::{Job, checksum, source::Source};
use crate::{
    Error, Result,
    models::{self, ObjectStats},
    transfer::checksum::Sum,
};

mod abort;
mod part;
mod plan;
mod reader;

/// How many URLs are asked for when the upload begins: more would run out before their turn comes. Later parts ask for theirs
/// one by one.
const FIRST_URLS: u64 = 50;

impl Job {
    pub(super) async fn in_parts(&self, source: Source) -> Result<ObjectStats> {
        let plan = Plan::new(self.part_size(), source.size())?;
        let mut reader = Reader::new(source);
        let pending = Pending::begin(&self.target, self.first_urls(plan)).await?;
        let error = match self.send_parts(&pending, &mut reader, plan).await {
            Ok(parts) => match self.complete(&pending, parts).await {
                Ok(stats) => {
                    pending.completed();
                    return Ok(stats);
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        // Whatever becomes of it: what went wrong with the upload is what the caller wants to know.
        pending.abort().await;
        match reader.rewind() {
            Some(mut source) if self.falls_back(&error) => self.direct(&mut source).await,
            _ => Err(error),
        }
    }

    fn first_urls(&self, plan: Plan) -> u64 {
        let known = plan
            .count()
            .unwrap_or(self.transfer.concurrency.get() as u64);
        known.min(FIRST_URLS)
    }

    /// Sends all parts. When this returns or is dropped, none is under way any more.
    async fn send_parts(
        &self,
        pending: &Pending,
        reader: &mut Reader,
        plan: Plan,
    ) -> Result<Vec<Stored>> {
        let verify = self.transfer.verify;
        let mut stored = Vec::new();
        let mut under_way = FuturesUnordered::new();
        for number in 1.. {
            while under_way.len() >= self.transfer.concurrency.get() {
                if let Some(part) = under_way.next().await {
                    stored.push(part?);
                }
            }
            let more = {
                let mut read = pin!(next(reader, plan, number, !stored.is_empty()));
                // While a stream has nothing to give, the parts go on.
                poll_fn(|cx| {
                    while let Poll::Ready(Some(part)) = under_way.poll_next_unpin(cx) {
                        stored.push(part?);
                    }
                    read.as_mut().poll(cx)
                })
                .await?
            };
            match more {
                Some(part) => {
                    under_way.push(pending.send(number, part, verify, self.watch.part()));
                }
                None => break,
            }
        }
        while let Some(part) = under_way.next().await {
            stored.push(part?);
        }
        stored.sort_unstable_by_key(|part| part.number);
        Ok(stored)
    }

    /// Puts the parts together, once. When the answer is lost, looks.
    async fn complete(&self, pending: &Pending, parts: Vec<Stored>) -> Result<ObjectStats> {
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let sums: Option<Vec<Sum>> = parts.iter().map(|part| part.sum).collect();
        let expected = sums.map(|sums| Sum::of_parts(&sums));
        let (target, facts) = (&self.target, &self.facts);
        let parts = parts.into_iter().map(|part| {
            models::UploadPart::new(i64::try_from(part.number).unwrap_or(i64::MAX), part.etag)
        });
        let mut wanted =
            models::CompletePresignMultipartUpload::new(pending.physical_address(), parts);
        if !facts.metadata.is_empty() {
            wanted = wanted.user_metadata(facts.metadata.clone());
        }
        if let Some(content_type) = &facts.content_type {
            wanted = wanted.content_type(content_type);
        }
        let call = target.client.complete_presign_multipart_upload(
            &target.repository,
            &target.branch,
            pending.upload_id(),
            &target.path,
        );
        let stats = match call.body(wanted).await {
            Ok(stats) => stats,
            Err(error) if error.may_have_taken_effect() => match target.look().await {
                // No other object has this address.
                Ok(stats) if stats.physical_address == pending.physical_address() => stats,
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let problem = match (stats.size_bytes, expected) {
            (Some(stored), _) if u64::try_from(stored).ok() != Some(size) => {
                format!("it has {stored} bytes instead of {size}")
            }
            (_, Some(expected))
                if checksum::is_md5_of_parts(&stats.checksum)
                    && !stats.checksum.eq_ignore_ascii_case(&expected) =>
            {
                format!("its checksum is {} instead of {expected}", stats.checksum)
            }
            _ => return Ok(stats),
        };
        Err(Error::cut(format!(
            "the object store put other data together than was sent: {problem}; what is at {:?} now is not what was sent: \
             upload it again, or reset the path",
            target.path
        )))
    }
}

/// The next part; an error where there are more than a store takes.
async fn next(reader: &mut Reader, plan: Plan, number: u64, stored: bool) -> Result<Option<Part>> {
    match plan.size_of(number) {
        Ok(size) => reader.next(size, stored).await,
        Err(error) => match reader.next(1, stored).await? {
            Some(_) => Err(error),
            None => Ok(None),
        },
    }
}
