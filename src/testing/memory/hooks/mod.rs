//! Hooks: action files in the repository decide which run when, and a closure of the user's answers them.

mod abort;
mod action;
mod around;
mod call;
mod condition;
mod event;
mod glob;
mod log;
mod run;
mod source;
mod yaml;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use call::{HookCall, HookEvent, HookKind, HookOutcome};

pub(super) use around::{Around, commit, guard};
pub(super) use source::ActionsCache;

/// A user's closure.
type Answer = dyn Fn(&HookCall) -> HookOutcome + Send + Sync;

/// What answers the hooks, and how long action files are remembered.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    answer: Option<Arc<Answer>>,
    memory: Duration,
}

impl Hooks {
    pub(super) fn answer_with(
        &mut self,
        answer: impl Fn(&HookCall) -> HookOutcome + Send + Sync + 'static,
    ) {
        self.answer = Some(Arc::new(answer));
    }

    pub(super) fn remember_for(&mut self, memory: Duration) {
        self.memory = memory;
    }

    /// The memory of a new server.
    pub(super) fn cache(&self) -> ActionsCache {
        ActionsCache::new(self.memory)
    }

    /// Without a closure, every hook passes and leaves a note.
    fn answer(&self, call: &HookCall) -> HookOutcome {
        match &self.answer {
            Some(answer) => answer(call),
            None => HookOutcome::pass().with_output(log::not_run(call.kind)),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("answered", &self.answer.is_some())
            .field("memory", &self.memory)
            .finish()
    }
}
