//! What each operation needs to be allowed: the real server's controller, as a table.

use std::borrow::Cow;

use serde_json::Value;

use super::accounts::{ALL, Permission};
use super::error::Failure;
use super::request::Call;
use super::server::Server;

/// Actions, each with the tail of the ARN of what it is done to; all are needed.
///
/// `{name}` is a variable of the path, `{?name}` a parameter of the query, `{.name}` a field of the body.
type Needs = &'static [(&'static str, &'static str)];

const REPOSITORY: &str = "fs:::repository/{repository}";
const BRANCH: &str = "fs:::repository/{repository}/branch/{branch}";
const TAG: &str = "fs:::repository/{repository}/tag/{tag}";
const OBJECT: &str = "fs:::repository/{repository}/object/{?path}";
const USER: &str = "auth:::user/{userId}";
const GROUP: &str = "auth:::group/{groupId}";
const POLICY: &str = "auth:::policy/{policyId}";
const GROUP_ACL: &str = "auth:::policy/ACL(_-_){groupId}";

#[rustfmt::skip]
const DUMP: Needs = &[("fs:ListTags", REPOSITORY), ("fs:ListBranches", REPOSITORY), ("fs:ListCommits", REPOSITORY)];
#[rustfmt::skip]
const RESTORE: Needs = &[("fs:CreateTag", REPOSITORY), ("fs:CreateBranch", REPOSITORY), ("fs:CreateCommit", REPOSITORY)];
#[rustfmt::skip]
const METADATA: Needs = &[("fs:ListObjects", REPOSITORY), ("fs:ReadRepository", REPOSITORY)];

