//! Making commits from what is staged.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::commit::{Commit, CommitContent};
use super::error::{Error, Result};
use super::repository::{Repository, Staging};

/// What a commit says about itself.
#[derive(Clone, Debug)]
pub(in super::super) struct CommitParams {
    pub(in super::super) committer: String,
    pub(in super::super) message: String,
    pub(in super::super) metadata: BTreeMap<String, String>,
    pub(in super::super) created: Timestamp,
    pub(in super::super) allow_empty: bool,
    pub(in super::super) force: bool,
}

impl Repository {
    /// Commits what is staged on a branch. `run_id` names the run of the hooks, should they be what fails.
    pub(in super::super) fn commit_staged(
        &mut self,
        branch: &str,
        params: CommitParams,
        run_id: impl FnOnce() -> String,
    ) -> Result<Arc<Commit>> {
        self.check_committable(branch, params.force)?;
        self.look_for_hooks(branch, run_id)?;
        let target = self.branch(branch)?;
        let parent = self.commit(target.head.as_str())?.clone();
        let view = self.branch_view(target)?;
        if !view.is_dirty() && !params.allow_empty {
            return Err(Error::no_changes().context("commit"));
        }
        let tree = view.to_tree();
        let commit = self.add_commit(CommitContent {
            parents: vec![parent.id.clone()],
            committer: params.committer,
            message: params.message,
            created: params.created,
            metadata: params.metadata,
            metarange_id: tree.metarange_id(),
            generation: parent.generation + 1,
            tree,
        });
        let target = self.branch_mut(branch)?;
        target.head = commit.id.clone();
        target.staging = Staging::new();
        Ok(commit)
    }

    /// The real server looks for hooks on the branch before it looks at the branch, and takes any reference.
    pub(super) fn look_for_hooks(
        &self,
        branch: &str,
        run_id: impl FnOnce() -> String,
    ) -> Result<()> {
        if self.read_only {
            return Ok(());
        }
        self.resolve(branch).map(drop).map_err(|error| {
            let doing = "list actions from commit: listing actions";
            let hook = format!("prepare-commit hook aborted, run id '{}'", run_id());
            error.context(doing).context(hook)
        })
    }
}
