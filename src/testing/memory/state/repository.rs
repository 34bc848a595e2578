//! A repository: its refs, its commits, and how they are looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;

use super::commit::{Commit, CommitContent, CommitId};
use super::entry::{Entry, Path};
use super::error::{Error, ErrorKind, Result};
use super::imports::ImportStatus;
use super::metadata_store::MetadataStore;
use super::protection::Protection;
use super::pulls::PullRequest;
use super::runs::Run;
use super::tasks::Task;
use super::tree::Tree;

/// Everything a repository holds but the bytes of its objects. Cheap to copy.
#[derive(Clone, Debug)]
pub(in super::super) struct Repository {
    pub(in super::super) name: String,
    pub(in super::super) storage_namespace: String,
    pub(in super::super) default_branch: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) read_only: bool,
    pub(in super::super) metadata: BTreeMap<String, String>,
    pub(super) branches: OrdMap<String, Branch>,
    pub(super) tags: OrdMap<String, CommitId>,
    pub(super) commits: OrdMap<CommitId, Arc<Commit>>,
    pub(super) runs: OrdMap<String, Arc<Run>>,
    pub(super) pulls: OrdMap<String, PullRequest>,
    pub(super) imports: OrdMap<String, ImportStatus>,
    pub(super) tasks: OrdMap<String, Task>,
    pub(super) protection: Protection,
    pub(super) store: MetadataStore,
}

/// Where a branch stands, and what was written to it since.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) head: CommitId,
    pub(super) staging: Staging,
    pub(super) hidden: bool,
}

/// Uncommitted writes by path; `None` is a deletion.
pub(super) type Staging = OrdMap<Path, Option<Entry>>;

/// What a new repository is made from.
#[derive(Debug)]
pub(in super::super) struct RepositoryParams {
    pub(in super::super) name: String,
    pub(in super::super) storage_namespace: String,
    pub(in super::super) default_branch: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) read_only: bool,
    /// Without a branch, to restore refs into.
    pub(in super::super) bare: bool,
}

impl Repository {
    /// A repository with one empty commit on its default branch, unless it is bare.
    pub(in super::super) fn new(params: RepositoryParams) -> Self {
        let mut repository = Self {
            name: params.name,
            storage_namespace: params.storage_namespace,
            default_branch: params.default_branch.clone(),
            created: params.created,
            read_only: params.read_only,
            metadata: BTreeMap::new(),
            branches: OrdMap::new(),
            tags: OrdMap::new(),
            commits: OrdMap::new(),
            runs: OrdMap::new(),
            pulls: OrdMap::new(),
            imports: OrdMap::new(),
            tasks: OrdMap::new(),
            protection: Protection::default(),
            store: MetadataStore::default(),
        };
        if !params.bare {
            let first = CommitContent {
                parents: Vec::new(),
                committer: String::new(),
                message: "Repository created".into(),
                created: params.created,
                metadata: BTreeMap::new(),
                metarange_id: String::new(),
                generation: 1,
                tree: Tree::default(),
            };
            let head = repository.add_commit(first).id.clone();
            let branch = Branch {
                head,
                staging: Staging::new(),
                hidden: false,
            };
            repository.branches.insert(params.default_branch, branch);
        }
        repository
    }

    /// Puts the repository over what its storage namespace holds already.
    pub(in super::super) fn over(mut self, store: MetadataStore) -> Self {
        self.store = store;
        self
    }

    /// Refuses to change a read-only repository, unless forced.
    pub(in super::super) fn check_writable(&self, force: bool) -> Result<()> {
        if self.read_only && !force {
            return Err(Error::new(ErrorKind::Forbidden, "read-only repository"));
        }
        Ok(())
    }

    pub(super) fn add_commit(&mut self, content: CommitContent) -> Arc<Commit> {
        self.store.keep_tree(&content.metarange_id, &content.tree);
        self.add(content.seal())
    }

    /// Adds a commit, unless the same one is there.
    pub(super) fn add(&mut self, commit: Commit) -> Arc<Commit> {
        if let Some(same) = self.commits.get(&commit.id) {
            return same.clone();
        }
        let commit = Arc::new(commit);
        self.commits.insert(commit.id.clone(), commit.clone());
        commit
    }

    pub(super) fn branch(&self, name: &str) -> Result<&Branch> {
        self.branches
            .get(name)
            .ok_or_else(|| Error::not_found("branch not found"))
    }

    pub(super) fn branch_mut(&mut self, name: &str) -> Result<&mut Branch> {
        self.branches
            .get_mut(name)
            .ok_or_else(|| Error::not_found("branch not found"))
    }

    /// A commit by its whole id.
    pub(super) fn commit(&self, id: &str) -> Result<&Arc<Commit>> {
        self.commits
            .get(id)
            .ok_or_else(|| Error::not_found("commit not found"))
    }
}