#[rustfmt::skip]
const NEEDS: &[(&str, Needs)] = &[
    ("listUsers", &[("auth:ListUsers", ALL)]),
    ("getUser", &[("auth:ReadUser", USER)]),
    ("deleteUser", &[("auth:DeleteUser", USER)]),
    ("listUserCredentials", &[("auth:ListCredentials", USER)]),
    ("createCredentials", &[("auth:CreateCredentials", USER)]),
    ("getCredentials", &[("auth:ReadCredentials", USER)]),
    ("deleteCredentials", &[("auth:DeleteCredentials", USER)]),
    ("listUserGroups", &[("auth:ReadUser", USER)]),
    ("listUserPolicies", &[("auth:ReadUser", USER)]),
    ("attachPolicyToUser", &[("auth:AttachPolicy", USER)]),
    ("detachPolicyFromUser", &[("auth:DetachPolicy", USER)]),
    ("createUserExternalPrincipal", &[("auth:CreateUserExternalPrincipal", USER)]),
    ("deleteUserExternalPrincipal", &[("auth:DeleteUserExternalPrincipal", USER)]),
    ("listUserExternalPrincipals", &[("auth:ReadUser", USER)]),
    ("getExternalPrincipal", &[("auth:ReadExternalPrincipal", "auth:::externalPrincipal/{?principalId}")]),
    ("listGroups", &[("auth:ListGroups", ALL)]),
    ("createGroup", &[("auth:CreateGroup", "auth:::group/{.id}")]),
    ("getGroup", &[("auth:ReadGroup", GROUP)]),
    ("deleteGroup", &[("auth:DeleteGroup", GROUP)]),
    ("listGroupMembers", &[("auth:ReadGroup", GROUP)]),
    ("addGroupMembership", &[("auth:AddGroupMember", GROUP)]),
    ("deleteGroupMembership", &[("auth:RemoveGroupMember", GROUP)]),
    ("listGroupPolicies", &[("auth:ReadGroup", GROUP)]),
    ("attachPolicyToGroup", &[("auth:AttachPolicy", GROUP)]),
    ("detachPolicyFromGroup", &[("auth:DetachPolicy", GROUP)]),
    ("getGroupACL", &[("auth:ReadGroup", GROUP), ("auth:ReadPolicy", GROUP_ACL)]),
    ("setGroupACL", &[("auth:ReadGroup", GROUP), ("auth:AttachPolicy", GROUP_ACL), ("auth:UpdatePolicy", GROUP_ACL)]),
    ("listPolicies", &[("auth:ListPolicies", ALL)]),
    ("createPolicy", &[("auth:CreatePolicy", "auth:::policy/{.id}")]),
    ("getPolicy", &[("auth:ReadPolicy", POLICY)]),
    ("updatePolicy", &[("auth:UpdatePolicy", POLICY)]),
    ("deletePolicy", &[("auth:DeletePolicy", POLICY)]),

    ("getStorageConfig", &[("fs:ReadConfig", ALL)]),

    ("createRepository", &[("fs:CreateRepository", "fs:::repository/{.name}"), ("fs:AttachStorageNamespace", "fs:::namespace/{.storage_namespace}")]),
    ("getRepository", &[("fs:ReadRepository", REPOSITORY)]),
    ("deleteRepository", &[("fs:DeleteRepository", REPOSITORY)]),
    ("getRepositoryMetadata", &[("fs:ReadRepository", REPOSITORY)]),
    ("setRepositoryMetadata", &[("fs:UpdateRepository", REPOSITORY)]),
    ("deleteRepositoryMetadata", &[("fs:UpdateRepository", REPOSITORY)]),
    ("getGCRules", &[("retention:GetGarbageCollectionRules", REPOSITORY)]),
    ("setGCRules", &[("retention:SetGarbageCollectionRules", REPOSITORY)]),
    ("deleteGCRules", &[("retention:SetGarbageCollectionRules", REPOSITORY)]),
    ("setGarbageCollectionRulesPreflight", &[("retention:SetGarbageCollectionRules", REPOSITORY)]),
    ("internalGetGarbageCollectionRules", &[("retention:GetGarbageCollectionRules", REPOSITORY)]),
    ("internalSetGarbageCollectionRules", &[("retention:SetGarbageCollectionRules", REPOSITORY)]),
    ("internalDeleteGarbageCollectionRules", &[("retention:SetGarbageCollectionRules", REPOSITORY)]),
    ("prepareGarbageCollectionCommits", &[("retention:PrepareGarbageCollectionCommits", REPOSITORY)]),
    ("prepareGarbageCollectionCommitsAsync", &[("retention:PrepareGarbageCollectionCommits", REPOSITORY)]),
    ("prepareGarbageCollectionCommitsStatus", &[("retention:PrepareGarbageCollectionCommits", REPOSITORY)]),
    ("prepareGarbageCollectionUncommitted", &[("retention:PrepareGarbageCollectionUncommitted", REPOSITORY)]),
    ("getBranchProtectionRules", &[("branches:GetBranchProtectionRules", REPOSITORY)]),
    ("setBranchProtectionRules", &[("branches:SetBranchProtectionRules", REPOSITORY)]),
    ("createBranchProtectionRulePreflight", &[("branches:SetBranchProtectionRules", REPOSITORY)]),
    ("internalGetBranchProtectionRules", &[("branches:GetBranchProtectionRules", REPOSITORY)]),
    ("internalCreateBranchProtectionRule", &[("branches:SetBranchProtectionRules", REPOSITORY)]),
    ("internalDeleteBranchProtectionRule", &[("branches:SetBranchProtectionRules", REPOSITORY)]),

    ("dumpRefs", DUMP),
    ("dumpSubmit", DUMP),
    ("dumpStatus", DUMP),
    ("restoreRefs", RESTORE),
    ("restoreSubmit", RESTORE),
    ("restoreStatus", RESTORE),
    ("getMetadataObject", METADATA),
    ("getMetaRange", METADATA),
    ("getRange", METADATA),

    ("listTags", &[("fs:ListTags", REPOSITORY)]),
    ("createTag", &[("fs:CreateTag", "fs:::repository/{repository}/tag/{.id}")]),
    ("getTag", &[("fs:ReadTag", TAG)]),
    ("deleteTag", &[("fs:DeleteTag", TAG)]),

    ("listBranches", &[("fs:ListBranches", REPOSITORY)]),
    ("createBranch", &[("fs:CreateBranch", "fs:::repository/{repository}/branch/{.name}")]),
    ("getBranch", &[("fs:ReadBranch", BRANCH)]),
    ("deleteBranch", &[("fs:DeleteBranch", BRANCH)]),
    ("resetBranch", &[("fs:RevertBranch", BRANCH)]),
    ("hardResetBranch", &[("fs:RevertBranch", BRANCH)]),
    ("revertBranch", &[("fs:RevertBranch", BRANCH)]),
    ("cherryPick", &[("fs:CreateCommit", BRANCH), ("fs:ReadCommit", REPOSITORY)]),
    ("diffBranch", &[("fs:ListObjects", REPOSITORY)]),
    ("importStart", &[("fs:WriteObject", BRANCH), ("fs:CreateCommit", BRANCH)]),
    ("importStatus", &[("fs:ReadBranch", BRANCH)]),
    ("importCancel", &[("fs:ImportCancel", BRANCH)]),

    ("commit", &[("fs:CreateCommit", BRANCH)]),
    ("CreateCommitRecord", &[("fs:CreateCommit", REPOSITORY)]),
    ("getCommit", &[("fs:ReadCommit", REPOSITORY)]),
    ("logCommits", &[("fs:ReadBranch", "fs:::repository/{repository}/branch/{ref}")]),
    ("diffRefs", &[("fs:ListObjects", REPOSITORY)]),
    ("findMergeBase", &[("fs:ListCommits", REPOSITORY)]),
    ("mergeIntoBranch", &[("fs:CreateCommit", "fs:::repository/{repository}/branch/{destinationBranch}")]),

    ("getObject", &[("fs:ReadObject", OBJECT)]),
    ("headObject", &[("fs:ReadObject", OBJECT)]),
    ("statObject", &[("fs:ReadObject", OBJECT)]),
    ("getUnderlyingProperties", &[("fs:ReadObject", OBJECT)]),
    ("listObjects", &[("fs:ListObjects", REPOSITORY)]),
    ("uploadObject", &[("fs:WriteObject", OBJECT)]),
    ("uploadObjectPreflight", &[("fs:WriteObject", OBJECT)]),
    ("stageObject", &[("fs:WriteObject", OBJECT)]),
    ("deleteObject", &[("fs:DeleteObject", OBJECT)]),
    ("copyObject", &[("fs:ReadObject", "fs:::repository/{repository}/object/{.src_path}"), ("fs:WriteObject", "fs:::repository/{repository}/object/{?dest_path}")]),
    ("updateObjectUserMetadata", &[("fs:WriteObject", OBJECT)]),
    ("createSymlinkFile", &[("fs:WriteObject", "fs:::repository/{repository}/object/{branch}")]),
    ("getPhysicalAddress", &[("fs:WriteObject", OBJECT)]),
    ("linkPhysicalAddress", &[("fs:WriteObject", OBJECT)]),
    ("createPresignMultipartUpload", &[("fs:WriteObject", OBJECT)]),
    ("completePresignMultipartUpload", &[("fs:WriteObject", OBJECT)]),
    ("abortPresignMultipartUpload", &[("fs:WriteObject", OBJECT)]),
    ("uploadPart", &[("fs:WriteObject", OBJECT)]),
    ("uploadPartCopy", &[("fs:WriteObject", OBJECT), ("fs:ReadObject", "fs:::repository/{.copy_source.repository}/object/{.copy_source.path}")]),

    ("listRepositoryRuns", &[("ci:ReadAction", REPOSITORY)]),
    ("getRun", &[("ci:ReadAction", REPOSITORY)]),
    ("listRunHooks", &[("ci:ReadAction", REPOSITORY)]),
    ("getRunHookOutput", &[("ci:ReadAction", REPOSITORY)]),

    ("listPullRequests", &[("pr:ListPullRequests", REPOSITORY)]),
    ("createPullRequest", &[("pr:WritePullRequest", REPOSITORY)]),
    ("getPullRequest", &[("pr:ReadPullRequest", REPOSITORY)]),
    ("updatePullRequest", &[("pr:WritePullRequest", REPOSITORY)]),
];

