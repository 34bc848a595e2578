//! An object's place in a repository: its path and what is known of its content.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::ident::Identity;

/// The path of an object: any bytes, compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Path(Arc<[u8]>);

/// What a branch or commit holds at a path. Cheap to copy.
///
/// Two entries are equal when a reader could not tell them apart: same content, type and metadata, wherever the bytes lie
/// and whenever they were written.
#[derive(Clone, Debug)]
pub(in super::super) struct Entry {
    data: Arc<EntryData>,
    identity: [u8; 32],
}

/// The facts of an [`Entry`].
#[derive(Clone, Debug)]
pub(in super::super) struct EntryData {
    /// MD5 of the content, in hex.
    pub(in super::super) checksum: String,
    /// What whoever staged it says: the real server takes a negative one too.
    pub(in super::super) size: i64,
    /// Where the bytes lie: relative to the storage namespace when it begins with `data/`, else a URI.
    pub(in super::super) address: Arc<str>,
    pub(in super::super) modified: Timestamp,
    pub(in super::super) content_type: String,
    pub(in super::super) metadata: BTreeMap<String, String>,
}

#[cfg(test)]
thread_local! {
    /// How many entries this test has compared: a measure of what a diff or a merge walks through.
    pub(super) static COMPARISONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

// ===== impl Path =====

impl From<&[u8]> for Path {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Path {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl Borrow<[u8]> for Path {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Path {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

// ===== impl Entry =====

impl Entry {
    pub(in super::super) fn new(data: EntryData) -> Self {
        let mut identity = Identity::default()
            .integer(data.size)
            .text(&data.checksum)
            .map(&data.metadata);
        if !data.content_type.is_empty() {
            identity = identity.text(&data.content_type);
        }
        Self {
            identity: identity.finish(),
            data: Arc::new(data),
        }
    }

    /// A digest of what a reader can tell.
    pub(super) fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// A digest of path and entry, with the address and the time: what a metarange id stands for.
    pub(super) fn fingerprint(&self, path: &Path) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(path.len().to_be_bytes());
        hash.update(&**path);
        hash.update(self.identity);
        hash.update(self.modified.as_nanosecond().to_be_bytes());
        hash.update(self.address.as_bytes());
        hash.finalize().into()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.identity == other.identity
    }
}

impl Deref for Entry {
    type Target = EntryData;

    fn deref(&self) -> &EntryData {
        &self.data
    }
}
