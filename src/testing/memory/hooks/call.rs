//! What a user's closure is asked about a hook, and what it answers.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::Response;

/// A hook that a [`MemoryLakeFs`](crate::testing::MemoryLakeFs) is to run: the action file says so, and its event has
/// happened (`post-…`) or is about to (`pre-…`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HookCall {
    /// The event that sets the hook off.
    pub event: HookEvent,
    /// Name of the action that the hook belongs to.
    pub action: String,
    /// Id that the action file gives to the hook.
    pub hook_id: String,
    /// Which kind of program the hook would be on a real server.
    pub kind: HookKind,
    /// Properties of the hook in the action file: the `url` of a webhook, the `script` of a Lua hook.
    pub properties: serde_json::Map<String, serde_json::Value>,
    /// Id of the run: it leads from a refusal to the recorded run.
    pub run_id: String,
    /// The repository.
    pub repository: String,
    /// The branch that is changed, or the one merged into; empty for events on tags.
    pub branch: String,
    /// The tag; empty for events on branches.
    pub tag: String,
    /// The reference that the action files were read from, and that a hook reads data from.
    ///
    /// Before a commit it is the branch with what is staged, before a merge the commit that is merged.
    pub source_ref: String,
    /// The reference to merge, as the request named it; empty for other events.
    pub merge_source: String,
    /// The commit that the event is about; empty before a commit and when a branch is deleted.
    pub commit_id: String,
    /// Message of the commit to make or made; empty for events on tags and branches.
    pub commit_message: String,
    /// Who commits; empty for events on tags and branches.
    pub committer: String,
    /// Metadata of the commit to make or made; empty for events on tags and branches.
    pub commit_metadata: BTreeMap<String, String>,
    /// The JSON that a real server posts to a webhook.
    pub webhook_body: String,
}

/// What came of a hook.
///
/// ```
/// use lakefs_sdk::testing::HookOutcome;
///
/// let fine = HookOutcome::pass().with_output("12 files checked\n");
/// let refused = HookOutcome::fail("raw/ holds an e-mail address");
/// let answered = HookOutcome::answer(http::Response::builder().status(503).body("busy")?);
/// assert!(fine.is_pass() && !refused.is_pass() && !answered.is_pass());
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a hook's outcome decides whether the operation goes on"]
pub struct HookOutcome {
    pub(super) output: String,
    pub(super) failure: Option<String>,
    pub(super) answer: Option<Response<Bytes>>,
}

/// An event that hooks run at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HookEvent {
    /// Before anything of a commit is looked at.
    PrepareCommit,
    /// Before a commit, or before the commit of an import.
    PreCommit,
    /// After a commit, or after the commit of an import.
    PostCommit,
    /// Before a merge.
    PreMerge,
    /// After a merge.
    PostMerge,
    /// Before a tag is created.
    PreCreateTag,
    /// After a tag was created.
    PostCreateTag,
    /// Before a tag is deleted.
    PreDeleteTag,
    /// After a tag was deleted.
    PostDeleteTag,
    /// Before a branch is created.
    PreCreateBranch,
    /// After a branch was created.
    PostCreateBranch,
    /// Before a branch is deleted.
    PreDeleteBranch,
    /// After a branch was deleted.
    PostDeleteBranch,
    /// Before a commit is reverted.
    PreRevert,
    /// After a commit was reverted.
    PostRevert,
    /// Before a commit is picked.
    PreCherryPick,
    /// After a commit was picked.
    PostCherryPick,
}

/// Which kind of program a hook is on a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookKind {
    /// A URL that the event is posted to.
    Webhook,
    /// An Airflow DAG to run.
    Airflow,
    /// A Lua script.
    Lua,
}

// ===== impl HookOutcome =====

impl HookOutcome {
    /// The hook is content: the operation goes on.
    pub fn pass() -> Self {
        Self {
            output: String::new(),
            failure: None,
            answer: None,
        }
    }

    /// The hook refuses: before an event, the operation fails with 412 and this reason in its message.
    ///
    /// After an event nothing fails any more; the run is recorded as failed.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self {
            failure: Some(reason.into()),
            ..Self::pass()
        }
    }

    /// A webhook has answered: with a 2xx it is content, with anything else it refuses.
    ///
    /// The answer is recorded in the output of the hook's run.
    pub fn answer(response: Response<impl Into<Bytes>>) -> Self {
        Self {
            answer: Some(response.map(Into::into)),
            ..Self::pass()
        }
    }

    /// Adds text to the output that is recorded of the run. Line breaks are part of the text.
    pub fn with_output(mut self, text: impl AsRef<str>) -> Self {
        self.output.push_str(text.as_ref());
        self
    }

    /// Whether the operation goes on.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        let refused = self
            .answer
            .as_ref()
            .is_some_and(|answer| !answer.status().is_success());
        self.failure.is_none() && !refused
    }
}

// ===== impl HookEvent =====

impl HookEvent {
    const ALL: [Self; 17] = [
        Self::PrepareCommit,
        Self::PreCommit,
        Self::PostCommit,
        Self::PreMerge,
        Self::PostMerge,
        Self::PreCreateTag,
        Self::PostCreateTag,
        Self::PreDeleteTag,
        Self::PostDeleteTag,
        Self::PreCreateBranch,
        Self::PostCreateBranch,
        Self::PreDeleteBranch,
        Self::PostDeleteBranch,
        Self::PreRevert,
        Self::PostRevert,
        Self::PreCherryPick,
        Self::PostCherryPick,
    ];

    /// The name in action files, such as `pre-merge`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrepareCommit => "prepare-commit",
            Self::PreCommit => "pre-commit",
            Self::PostCommit => "post-commit",
            Self::PreMerge => "pre-merge",
            Self::PostMerge => "post-merge",
            Self::PreCreateTag => "pre-create-tag",
            Self::PostCreateTag => "post-create-tag",
            Self::PreDeleteTag => "pre-delete-tag",
            Self::PostDeleteTag => "post-delete-tag",
            Self::PreCreateBranch => "pre-create-branch",
            Self::PostCreateBranch => "post-create-branch",
            Self::PreDeleteBranch => "pre-delete-branch",
            Self::PostDeleteBranch => "post-delete-branch",
            Self::PreRevert => "pre-revert",
            Self::PostRevert => "post-revert",
            Self::PreCherryPick => "pre-cherry-pick",
            Self::PostCherryPick => "post-cherry-pick",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// ===== impl HookKind =====

impl HookKind {
    /// The name in action files: `webhook`, `airflow` or `lua`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Airflow => "airflow",
            Self::Lua => "lua",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Webhook, Self::Airflow, Self::Lua]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}