/// What only a server with policies of its users' own has.
const OF_POLICIES: [&str; 15] = [
    "listPolicies",
    "createPolicy",
    "getPolicy",
    "updatePolicy",
    "deletePolicy",
    "listUserPolicies",
    "attachPolicyToUser",
    "detachPolicyFromUser",
    "listGroupPolicies",
    "attachPolicyToGroup",
    "detachPolicyFromGroup",
    "createUserExternalPrincipal",
    "deleteUserExternalPrincipal",
    "listUserExternalPrincipals",
    "getExternalPrincipal",
];

/// Refuses a call that its user may not make.
///
/// The handlers of a few operations look at more before they ask: `mergePullRequest` at where the pull request leads,
/// `deleteObjects` at each path, `createUser` at the name, and `listRepositories` leaves out what may not be seen.
pub(super) fn check(operation: &str, server: &Server, call: &Call) -> Result<(), Failure> {
    let accounts = &server.accounts;
    // Without access control, too, but there the handlers first look whether the request is right.
    if accounts.access.is_enforced()
        && !accounts.access.has_policies()
        && OF_POLICIES.contains(&operation)
    {
        return Err(Failure::not_implemented());
    }
    let Some(user) = call.user.as_ref().filter(|_| accounts.access.is_enforced()) else {
        return Ok(());
    };
    let wanted = wanted(operation, call);
    accounts.authorize(user, &call.headers, &wanted)
}

