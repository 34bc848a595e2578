//! [`Parts`]: an object divided into stretches that are fetched by themselves.

use std::sync::Arc;

use super::{
    source::{Opened, Source},
    stretch::Stretch,
};
use crate::transfer::MIB;

/// The least that is worth a request, in bytes, unless the transfer says otherwise.
const LEAST_PART: u64 = 4 * MIB;

/// The stretches of an object, in order: what the first answer brings, and the parts behind it.
pub(super) struct Parts {
    source: Arc<Source>,
    head: Option<Stretch>,
    start: u64,
    /// Where the next part begins.
    next: u64,
    end: u64,
    /// How many bytes a part has, at most.
    part: u64,
}

// ===== impl Parts =====

impl Parts {
    pub(super) fn new(opened: Opened, part_size: u64) -> Self {
        let Opened {
            source,
            first,
            body,
            end,
        } = opened;
        // Enough parts to keep all requests busy until near the end, none too small to be worth a request.
        let part = ((end - first.start) / 256).next_multiple_of(MIB);
        let (start, next) = (first.start, first.end);
        Self {
            head: Some(Stretch::new(Arc::clone(&source), first, body)),
            source,
            start,
            next,
            end,
            part: part.max(LEAST_PART).min(part_size),
        }
    }

    /// Where in the object the first of them begins.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// How many bytes a part has, at most.
    pub(super) fn part(&self) -> u64 {
        self.part
    }

    /// What the first answer brings, where that is all.
    pub(super) fn only(&mut self) -> Option<Stretch> {
        self.head.take_if(|_| self.next >= self.end)
    }
}

impl Iterator for Parts {
    type Item = Stretch;

    fn next(&mut self) -> Option<Stretch> {
        if let Some(head) = self.head.take() {
            return Some(head);
        }
        let range = self.next..self.end.min(self.next.saturating_add(self.part));
        self.next = range.end;
        (!range.is_empty()).then(|| Stretch::new(Arc::clone(&self.source), range, None))
    }
}
