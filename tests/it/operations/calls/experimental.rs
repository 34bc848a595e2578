//! The calls of the tags `experimental`, `config` and `healthCheck`.

use lakefs_sdk::{
    Client,
    models::{
        AbortPresignMultipartUpload, CompletePresignMultipartUpload, CopyPartSource,
        StsAuthRequest, UploadPart, UploadPartCopyFrom, UploadPartFrom,
    },
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required(
            "stsLogin",
            client.sts_login(StsAuthRequest::new("code", "state", "uri")),
        )
        .json(json!({ "code": "code", "state": "state", "redirect_uri": "uri" })),
        everything(
            "stsLogin",
            client.sts_login(
                StsAuthRequest::new(odd!("code"), odd!("state"), odd!("uri")).ttl_seconds(3600),
            ),
        )
        .json(json!({
            "code": odd!("code"),
            "state": odd!("state"),
            "redirect_uri": odd!("uri"),
            "ttl_seconds": 3600,
        })),
        required(
            "hardResetBranch",
            client.hard_reset_branch("repository", "branch", "ref"),
        )
        .named(["repository", "branch", "ref"]),
        everything(
            "hardResetBranch",
            client
                .hard_reset_branch(odd!("repository"), odd!("branch"), odd!("ref"))
                .force(true),
        )
        .odd(["repository", "branch", "ref"])
        .given("force", "true"),
        required(
            "createPresignMultipartUpload",
            client.create_presign_multipart_upload("repository", "branch", "path"),
        )
        .named(["repository", "branch", "path"]),
        everything(
            "createPresignMultipartUpload",
            client
                .create_presign_multipart_upload(odd!("repository"), odd!("branch"), odd!("path"))
                .parts(7),
        )
        .odd(["repository", "branch", "path"])
        .given("parts", "7"),
        required(
            "completePresignMultipartUpload",
            client.complete_presign_multipart_upload("repository", "branch", "uploadId", "path"),
        )
        .named(["repository", "branch", "uploadId", "path"]),
        everything(
            "completePresignMultipartUpload",
            client
                .complete_presign_multipart_upload(
                    odd!("repository"),
                    odd!("branch"),
                    odd!("uploadId"),
                    odd!("path"),
                )
                .body(
                    CompletePresignMultipartUpload::new(
                        odd!("address"),
                        [
                            UploadPart::new(1, odd!("one")),
                            UploadPart::new(2, odd!("two")),
                        ],
                    )
                    .user_metadata([(odd!("key"), odd!("value"))])
                    .content_type(odd!("type")),
                ),
        )
        .odd(["repository", "branch", "uploadId", "path"])
        .json(json!({
            "physical_address": odd!("address"),
            "parts": [
                { "part_number": 1, "etag": odd!("one") },
                { "part_number": 2, "etag": odd!("two") },
            ],
            "user_metadata": { odd!("key"): odd!("value") },
            "content_type": odd!("type"),
        })),
        required(
            "abortPresignMultipartUpload",
            client.abort_presign_multipart_upload("repository", "branch", "uploadId", "path"),
        )
        .named(["repository", "branch", "uploadId", "path"]),
        everything(
            "abortPresignMultipartUpload",
            client
                .abort_presign_multipart_upload(
                    odd!("repository"),
                    odd!("branch"),
                    odd!("uploadId"),
                    odd!("path"),
                )
                .body(AbortPresignMultipartUpload::new(odd!("address"))),
        )
        .odd(["repository", "branch", "uploadId", "path"])
        .json(json!({ "physical_address": odd!("address") })),
        required(
            "uploadPart",
            client.upload_part(
                "repository",
                "branch",
                "uploadId",
                1,
                "path",
                UploadPartFrom::new("address"),
            ),
        )
        .named(["repository", "branch", "uploadId", "path"])
        .given("partNumber", "1")
        .json(json!({ "physical_address": "address" })),
        everything(
            "uploadPart",
            client.upload_part(
                odd!("repository"),
                odd!("branch"),
                odd!("uploadId"),
                10000,
                odd!("path"),
                UploadPartFrom::new(odd!("address")),
            ),
        )
        .odd(["repository", "branch", "uploadId", "path"])
        .given("partNumber", "10000")
        .json(json!({ "physical_address": odd!("address") })),
        required(
            "uploadPartCopy",
            client.upload_part_copy(
                "repository",
                "branch",
                "uploadId",
                1,
                "path",
                UploadPartCopyFrom::new(
                    "address",
                    CopyPartSource::new("repository", "ref", "path"),
                ),
            ),
        )
        .named(["repository", "branch", "uploadId", "path"])
        .given("partNumber", "1")
        .json(json!({
            "physical_address": "address",
            "copy_source": {
                "repository": "repository",
                "ref": "ref",
                "path": "path",
            },
        })),
        everything(
            "uploadPartCopy",
            client.upload_part_copy(
                odd!("repository"),
                odd!("branch"),
                odd!("uploadId"),
                10000,
                odd!("path"),
                UploadPartCopyFrom::new(
                    odd!("address"),
                    CopyPartSource::new(odd!("repository"), odd!("ref"), odd!("path"))
                        .range("bytes=0-99"),
                ),
            ),
        )
        .odd(["repository", "branch", "uploadId", "path"])
        .given("partNumber", "10000")
        .json(json!({
            "physical_address": odd!("address"),
            "copy_source": {
                "repository": odd!("repository"),
                "ref": odd!("ref"),
                "path": odd!("path"),
                "range": "bytes=0-99",
            },
        })),
        required("getConfig", client.get_config()),
        everything("getConfig", client.get_config()),
        required("healthCheck", client.health_check()),
        everything("healthCheck", client.health_check()),
    ]
}
