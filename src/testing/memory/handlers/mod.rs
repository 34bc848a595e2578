//! The operations, one file a tag of the API. Each turns a [`Call`] into engine calls and the result into a [`Reply`].

mod accounts;
mod actions;
mod auth;
mod branches;
mod commits;
mod config;
mod dumps;
mod emails;
mod imports;
mod metadata;
mod objects;
mod presign;
mod protection;
mod pulls;
mod refs;
mod repositories;
mod retention;
mod samples;
mod setup;
mod staging;
mod symlinks;
mod tags;
mod uploads;

use http::StatusCode;

use accounts::{groups, policies, principals, users};

use super::error::Failure;
use super::reply::Reply;
use super::request::Call;
use super::server::Server;
use super::state::Page;
use crate::models;

pub(super) use auth::http_date;
pub(super) use imports::Imports;

/// What a handler answers.
type Answer = Result<Reply, Failure>;

/// Carries out an operation.
pub(super) fn dispatch(operation: &str, server: &Server, call: &Call) -> Answer {
    imports::settle(operation, server, call);
    match operation {
        "healthCheck" => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        "getConfig" => config::config(server),
        "getLakeFSVersion" => config::version(),
        "getStorageConfig" => config::storage(server),
        "getGarbageCollectionConfig" => config::garbage_collection(),
        "getSetupState" => setup::state(server),
        "setup" => setup::set_up(server, call),
        "setupCommPrefs" => setup::set_comm_prefs(server, call),
        "getUsageReportSummary" => setup::usage(server, call),
        "postStatsEvents" => config::post_statistics(call),
        "getAuthCapabilities" => auth::capabilities(server),
        "getCurrentUser" => auth::current_user(server, call),
        "login" => auth::login(server, call),
        "oauthCallback" => auth::oauth_callback(server),

        "stsLogin" => principals::sts_login(server, call),
        "externalPrincipalLogin" => principals::log_in(server, call),
        "createUserExternalPrincipal" => principals::create(server, call),
        "deleteUserExternalPrincipal" => principals::delete(server, call),
        "listUserExternalPrincipals" => principals::list(server, call),
        "getExternalPrincipal" => principals::get(server, call),

        "listUsers" => users::list(server, call),
        "createUser" => users::create(server, call),
        "getUser" => users::get(server, call),
        "deleteUser" => users::delete(server, call),
        "listUserCredentials" => users::list_keys(server, call),
        "createCredentials" => users::create_key(server, call),
        "getCredentials" => users::get_key(server, call),
        "deleteCredentials" => users::delete_key(server, call),
        "listUserGroups" => groups::of_user(server, call),
        "listUserPolicies" => policies::of_user(server, call),
        "attachPolicyToUser" => policies::attach_to_user(server, call),
        "detachPolicyFromUser" => policies::detach_from_user(server, call),

        "listGroups" => groups::list(server, call),
        "createGroup" => groups::create(server, call),
        "getGroup" => groups::get(server, call),
        "deleteGroup" => groups::delete(server, call),
        "listGroupMembers" => groups::members(server, call),
        "addGroupMembership" => groups::add_member(server, call),
        "deleteGroupMembership" => groups::remove_member(server, call),
        "listGroupPolicies" => policies::of_group(server, call),
        "attachPolicyToGroup" => policies::attach_to_group(server, call),
        "detachPolicyFromGroup" => policies::detach_from_group(server, call),
        "getGroupACL" => groups::acl(server, call),
        "setGroupACL" => groups::set_acl(server, call),

        "listPolicies" => policies::list(server, call),
        "createPolicy" => policies::create(server, call),
        "getPolicy" => policies::get(server, call),
        "updatePolicy" => policies::update(server, call),
        "deletePolicy" => policies::delete(server, call),

        "listRepositories" => repositories::list(server, call),
        "createRepository" => repositories::create(server, call),
        "getRepository" => repositories::get(server, call),
        "deleteRepository" => repositories::delete(server, call),
        "getRepositoryMetadata" => repositories::metadata(server, call),
        "setRepositoryMetadata" => repositories::set_metadata(server, call),
        "deleteRepositoryMetadata" => repositories::delete_metadata(server, call),

        "getGCRules" | "internalGetGarbageCollectionRules" => retention::rules(server, call),
        "setGCRules" | "internalSetGarbageCollectionRules" => retention::set_rules(server, call),
        "deleteGCRules" | "internalDeleteGarbageCollectionRules" => {
            retention::delete_rules(server, call)
        }
        "prepareGarbageCollectionCommits" => retention::prepare_commits(server, call),
        "prepareGarbageCollectionCommitsAsync" => retention::prepare_commits_async(server, call),
        "prepareGarbageCollectionCommitsStatus" => retention::prepare_commits_status(server, call),
        "prepareGarbageCollectionUncommitted" => retention::prepare_uncommitted(server, call),
        "getBranchProtectionRules" | "internalGetBranchProtectionRules" => {
            protection::get(server, call)
        }
        "setBranchProtectionRules" => protection::set(server, call),
        "internalCreateBranchProtectionRule" => protection::add(server, call),
        "internalDeleteBranchProtectionRule" => protection::remove(server, call),
        // They ask for a permission only, whatever the repository.
        "setGarbageCollectionRulesPreflight" | "createBranchProtectionRulePreflight" => {
            no_content()
        }
        "dumpRefs" => dumps::dump(server, call),
        "dumpSubmit" => dumps::submit_dump(server, call),
        "dumpStatus" => dumps::dump_status(server, call),
        "restoreRefs" => dumps::restore(server, call),
        "restoreSubmit" => dumps::submit_restore(server, call),
        "restoreStatus" => dumps::restore_status(server, call),
        "getMetaRange" => metadata::locate(server, call, "meta_range"),
        "getRange" => metadata::locate(server, call, "range"),
        "getMetadataObject" => metadata::get(server, call),
        "CreateCommitRecord" => metadata::add_commit_record(server, call),

        "listBranches" => branches::list(server, call),
        "createBranch" => branches::create(server, call),
        "getBranch" => branches::get(server, call),
        "deleteBranch" => branches::delete(server, call),
        "diffBranch" => branches::diff(server, call),
        "resetBranch" => branches::reset(server, call),
        "hardResetBranch" => branches::hard_reset(server, call),
        "revertBranch" => branches::revert(server, call),
        "cherryPick" => branches::cherry_pick(server, call),

        "listTags" => tags::list(server, call),
        "createTag" => tags::create(server, call),
        "getTag" => tags::get(server, call),
        "deleteTag" => tags::delete(server, call),

        "commit" => commits::create(server, call),
        "getCommit" => commits::get(server, call),

        "logCommits" => refs::log(server, call),
        "diffRefs" => refs::diff(server, call),
        "findMergeBase" => refs::merge_base(server, call),
        "mergeIntoBranch" => refs::merge(server, call),

        "uploadObject" => objects::upload(server, call),
        "getObject" => objects::get(server, call),
        "headObject" => objects::head(server, call),
        "statObject" => objects::stat(server, call),
        "listObjects" => objects::list(server, call),
        "copyObject" => objects::copy(server, call),
        "deleteObject" => objects::delete(server, call),
        "deleteObjects" => objects::delete_many(server, call),
        "updateObjectUserMetadata" => objects::set_user_metadata(server, call),
        "getUnderlyingProperties" => objects::underlying_properties(server, call),
        "stageObject" => staging::stage(server, call),
        "getPhysicalAddress" => staging::address(server, call),
        "linkPhysicalAddress" => staging::link(server, call),
        "createPresignMultipartUpload" => uploads::create(server, call),
        "uploadPart" => uploads::part(server, call),
        "uploadPartCopy" => uploads::copy_part(server, call),
        "completePresignMultipartUpload" => uploads::complete(server, call),
        "abortPresignMultipartUpload" => uploads::abort(server, call),
        "createSymlinkFile" => symlinks::create(server, call),
        "uploadObjectPreflight" => Ok(Reply::empty(StatusCode::NO_CONTENT)),

        "importStart" => imports::start(server, call),
        "importStatus" => imports::status(server, call),
        "importCancel" => imports::cancel(server, call),

        "listRepositoryRuns" => actions::list_runs(server, call),
        "getRun" => actions::get_run(server, call),
        "listRunHooks" => actions::list_hooks(server, call),
        "getRunHookOutput" => actions::output(server, call),

        "listPullRequests" => pulls::list(server, call),
        "createPullRequest" => pulls::create(server, call),
        "getPullRequest" => pulls::get(server, call),
        "updatePullRequest" => pulls::update(server, call),
        "mergePullRequest" => pulls::merge(server, call),

        other => Err(Failure::new(
            StatusCode::NOT_IMPLEMENTED,
            format!("MemoryLakeFs does not carry out {other}: use a real server for it"),
        )),
    }
}

