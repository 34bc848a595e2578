//! [`Opened`]: an object that was found, with its beginning on the way.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32},
    },
};

use super::{Place, Source, beyond, size_of};
use crate::{
    Body, Result,
    error::ErrorKind,
    models::Answer,
    transfer::{
        Transfer,
        download::answer::{self, Version},
        runtime,
    },
};

/// The first answer, with the part of the object that it brings.
pub(in super::super) struct Opened {
    pub(in super::super) source: Arc<Source>,
    /// From the first byte that is wanted to where the first answer ends.
    pub(in super::super) first: Range<u64>,
    /// `None` where it is still to be asked for.
    pub(in super::super) body: Option<Body>,
    /// Where what is wanted ends.
    pub(in super::super) end: u64,
}

// ===== impl Opened =====

impl Opened {
    /// Finds an object, and asks for the first `most` bytes from `start` on; for all of them where that is `None`.
    pub(in super::super) async fn find(
        transfer: &Transfer,
        place: Place,
        start: u64,
        end: Option<u64>,
        most: Option<u64>,
    ) -> Result<Self> {
        // Before anything is sent.
        runtime("a download")?;
        place.check()?;
        if let Some(source) = Source::presigned(transfer, &place).await? {
            let end = end.map_or(source.size, |end| end.min(source.size));
            if start > 0 && start >= end {
                return Err(beyond(start, source.size));
            }
            let first = start..most.map_or(end, |most| end.min(start.saturating_add(most)));
            return Ok(Self {
                source: Arc::new(source),
                first,
                body: None,
                end,
            });
        }
        let most = most.map(|most| start.saturating_add(most));
        let until = match (most, end) {
            (Some(most), Some(end)) => Some(most.min(end)),
            (one, other) => one.or(other),
        };
        let client = transfer.client();
        let call = match (start, until) {
            (0, None) => place.get(client),
            (start, Some(until)) => place
                .get(client)
                .range(format!("bytes={start}-{}", until - 1)),
            (start, None) => place.get(client).range(format!("bytes={start}-")),
        };
        let content = match call.await {
            // There is no first byte of an object that is empty.
            Err(error) if start == 0 && error.kind() == ErrorKind::RangeNotSatisfiable => {
                place.get(client).await?
            }
            content => content?,
        };
        let (range, size) = match (&content.answer, content.head.content_length) {
            (Answer::Partial, _) => {
                let (range, size) = answer::content_range(&content.head)?;
                if range.start != start || until.is_some_and(|until| range.end > until) {
                    return Err(answer::other_range(&range, &(start..until.unwrap_or(size))));
                }
                (range, size)
            }
            (Answer::Full, _) if start > 0 => return Err(answer::whole(start)),
            (Answer::Full, Some(size)) => (0..size, size),
            // Something in between sends it in chunks.
            (Answer::Full, None) => {
                let size = size_of(&place.stat(client, false).await?)?;
                (0..size, size)
            }
            (Answer::NotModified | Answer::Redirect(_), _) => {
                return Err(content
                    .into_body()
                    .err()
                    .unwrap_or_else(|| answer::whole(start)));
            }
        };
        let source = Source {
            transfer: transfer.clone(),
            runtime: runtime("a download")?,
            place,
            size,
            version: Version::of(&content.head),
            signed: None,
            direct: AtomicBool::new(true),
            no_md5: AtomicBool::new(false),
            resumed: AtomicU32::new(0),
        };
        let end = end.map_or(size, |end| end.min(size));
        Ok(Self {
            source: Arc::new(source),
            first: start..range.end.min(end),
            body: Some(content.body),
            end,
        })
    }
}
