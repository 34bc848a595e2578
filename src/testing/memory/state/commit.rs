//! Commits and their ids.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::tree::Tree;

/// 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct CommitId(Arc<str>);

/// A commit, with the objects it holds.
#[derive(Clone, Debug)]
pub(in super::super) struct Commit {
    pub(in super::super) id: CommitId,
    pub(in super::super) parents: Vec<CommitId>,
    pub(in super::super) committer: String,
    pub(in super::super) message: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) metadata: BTreeMap<String, String>,
    /// Empty for the commit a repository begins with.
    pub(in super::super) metarange_id: String,
    pub(in super::super) generation: i64,
    pub(super) tree: Tree,
}

/// All of a commit but the id, which follows from the rest.
#[derive(Debug)]
pub(super) struct CommitContent {
    pub(super) parents: Vec<CommitId>,
    pub(super) committer: String,
    pub(super) message: String,
    pub(super) created: Timestamp,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) metarange_id: String,
    pub(super) generation: i64,
    pub(super) tree: Tree,
}

// ===== impl CommitId =====

impl CommitId {
    pub(in super::super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for CommitId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// ===== impl CommitContent =====

impl CommitContent {
    /// Computes the id, so that the same content always has the same one.
    pub(super) fn seal(self) -> Commit {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        };
        add("commit");
        add(&self.committer);
        add(&self.message);
        add(&self.metarange_id);
        add(&self.created.as_nanosecond().to_string());
        add(&self.generation.to_string());
        add(&self.parents.len().to_string());
        self.parents.iter().for_each(|parent| add(parent.as_str()));
        self.metadata.iter().for_each(|(key, value)| {
            add(key);
            add(value);
        });
        let id = CommitId(hex(&hash.finalize()).into());
        let Self {
            parents,
            committer,
            message,
            created,
            metadata,
            metarange_id,
            generation,
            tree,
        } = self;
        Commit {
            id,
            parents,
            committer,
            message,
            created,
            metadata,
            metarange_id,
            generation,
            tree,
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    crate::testing::memory::storage::hex(bytes)
}