/// The permission to do something to a user.
pub(super) fn on_user(action: &str, name: &str) -> Permission {
    permission(action, &format!("auth:::user/{name}"))
}

/// The permission to do something to an object.
pub(super) fn on_object(action: &str, repository: &str, path: &str) -> Permission {
    let tail = format!("fs:::repository/{repository}/object/{path}");
    permission(action, &tail)
}

/// The permission to do something to a repository.
pub(super) fn on_repository(action: &str, repository: &str) -> Permission {
    permission(action, &format!("fs:::repository/{repository}"))
}

fn permission(action: &str, tail: &str) -> Permission {
    let resource = match tail {
        ALL => ALL.to_owned(),
        tail => format!("arn:lakefs:{tail}"),
    };
    Permission {
        action: action.to_owned(),
        resource,
    }
}

fn wanted(operation: &str, call: &Call) -> Vec<Permission> {
    let needs = NEEDS.iter().find(|(name, _)| *name == operation);
    let needs = needs.map_or(&[] as Needs, |(_, needs)| needs);
    let needs_body = needs.iter().any(|(_, pattern)| pattern.contains("{."));
    let body = if needs_body || operation == "importStart" {
        serde_json::from_slice(&call.body).unwrap_or_default()
    } else {
        Value::Null
    };
    let mut wanted: Vec<Permission> = needs
        .iter()
        .map(|(action, pattern)| permission(action, &fill(pattern, call, &body)))
        .collect();
    if operation == "importStart" {
        for source in body["paths"].as_array().into_iter().flatten() {
            let text = |name: &str| source[name].as_str().unwrap_or_default();
            let from = format!("fs:::namespace/{}", text("path"));
            wanted.push(permission("fs:ImportFromStorage", &from));
            let to = on_object("fs:WriteObject", call.repository(), text("destination"));
            wanted.push(to);
        }
    }
    wanted
}

/// Puts the values of a call into a pattern.
fn fill(pattern: &str, call: &Call, body: &Value) -> String {
    let mut filled = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, (name, after))) = rest
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        let value = match name.as_bytes() {
            [b'?', ..] => call.query.text(&name[1..]).unwrap_or_default(),
            [b'.', ..] => {
                let pointer = name.replace('.', "/");
                Cow::Borrowed(
                    body.pointer(&pointer)
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                )
            }
            _ => Cow::Borrowed(call.variable(name)),
        };
        filled.push_str(&value);
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::memory::contract::OPERATIONS;

    /// For these it is enough to be known, or not even that.
    const FREE: [&str; 14] = [
        "setupCommPrefs",
        "getSetupState",
        "setup",
        "getCurrentUser",
        "login",
        "externalPrincipalLogin",
        "stsLogin",
        "getAuthCapabilities",
        "healthCheck",
        "getLakeFSVersion",
        "getGarbageCollectionConfig",
        "postStatsEvents",
        "getUsageReportSummary",
        "oauthCallback",
    ];

    /// These do not refuse, or ask in their handlers.
    const ELSEWHERE: [&str; 5] = [
        "getConfig",
        "createUser",
        "listRepositories",
        "deleteObjects",
        "mergePullRequest",
    ];

    #[test]
    fn every_operation_needs_something_or_is_known_to_be_free() {
        for operation in OPERATIONS {
            let lists = [
                NEEDS.iter().any(|(name, _)| *name == operation.id),
                FREE.contains(&operation.id),
                ELSEWHERE.contains(&operation.id),
            ];
            let found = lists.into_iter().filter(|list| *list).count();
            assert_eq!(found, 1, "{}", operation.id);
        }
        for (name, _) in NEEDS {
            assert!(
                OPERATIONS.iter().any(|operation| operation.id == *name),
                "{name}"
            );
        }
    }

    #[test]
    fn the_resource_of_a_permission_is_made_from_the_call() {
        let call = Call {
            variables: vec![("repository", "lake".into())],
            query: super::super::request::Query::parse("dest_path=b%2Fc"),
            headers: http::HeaderMap::new(),
            body: br#"{"src_path":"a"}"#.as_slice().into(),
            user: None,
        };
        let resources: Vec<String> = wanted("copyObject", &call)
            .into_iter()
            .map(|permission| permission.resource)
            .collect();
        let expected =
            ["a", "b/c"].map(|path| format!("arn:lakefs:fs:::repository/lake/object/{path}"));
        assert_eq!(resources, expected);
    }
}
