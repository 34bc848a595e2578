//! The calls of the tag `repositories`.

use lakefs_sdk::{
    Client,
    models::{
        BranchProtectionRule, GarbageCollectionRule, GarbageCollectionRules, RefsRestore,
        RepositoryCreation,
    },
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("listRepositories", client.list_repositories()),
        everything(
            "listRepositories",
            client
                .list_repositories()
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000)
                .search(odd!("search")),
        )
        .odd(["prefix", "after", "search"])
        .given("amount", "1000"),
        required(
            "createRepository",
            client.create_repository(RepositoryCreation::new("lake", "mem://lake")),
        )
        .json(json!({ "name": "lake", "storage_namespace": "mem://lake" })),
        everything(
            "createRepository",
            client
                .create_repository(
                    RepositoryCreation::new("0-lake-9", odd!("s3://bucket/"))
                        .storage_id(odd!("storage"))
                        .default_branch(odd!("branch"))
                        .sample_data(true)
                        .read_only(false),
                )
                .bare(true),
        )
        .given("bare", "true")
        .json(json!({
            "name": "0-lake-9",
            "storage_id": odd!("storage"),
            "storage_namespace": odd!("s3://bucket/"),
            "default_branch": odd!("branch"),
            "sample_data": true,
            "read_only": false,
        })),
        required("getRepository", client.get_repository("repository")).named(["repository"]),
        everything("getRepository", client.get_repository(odd!("repository"))).odd(["repository"]),
        required("deleteRepository", client.delete_repository("repository")).named(["repository"]),
        everything(
            "deleteRepository",
            client.delete_repository(odd!("repository")).force(true),
        )
        .odd(["repository"])
        .given("force", "true"),
        required(
            "getRepositoryMetadata",
            client.get_repository_metadata("repository"),
        )
        .named(["repository"]),
        everything(
            "getRepositoryMetadata",
            client.get_repository_metadata(odd!("repository")),
        )
        .odd(["repository"]),
        required("getGCRules", client.get_gc_rules("repository")).named(["repository"]),
        everything("getGCRules", client.get_gc_rules(odd!("repository"))).odd(["repository"]),
        required(
            "setGCRules",
            client.set_gc_rules("repository", GarbageCollectionRules::new(7, Vec::new())),
        )
        .named(["repository"])
        .json(json!({ "default_retention_days": 7, "branches": [] })),
        everything(
            "setGCRules",
            client.set_gc_rules(
                odd!("repository"),
                GarbageCollectionRules::new(21, [GarbageCollectionRule::new(odd!("branch"), 28)]),
            ),
        )
        .odd(["repository"])
        .json(json!({
            "default_retention_days": 21,
            "branches": [{ "branch_id": odd!("branch"), "retention_days": 28 }],
        })),
        required("deleteGCRules", client.delete_gc_rules("repository")).named(["repository"]),
        everything("deleteGCRules", client.delete_gc_rules(odd!("repository"))).odd(["repository"]),
        required(
            "getBranchProtectionRules",
            client.get_branch_protection_rules("repository"),
        )
        .named(["repository"]),
        everything(
            "getBranchProtectionRules",
            client.get_branch_protection_rules(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "setBranchProtectionRules",
            client.set_branch_protection_rules("repository", Vec::new()),
        )
        .named(["repository"])
        .json(json!([])),
        everything(
            "setBranchProtectionRules",
            client
                .set_branch_protection_rules(
                    odd!("repository"),
                    [
                        BranchProtectionRule::new(odd!("one")),
                        BranchProtectionRule::new(odd!("two")),
                    ],
                )
                .if_match(odd!("If-Match")),
        )
        .odd(["repository", "If-Match"])
        .json(json!([{ "pattern": odd!("one") }, { "pattern": odd!("two") }])),
        required("dumpSubmit", client.dump_submit("repository")).named(["repository"]),
        everything("dumpSubmit", client.dump_submit(odd!("repository"))).odd(["repository"]),
        required("dumpStatus", client.dump_status("repository", "task_id"))
            .named(["repository", "task_id"]),
        everything(
            "dumpStatus",
            client.dump_status(odd!("repository"), odd!("task_id")),
        )
        .odd(["repository", "task_id"]),
        required(
            "restoreSubmit",
            client.restore_submit(
                "repository",
                RefsRestore::new("commits", "tags", "branches"),
            ),
        )
        .named(["repository"])
        .json(json!({
            "commits_meta_range_id": "commits",
            "tags_meta_range_id": "tags",
            "branches_meta_range_id": "branches",
        })),
        everything(
            "restoreSubmit",
            client.restore_submit(
                odd!("repository"),
                RefsRestore::new(odd!("commits"), odd!("tags"), odd!("branches")).force(true),
            ),
        )
        .odd(["repository"])
        .json(json!({
            "commits_meta_range_id": odd!("commits"),
            "tags_meta_range_id": odd!("tags"),
            "branches_meta_range_id": odd!("branches"),
            "force": true,
        })),
        required(
            "restoreStatus",
            client.restore_status("repository", "task_id"),
        )
        .named(["repository", "task_id"]),
        everything(
            "restoreStatus",
            client.restore_status(odd!("repository"), odd!("task_id")),
        )
        .odd(["repository", "task_id"]),
    ]
}
