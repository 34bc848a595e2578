//! An object through lakeFS, in one request.

use super::{Job, checksum::Sent, source::Source};
use crate::{Error, Result, models::ObjectStats, transfer::checksum::Sum};

/// The metadata that lakeFS keeps for its own tools: in headers it has a prefix of its own.
const INTERNAL: &str = "::lakefs::";

impl Job {
    pub(super) async fn direct(&self, source: &mut Source) -> Result<ObjectStats> {
        // Before a stream is taken, which leaves none.
        let size = source.size();
        let sent = Sent::default();
        let body = self
            .watch
            .body(source.body(self.transfer.verify.then_some(&sent)));
        let (target, facts) = (&self.target, &self.facts);
        let (internal, plain): (Vec<_>, Vec<_>) = facts
            .metadata
            .iter()
            .partition(|(key, _)| key.starts_with(INTERNAL));
        let mut call = target
            .client
            .upload_object(&target.repository, &target.branch, &target.path)
            .metadata(plain)
            .body(body);
        if let Some(content_type) = &facts.content_type {
            call = call.content_type(content_type);
        }
        if let Some(tag) = &facts.if_none_match {
            call = call.if_none_match(tag);
        }
        if let Some(tag) = &facts.if_match {
            call = call.if_match(tag);
        }
        for (key, value) in internal {
            let key = key.strip_prefix(INTERNAL).unwrap_or_default();
            call = call.header(format!("x-lakefs-internal-{key}"), value.as_str());
        }
        let answer = call.await;
        let sent = sent.get();
        match answer {
            Ok(stats) => {
                let size = sent.map(|(_, size)| size).or(size);
                check(&stats, sent.map(|(sum, _)| sum), size)?;
                Ok(stats)
            }
            Err(error) => self.settle(error, sent).await,
        }
    }

    /// After an answer that was lost, or a 412 that may be about this very upload: looks whether the object is there.
    async fn settle(&self, error: Error, sent: Option<(Sum, u64)>) -> Result<ObjectStats> {
        let Some((sum, size)) = sent.filter(|_| error.may_have_taken_effect()) else {
            return Err(error);
        };
        let Ok(stats) = self.target.look().await else {
            return Err(error);
        };
        let facts = &self.facts;
        let is_ours = stats.checksum.eq_ignore_ascii_case(&sum.hex())
            && stats.size_bytes == i64::try_from(size).ok()
            && stats.metadata.clone().unwrap_or_default() == facts.metadata
            && (facts.content_type.is_none() || stats.content_type == facts.content_type);
        if is_ours { Ok(stats) } else { Err(error) }
    }
}

/// Compares what was stored with what was sent.
fn check(stats: &ObjectStats, sum: Option<Sum>, size: Option<u64>) -> Result<()> {
    let size = size.and_then(|size| i64::try_from(size).ok());
    let problem = match (stats.size_bytes.zip(size), sum) {
        (Some((stored, sent)), _) if stored != sent => {
            format!("it has {stored} bytes instead of {sent}")
        }
        (_, Some(sum)) if sum.contradicts(&stats.checksum) => {
            format!("its MD5 is {} instead of {}", stats.checksum, sum.hex())
        }
        _ => return Ok(()),
    };
    Err(Error::cut(format!(
        "the object was changed on the way: {problem}; what is at {:?} now is not what was sent: upload it again, or reset \
         the path",
        stats.path
    )))
}
