//! All operations of the API in one table, to decode any answer by the name of its operation.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Response, response::Parts};
use lakefs_sdk::{
    Body, Operation, Result, api,
    models::{Answer, ObjectContent, ObjectHead},
    operation::OperationMeta,
    testing::Mockable,
};
use serde::Serialize;
use serde_json::Value;

/// How the answers of one operation are read.
pub(crate) struct Decoder {
    pub(crate) meta: &'static OperationMeta,
    pub(crate) decode: fn(Parts, Bytes) -> Result<Decoded>,
    /// An answer that was read, as a mock writes it again.
    pub(crate) answer: fn(Parts, Bytes) -> Result<Response<Body>>,
}

/// An operation's output, whatever its type.
#[derive(Debug, PartialEq)]
pub(crate) enum Decoded {
    /// Nothing but that it succeeded.
    Nothing,
    /// A document, written as JSON again; bare text is a JSON string.
    Document(Value),
    Contents(Answer, ObjectHead, Bytes),
    Head(ObjectHead),
    Data(Bytes),
}

/// The operation with that operationId.
pub(crate) fn operation(id: &str) -> Option<&'static Decoder> {
    OPERATIONS.iter().find(|operation| operation.meta.id == id)
}

macro_rules! operations {
    ($($group:ident { $($operation:ident: $kind:ident),* $(,)? })*) => {
        pub(crate) const OPERATIONS: &[Decoder] = &[$($(Decoder {
            meta: <api::$group::$operation as Operation>::META,
            decode: |parts, body| <api::$group::$operation as Operation>::decode(parts, body).map($kind),
            answer: |parts, body| {
                let output = <api::$group::$operation as Operation>::decode(parts, body)?;
                <api::$group::$operation as Mockable>::answer(output)
            },
        },)*)*];
    };
}

operations! {
    actions {
        ListRepositoryRuns: document, GetRun: document, ListRunHooks: document,
        GetRunHookOutput: data,
    }
    auth {
        GetCurrentUser: document, Login: document, ExternalPrincipalLogin: document,
        ListUsers: document, CreateUser: document, GetUser: document, DeleteUser: nothing,
        ListGroups: document, CreateGroup: document, GetGroup: document, DeleteGroup: nothing,
        ListPolicies: document, CreatePolicy: document, GetPolicy: document, UpdatePolicy: document,
        DeletePolicy: nothing, ListGroupMembers: document, AddGroupMembership: nothing,
        DeleteGroupMembership: nothing, ListUserCredentials: document, CreateCredentials: document,
        GetCredentials: document, DeleteCredentials: nothing, ListUserGroups: document,
        ListUserPolicies: document, AttachPolicyToUser: nothing, DetachPolicyFromUser: nothing,
        CreateUserExternalPrincipal: nothing, DeleteUserExternalPrincipal: nothing,
        ListUserExternalPrincipals: document, GetExternalPrincipal: document,
        ListGroupPolicies: document, AttachPolicyToGroup: nothing, DetachPolicyFromGroup: nothing,
        GetGroupAcl: document, SetGroupAcl: nothing, OauthCallback: nothing,
    }
    branches {
        ListBranches: document, CreateBranch: document, GetBranch: document, ResetBranch: nothing,
        DeleteBranch: nothing, RevertBranch: nothing, CherryPick: document, DiffBranch: document,
    }
    commits {
        Commit: document, GetCommit: document,
    }
    config {
        GetConfig: document,
    }
    experimental {
        StsLogin: document, HardResetBranch: nothing, CreatePresignMultipartUpload: document,
        CompletePresignMultipartUpload: document, AbortPresignMultipartUpload: nothing,
        UploadPart: document, UploadPartCopy: document,
    }
    health_check {
        HealthCheck: nothing,
    }
    import {
        ImportStatus: document, ImportStart: document, ImportCancel: nothing,
    }
    internal {
        SetupCommPrefs: nothing, GetSetupState: document, Setup: document,
        GetAuthCapabilities: document, SetRepositoryMetadata: nothing,
        DeleteRepositoryMetadata: nothing, DumpRefs: document, RestoreRefs: nothing,
        CreateCommitRecord: nothing, UploadObjectPreflight: nothing, StageObject: document,
        CreateSymlinkFile: document, GetMetadataObject: contents,
        SetGarbageCollectionRulesPreflight: nothing, InternalGetGarbageCollectionRules: document,
        InternalSetGarbageCollectionRules: nothing, InternalDeleteGarbageCollectionRules: nothing,
        PrepareGarbageCollectionCommits: document, PrepareGarbageCollectionCommitsAsync: document,
        PrepareGarbageCollectionCommitsStatus: document,
        PrepareGarbageCollectionUncommitted: document, CreateBranchProtectionRulePreflight: nothing,
        InternalGetBranchProtectionRules: document, InternalCreateBranchProtectionRule: nothing,
        InternalDeleteBranchProtectionRule: nothing, GetLakefsVersion: document,
        GetStorageConfig: document, GetGarbageCollectionConfig: document, PostStatsEvents: nothing,
        GetUsageReportSummary: document,
    }
    metadata {
        GetMetaRange: document, GetRange: document,
    }
    objects {
        GetObject: contents, HeadObject: head, UploadObject: document, DeleteObject: nothing,
        DeleteObjects: document, CopyObject: document, StatObject: document,
        UpdateObjectUserMetadata: nothing, GetUnderlyingProperties: document, ListObjects: document,
    }
    pulls {
        ListPullRequests: document, CreatePullRequest: document, GetPullRequest: document,
        UpdatePullRequest: nothing, MergePullRequest: document,
    }
    refs {
        LogCommits: document, FindMergeBase: document, MergeIntoBranch: document,
        DiffRefs: document,
    }
    repositories {
        ListRepositories: document, CreateRepository: document, GetRepository: document,
        DeleteRepository: nothing, GetRepositoryMetadata: document, GetGcRules: document,
        SetGcRules: nothing, DeleteGcRules: nothing, GetBranchProtectionRules: document,
        SetBranchProtectionRules: nothing, DumpStatus: document, DumpSubmit: document,
        RestoreStatus: document, RestoreSubmit: document,
    }
    staging {
        GetPhysicalAddress: document, LinkPhysicalAddress: document,
    }
    tags {
        ListTags: document, CreateTag: document, GetTag: document, DeleteTag: nothing,
    }
}

fn nothing((): ()) -> Decoded {
    Decoded::Nothing
}

fn document<T: Serialize>(output: T) -> Decoded {
    Decoded::Document(
        serde_json::to_value(output).unwrap_or_else(|error| Value::from(error.to_string())),
    )
}

fn contents(output: ObjectContent) -> Decoded {
    Decoded::Contents(output.answer, output.head, read(output.body))
}

fn head(output: ObjectHead) -> Decoded {
    Decoded::Head(output)
}

fn data(output: Body) -> Decoded {
    Decoded::Data(read(output))
}

/// The bytes of a body that is in memory.
fn read(body: Body) -> Bytes {
    let read = body.bytes().now_or_never();
    read.and_then(Result::ok).unwrap_or_default()
}
