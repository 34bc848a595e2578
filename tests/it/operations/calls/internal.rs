//! The calls of the tag `internal` that are not deprecated.

use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{
        AccessKeyCredentials, CommPrefsInput, CommitRecordCreation, MetadataObjectType,
        PrepareGCUncommittedRequest, RefsRestore, RepositoryMetadataKeys, RepositoryMetadataSet,
        Setup, StatsEvent, StatsEventsList,
    },
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

/// 1700000000 on the wire.
const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required(
            "setupCommPrefs",
            client.setup_comm_prefs(CommPrefsInput::new(true, false)),
        )
        .json(json!({ "featureUpdates": true, "securityUpdates": false })),
        everything(
            "setupCommPrefs",
            client.setup_comm_prefs(
                CommPrefsInput::new(false, true)
                    .first_name(odd!("first"))
                    .last_name(odd!("last"))
                    .email(odd!("email"))
                    .company_name(odd!("company")),
            ),
        )
        .json(json!({
            "firstName": odd!("first"),
            "lastName": odd!("last"),
            "email": odd!("email"),
            "companyName": odd!("company"),
            "featureUpdates": false,
            "securityUpdates": true,
        })),
        required("getSetupState", client.get_setup_state()),
        everything("getSetupState", client.get_setup_state()),
        required("setup", client.setup(Setup::new("admin"))).json(json!({ "username": "admin" })),
        everything(
            "setup",
            client.setup(
                Setup::new(odd!("username"))
                    .key(AccessKeyCredentials::new(odd!("key"), odd!("secret")))
                    .first_name(odd!("first"))
                    .last_name(odd!("last"))
                    .email(odd!("email"))
                    .company_name(odd!("company"))
                    .feature_updates(true)
                    .security_updates(false),
            ),
        )
        .json(json!({
            "username": odd!("username"),
            "key": {
                "access_key_id": odd!("key"),
                "secret_access_key": odd!("secret"),
            },
            "firstName": odd!("first"),
            "lastName": odd!("last"),
            "email": odd!("email"),
            "companyName": odd!("company"),
            "featureUpdates": true,
            "securityUpdates": false,
        })),
        required("getAuthCapabilities", client.get_auth_capabilities()),
        everything("getAuthCapabilities", client.get_auth_capabilities()),
        required(
            "setRepositoryMetadata",
            client.set_repository_metadata(
                "repository",
                RepositoryMetadataSet::new([("key", "value")]),
            ),
        )
        .named(["repository"])
        .json(json!({ "metadata": { "key": "value" } })),
        everything(
            "setRepositoryMetadata",
            client.set_repository_metadata(
                odd!("repository"),
                RepositoryMetadataSet::new([(odd!("key"), odd!("value"))]),
            ),
        )
        .odd(["repository"])
        .json(json!({ "metadata": { odd!("key"): odd!("value") } })),
        required(
            "deleteRepositoryMetadata",
            client.delete_repository_metadata(
                "repository",
                RepositoryMetadataKeys::new(["one", "two"]),
            ),
        )
        .named(["repository"])
        .json(json!({ "keys": ["one", "two"] })),
        everything(
            "deleteRepositoryMetadata",
            client.delete_repository_metadata(
                odd!("repository"),
                RepositoryMetadataKeys::new([odd!("one"), odd!("two")]),
            ),
        )
        .odd(["repository"])
        .json(json!({ "keys": [odd!("one"), odd!("two")] })),
        required("dumpRefs", client.dump_refs("repository")).named(["repository"]),
        everything("dumpRefs", client.dump_refs(odd!("repository"))).odd(["repository"]),
        required(
            "restoreRefs",
            client.restore_refs(
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
            "restoreRefs",
            client.restore_refs(
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
            "CreateCommitRecord",
            client.create_commit_record(
                "repository",
                CommitRecordCreation::new(
                    "id",
                    0,
                    "committer",
                    "message",
                    "metarange",
                    TIME,
                    ["parent"],
                    1,
                ),
            ),
        )
        .named(["repository"])
        .json(json!({
            "commit_id": "id",
            "version": 0,
            "committer": "committer",
            "message": "message",
            "metarange_id": "metarange",
            "creation_date": 1_700_000_000,
            "parents": ["parent"],
            "generation": 1,
        })),
        everything(
            "CreateCommitRecord",
            client.create_commit_record(
                odd!("repository"),
                CommitRecordCreation::new(
                    odd!("id"),
                    1,
                    odd!("committer"),
                    odd!("message"),
                    odd!("metarange"),
                    TIME,
                    [odd!("parent 1"), odd!("parent 2")],
                    i64::MAX,
                )
                .metadata([(odd!("key"), odd!("value"))])
                .force(true),
            ),
        )
        .odd(["repository"])
        .json(json!({
            "commit_id": odd!("id"),
            "version": 1,
            "committer": odd!("committer"),
            "message": odd!("message"),
            "metarange_id": odd!("metarange"),
            "creation_date": 1_700_000_000,
            "parents": [odd!("parent 1"), odd!("parent 2")],
            "metadata": { odd!("key"): odd!("value") },
            "generation": 9_223_372_036_854_775_807_i64,
            "force": true,
        })),
        required(
            "uploadObjectPreflight",
            client.upload_object_preflight("repository", "branch", "path"),
        )
        .named(["repository", "branch", "path"]),
        everything(
            "uploadObjectPreflight",
            client.upload_object_preflight(odd!("repository"), odd!("branch"), odd!("path")),
        )
        .odd(["repository", "branch", "path"]),
        required(
            "createSymlinkFile",
            client.create_symlink_file("repository", "branch"),
        )
        .named(["repository", "branch"]),
        everything(
            "createSymlinkFile",
            client
                .create_symlink_file(odd!("repository"), odd!("branch"))
                .location(odd!("location")),
        )
        .odd(["repository", "branch", "location"]),
        required(
            "getMetadataObject",
            client.get_metadata_object("repository", MetadataObjectType::Range, "object_id"),
        )
        .named(["repository", "object_id"])
        .given("type", "range"),
        everything(
            "getMetadataObject",
            client
                .get_metadata_object(
                    odd!("repository"),
                    MetadataObjectType::MetaRange,
                    odd!("object_id"),
                )
                .presign(true),
        )
        .odd(["repository", "object_id"])
        .given("type", "meta_range")
        .given("presign", "true"),
        required(
            "setGarbageCollectionRulesPreflight",
            client.set_garbage_collection_rules_preflight("repository"),
        )
        .named(["repository"]),
        everything(
            "setGarbageCollectionRulesPreflight",
            client.set_garbage_collection_rules_preflight(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "prepareGarbageCollectionCommits",
            client.prepare_garbage_collection_commits("repository"),
        )
        .named(["repository"]),
        everything(
            "prepareGarbageCollectionCommits",
            client.prepare_garbage_collection_commits(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "prepareGarbageCollectionCommitsAsync",
            client.prepare_garbage_collection_commits_async("repository"),
        )
        .named(["repository"]),
        everything(
            "prepareGarbageCollectionCommitsAsync",
            client.prepare_garbage_collection_commits_async(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "prepareGarbageCollectionCommitsStatus",
            client.prepare_garbage_collection_commits_status("repository", "id"),
        )
        .named(["repository", "id"]),
        everything(
            "prepareGarbageCollectionCommitsStatus",
            client.prepare_garbage_collection_commits_status(odd!("repository"), odd!("id")),
        )
        .odd(["repository", "id"]),
        required(
            "prepareGarbageCollectionUncommitted",
            client.prepare_garbage_collection_uncommitted("repository"),
        )
        .named(["repository"]),
        everything(
            "prepareGarbageCollectionUncommitted",
            client
                .prepare_garbage_collection_uncommitted(odd!("repository"))
                .body(PrepareGCUncommittedRequest::new().continuation_token(odd!("token"))),
        )
        .odd(["repository"])
        .json(json!({ "continuation_token": odd!("token") })),
        required(
            "createBranchProtectionRulePreflight",
            client.create_branch_protection_rule_preflight("repository"),
        )
        .named(["repository"]),
        everything(
            "createBranchProtectionRulePreflight",
            client.create_branch_protection_rule_preflight(odd!("repository")),
        )
        .odd(["repository"]),
        required(
            "getGarbageCollectionConfig",
            client.get_garbage_collection_config(),
        ),
        everything(
            "getGarbageCollectionConfig",
            client.get_garbage_collection_config(),
        ),
        required(
            "postStatsEvents",
            client.post_stats_events(StatsEventsList::new(Vec::new())),
        )
        .json(json!({ "events": [] })),
        everything(
            "postStatsEvents",
            client.post_stats_events(StatsEventsList::new([
                StatsEvent::new(odd!("class 1"), odd!("name 1"), 1),
                StatsEvent::new(odd!("class 2"), odd!("name 2"), 2),
            ])),
        )
        .json(json!({
            "events": [
                { "class": odd!("class 1"), "name": odd!("name 1"), "count": 1 },
                { "class": odd!("class 2"), "name": odd!("name 2"), "count": 2 },
            ],
        })),
        required("getUsageReportSummary", client.get_usage_report_summary()),
        everything("getUsageReportSummary", client.get_usage_report_summary()),
    ]
}
