//! [`Report`]: what became of a transfer of many.

use std::{fmt, sync::Arc};

use super::plan::{Action, Plan, Reason, Shown, Step};
use crate::{Error, Result, error::ErrorKind};

/// What became of a transfer of many: what was done, what was left out, and what failed, by path.
///
/// A failed path stops no other. Running the same transfer again does what is left.
#[must_use = "paths that failed are told here, not by an error"]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// What was done.
    pub done: Vec<Step>,
    /// Where nothing was done, and why.
    pub skipped: Vec<Step>,
    /// What failed, and why.
    pub failed: Vec<Failure>,
}

/// A path that failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The path, as in [`Step::path`].
    pub path: String,
    /// What was tried; [`Action::Skip`] where a file could not even be looked at.
    pub action: Action,
    /// Why it failed. Several paths may share one error, as those of one request do.
    pub error: Arc<Error>,
}

// ===== impl Report =====

impl Report {
    /// The report in which everything that is planned to be left out is so, and the steps that are to be run.
    pub(super) fn begin(plan: Plan, unreadable: Vec<(String, Error)>) -> (Self, Vec<Step>) {
        let (skipped, steps) = plan
            .steps
            .into_iter()
            .partition(|step| step.action == Action::Skip);
        let failed = unreadable.into_iter().map(|(path, error)| Failure {
            path,
            action: Action::Skip,
            error: Arc::new(error),
        });
        let report = Self {
            skipped,
            failed: failed.collect(),
            done: Vec::with_capacity(Vec::len(&steps)),
        };
        (report, steps)
    }

    pub(super) fn fail(&mut self, step: Step, error: Arc<Error>) {
        self.failed.push(Failure {
            path: step.path,
            action: step.action,
            error,
        });
    }

    /// Leaves out what was to be done.
    pub(super) fn skip(&mut self, steps: Vec<Step>, reason: Reason) {
        self.skipped.extend(steps.into_iter().map(|step| Step {
            action: Action::Skip,
            reason,
            ..step
        }));
    }

    /// The paths that were downloaded.
    pub(super) fn written(&self) -> Vec<String> {
        let written = self.done.iter();
        let written = written.filter(|step| step.action == Action::Download);
        written.map(|step| step.path.clone()).collect()
    }

    /// The paths that were as they should be.
    pub(super) fn kept(&self) -> Vec<String> {
        let kept = self.skipped.iter();
        let kept = kept.filter(|step| step.reason == Reason::Same);
        kept.map(|step| step.path.clone()).collect()
    }

    /// Sorts by path, as what runs side by side ends in any order.
    pub(super) fn finish(mut self) -> Self {
        self.done.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        self.failed.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// Whether nothing failed, and nothing was left out that should have been transferred.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.problems().next().is_none()
    }

    /// What was left out though it should have been transferred: symbolic links, unsafe names and the like.
    pub fn problems(&self) -> impl Iterator<Item = &Step> {
        self.skipped
            .iter()
            .filter(|step| Reason::is_problem(step.reason))
    }

    /// How many bytes went up or down.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let moved = self.done.iter().filter(|step| step.action.moves_bytes());
        moved.map(|step| step.bytes).sum()
    }

    /// How many paths an action was done for.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.done
            .iter()
            .filter(|step| step.action == action)
            .count()
    }

    /// An error where anything failed.
    ///
    /// What was [left out](Self::problems) is no failure.
    ///
    /// # Errors
    ///
    /// How many paths failed of how many, and the first of them; its kind and its source are those of that one's error.
    pub fn check(&self) -> Result<()> {
        let Some(first) = self.failed.first() else {
            return Ok(());
        };
        let all = self.failed.len() + self.done.len();
        let message = format!(
            "{} of {all} paths failed, the first is {:?}",
            self.failed.len(),
            first.path
        );
        Err(Error::new(first.error.kind(), message).with_shared_source(first.error.clone()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for action in [
            Action::Upload,
            Action::Download,
            Action::Copy,
            Action::Delete,
        ] {
            match self.count(action) {
                0 => {}
                count => write!(f, "{count} {}, ", action.past())?,
            }
        }
        write!(
            f,
            "{} skipped, {} failed",
            self.skipped.len(),
            self.failed.len()
        )
    }
}

impl Action {
    fn past(self) -> &'static str {
        match self {
            Self::Upload => "uploaded",
            Self::Download => "downloaded",
            Self::Copy => "copied",
            Self::Delete => "deleted",
            Self::Skip => "skipped",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:#}", Shown(&self.path), self.error)
    }
}

/// An error of a local file.
pub(super) fn of_file(what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the local file cannot be {what}")).with_source(error)
}
