//! Servers that are older or newer than this client.

use futures_util::StreamExt;
use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{DiffType, PathType},
};
use serde_json::{Value, json};

use crate::support::scripted::Scripted;

fn client(document: &Value) -> Client {
    Client::new(Scripted::new().json(document))
}

fn stats(change: impl FnOnce(&mut Value)) -> Value {
    let mut stats = json!({
        "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "c", "size_bytes": 1, "mtime": 1
    });
    change(&mut stats);
    stats
}

/// O7: a server one version older has no list of storages: reading its configuration must not fail for that.
#[tokio::test]
async fn the_configuration_of_an_older_server_is_read() {
    let older = json!({
        "version_config": { "version": "0.100.0" },
        "storage_config": {
            "blockstore_type": "s3",
            "blockstore_namespace_example": "s3://example-bucket/",
            "blockstore_namespace_ValidityRegex": "^s3://",
        },
    });

    let config = client(&older).get_config().await.unwrap();

    assert_eq!(config.storage_config_list, None);
    let storage = config.storage_config.unwrap();
    assert_eq!(storage.blockstore_type, "s3");
    assert!(!storage.pre_sign_support, "absent means no");
    assert!(!storage.pre_sign_support_ui);
    assert!(!storage.import_support);
    assert_eq!(storage.pre_sign_multipart_upload, None);
    assert_eq!(storage.blockstore_id, None);
    assert_eq!(storage.default_namespace_prefix, None);
}

/// A server that says `null` where the document promises a value is read as if it had left it out.
#[tokio::test]
async fn nulls_in_the_configuration_count_as_absent() {
    let nulls = json!({
        "version_config": null,
        "storage_config": {
            "blockstore_type": "local",
            "blockstore_namespace_example": null,
            "blockstore_namespace_ValidityRegex": null,
            "default_namespace_prefix": null,
            "pre_sign_support": null,
            "pre_sign_support_ui": null,
            "import_support": null,
            "import_validity_regex": null,
            "pre_sign_multipart_upload": null,
            "blockstore_id": null,
        },
        "storage_config_list": null,
        "ui_config": null,
        "capabilities_config": null,
    });

    let config = client(&nulls).get_config().await.unwrap();

    assert!(!config.storage_config.unwrap().pre_sign_support);
}

/// O7: every read goes through the repository somewhere: one absent field must not close all of them.
#[tokio::test]
async fn a_repository_without_storage_id_is_read_and_so_are_its_objects() {
    let repository = json!({ "id": "lake", "creation_date": 1700000000, "default_branch": "main", "storage_namespace": "s3://b/p" });
    let transport = Scripted::new().json(&repository).status(200, "contents");
    let client = Client::new(transport);

    let repository = client.get_repository("lake").await.unwrap();
    let contents = client
        .get_object("lake", "main", "a")
        .await
        .unwrap()
        .text()
        .await
        .unwrap();

    assert_eq!(repository.storage_id, None);
    assert_eq!(repository.read_only, None);
    assert_eq!(repository.creation_date.as_second(), 1_700_000_000);
    assert_eq!(contents, "contents");
}

/// O7: a newer server has more to say: what this client does not know must not make the rest unreadable.
#[tokio::test]
async fn fields_and_values_of_a_newer_server_are_kept_or_ignored() {
    let newer = stats(|stats| {
        stats["path_type"] = json!("symlink");
        stats["storage_class"] = json!({ "deep": [1, 2, { "er": null }] });
    });

    let stats = client(&newer)
        .stat_object("lake", "main", "a")
        .await
        .unwrap();

    assert_eq!(stats.path_type, PathType::Unknown("symlink".to_owned()));
    assert_eq!(stats.path_type.as_str(), "symlink");
    assert_eq!(
        serde_json::to_value(&stats).unwrap()["path_type"],
        "symlink"
    );

    let diff = json!({
        "pagination": { "has_more": false, "next_offset": "", "results": 1, "max_per_page": 1000, "total": 1 },
        "results": [{ "type": "renamed", "path": "a", "path_type": "object", "size_bytes": 3, "from": "b" }],
    });
    let diff = client(&diff)
        .diff_refs("lake", "main", "draft")
        .await
        .unwrap();
    assert_eq!(
        diff.results[0].r#type,
        DiffType::Unknown("renamed".to_owned())
    );
}

/// O7: a size that goes through a float is off by one beyond 9 PB, and a checksum of sizes never agrees again.
#[tokio::test]
async fn integers_are_exact() {
    for size in [0, (1_i64 << 53) + 1, i64::MAX] {
        let stats = client(&stats(|stats| stats["size_bytes"] = json!(size)))
            .stat_object("lake", "main", "a")
            .await
            .unwrap();
        assert_eq!(stats.size_bytes, Some(size));
    }
}

/// O7: common prefixes have the time zero, and imported objects any: none of them may make a listing unreadable.
#[tokio::test]
async fn odd_times_are_read() {
    for (mtime, expected) in [
        (0, Timestamp::UNIX_EPOCH),
        (-1, Timestamp::from_second(-1).unwrap()),
        (1_700_000_000_000, Timestamp::MAX),
        (i64::MIN, Timestamp::MIN),
    ] {
        let stats = client(&stats(|stats| stats["mtime"] = json!(mtime)))
            .stat_object("lake", "main", "a")
            .await
            .unwrap();
        assert_eq!(stats.mtime, expected, "{mtime}");
    }
}

/// O7: go writes an empty list as `null`: an empty page is no error, and what follows it is listed.
#[tokio::test]
async fn a_page_whose_results_are_null_is_empty() {
    let last = json!({
        "pagination": { "has_more": false, "next_offset": "", "results": 1, "max_per_page": 1000 },
        "results": [stats(|_| {})],
    });
    let transport = Scripted::new()
        .json(&json!({
            "pagination": { "has_more": true, "next_offset": "0", "results": null, "max_per_page": null },
            "results": null,
        }))
        .json(&last);

    let items: Vec<_> =
        StreamExt::collect(Client::new(transport).list_objects("lake", "main").items()).await;

    assert_eq!(items.len(), 1);
    assert_eq!(items[0].as_ref().unwrap().path, "a");
}

/// An old server leaves fields of a page out.
#[tokio::test]
async fn a_page_without_its_optional_parts_is_read() {
    let page = json!({ "pagination": { "has_more": false, "next_offset": "" }, "results": [] });

    let page = client(&page).list_objects("lake", "main").await.unwrap();

    assert_eq!(page.results.len(), 0);
    assert_eq!(page.pagination.max_per_page, 0);
}
