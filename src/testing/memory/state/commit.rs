//! Commits and their ids.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::error::{Error, Result};
use super::ident::Identity;
use super::tree::Tree;
use crate::testing::memory::storage::hex;
use jiff::Timestamp;

/// The version of commits that the server makes: the first parent is the branch's own.
const CURRENT_VERSION: i64 = 1;

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
    pub(in super::super) version: i64,
    /// `None` when the metarange is not in the object store.
    pub(super) tree: Option<Tree>,
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

impl From<&str> for CommitId {
    fn from(id: &str) -> Self {
        Self(id.into())
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

// ===== impl Commit =====

impl Commit {
    /// The objects of the commit, if its metarange is there.
    pub(super) fn tree(&self) -> Result<&Tree> {
        self.tree.as_ref().ok_or_else(Error::gone)
    }
}

// ===== impl CommitContent =====

impl CommitContent {
    /// Computes the id, so that the same content always has the same one.
    pub(super) fn seal(self) -> Commit {
        let parents = self.parents.iter().map(CommitId::as_str);
        // A real server computes the same id, from whole seconds too.
        let identity = Identity::default()
            .text("commit:v1")
            .text(&self.committer)
            .text(&self.message)
            .text(&self.metarange_id)
            .integer(self.created.as_second())
            .map(&self.metadata)
            .nested(Identity::default().texts(parents));
        let id = CommitId(hex(&identity.finish()).into());
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
            version: CURRENT_VERSION,
            tree: Some(tree),
        }
    }
}
