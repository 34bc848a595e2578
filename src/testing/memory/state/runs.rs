//! What became of the hooks: runs of actions, kept with the repository.

use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;

use super::commit::{Commit, CommitId};
use super::listing::Page;
use super::repository::Repository;

/// All hooks that one event has set off.
#[derive(Clone, Debug)]
pub(in super::super) struct Run {
    pub(in super::super) id: String,
    pub(in super::super) branch: String,
    pub(in super::super) commit_id: String,
    pub(in super::super) event: &'static str,
    pub(in super::super) started: Timestamp,
    pub(in super::super) ended: Timestamp,
    pub(in super::super) passed: bool,
    pub(in super::super) hooks: Vec<HookRun>,
}

/// One hook of a run.
#[derive(Clone, Debug)]
pub(in super::super) struct HookRun {
    pub(in super::super) id: String,
    pub(in super::super) action: String,
    pub(in super::super) hook: String,
    /// When it began and ended; `None` when it was skipped.
    pub(in super::super) span: Option<(Timestamp, Timestamp)>,
    pub(in super::super) passed: bool,
    pub(in super::super) output: String,
}

impl Repository {
    pub(in super::super) fn add_run(&mut self, run: Run) {
        self.runs.insert(run.id.clone(), Arc::new(run));
    }

    /// Tells a run the commit that it has let through.
    pub(in super::super) fn set_run_commit(&mut self, run: &str, commit: &CommitId) {
        if let Some(run) = self.runs.get_mut(run) {
            Arc::make_mut(run).commit_id = commit.to_string();
        }
    }

    pub(in super::super) fn run(&self, id: &str) -> Option<&Arc<Run>> {
        self.runs.get(id)
    }

    /// A page of runs by id; an empty branch or commit stands for all.
    pub(in super::super) fn list_runs(
        &self,
        branch: &str,
        commit: &str,
        after: &str,
        amount: usize,
    ) -> Page<&Arc<Run>> {
        let runs = self
            .runs
            .range::<_, str>((Bound::Excluded(after), Bound::Unbounded))
            .map(|(_, run)| run)
            .filter(|run| branch.is_empty() || run.branch == branch)
            .filter(|run| commit.is_empty() || run.commit_id == commit);
        Page::first(runs, amount)
    }

    /// Keeps a commit that no branch leads to.
    pub(in super::super) fn keep_commit(&mut self, commit: Arc<Commit>) {
        self.commits.insert(commit.id.clone(), commit);
    }
}
