//! What each operation needs to be allowed: the real server's controller, as a table.

use crate::testing::memory::accounts::ALL;

/// Actions, each with the tail of the ARN of what it is done to; all are needed.
///
/// `{name}` is a variable of the path, `{?name}` a parameter of the query, `{.name}` a field of the body.
pub(super) type Needs = &'static [(&'static str, &'static str)];

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
pub(super) const NEEDS: &[(&str, Needs)] = &[
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
pub(super) const OF_POLICIES: [&str; 15] = [
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
