//! The calls of the tags `staging` and `import`.

use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{
        CommitCreation, ImportCreation, ImportLocation, ImportLocationType, StagingLocation,
        StagingMetadata,
    },
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

/// 1700000000 on the wire.
const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// 1700000001 on the wire.
const EXPIRY: Timestamp = Timestamp::constant(1_700_000_001, 0);

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required(
            "getPhysicalAddress",
            client.get_physical_address("repository", "branch", "path"),
        )
        .named(["repository", "branch", "path"]),
        everything(
            "getPhysicalAddress",
            client
                .get_physical_address(odd!("repository"), odd!("branch"), odd!("path"))
                .presign(true),
        )
        .odd(["repository", "branch", "path"])
        .given("presign", "true"),
        required(
            "linkPhysicalAddress",
            client.link_physical_address(
                "repository",
                "branch",
                "path",
                StagingMetadata::new(StagingLocation::new(), "checksum", 0),
            ),
        )
        .named(["repository", "branch", "path"])
        .json(json!({ "staging": {}, "checksum": "checksum", "size_bytes": 0 })),
        everything(
            "linkPhysicalAddress",
            client
                .link_physical_address(
                    odd!("repository"),
                    odd!("branch"),
                    odd!("path"),
                    StagingMetadata::new(
                        StagingLocation::new()
                            .physical_address(odd!("address"))
                            .presigned_url(odd!("url"))
                            .presigned_url_expiry(EXPIRY),
                        odd!("checksum"),
                        i64::MAX,
                    )
                    .user_metadata([(odd!("key"), odd!("value"))])
                    .content_type(odd!("type"))
                    .mtime(TIME)
                    .force(true),
                )
                .if_none_match(odd!("If-None-Match"))
                .if_match(odd!("If-Match")),
        )
        .odd(["repository", "branch", "path", "If-None-Match", "If-Match"])
        .json(json!({
            "staging": {
                "physical_address": odd!("address"),
                "presigned_url": odd!("url"),
                "presigned_url_expiry": 1_700_000_001,
            },
            "checksum": odd!("checksum"),
            "size_bytes": i64::MAX,
            "user_metadata": { odd!("key"): odd!("value") },
            "content_type": odd!("type"),
            "mtime": 1_700_000_000,
            "force": true,
        })),
        required(
            "importStatus",
            client.import_status("repository", "branch", "id"),
        )
        .named(["repository", "branch", "id"]),
        everything(
            "importStatus",
            client.import_status(odd!("repository"), odd!("branch"), odd!("id")),
        )
        .odd(["repository", "branch", "id"]),
        required(
            "importStart",
            client.import_start(
                "repository",
                "branch",
                ImportCreation::new(
                    [ImportLocation::new(
                        ImportLocationType::Object,
                        "path",
                        "destination",
                    )],
                    CommitCreation::new("message"),
                ),
            ),
        )
        .named(["repository", "branch"])
        .json(json!({
            "paths": [
                { "type": "object", "path": "path", "destination": "destination" },
            ],
            "commit": { "message": "message" },
        })),
        everything(
            "importStart",
            client.import_start(
                odd!("repository"),
                odd!("branch"),
                ImportCreation::new(
                    [
                        ImportLocation::new(
                            ImportLocationType::CommonPrefix,
                            odd!("path 1"),
                            odd!("destination 1"),
                        ),
                        ImportLocation::new(
                            ImportLocationType::Object,
                            odd!("path 2"),
                            odd!("destination 2"),
                        ),
                    ],
                    CommitCreation::new(odd!("message"))
                        .metadata([(odd!("key"), odd!("value"))])
                        .date(TIME)
                        .allow_empty(true)
                        .force(false),
                )
                .force(true),
            ),
        )
        .odd(["repository", "branch"])
        .json(json!({
            "paths": [
                {
                    "type": "common_prefix",
                    "path": odd!("path 1"),
                    "destination": odd!("destination 1"),
                },
                {
                    "type": "object",
                    "path": odd!("path 2"),
                    "destination": odd!("destination 2"),
                },
            ],
            "commit": {
                "message": odd!("message"),
                "metadata": { odd!("key"): odd!("value") },
                "date": 1_700_000_000,
                "allow_empty": true,
                "force": false,
            },
            "force": true,
        })),
        required(
            "importCancel",
            client.import_cancel("repository", "branch", "id"),
        )
        .named(["repository", "branch", "id"]),
        everything(
            "importCancel",
            client.import_cancel(odd!("repository"), odd!("branch"), odd!("id")),
        )
        .odd(["repository", "branch", "id"]),
    ]
}
