//! All objects of a commit, by path.

use std::ops::Bound;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use sha2::{Digest, Sha256};

use super::entry::{Entry, Path};
use crate::testing::memory::storage::hex;

/// A persistent map from path to entry that knows its own id: copying it and asking for the id cost the same for ten
/// objects and for ten million.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Tree {
    entries: OrdMap<Path, Entry>,
    /// Lane-wise sum of all fingerprints, so that it can follow each insertion and removal.
    sum: [u64; 4],
}

/// A path that differs between two trees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) path: &'a Path,
    pub(super) left: Option<&'a Entry>,
    pub(super) right: Option<&'a Entry>,
}

impl Tree {
    pub(super) fn get(&self, path: &[u8]) -> Option<&Entry> {
        self.entries.get(path)
    }

    pub(super) fn insert(&mut self, path: Path, entry: Entry) {
        self.remove(&path);
        self.add(entry.fingerprint(&path), u64::wrapping_add);
        self.entries.insert(path, entry);
    }

    pub(super) fn remove(&mut self, path: &Path) {
        if let Some(entry) = self.entries.remove(path) {
            self.add(entry.fingerprint(path), u64::wrapping_sub);
        }
    }

    fn add(&mut self, fingerprint: [u8; 32], add: fn(u64, u64) -> u64) {
        for (lane, bytes) in self.sum.iter_mut().zip(fingerprint.chunks_exact(8)) {
            let value = bytes
                .iter()
                .fold(0, |value, &byte| value << 8 | u64::from(byte));
            *lane = add(*lane, value);
        }
    }

    /// All entries from `start` on, in byte order.
    pub(super) fn from<'a>(
        &'a self,
        start: Bound<&[u8]>,
    ) -> impl Iterator<Item = (&'a Path, &'a Entry)> + use<'a> {
        self.entries.range::<_, [u8]>((start, Bound::Unbounded))
    }

    /// What differs, in byte order. Parts that both trees share are not visited.
    pub(super) fn diff<'a>(
        &'a self,
        right: &'a Self,
    ) -> impl Iterator<Item = Change<'a>> + use<'a> {
        self.entries.diff(&right.entries).map(|item| match item {
            DiffItem::Add(path, entry) => Change {
                path,
                left: None,
                right: Some(entry),
            },
            DiffItem::Remove(path, entry) => Change {
                path,
                left: Some(entry),
                right: None,
            },
            DiffItem::Update {
                old: (path, left),
                new: (_, right),
            } => Change {
                path,
                left: Some(left),
                right: Some(right),
            },
        })
    }

    /// The id of the content: equal trees have equal ids.
    pub(super) fn metarange_id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update("metarange");
        self.sum
            .iter()
            .for_each(|lane| hash.update(lane.to_be_bytes()));
        hex(&hash.finalize())
    }
}
