//! The calls of the tags `pulls`, `actions` and `metadata`.

use lakefs_sdk::{
    Client,
    models::{PullRequestBasic, PullRequestBasicStatus, PullRequestCreation, PullRequestsStatus},
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("listPullRequests", client.list_pull_requests("repository")).named(["repository"]),
        everything(
            "listPullRequests",
            client
                .list_pull_requests(odd!("repository"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000)
                .status(PullRequestsStatus::Closed),
        )
        .odd(["repository", "prefix", "after"])
        .given("amount", "1000")
        .given("status", "closed"),
        required(
            "createPullRequest",
            client.create_pull_request(
                "repository",
                PullRequestCreation::new("title", "source", "destination"),
            ),
        )
        .named(["repository"])
        .json(json!({
            "title": "title",
            "source_branch": "source",
            "destination_branch": "destination",
        })),
        everything(
            "createPullRequest",
            client.create_pull_request(
                odd!("repository"),
                PullRequestCreation::new(odd!("title"), odd!("source"), odd!("destination"))
                    .description(odd!("description")),
            ),
        )
        .odd(["repository"])
        .json(json!({
            "title": odd!("title"),
            "description": odd!("description"),
            "source_branch": odd!("source"),
            "destination_branch": odd!("destination"),
        })),
        required(
            "getPullRequest",
            client.get_pull_request("repository", "pull_request"),
        )
        .named(["repository", "pull_request"]),
        everything(
            "getPullRequest",
            client.get_pull_request(odd!("repository"), odd!("pull_request")),
        )
        .odd(["repository", "pull_request"]),
        required(
            "updatePullRequest",
            client.update_pull_request("repository", "pull_request", PullRequestBasic::new()),
        )
        .named(["repository", "pull_request"])
        .json(json!({})),
        everything(
            "updatePullRequest",
            client.update_pull_request(
                odd!("repository"),
                odd!("pull_request"),
                PullRequestBasic::new()
                    .status(PullRequestBasicStatus::Merged)
                    .title(odd!("title"))
                    .description(odd!("description")),
            ),
        )
        .odd(["repository", "pull_request"])
        .json(json!({
            "status": "merged",
            "title": odd!("title"),
            "description": odd!("description"),
        })),
        required(
            "mergePullRequest",
            client.merge_pull_request("repository", "pull_request"),
        )
        .named(["repository", "pull_request"]),
        everything(
            "mergePullRequest",
            client.merge_pull_request(odd!("repository"), odd!("pull_request")),
        )
        .odd(["repository", "pull_request"]),
        required(
            "listRepositoryRuns",
            client.list_repository_runs("repository"),
        )
        .named(["repository"]),
        everything(
            "listRepositoryRuns",
            client
                .list_repository_runs(odd!("repository"))
                .after(odd!("after"))
                .amount(1000)
                .branch(odd!("branch"))
                .commit(odd!("commit")),
        )
        .odd(["repository", "after", "branch", "commit"])
        .given("amount", "1000"),
        required("getRun", client.get_run("repository", "run_id")).named(["repository", "run_id"]),
        everything("getRun", client.get_run(odd!("repository"), odd!("run_id")))
            .odd(["repository", "run_id"]),
        required(
            "listRunHooks",
            client.list_run_hooks("repository", "run_id"),
        )
        .named(["repository", "run_id"]),
        everything(
            "listRunHooks",
            client
                .list_run_hooks(odd!("repository"), odd!("run_id"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["repository", "run_id", "after"])
        .given("amount", "1000"),
        required(
            "getRunHookOutput",
            client.get_run_hook_output("repository", "run_id", "hook_run_id"),
        )
        .named(["repository", "run_id", "hook_run_id"]),
        everything(
            "getRunHookOutput",
            client.get_run_hook_output(odd!("repository"), odd!("run_id"), odd!("hook_run_id")),
        )
        .odd(["repository", "run_id", "hook_run_id"]),
        required(
            "getMetaRange",
            client.get_meta_range("repository", "meta_range"),
        )
        .named(["repository", "meta_range"]),
        everything(
            "getMetaRange",
            client.get_meta_range(odd!("repository"), odd!("meta_range")),
        )
        .odd(["repository", "meta_range"]),
        required("getRange", client.get_range("repository", "range"))
            .named(["repository", "range"]),
        everything(
            "getRange",
            client.get_range(odd!("repository"), odd!("range")),
        )
        .odd(["repository", "range"]),
    ]
}
