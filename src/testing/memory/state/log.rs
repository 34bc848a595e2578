//! The history of a commit.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::commit::{Commit, CommitId};
use super::error::Result;
use super::listing::Page;
use super::repository::Repository;

/// Which part of a history is wanted.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct LogParams<'a> {
    pub(in super::super) after: &'a str,
    pub(in super::super) amount: usize,
    /// Never say that more follows.
    pub(in super::super) limit: bool,
    pub(in super::super) first_parent: bool,
    pub(in super::super) since: Option<Timestamp>,
    pub(in super::super) stop_at: &'a str,
    /// With any of these, only commits that changed one of the objects, or one below a prefix.
    pub(in super::super) objects: Vec<&'a [u8]>,
    pub(in super::super) prefixes: Vec<&'a [u8]>,
}

/// Commits reachable from one, youngest first.
struct History<'a> {
    repository: &'a Repository,
    first_parent: bool,
    since: Option<Timestamp>,
    queue: BTreeSet<(Reverse<Timestamp>, Reverse<CommitId>)>,
    seen: HashSet<CommitId>,
}

impl Repository {
    pub(in super::super) fn log(
        &self,
        reference: &str,
        params: &LogParams<'_>,
    ) -> Result<Page<Arc<Commit>>> {
        let start = self
            .resolve_commit(reference)
            .map_err(|error| error.context("ref"))?;
        let stop_at = match params.stop_at {
            "" => None,
            stop_at => Some(
                &self
                    .resolve_commit(stop_at)
                    .map_err(|error| error.context("stop_at"))?
                    .id,
            ),
        };
        let mut history = History::new(self, start, params);
        if !params.after.is_empty() {
            let after = self
                .resolve_commit(params.after)
                .map_err(|error| error.context("from ref"))?;
            history.by_ref().find(|commit| commit.id == after.id);
        }
        let filtered = !params.objects.is_empty() || !params.prefixes.is_empty();
        let mut commits = Vec::new();
        for commit in history {
            if filtered && !self.touches(commit, params)? {
                continue;
            }
            commits.push(commit.clone());
            let enough = params.limit && commits.len() >= params.amount;
            if enough || commits.len() > params.amount || Some(&commit.id) == stop_at {
                break;
            }
        }
        Ok(Page::first(commits.into_iter(), params.amount))
    }

    /// Whether a commit changed what is asked for. Merges never do: the commits they bring in do.
    fn touches(&self, commit: &Commit, params: &LogParams<'_>) -> Result<bool> {
        let [parent] = commit.parents.as_slice() else {
            return Ok(false);
        };
        let before = self.commit(parent.as_str())?.tree()?;
        let after = commit.tree()?;
        if params
            .objects
            .iter()
            .any(|path| before.get(path) != after.get(path))
        {
            return Ok(true);
        }
        let below = |path: &[u8]| {
            params
                .prefixes
                .iter()
                .any(|prefix| path.starts_with(prefix))
        };
        Ok(!params.prefixes.is_empty() && before.diff(after).any(|change| below(change.path)))
    }
}

// ===== impl History =====

impl<'a> History<'a> {
    fn new(repository: &'a Repository, start: &Commit, params: &LogParams<'_>) -> Self {
        let mut history = Self {
            repository,
            first_parent: params.first_parent,
            since: params.since,
            queue: BTreeSet::new(),
            seen: HashSet::new(),
        };
        history.push(start);
        history
    }

    fn push(&mut self, commit: &Commit) {
        let recent = self.since.is_none_or(|since| commit.created >= since);
        if self.seen.insert(commit.id.clone()) && recent {
            self.queue
                .insert((Reverse(commit.created), Reverse(commit.id.clone())));
        }
    }
}

impl<'a> Iterator for History<'a> {
    type Item = &'a Arc<Commit>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, Reverse(id)) = self.queue.pop_first()?;
        let commit = self.repository.commits.get(id.as_str())?;
        let followed = if self.first_parent {
            1
        } else {
            commit.parents.len()
        };
        for parent in commit.parents.iter().take(followed) {
            if let Some(parent) = self.repository.commits.get(parent.as_str()) {
                self.push(parent);
            }
        }
        Some(commit)
    }
}
