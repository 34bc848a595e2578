//! An object through lakeFS, in one request.

use std::time::{Duration, UNIX_EPOCH};

use http::header::DATE;
use tokio::time::Instant;

use super::{
    Job,
    checksum::{Sent, Whole},
    source::Source,
};
use crate::{Error, Result, models::ObjectStats, transfer::checksum::Sum};

/// The metadata that lakeFS keeps for its own tools: in headers it has a prefix of its own.
pub(super) const INTERNAL: &str = "::lakefs::";
/// How far the clocks of a server may be apart, those of its proxies and its store included.
const CLOCKS: Duration = Duration::from_secs(2);

impl Job {
    pub(super) async fn direct(&self, source: &mut Source) -> Result<ObjectStats> {
        // Before a stream is taken, which leaves none.
        let size = source.size();
        let sent = Sent::new(self.transfer.verify);
        let body = self.watch.body(source.body(&sent));
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
        let began = Instant::now();
        let answer = call.await;
        let sent = sent.get();
        match answer {
            Ok(stats) => {
                let size = sent.map(|whole| whole.size).or(size);
                check(&stats, sent.and_then(|whole| whole.sum), size)?;
                Ok(stats)
            }
            Err(error) => self.settle(error, sent, began).await,
        }
    }

    /// After an answer that was lost, or a 412 that may be about this very upload: looks whether the object is there.
    async fn settle(
        &self,
        error: Error,
        sent: Option<Whole>,
        began: Instant,
    ) -> Result<ObjectStats> {
        let sent = sent.and_then(|Whole { size, sum }| Some((size, sum?)));
        let Some((size, sum)) = sent.filter(|_| error.may_have_taken_effect()) else {
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
        // Who is first matters where there is a condition, and another writer may have written the same.
        let is_older = self.is_conditional() && was_there(&stats, &error, began);
        if is_ours && !is_older {
            Ok(stats)
        } else {
            Err(error)
        }
    }
}

/// Whether an object was there before the upload `began` that the error is of: by the server's clock, as it told it with the
/// error.
fn was_there(stats: &ObjectStats, error: &Error, began: Instant) -> bool {
    let date = error.headers().and_then(|headers| headers.get(DATE));
    let now = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let begin = now.and_then(|now| now.checked_sub(began.elapsed() + CLOCKS));
    let begin = begin.and_then(|begin| begin.duration_since(UNIX_EPOCH).ok());
    let written = stats.mtime.as_second();
    begin.is_some_and(|begin| u64::try_from(written).is_ok_and(|written| written < begin.as_secs()))
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
