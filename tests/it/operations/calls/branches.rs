//! The calls of the tags `branches` and `commits`.

use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{
        BranchCreation, CherryPickCreation, CommitCreation, CommitOverrides, ResetCreation,
        ResetCreationType, RevertCreation,
    },
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

/// 1700000000 on the wire.
const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("listBranches", client.list_branches("repository")).named(["repository"]),
        everything(
            "listBranches",
            client
                .list_branches(odd!("repository"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000)
                .show_hidden(true),
        )
        .odd(["repository", "prefix", "after"])
        .given("amount", "1000")
        .given("show_hidden", "true"),
        required(
            "createBranch",
            client.create_branch("repository", BranchCreation::new("name", "source")),
        )
        .named(["repository"])
        .json(json!({ "name": "name", "source": "source" })),
        everything(
            "createBranch",
            client.create_branch(
                odd!("repository"),
                BranchCreation::new(odd!("name"), odd!("source"))
                    .force(false)
                    .hidden(true),
            ),
        )
        .odd(["repository"])
        .json(json!({
            "name": odd!("name"),
            "source": odd!("source"),
            "force": false,
            "hidden": true,
        })),
        required("getBranch", client.get_branch("repository", "branch"))
            .named(["repository", "branch"]),
        everything(
            "getBranch",
            client.get_branch(odd!("repository"), odd!("branch")),
        )
        .odd(["repository", "branch"]),
        required("deleteBranch", client.delete_branch("repository", "branch"))
            .named(["repository", "branch"]),
        everything(
            "deleteBranch",
            client
                .delete_branch(odd!("repository"), odd!("branch"))
                .force(true),
        )
        .odd(["repository", "branch"])
        .given("force", "true"),
        required(
            "resetBranch",
            client.reset_branch(
                "repository",
                "branch",
                ResetCreation::new(ResetCreationType::Reset),
            ),
        )
        .named(["repository", "branch"])
        .json(json!({ "type": "reset" })),
        everything(
            "resetBranch",
            client.reset_branch(
                odd!("repository"),
                odd!("branch"),
                ResetCreation::new(ResetCreationType::CommonPrefix)
                    .path(odd!("path"))
                    .force(true),
            ),
        )
        .odd(["repository", "branch"])
        .json(json!({ "type": "common_prefix", "path": odd!("path"), "force": true })),
        required(
            "revertBranch",
            client.revert_branch("repository", "branch", RevertCreation::new("ref", 0)),
        )
        .named(["repository", "branch"])
        .json(json!({ "ref": "ref", "parent_number": 0 })),
        everything(
            "revertBranch",
            client.revert_branch(
                odd!("repository"),
                odd!("branch"),
                RevertCreation::new(odd!("ref"), 2)
                    .commit_overrides(
                        CommitOverrides::new()
                            .message(odd!("message"))
                            .metadata([(odd!("key"), odd!("value"))]),
                    )
                    .force(true)
                    .allow_empty(false),
            ),
        )
        .odd(["repository", "branch"])
        .json(json!({
            "ref": odd!("ref"),
            "commit_overrides": {
                "message": odd!("message"),
                "metadata": { odd!("key"): odd!("value") },
            },
            "parent_number": 2,
            "force": true,
            "allow_empty": false,
        })),
        required(
            "cherryPick",
            client.cherry_pick("repository", "branch", CherryPickCreation::new("ref")),
        )
        .named(["repository", "branch"])
        .json(json!({ "ref": "ref" })),
        everything(
            "cherryPick",
            client.cherry_pick(
                odd!("repository"),
                odd!("branch"),
                CherryPickCreation::new(odd!("ref"))
                    .parent_number(1)
                    .commit_overrides(
                        CommitOverrides::new()
                            .message(odd!("message"))
                            .metadata([(odd!("key"), odd!("value"))]),
                    )
                    .force(true),
            ),
        )
        .odd(["repository", "branch"])
        .json(json!({
            "ref": odd!("ref"),
            "parent_number": 1,
            "commit_overrides": {
                "message": odd!("message"),
                "metadata": { odd!("key"): odd!("value") },
            },
            "force": true,
        })),
        required("diffBranch", client.diff_branch("repository", "branch"))
            .named(["repository", "branch"]),
        everything(
            "diffBranch",
            client
                .diff_branch(odd!("repository"), odd!("branch"))
                .after(odd!("after"))
                .amount(1000)
                .prefix(odd!("prefix"))
                .delimiter(odd!("delimiter")),
        )
        .odd(["repository", "branch", "after", "prefix", "delimiter"])
        .given("amount", "1000"),
        required(
            "commit",
            client.commit("repository", "branch", CommitCreation::new("message")),
        )
        .named(["repository", "branch"])
        .json(json!({ "message": "message" })),
        everything(
            "commit",
            client
                .commit(
                    odd!("repository"),
                    odd!("branch"),
                    CommitCreation::new(odd!("message"))
                        .metadata([(odd!("key"), odd!("value"))])
                        .date(TIME)
                        .allow_empty(true)
                        .force(false),
                )
                .source_metarange(odd!("source_metarange")),
        )
        .odd(["repository", "branch", "source_metarange"])
        .json(json!({
            "message": odd!("message"),
            "metadata": { odd!("key"): odd!("value") },
            "date": 1_700_000_000,
            "allow_empty": true,
            "force": false,
        })),
        required("getCommit", client.get_commit("repository", "commitId"))
            .named(["repository", "commitId"]),
        everything(
            "getCommit",
            client.get_commit(odd!("repository"), odd!("commitId")),
        )
        .odd(["repository", "commitId"]),
    ]
}
