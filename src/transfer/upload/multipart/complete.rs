//! The parts, put together.

use std::time::Duration;

use super::{
    super::{Job, allowance, checksum},
    abort::Pending,
    part::Stored,
};
use crate::{
    Error, Result,
    models::{CompletePresignMultipartUpload, ObjectStats, UploadPart},
    transfer::{WORK, WORK_IN_ALL, checksum::Sum},
};

/// How often the parts are put together, or it is looked whether they were.
const ROUNDS: u32 = 7;
/// The longest wait after the first; it doubles with each.
const WAIT: Duration = Duration::from_secs(1);

/// What S3 says of parts that can never be put together. lakeFS passes it on as 500.
const HOPELESS: [&str; 3] = ["InvalidPart", "EntityTooSmall", "MalformedXML"];
/// What S3 says where the parts are together already, or were thrown away.
const GONE: &str = "NoSuchUpload";

impl Job {
    /// Puts the parts together, and compares the outcome with what was sent.
    pub(super) async fn complete(
        &self,
        pending: &Pending,
        parts: Vec<Stored>,
    ) -> Result<ObjectStats> {
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let sums: Option<Vec<Sum>> = parts.iter().map(|part| part.sum).collect();
        let expected = sums.map(|sums| Sum::of_parts(&sums));
        let facts = &self.facts;
        let parts = parts
            .into_iter()
            .map(|part| UploadPart::new(i64::try_from(part.number).unwrap_or(i64::MAX), part.etag));
        let mut wanted = CompletePresignMultipartUpload::new(pending.physical_address(), parts);
        if !facts.metadata.is_empty() {
            wanted = wanted.user_metadata(facts.metadata.clone());
        }
        if let Some(content_type) = &facts.content_type {
            wanted = wanted.content_type(content_type);
        }
        let stats = self.put_together(pending, wanted).await?;
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
            self.target.path
        )))
    }

    /// A store may take minutes for thousands of parts, and what stands before lakeFS often waits for one: so it is looked for
    /// the object, and the request repeated, before all that was sent is given up.
    async fn put_together(
        &self,
        pending: &Pending,
        wanted: CompletePresignMultipartUpload,
    ) -> Result<ObjectStats> {
        let target = &self.target;
        // What went wrong first says why; what comes after it may be a consequence.
        let mut first: Option<Error> = None;
        let mut is_over = false;
        for round in 1..=ROUNDS {
            if !is_over {
                let call = target.client.complete_presign_multipart_upload(
                    &target.repository,
                    &target.branch,
                    pending.upload_id(),
                    &target.path,
                );
                let call = call.attempt_timeout(WORK).timeout(WORK_IN_ALL);
                let error = match call.body(wanted.clone()).await {
                    Ok(stats) => return Ok(stats),
                    Err(error) => error,
                };
                let says = |word: &str| error.to_string().contains(word);
                is_over = says(GONE) || HOPELESS.into_iter().any(says) || !error.retryable();
                let in_doubt = error.may_have_taken_effect() && !HOPELESS.into_iter().any(says);
                // The first time, there is nothing that it could be gone by.
                if first.is_none() && (!in_doubt && is_over || says(GONE)) {
                    return Err(error);
                }
                first.get_or_insert(error);
            }
            match target.look().await {
                // No other object has this address.
                Ok(stats) if stats.physical_address == pending.physical_address() => {
                    return Ok(stats);
                }
                _ if round < ROUNDS => tokio::time::sleep(allowance::wait(WAIT, round)).await,
                _ => {}
            }
        }
        Err(first.unwrap_or_else(|| Error::cut("the parts were not put together")))
    }
}
