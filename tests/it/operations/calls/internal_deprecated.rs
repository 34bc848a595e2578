//! The calls of the tag `internal` that are deprecated.

use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{
        BranchProtectionRule, GarbageCollectionRule, GarbageCollectionRules, ObjectStageCreation,
    },
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

/// 1700000000 on the wire.
const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);

#[expect(
    deprecated,
    reason = "as long as the crate has these operations, they are checked"
)]
pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required(
            "stageObject",
            client.stage_object(
                "repository",
                "branch",
                "path",
                ObjectStageCreation::new("address", "checksum", 0),
            ),
        )
        .named(["repository", "branch", "path"])
        .json(json!({ "physical_address": "address", "checksum": "checksum", "size_bytes": 0 })),
        everything(
            "stageObject",
            client.stage_object(
                odd!("repository"),
                odd!("branch"),
                odd!("path"),
                ObjectStageCreation::new(odd!("address"), odd!("checksum"), i64::MAX)
                    .mtime(TIME)
                    .metadata([(odd!("key"), odd!("value"))])
                    .content_type(odd!("type"))
                    .force(true),
            ),
        )
        .odd(["repository", "branch", "path"])
        .json(json!({
            "physical_address": odd!("address"),
            "checksum": odd!("checksum"),
            "size_bytes": i64::MAX,
            "mtime": 1_700_000_000,
            "metadata": { odd!("key"): odd!("value") },
            "content_type": odd!("type"),
            "force": true,
        })),
        required(
            "internalGetGarbageCollectionRules",
            client.internal_get_garbage_collection_rules("repository"),
        )
        .named(["repository"]),
        everything(
            "internalGetGarbageCollectionRules",
            client.internal_get_garbage_collection_rules(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "internalSetGarbageCollectionRules",
            client.internal_set_garbage_collection_rules(
                "repository",
                GarbageCollectionRules::new(7, Vec::new()),
            ),
        )
        .named(["repository"])
        .json(json!({ "default_retention_days": 7, "branches": [] })),
        everything(
            "internalSetGarbageCollectionRules",
            client.internal_set_garbage_collection_rules(
                odd!("repository"),
                GarbageCollectionRules::new(21, [GarbageCollectionRule::new(odd!("branch"), 28)]),
            ),
        )
        .odd(["repository"])
        .json(json!({
            "default_retention_days": 21,
            "branches": [{ "branch_id": odd!("branch"), "retention_days": 28 }],
        })),
        required(
            "internalDeleteGarbageCollectionRules",
            client.internal_delete_garbage_collection_rules("repository"),
        )
        .named(["repository"]),
        everything(
            "internalDeleteGarbageCollectionRules",
            client.internal_delete_garbage_collection_rules(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "internalGetBranchProtectionRules",
            client.internal_get_branch_protection_rules("repository"),
        )
        .named(["repository"]),
        everything(
            "internalGetBranchProtectionRules",
            client.internal_get_branch_protection_rules(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "internalCreateBranchProtectionRule",
            client.internal_create_branch_protection_rule(
                "repository",
                BranchProtectionRule::new("main"),
            ),
        )
        .named(["repository"])
        .json(json!({ "pattern": "main" })),
        everything(
            "internalCreateBranchProtectionRule",
            client.internal_create_branch_protection_rule(
                odd!("repository"),
                BranchProtectionRule::new(odd!("pattern")),
            ),
        )
        .odd(["repository"])
        .json(json!({ "pattern": odd!("pattern") })),
        required(
            "internalDeleteBranchProtectionRule",
            client.internal_delete_branch_protection_rule(
                "repository",
                BranchProtectionRule::new("main"),
            ),
        )
        .named(["repository"])
        .json(json!({ "pattern": "main" })),
        everything(
            "internalDeleteBranchProtectionRule",
            client.internal_delete_branch_protection_rule(
                odd!("repository"),
                BranchProtectionRule::new(odd!("pattern")),
            ),
        )
        .odd(["repository"])
        .json(json!({ "pattern": odd!("pattern") })),
        required("getLakeFSVersion", client.get_lakefs_version()),
        everything("getLakeFSVersion", client.get_lakefs_version()),
        required("getStorageConfig", client.get_storage_config()),
        everything("getStorageConfig", client.get_storage_config()),
    ]
}
