//! An event as the server knows it, and as it tells a webhook.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::action::Hook;
use super::call::{HookCall, HookEvent};

/// Something that happens to a branch or a tag.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: HookEvent,
    pub(super) run_id: String,
    pub(super) branch: String,
    pub(super) tag: String,
    /// Where the action files are read from.
    pub(super) source_ref: String,
    pub(super) merge_source: String,
    pub(super) commit_id: String,
    pub(super) message: String,
    pub(super) committer: String,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The body that a webhook gets; what is empty is left out.
#[derive(Serialize)]
struct Body<'a> {
    event_type: &'a str,
    event_time: String,
    action_name: &'a str,
    hook_id: &'a str,
    repository_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    branch_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_ref: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tag_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    commit_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    commit_message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    committer: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    commit_metadata: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    merge_source: &'a str,
}

impl Event {
    /// What a hook is asked about the event.
    pub(super) fn call(
        &self,
        repository: &str,
        action: &str,
        hook: &Hook,
        now: Timestamp,
    ) -> HookCall {
        HookCall {
            event: self.kind,
            action: action.to_owned(),
            hook_id: hook.id.clone(),
            kind: hook.kind,
            properties: hook.properties.clone(),
            run_id: self.run_id.clone(),
            repository: repository.to_owned(),
            branch: self.branch.clone(),
            tag: self.tag.clone(),
            source_ref: self.source_ref.clone(),
            merge_source: self.merge_source.clone(),
            commit_id: self.commit_id.clone(),
            commit_message: self.message.clone(),
            committer: self.committer.clone(),
            commit_metadata: self.metadata.clone(),
            webhook_body: self.webhook_body(repository, action, &hook.id, now),
        }
    }

    fn webhook_body(&self, repository: &str, action: &str, hook: &str, now: Timestamp) -> String {
        let body = Body {
            event_type: self.kind.as_str(),
            event_time: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            action_name: action,
            hook_id: hook,
            repository_id: repository,
            branch_id: &self.branch,
            source_ref: &self.source_ref,
            tag_id: &self.tag,
            commit_id: &self.commit_id,
            commit_message: &self.message,
            committer: &self.committer,
            commit_metadata: &self.metadata,
            merge_source: &self.merge_source,
        };
        // Go keeps its JSON fit for HTML.
        let json = serde_json::to_string(&body).unwrap_or_default();
        [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")]
            .iter()
            .fold(json, |json, (sign, escaped)| json.replace(sign, escaped))
    }
}
