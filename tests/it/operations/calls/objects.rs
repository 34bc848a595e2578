//! The calls of the tag `objects`.

use lakefs_sdk::{
    Client,
    models::{ObjectCopyCreation, PathList, UpdateObjectUserMetadata},
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("getObject", client.get_object("repository", "ref", "path")).named([
            "repository",
            "ref",
            "path",
        ]),
        everything(
            "getObject",
            client
                .get_object(odd!("repository"), odd!("ref"), odd!("path"))
                .range("bytes=0-99, 200-")
                .if_none_match(odd!("If-None-Match"))
                .presign(true),
        )
        .odd(["repository", "ref", "path", "If-None-Match"])
        .given("Range", "bytes=0-99, 200-")
        .given("presign", "true"),
        required(
            "headObject",
            client.head_object("repository", "ref", "path"),
        )
        .named(["repository", "ref", "path"]),
        everything(
            "headObject",
            client
                .head_object(odd!("repository"), odd!("ref"), odd!("path"))
                .range("bytes=0-99, 200-"),
        )
        .odd(["repository", "ref", "path"])
        .given("Range", "bytes=0-99, 200-"),
        required(
            "uploadObject",
            client.upload_object("repository", "branch", "path"),
        )
        .named(["repository", "branch", "path"])
        .header("content-type", "application/octet-stream")
        .data(b""),
        everything(
            "uploadObject",
            client
                .upload_object(odd!("repository"), odd!("branch"), odd!("path"))
                .if_none_match(odd!("If-None-Match"))
                .if_match(odd!("If-Match"))
                .storage_class(odd!("storageClass"))
                .force(true)
                .body("a\0b")
                .content_type(odd!("text/plain; x"))
                .metadata([("owner", odd!("owner")), ("Two", odd!("two"))]),
        )
        .odd([
            "repository",
            "branch",
            "path",
            "If-None-Match",
            "If-Match",
            "storageClass",
        ])
        .given("force", "true")
        .header("content-type", odd!("text/plain; x"))
        .header("x-lakefs-meta-owner", odd!("owner"))
        .header("x-lakefs-meta-two", odd!("two"))
        .data(b"a\0b"),
        required(
            "deleteObject",
            client.delete_object("repository", "branch", "path"),
        )
        .named(["repository", "branch", "path"]),
        everything(
            "deleteObject",
            client
                .delete_object(odd!("repository"), odd!("branch"), odd!("path"))
                .force(true)
                .no_tombstone(false),
        )
        .odd(["repository", "branch", "path"])
        .given("force", "true")
        .given("no_tombstone", "false"),
        required(
            "deleteObjects",
            client.delete_objects("repository", "branch", PathList::new(["one", "two"])),
        )
        .named(["repository", "branch"])
        .json(json!({ "paths": ["one", "two"] })),
        everything(
            "deleteObjects",
            client
                .delete_objects(
                    odd!("repository"),
                    odd!("branch"),
                    PathList::new([odd!("one"), odd!("two")]),
                )
                .force(true)
                .no_tombstone(false),
        )
        .odd(["repository", "branch"])
        .given("force", "true")
        .given("no_tombstone", "false")
        .json(json!({ "paths": [odd!("one"), odd!("two")] })),
        required(
            "copyObject",
            client.copy_object(
                "repository",
                "branch",
                "dest_path",
                ObjectCopyCreation::new("path"),
            ),
        )
        .named(["repository", "branch", "dest_path"])
        .json(json!({ "src_path": "path" })),
        everything(
            "copyObject",
            client.copy_object(
                odd!("repository"),
                odd!("branch"),
                odd!("dest_path"),
                ObjectCopyCreation::new(odd!("path"))
                    .src_ref(odd!("ref"))
                    .force(false)
                    .shallow(true),
            ),
        )
        .odd(["repository", "branch", "dest_path"])
        .json(json!({
            "src_path": odd!("path"),
            "src_ref": odd!("ref"),
            "force": false,
            "shallow": true,
        })),
        required(
            "statObject",
            client.stat_object("repository", "ref", "path"),
        )
        .named(["repository", "ref", "path"]),
        everything(
            "statObject",
            client
                .stat_object(odd!("repository"), odd!("ref"), odd!("path"))
                .user_metadata(false)
                .presign(true),
        )
        .odd(["repository", "ref", "path"])
        .given("user_metadata", "false")
        .given("presign", "true"),
        required(
            "updateObjectUserMetadata",
            client.update_object_user_metadata(
                "repository",
                "branch",
                "path",
                UpdateObjectUserMetadata::new([("key", "value")]),
            ),
        )
        .named(["repository", "branch", "path"])
        .json(json!({ "set": { "key": "value" } })),
        everything(
            "updateObjectUserMetadata",
            client.update_object_user_metadata(
                odd!("repository"),
                odd!("branch"),
                odd!("path"),
                UpdateObjectUserMetadata::new([(odd!("key"), odd!("value"))]),
            ),
        )
        .odd(["repository", "branch", "path"])
        .json(json!({ "set": { odd!("key"): odd!("value") } })),
        required(
            "getUnderlyingProperties",
            client.get_underlying_properties("repository", "ref", "path"),
        )
        .named(["repository", "ref", "path"]),
        everything(
            "getUnderlyingProperties",
            client.get_underlying_properties(odd!("repository"), odd!("ref"), odd!("path")),
        )
        .odd(["repository", "ref", "path"]),
        required("listObjects", client.list_objects("repository", "ref"))
            .named(["repository", "ref"]),
        everything(
            "listObjects",
            client
                .list_objects(odd!("repository"), odd!("ref"))
                .user_metadata(false)
                .presign(true)
                .after(odd!("after"))
                .amount(1000)
                .delimiter(odd!("delimiter"))
                .prefix(odd!("prefix")),
        )
        .odd(["repository", "ref", "after", "delimiter", "prefix"])
        .given("user_metadata", "false")
        .given("presign", "true")
        .given("amount", "1000"),
    ]
}
