//! The calls of the tags `refs` and `tags`.

use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{DiffRefsType, Merge, TagCreation},
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

/// 2024-02-29T23:59:59.25Z on the wire.
const SINCE: Timestamp = Timestamp::constant(1_709_251_199, 250_000_000);

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("logCommits", client.log_commits("repository", "ref"))
            .named(["repository", "ref"]),
        everything(
            "logCommits",
            client
                .log_commits(odd!("repository"), odd!("ref"))
                .after(odd!("after"))
                .amount(1000)
                .objects([odd!("objects 1"), odd!("objects 2")])
                .prefixes([odd!("prefixes 1"), odd!("prefixes 2")])
                .limit(true)
                .first_parent(false)
                .since(SINCE)
                .stop_at(odd!("stop_at")),
        )
        .odd(["repository", "ref", "after", "stop_at"])
        .given("amount", "1000")
        .given("objects", odd!("objects 1"))
        .given("objects", odd!("objects 2"))
        .given("prefixes", odd!("prefixes 1"))
        .given("prefixes", odd!("prefixes 2"))
        .given("limit", "true")
        .given("first_parent", "false")
        .given("since", "2024-02-29T23:59:59.25Z"),
        required(
            "mergeIntoBranch",
            client.merge_into_branch("repository", "sourceRef", "destinationBranch"),
        )
        .named(["repository", "sourceRef", "destinationBranch"]),
        everything(
            "mergeIntoBranch",
            client
                .merge_into_branch(
                    odd!("repository"),
                    odd!("sourceRef"),
                    odd!("destinationBranch"),
                )
                .body(
                    Merge::new()
                        .message(odd!("message"))
                        .metadata([(odd!("key"), odd!("value"))])
                        .strategy(odd!("strategy"))
                        .force(true)
                        .allow_empty(false)
                        .squash_merge(true),
                ),
        )
        .odd(["repository", "sourceRef", "destinationBranch"])
        .json(json!({
            "message": odd!("message"),
            "metadata": { odd!("key"): odd!("value") },
            "strategy": odd!("strategy"),
            "force": true,
            "allow_empty": false,
            "squash_merge": true,
        })),
        required(
            "findMergeBase",
            client.find_merge_base("repository", "sourceRef", "destinationBranch"),
        )
        .named(["repository", "sourceRef", "destinationBranch"]),
        everything(
            "findMergeBase",
            client.find_merge_base(
                odd!("repository"),
                odd!("sourceRef"),
                odd!("destinationBranch"),
            ),
        )
        .odd(["repository", "sourceRef", "destinationBranch"]),
        required(
            "diffRefs",
            client.diff_refs("repository", "leftRef", "rightRef"),
        )
        .named(["repository", "leftRef", "rightRef"]),
        everything(
            "diffRefs",
            client
                .diff_refs(odd!("repository"), odd!("leftRef"), odd!("rightRef"))
                .after(odd!("after"))
                .amount(1000)
                .prefix(odd!("prefix"))
                .delimiter(odd!("delimiter"))
                .r#type(DiffRefsType::TwoDot)
                .include_right_stats(true),
        )
        .odd([
            "repository",
            "leftRef",
            "rightRef",
            "after",
            "prefix",
            "delimiter",
        ])
        .given("amount", "1000")
        .given("type", "two_dot")
        .given("include_right_stats", "true"),
        required("listTags", client.list_tags("repository")).named(["repository"]),
        everything(
            "listTags",
            client
                .list_tags(odd!("repository"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["repository", "prefix", "after"])
        .given("amount", "1000"),
        required(
            "createTag",
            client.create_tag("repository", TagCreation::new("id", "ref")),
        )
        .named(["repository"])
        .json(json!({ "id": "id", "ref": "ref" })),
        everything(
            "createTag",
            client.create_tag(
                odd!("repository"),
                TagCreation::new(odd!("id"), odd!("ref")).force(true),
            ),
        )
        .odd(["repository"])
        .json(json!({ "id": odd!("id"), "ref": odd!("ref"), "force": true })),
        required("getTag", client.get_tag("repository", "tag")).named(["repository", "tag"]),
        everything("getTag", client.get_tag(odd!("repository"), odd!("tag")))
            .odd(["repository", "tag"]),
        required("deleteTag", client.delete_tag("repository", "tag")).named(["repository", "tag"]),
        everything(
            "deleteTag",
            client
                .delete_tag(odd!("repository"), odd!("tag"))
                .force(true),
        )
        .odd(["repository", "tag"])
        .given("force", "true"),
    ]
}
