//! The operations, one file a tag of the API. Each turns a [`Call`] into engine calls and the result into a [`Reply`].

mod actions;
mod auth;
mod branches;
mod commits;
mod config;
mod imports;
mod objects;
mod pulls;
mod refs;
mod repositories;
mod tags;

use http::StatusCode;

use super::error::Failure;
use super::reply::Reply;
use super::request::Call;
use super::server::Server;
use super::state::Page;
use crate::models;

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
        "getSetupState" => config::setup_state(),
        "postStatsEvents" => config::post_statistics(call),
        "getAuthCapabilities" => auth::capabilities(),
        "getCurrentUser" => auth::current_user(server, call),
        "login" => auth::login(server, call),
        // A lakeFS without single sign-on has these, and refuses or ignores them.
        "stsLogin" | "externalPrincipalLogin" => Err(Failure::not_implemented()),
        "oauthCallback" => Ok(Reply::empty(StatusCode::OK)),

        "listRepositories" => repositories::list(server, call),
        "createRepository" => repositories::create(server, call),
        "getRepository" => repositories::get(server, call),
        "deleteRepository" => repositories::delete(server, call),
        "getRepositoryMetadata" => repositories::metadata(server, call),
        "setRepositoryMetadata" => repositories::set_metadata(server, call),
        "deleteRepositoryMetadata" => repositories::delete_metadata(server, call),

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
            format!("MemoryLakeFs does not carry out {other} yet: use a real server for it"),
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
