//! The shapes of the request bodies.
//!
//! Only what a check looks at: names, types, what is required. The facts are those of `spec/lakefs.yaml`.

use super::patterns::{BYTE_RANGE, NAMESPACE_URI, REPOSITORY_NAME};
use super::{Fields, Kind};
use Kind::{
    Any, Between, Boolean, Integer, List, Map, NonEmptyList, NonEmptyText, Object, OneOf, Pattern,
    Text,
};

pub(super) static ACL: Fields = Fields {
    name: "ACL",
    required: &["permission"],
    properties: &[("permission", Text)],
};
pub(super) static ABORT_PRESIGN_MULTIPART_UPLOAD: Fields = Fields {
    name: "AbortPresignMultipartUpload",
    required: &["physical_address"],
    properties: &[("physical_address", Text)],
};
pub(super) static ACCESS_KEY_CREDENTIALS: Fields = Fields {
    name: "AccessKeyCredentials",
    required: &["access_key_id", "secret_access_key"],
    properties: &[
        ("access_key_id", NonEmptyText),
        ("secret_access_key", NonEmptyText),
    ],
};
pub(super) static BRANCH_CREATION: Fields = Fields {
    name: "BranchCreation",
    required: &["name", "source"],
    properties: &[
        ("force", Boolean),
        ("hidden", Boolean),
        ("name", Text),
        ("source", Text),
    ],
};
pub(super) static BRANCH_PROTECTION_RULE: Fields = Fields {
    name: "BranchProtectionRule",
    required: &["pattern"],
    properties: &[("pattern", NonEmptyText)],
};
pub(super) static CHERRY_PICK_CREATION: Fields = Fields {
    name: "CherryPickCreation",
    required: &["ref"],
    properties: &[
        ("commit_overrides", Object(&COMMIT_OVERRIDES)),
        ("force", Boolean),
        ("parent_number", Integer),
        ("ref", Text),
    ],
};
pub(super) static COMM_PREFS_INPUT: Fields = Fields {
    name: "CommPrefsInput",
    required: &["featureUpdates", "securityUpdates"],
    properties: &[
        ("companyName", Text),
        ("email", Text),
        ("featureUpdates", Boolean),
        ("firstName", Text),
        ("lastName", Text),
        ("securityUpdates", Boolean),
    ],
};
pub(super) static COMMIT_CREATION: Fields = Fields {
    name: "CommitCreation",
    required: &["message"],
    properties: &[
        ("allow_empty", Boolean),
        ("date", Integer),
        ("force", Boolean),
        ("message", Text),
        ("metadata", Map(&Text)),
    ],
};
pub(super) static COMMIT_OVERRIDES: Fields = Fields {
    name: "CommitOverrides",
    required: &[],
    properties: &[("message", Text), ("metadata", Map(&Text))],
};
pub(super) static COMMIT_RECORD_CREATION: Fields = Fields {
    name: "CommitRecordCreation",
    required: &[
        "commit_id",
        "version",
        "committer",
        "message",
        "metarange_id",
        "creation_date",
        "parents",
        "generation",
    ],
    properties: &[
        ("commit_id", Text),
        ("committer", Text),
        ("creation_date", Integer),
        ("force", Boolean),
        ("generation", Integer),
        ("message", Text),
        ("metadata", Map(&Text)),
        ("metarange_id", Text),
        ("parents", List(&Text)),
        ("version", Between(Some(0), Some(1))),
    ],
};
pub(super) static COMPLETE_PRESIGN_MULTIPART_UPLOAD: Fields = Fields {
    name: "CompletePresignMultipartUpload",
    required: &["physical_address", "parts"],
    properties: &[
        ("content_type", Text),
        ("parts", List(&Object(&UPLOAD_PART))),
        ("physical_address", Text),
        ("user_metadata", Map(&Text)),
    ],
};
pub(super) static EXTERNAL_LOGIN_INFORMATION: Fields = Fields {
    name: "ExternalLoginInformation",
    required: &["identityRequest"],
    properties: &[
        ("identityRequest", Map(&Any)),
        ("token_expiration_duration", Integer),
    ],
};
pub(super) static EXTERNAL_PRINCIPAL_CREATION: Fields = Fields {
    name: "ExternalPrincipalCreation",
    required: &[],
    properties: &[("settings", Map(&Any))],
};
pub(super) static GARBAGE_COLLECTION_RULE: Fields = Fields {
    name: "GarbageCollectionRule",
    required: &["branch_id", "retention_days"],
    properties: &[("branch_id", Text), ("retention_days", Integer)],
};
pub(super) static GARBAGE_COLLECTION_RULES: Fields = Fields {
    name: "GarbageCollectionRules",
    required: &["default_retention_days", "branches"],
    properties: &[
        ("branches", List(&Object(&GARBAGE_COLLECTION_RULE))),
        ("default_retention_days", Integer),
    ],
};
pub(super) static GROUP_CREATION: Fields = Fields {
    name: "GroupCreation",
    required: &["id"],
    properties: &[("description", Text), ("id", Text)],
};
pub(super) static IMPORT_CREATION: Fields = Fields {
    name: "ImportCreation",
    required: &["paths", "commit"],
    properties: &[
        ("commit", Object(&COMMIT_CREATION)),
        ("force", Boolean),
        ("paths", List(&Object(&IMPORT_LOCATION))),
    ],
};
pub(super) static IMPORT_LOCATION: Fields = Fields {
    name: "ImportLocation",
    required: &["type", "path", "destination"],
    properties: &[
        ("destination", Text),
        ("path", Text),
        ("type", OneOf(&["common_prefix", "object"])),
    ],
};
pub(super) static INTERNAL_DELETE_BRANCH_PROTECTION_RULE_BODY: Fields = Fields {
    name: "",
    required: &["pattern"],
    properties: &[("pattern", Text)],
};
pub(super) static LOGIN_INFORMATION: Fields = Fields {
    name: "LoginInformation",
    required: &["access_key_id", "secret_access_key"],
    properties: &[("access_key_id", Text), ("secret_access_key", Text)],
};
pub(super) static MERGE: Fields = Fields {
    name: "Merge",
    required: &[],
    properties: &[
        ("allow_empty", Boolean),
        ("force", Boolean),
        ("message", Text),
        ("metadata", Map(&Text)),
        ("squash_merge", Boolean),
        ("strategy", Text),
    ],
};
pub(super) static OBJECT_COPY_CREATION: Fields = Fields {
    name: "ObjectCopyCreation",
    required: &["src_path"],
    properties: &[
        ("force", Boolean),
        ("shallow", Boolean),
        ("src_path", Text),
        ("src_ref", Text),
    ],
};
pub(super) static OBJECT_STAGE_CREATION: Fields = Fields {
    name: "ObjectStageCreation",
    required: &["physical_address", "checksum", "size_bytes"],
    properties: &[
        ("checksum", Text),
        ("content_type", Text),
        ("force", Boolean),
        ("metadata", Map(&Text)),
        ("mtime", Integer),
        ("physical_address", Text),
        ("size_bytes", Integer),
    ],
};
pub(super) static PATH_LIST: Fields = Fields {
    name: "PathList",
    required: &["paths"],
    properties: &[("paths", List(&Text))],
};
pub(super) static POLICY: Fields = Fields {
    name: "Policy",
    required: &["id", "statement"],
    properties: &[
        ("creation_date", Integer),
        ("id", Text),
        ("statement", NonEmptyList(&Object(&STATEMENT))),
    ],
};
pub(super) static PREPARE_GC_UNCOMMITTED_REQUEST: Fields = Fields {
    name: "PrepareGCUncommittedRequest",
    required: &[],
    properties: &[("continuation_token", Text)],
};
pub(super) static PULL_REQUEST_BASIC: Fields = Fields {
    name: "PullRequestBasic",
    required: &[],
    properties: &[
        ("description", Text),
        ("status", OneOf(&["open", "closed", "merged"])),
        ("title", Text),
    ],
};
pub(super) static PULL_REQUEST_CREATION: Fields = Fields {
    name: "PullRequestCreation",
    required: &["title", "source_branch", "destination_branch"],
    properties: &[
        ("description", Text),
        ("destination_branch", Text),
        ("source_branch", Text),
        ("title", Text),
    ],
};
pub(super) static REFS_RESTORE: Fields = Fields {
    name: "RefsRestore",
    required: &[
        "branches_meta_range_id",
        "tags_meta_range_id",
        "commits_meta_range_id",
    ],
    properties: &[
        ("branches_meta_range_id", Text),
        ("commits_meta_range_id", Text),
        ("force", Boolean),
        ("tags_meta_range_id", Text),
    ],
};
pub(super) static REPOSITORY_CREATION: Fields = Fields {
    name: "RepositoryCreation",
    required: &["name", "storage_namespace"],
    properties: &[
        ("default_branch", Text),
        ("name", Pattern(&REPOSITORY_NAME)),
        ("read_only", Boolean),
        ("sample_data", Boolean),
        ("storage_id", Text),
        ("storage_namespace", Pattern(&NAMESPACE_URI)),
    ],
};
pub(super) static REPOSITORY_METADATA_KEYS: Fields = Fields {
    name: "RepositoryMetadataKeys",
    required: &["keys"],
    properties: &[("keys", List(&Text))],
};
pub(super) static REPOSITORY_METADATA_SET: Fields = Fields {
    name: "RepositoryMetadataSet",
    required: &["metadata"],
    properties: &[("metadata", Map(&Text))],
};
pub(super) static RESET_CREATION: Fields = Fields {
    name: "ResetCreation",
    required: &["type"],
    properties: &[
        ("force", Boolean),
        ("path", Text),
        ("type", OneOf(&["object", "common_prefix", "reset"])),
    ],
};
pub(super) static REVERT_CREATION: Fields = Fields {
    name: "RevertCreation",
    required: &["parent_number", "ref"],
    properties: &[
        ("allow_empty", Boolean),
        ("commit_overrides", Object(&COMMIT_OVERRIDES)),
        ("force", Boolean),
        ("parent_number", Integer),
        ("ref", Text),
    ],
};
pub(super) static SETUP: Fields = Fields {
    name: "Setup",
    required: &["username"],
    properties: &[
        ("companyName", Text),
        ("email", Text),
        ("featureUpdates", Boolean),
        ("firstName", Text),
        ("key", Object(&ACCESS_KEY_CREDENTIALS)),
        ("lastName", Text),
        ("securityUpdates", Boolean),
        ("username", Text),
    ],
};
pub(super) static STAGING_LOCATION: Fields = Fields {
    name: "StagingLocation",
    required: &[],
    properties: &[
        ("physical_address", Text),
        ("presigned_url", Text),
        ("presigned_url_expiry", Integer),
    ],
};
pub(super) static STAGING_METADATA: Fields = Fields {
    name: "StagingMetadata",
    required: &["staging", "checksum", "size_bytes"],
    properties: &[
        ("checksum", Text),
        ("content_type", Text),
        ("force", Boolean),
        ("mtime", Integer),
        ("size_bytes", Integer),
        ("staging", Object(&STAGING_LOCATION)),
        ("user_metadata", Map(&Text)),
    ],
};
pub(super) static STATEMENT: Fields = Fields {
    name: "Statement",
    required: &["effect", "resource", "action"],
    properties: &[
        ("action", NonEmptyList(&Text)),
        ("condition", Map(&Map(&List(&Text)))),
        ("effect", OneOf(&["allow", "deny"])),
        ("resource", Text),
    ],
};
pub(super) static STATS_EVENT: Fields = Fields {
    name: "StatsEvent",
    required: &["class", "name", "count"],
    properties: &[("class", Text), ("count", Integer), ("name", Text)],
};
pub(super) static STATS_EVENTS_LIST: Fields = Fields {
    name: "StatsEventsList",
    required: &["events"],
    properties: &[("events", List(&Object(&STATS_EVENT)))],
};
pub(super) static STS_AUTH_REQUEST: Fields = Fields {
    name: "StsAuthRequest",
    required: &["code", "state", "redirect_uri"],
    properties: &[
        ("code", Text),
        ("redirect_uri", Text),
        ("state", Text),
        ("ttl_seconds", Integer),
    ],
};
pub(super) static TAG_CREATION: Fields = Fields {
    name: "TagCreation",
    required: &["id", "ref"],
    properties: &[("force", Boolean), ("id", Text), ("ref", Text)],
};
pub(super) static UPDATE_OBJECT_USER_METADATA: Fields = Fields {
    name: "UpdateObjectUserMetadata",
    required: &["set"],
    properties: &[("set", Map(&Text))],
};
pub(super) static UPLOAD_PART: Fields = Fields {
    name: "UploadPart",
    required: &["part_number", "etag"],
    properties: &[("etag", Text), ("part_number", Integer)],
};
pub(super) static COPY_PART_SOURCE: Fields = Fields {
    name: "CopyPartSource",
    required: &["repository", "ref", "path"],
    properties: &[
        ("path", Text),
        ("range", Pattern(&BYTE_RANGE)),
        ("ref", Text),
        ("repository", Text),
    ],
};
pub(super) static UPLOAD_PART_COPY_FROM: Fields = Fields {
    name: "UploadPartCopyFrom",
    required: &["physical_address", "copy_source"],
    properties: &[
        ("copy_source", Object(&COPY_PART_SOURCE)),
        ("physical_address", Text),
    ],
};
pub(super) static UPLOAD_PART_FROM: Fields = Fields {
    name: "UploadPartFrom",
    required: &["physical_address"],
    properties: &[("physical_address", Text)],
};
pub(super) static USER_CREATION: Fields = Fields {
    name: "UserCreation",
    required: &["id"],
    properties: &[("id", Text), ("invite_user", Boolean)],
};
