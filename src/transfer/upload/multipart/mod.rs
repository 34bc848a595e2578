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
use super::{Job, source::Source};
use crate::{Result, models::ObjectStats};

mod abort;
mod complete;
mod part;
mod plan;
mod reader;

/// How many URLs are asked for when the upload begins: on a slow line, more would run out before their turn comes. Later parts
/// ask for theirs one by one.
const FIRST_URLS: u64 = 200;

impl Job {
    pub(super) async fn in_parts(&self, source: Source) -> Result<ObjectStats> {
        let plan = Plan::new(self.part_size(), source.size())?;
        let mut reader = Reader::new(source);
        let pending = Pending::begin(&self.target, self.first_urls(plan)).await?;
        let mut stored = Vec::new();
        let sending = self.send_parts(&pending, &mut reader, plan, &mut stored);
        let error = match sending.await {
            Ok(()) => match self.complete(&pending, std::mem::take(&mut stored)).await {
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
        // A store that has some of it was there, and is worth another try of the caller's rather than everything once more.
        let falls_back = stored.is_empty() && self.falls_back(&error);
        match reader.rewind() {
            Some(mut source) if falls_back => self.direct(&mut source).await,
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
        stored: &mut Vec<Stored>,
    ) -> Result<()> {
        let concurrency = self.transfer.concurrency.get();
        // As promised; where parts are so large that not even two fit in, one at a time.
        let most = (concurrency as u64 + 2).saturating_mul(self.part_size());
        let holds = reader.holds_parts();
        let cost = |size: u64| if holds { size } else { 0 };
        let mut held = 0;
        let mut under_way = FuturesUnordered::new();
        for number in 1.. {
            let next_cost = cost(plan.size_of(number, reader.at()).unwrap_or(0));
            while under_way.len() >= concurrency || (held > 0 && held + next_cost > most) {
                if let Some(part) = under_way.next().await {
                    let part: Stored = part?;
                    held -= cost(part.size);
                    stored.push(part);
                }
            }
            let more = {
                let mut read = pin!(next(reader, plan, number, !stored.is_empty()));
                // While a stream has nothing to give, the parts go on.
                poll_fn(|cx| {
                    while let Poll::Ready(Some(part)) = under_way.poll_next_unpin(cx) {
                        let part: Stored = part?;
                        held -= cost(part.size);
                        stored.push(part);
                    }
                    read.as_mut().poll(cx)
                })
                .await?
            };
            let Some(part) = more else {
                break;
            };
            held += cost(part.size());
            under_way.push(pending.send(self, number, part));
        }
        while let Some(part) = under_way.next().await {
            stored.push(part?);
        }
        stored.sort_unstable_by_key(|part| part.number);
        Ok(())
    }
}

/// The next part; an error where there are more than a store takes.
async fn next(reader: &mut Reader, plan: Plan, number: u64, stored: bool) -> Result<Option<Part>> {
    match plan.size_of(number, reader.at()) {
        Ok(size) => reader.next(size, stored).await,
        Err(error) => match reader.next(1, stored).await? {
            Some(_) => Err(error),
            None => Ok(None),
        },
    }
}
