//! Work that is asked for in one call and looked at in others. Here it is done by the time the first call answers.

use jiff::Timestamp;

use super::error::{Error, Result};
use super::repository::Repository;

/// A task that was carried out.
#[derive(Clone, Debug)]
pub(in super::super) struct Task {
    pub(in super::super) updated: Timestamp,
    /// What came of it, or why nothing did.
    pub(in super::super) outcome: std::result::Result<Outcome, String>,
}

/// What comes of a task.
#[derive(Clone, Debug)]
pub(in super::super) enum Outcome {
    /// The metaranges of commits, branches and tags.
    Dumped {
        commits: String,
        branches: String,
        tags: String,
    },
    Restored,
    /// The run of the garbage collection that was prepared.
    Prepared {
        run_id: String,
    },
}

/// What a task is to do: the beginning of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum TaskKind {
    Dump,
    Restore,
    PrepareCommits,
}

impl TaskKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Dump => "DR",
            Self::Restore => "RR",
            Self::PrepareCommits => "GCPC",
        }
    }
}

impl Repository {
    /// Remembers a task; gives its id.
    pub(in super::super) fn add_task(
        &mut self,
        kind: TaskKind,
        unique: &str,
        task: Task,
    ) -> String {
        let id = format!("{}{unique}", kind.prefix());
        self.tasks.insert(id.clone(), task);
        id
    }

    /// A task by its id; one of another kind is not found.
    pub(in super::super) fn task(&self, kind: TaskKind, id: &str) -> Result<&Task> {
        let found = self.tasks.get(id).filter(|_| id.starts_with(kind.prefix()));
        found.ok_or_else(|| Error::not_found("not found"))
    }
}
