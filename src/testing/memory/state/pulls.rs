//! Pull requests: who wants which branch merged where. Merging is up to the caller.

use std::ops::Bound;

use jiff::Timestamp;

use super::error::{Error, Result};
use super::listing::{Page, Window};
use super::repository::Repository;

/// A pull request.
#[derive(Clone, Debug)]
pub(in super::super) struct PullRequest {
    pub(in super::super) id: String,
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) author: String,
    pub(in super::super) source: String,
    pub(in super::super) destination: String,
    pub(in super::super) status: PullStatus,
    pub(in super::super) created: Timestamp,
    /// When it was last closed or merged; opening it again leaves the time.
    pub(in super::super) closed: Option<Timestamp>,
    pub(in super::super) merged_commit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PullStatus {
    Open,
    Closed,
    Merged,
}

/// What changes of a pull request; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct PullUpdate {
    pub(in super::super) title: Option<String>,
    pub(in super::super) description: Option<String>,
    pub(in super::super) status: Option<PullStatus>,
    pub(in super::super) merged_commit: Option<String>,
}

impl PullStatus {
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }
}

impl Repository {
    /// Adds a pull request between two branches that exist.
    pub(in super::super) fn create_pull(&mut self, pull: PullRequest) -> Result<()> {
        self.branch(&pull.source)?;
        self.branch(&pull.destination)?;
        self.pulls.insert(pull.id.clone(), pull);
        Ok(())
    }

    pub(in super::super) fn pull(&self, id: &str) -> Result<&PullRequest> {
        self.pulls.get(id).ok_or_else(missing)
    }

    /// Changes a pull request. Any state may follow any other.
    pub(in super::super) fn update_pull(
        &mut self,
        id: &str,
        update: PullUpdate,
        now: Timestamp,
    ) -> Result<()> {
        let pull = self.pulls.get_mut(id).ok_or_else(missing)?;
        if let Some(title) = update.title {
            pull.title = title;
        }
        if let Some(description) = update.description {
            pull.description = description;
        }
        if let Some(status) = update.status {
            pull.status = status;
            if status != PullStatus::Open {
                pull.closed = Some(now);
            }
        }
        if update.merged_commit.is_some() {
            pull.merged_commit = update.merged_commit;
        }
        Ok(())
    }

    /// A page of pull requests by id: all, those that are open, or those that are not.
    pub(in super::super) fn list_pulls(
        &self,
        window: &Window<'_>,
        open: Option<bool>,
    ) -> Page<&PullRequest> {
        let wanted =
            |pull: &PullRequest| open.is_none_or(|open| open == (pull.status == PullStatus::Open));
        let pulls = self
            .pulls
            .range::<_, str>((window.name_start(), Bound::Unbounded))
            .map(|(_, pull)| pull)
            .filter(|pull| wanted(pull));
        window.page_of_names(pulls, |pull| &pull.id)
    }
}

fn missing() -> Error {
    Error::not_found("pull request not found")
}