/// Where a page ends, and where the next one begins.
fn pagination<T>(page: &Page<T>, name: impl Fn(&T) -> String) -> models::Pagination {
    let last = page.items.last().filter(|_| page.has_more);
    models::Pagination {
        has_more: page.has_more,
        next_offset: last.map(name).unwrap_or_default(),
        results: page.items.len().try_into().unwrap_or(i64::MAX),
        max_per_page: 1000,
    }
}

/// A path as JSON can carry it. As in Go, every byte that is not UTF-8 becomes a replacement character.
fn text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

fn reference(name: &str, commit: impl ToString) -> models::Ref {
    models::Ref {
        id: name.to_owned(),
        commit_id: commit.to_string(),
    }
}

fn no_content() -> Answer {
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn ok(value: &impl serde::Serialize) -> Answer {
    Ok(Reply::json(StatusCode::OK, value))
}

fn created(value: &impl serde::Serialize) -> Answer {
    Ok(Reply::json(StatusCode::CREATED, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryLakeFs;
    use crate::testing::memory::contract::OPERATIONS;
    use crate::testing::memory::request::Query;

    #[test]
    fn every_operation_is_carried_out() {
        let server = MemoryLakeFs::new().server;
        for operation in OPERATIONS {
            let call = Call {
                variables: Vec::new(),
                query: Query::parse(""),
                headers: http::HeaderMap::new(),
                body: bytes::Bytes::new(),
                user: None,
                object_store: Default::default(),
            };
            if let Err(failure) = dispatch(operation.id, &server, &call) {
                let message = failure.message();
                assert!(!message.contains("does not carry out"), "{message}");
            }
        }
    }
}
