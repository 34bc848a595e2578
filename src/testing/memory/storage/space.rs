//! How much the object store holds, and how much it may.

use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreError;

/// The bytes of all objects, and of the parts of uploads under way.
#[derive(Debug)]
pub(super) struct Space {
    used: AtomicU64,
    capacity: AtomicU64,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            used: AtomicU64::new(0),
            capacity: AtomicU64::new(u64::MAX),
        }
    }
}

impl Space {
    /// From now on no more than so many bytes are taken; those that are there stay.
    pub(super) fn limit(&self, capacity: u64) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    /// Takes room for so many bytes, if there is any.
    pub(super) fn take(&self, bytes: usize) -> Result<(), StoreError> {
        let capacity = self.capacity.load(Ordering::Relaxed);
        let fits = |used: u64| {
            used.checked_add(bytes as u64)
                .filter(|&used| used <= capacity || bytes == 0)
        };
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .map(drop)
            .map_err(|_| StoreError::full())
    }

    /// Takes room whether there is any or not.
    pub(super) fn take_anyway(&self, bytes: usize) {
        self.used.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}
