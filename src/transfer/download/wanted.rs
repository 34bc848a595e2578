//! [`Wanted`]: an object that was found, and how it is read.

use std::{
    ops::Bound,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Download, Downloaded,
    parts::Parts,
    source::{Opened, Source},
    told::Story,
    verify::Check,
};
use crate::{Error, Result, transfer::MIB};

/// How much the first request asks for, in bytes: an object that has no more is read in one go.
const FIRST: u64 = 8 * MIB;

/// What is to be read.
pub(super) struct Wanted {
    pub(super) source: Arc<Source>,
    pub(super) parts: Parts,
    /// How many bytes there are in all.
    pub(super) size: u64,
    /// How many parts are under way at once.
    pub(super) concurrency: usize,
    /// `None` where nothing is compared.
    pub(super) check: Option<Check>,
}

/// What is known before the end.
pub(super) struct Report {
    source: Arc<Source>,
    size_bytes: u64,
    checks: bool,
}

// ===== impl Wanted =====

impl Wanted {
    /// Asks for the object, or its beginning.
    pub(super) async fn find(download: Download, story: &mut Story) -> Result<Self> {
        let place = download.place.map_err(Error::invalid_input)?;
        let start = match download.start {
            Bound::Included(start) => start,
            Bound::Excluded(start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match download.end {
            Bound::Included(end) => Some(end.saturating_add(1)),
            Bound::Excluded(end) => Some(end),
            Bound::Unbounded => None,
        };
        if end.is_some_and(|end| end <= start) {
            return Err(Error::invalid_input(format!(
                "`range` has no bytes: it begins at {start} and ends before {}",
                end.unwrap_or_default()
            )));
        }
        let part_size = download.transfer.part_size;
        let concurrency = download.transfer.concurrency.get();
        let first = (concurrency > 1).then(|| part_size.min(FIRST));
        let opened = Opened::find(&download.transfer, place, start, end, first).await?;
        let source = Arc::clone(&opened.source);
        let size = opened.end - start;
        story.begin(size);
        let check = match download.verify && size == source.size {
            true => Check::of(&source),
            false => None,
        };
        Ok(Self {
            parts: Parts::new(opened, part_size),
            source,
            size,
            concurrency,
            check,
        })
    }

    /// All of an object that was read, once more, with nothing to compare.
    pub(super) fn again(source: &Source) -> Self {
        let source = Arc::new(source.again());
        let transfer = source.transfer();
        let (part_size, concurrency) = (transfer.part_size, transfer.concurrency.get());
        let size = source.size;
        let first = match concurrency {
            1 => size,
            _ => size.min(part_size),
        };
        let opened = Opened {
            source: Arc::clone(&source),
            first: 0..first,
            body: None,
            end: size,
        };
        Self {
            source,
            parts: Parts::new(opened, part_size),
            size,
            concurrency,
            check: None,
        }
    }

    pub(super) fn report(&self) -> Report {
        Report {
            source: Arc::clone(&self.source),
            size_bytes: self.size,
            checks: self.check.is_some(),
        }
    }
}

// ===== impl Report =====

impl Report {
    pub(super) fn done(self) -> Downloaded {
        Downloaded {
            size_bytes: self.size_bytes,
            etag: self.source.version.etag().map(str::to_owned),
            verified: self.checks && self.source.md5().is_some(),
            resumed: self.source.resumed.load(Ordering::Relaxed),
        }
    }
}
