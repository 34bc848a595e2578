//! Undoing a commit, and applying it elsewhere: merges with a chosen base.

use std::sync::Arc;

use super::commit::{Commit, CommitContent, CommitId};
use super::commits::CommitParams;
use super::error::{Error, ErrorKind, Result};
use super::merge::{Merged, Strategy};
use super::repository::Repository;
use super::tree::Tree;

impl Repository {
    /// Undoes a commit on a branch; of a merge, `parent` tells the side to go back to, from 1 on.
    pub(in super::super) fn revert(
        &mut self,
        branch: &str,
        reference: &str,
        parent: usize,
        params: CommitParams,
    ) -> Result<CommitId> {
        self.check_writable(params.force)?;
        let doing = format_args!("get commit from ref {reference}");
        let undone = self
            .dereference(reference)
            .map_err(|error| error.context(doing))?
            .clone();
        if undone.parents.len() > 1 && parent == 0 {
            let message = "must specify 1-based parent number for reverting merge commit";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        if parent > undone.parents.len() {
            let message =
                format!("given commit does not have the given parent number: parent {parent}");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        self.check_clean(branch)?;
        let before = match undone.parents.get(parent.saturating_sub(1)) {
            Some(parent) => self.commit(parent.as_str())?.clone(),
            None => Arc::new(Commit {
                metarange_id: String::new(),
                tree: Some(Tree::default()),
                ..(*undone).clone()
            }),
        };
        let allow_empty = params.allow_empty;
        let replayed = self.replay(branch, &before, &undone, params);
        let (content, head) = replayed.map_err(|error| error.context("update branch"))?;
        if content.metarange_id == head.metarange_id && !allow_empty {
            return Err(Error::no_changes().context("update branch"));
        }
        let commit = self.add_commit(content);
        self.advance(branch, &commit)?;
        Ok(commit.id.clone())
    }

    /// Applies the change of one commit to a branch.
    pub(in super::super) fn cherry_pick(
        &mut self,
        branch: &str,
        reference: &str,
        parent: Option<usize>,
        force: bool,
        params: impl FnOnce(&Commit) -> CommitParams,
    ) -> Result<Arc<Commit>> {
        self.check_writable(force)?;
        let doing = format_args!("get commit from ref {reference}");
        let picked = self
            .dereference(reference)
            .map_err(|error| error.context(doing))?
            .clone();
        if parent.is_none() && picked.parents.len() > 1 {
            return Err(Error::invalid(
                "must specify 1-based parent number for cherry-picking merge commit",
            ));
        }
        let number = parent.unwrap_or(1);
        let Some(before) = number
            .checked_sub(1)
            .and_then(|index| picked.parents.get(index))
        else {
            let message = "given commit does not have the given parent number";
            return Err(Error::invalid(message).context(format_args!("parent {number}")));
        };
        let before = self.commit(before.as_str())?.clone();
        self.check_clean(branch)?;
        let replayed = self.replay(branch, &picked, &before, params(&picked));
        let (mut content, _) = replayed.map_err(|error| error.context("update branch"))?;
        let origin: [(&str, &str); 2] = [
            ("cherry-pick-origin", picked.id.as_str()),
            ("cherry-pick-committer", &picked.committer),
        ];
        content
            .metadata
            .extend(origin.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let commit = self.add_commit(content);
        self.advance(branch, &commit)?;
        Ok(commit)
    }

    /// Applies what leads from `base` to `source` to the head of a branch.
    fn replay(
        &self,
        branch: &str,
        source: &Commit,
        base: &Commit,
        params: CommitParams,
    ) -> Result<(CommitContent, Arc<Commit>)> {
        let head = self.commit(self.branch(branch)?.head.as_str())?;
        let merged = Merged::of(head, source, base, Strategy::None, params.allow_empty)?;
        let content = CommitContent {
            parents: vec![head.id.clone()],
            committer: params.committer,
            message: params.message,
            created: params.created,
            metadata: params.metadata,
            metarange_id: merged.metarange_id,
            generation: head.generation + 1,
            tree: merged.tree,
        };
        Ok((content, head.clone()))
    }
}
