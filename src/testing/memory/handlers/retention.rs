//! Garbage collection: its rules, and what has to be written down before one runs.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, created, no_content, ok, presign};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{Error, Outcome, Repository, RetentionRules, Task, TaskKind};
use crate::testing::memory::storage::address;

const FOLDER: &str = "_lakefs/retention/gc";

/// Where an earlier call stopped, as a continuation token holds it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Mark {
    branch: String,
    path: String,
    run_id: String,
}

pub(super) fn rules(server: &Server, call: &Call) -> Answer {
    let rules = server
        .repository(call.repository())?
        .read()
        .retention_rules()?;
    let rule =
        |(branch, days): &(String, i32)| json!({ "branch_id": branch, "retention_days": days });
    let branches: Vec<_> = rules.branches.iter().map(rule).collect();
    // Go writes a list without items as null.
    let branches = Some(branches).filter(|branches| !branches.is_empty());
    ok(&json!({ "default_retention_days": rules.default_days, "branches": branches }))
}

pub(super) fn set_rules(server: &Server, call: &Call) -> Answer {
    let wanted: models::GarbageCollectionRules = call.json()?;
    let mut branches: Vec<(String, i32)> = Vec::new();
    for rule in wanted.branches {
        branches.retain(|(branch, _)| *branch != rule.branch_id);
        branches.push((rule.branch_id, rule.retention_days as i32));
    }
    let rules = RetentionRules {
        // As the real server does, in silence.
        default_days: wanted.default_retention_days as i32,
        branches,
    };
    let repository = server.repository(call.repository())?.read();
    repository.set_retention_rules(Some(rules))?;
    no_content()
}

pub(super) fn delete_rules(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    repository.set_retention_rules(None)?;
    no_content()
}

/// Where the store cannot presign, the answer holds two documents: the error, and after it the result.
pub(super) fn prepare_commits(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    repository.check_writable(false)?;
    let run_id = save_commits(server, &repository)?;
    let mut prepared = describe_commits(&repository, &run_id);
    match presign_commits(server, call, &repository, &run_id) {
        Ok(url) => {
            prepared.gc_commits_presigned_url = Some(url);
            created(&prepared)
        }
        Err(failure) => {
            prepared.gc_commits_presigned_url = Some(String::new());
            Ok(failure.into_reply().and_json(&prepared))
        }
    }
}

pub(super) fn prepare_commits_async(server: &Server, call: &Call) -> Answer {
    let handle = server.repository(call.repository())?;
    let repository = handle.read();
    repository.check_writable(false)?;
    let outcome = save_commits(server, &repository).map(|run_id| Outcome::Prepared { run_id });
    let id = add_task(server, &handle, TaskKind::PrepareCommits, outcome)?;
    Ok(Reply::json(
        StatusCode::ACCEPTED,
        &models::TaskCreation { id },
    ))
}

pub(super) fn prepare_commits_status(server: &Server, call: &Call) -> Answer {
    let id = call.query.text("id").unwrap_or_default();
    let repository = server.repository(call.repository())?.read();
    let task = repository.task(TaskKind::PrepareCommits, &id)?;
    let result = match &task.outcome {
        Ok(Outcome::Prepared { run_id }) => Some(models::GarbageCollectionPrepareResponse {
            gc_commits_presigned_url: presign_commits(server, call, &repository, run_id).ok(),
            ..describe_commits(&repository, run_id)
        }),
        _ => None,
    };
    let error = task.outcome.as_ref().err().map(|message| models::Error {
        message: message.clone(),
    });
    ok(&models::PrepareGarbageCollectionCommitsStatus {
        task_id: id.into_owned(),
        completed: true,
        update_time: task.updated,
        result,
        error,
    })
}

/// Tells where the addresses of staged data lie. They are not written down: nobody collects garbage in memory.
pub(super) fn prepare_uncommitted(server: &Server, call: &Call) -> Answer {
    let wanted: models::PrepareGCUncommittedRequest = call.json()?;
    let token = wanted.continuation_token.unwrap_or_default();
    let mark =
        Mark::decode(&token).ok_or_else(|| Failure::bad_request("invalid continuation token"))?;
    let repository = server.repository(call.repository())?.read();
    repository.check_writable(false)?;
    let run_id = mark
        .as_ref()
        .map_or_else(|| server.ids.short(), |mark| mark.run_id.clone());
    let mark = mark.unwrap_or_default();
    let gc_uncommitted_location =
        if repository.has_uncommitted_data(&mark.branch, mark.path.as_bytes())? {
            location(&repository, &format!("uncommitted/{run_id}/uncommitted/"))
        } else {
            String::new()
        };
    created(&models::PrepareGCUncommittedResponse {
        run_id,
        gc_uncommitted_location,
        continuation_token: None,
    })
}

/// Remembers what came of a task.
pub(super) fn add_task(
    server: &Server,
    repository: &Handle,
    kind: TaskKind,
    outcome: Result<Outcome, Error>,
) -> Result<String, Failure> {
    let task = Task {
        updated: server.now(),
        outcome: outcome.map_err(|error| error.message),
    };
    let unique = server.ids.short();
    Ok(repository.write(|repository| Ok(repository.add_task(kind, &unique, task)))?)
}

/// Writes down which commits a collection must spare; gives the id of its run.
fn save_commits(server: &Server, repository: &Repository) -> Result<String, Error> {
    let mut csv = String::from("commit_id,expired,metarange_id\n");
    for (commit, metarange) in repository.retained_commits(server.now())? {
        // Writing to a string never fails.
        let _ = writeln!(csv, "{commit},false,{metarange}");
    }
    let run_id = server.ids.short();
    let address = format!("{FOLDER}/{}", commits_file(&run_id));
    server
        .storage
        .put(&repository.storage_namespace, address, csv.into());
    Ok(run_id)
}

fn commits_file(run_id: &str) -> String {
    format!("commits/run_id={run_id}/commits.csv")
}

fn describe_commits(
    repository: &Repository,
    run_id: &str,
) -> models::GarbageCollectionPrepareResponse {
    models::GarbageCollectionPrepareResponse {
        run_id: run_id.to_owned(),
        gc_commits_location: location(repository, &commits_file(run_id)),
        gc_addresses_location: location(repository, "addresses/"),
        gc_commits_presigned_url: None,
    }
}

/// Where a file or folder of garbage collection lies. A folder ends with a slash, but where the store is a file system.
fn location(repository: &Repository, name: &str) -> String {
    address::location(&repository.storage_namespace, &format!("{FOLDER}/{name}"))
}

/// A URL to read the list of commits from.
fn presign_commits(
    server: &Server,
    call: &Call,
    repository: &Repository,
    run_id: &str,
) -> Result<String, Failure> {
    let location = location(repository, &commits_file(run_id));
    Ok(presign::read(server, call, &location, b"")?.url)
}

impl Mark {
    /// No token is no mark; one that cannot be read is neither.
    fn decode(token: &str) -> Option<Option<Self>> {
        if token.is_empty() {
            return Some(None);
        }
        let json = STANDARD.decode(token).ok()?;
        let mark: Option<Self> = serde_json::from_slice(&json).ok()?;
        Some(Some(mark.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuation_tokens_are_json_in_base64() {
        assert!(Mark::decode("").is_some_and(|mark| mark.is_none()));
        assert!(Mark::decode("bad!").is_none());
        assert!(Mark::decode(&STANDARD.encode("[1]x")).is_none());
        let token = STANDARD.encode(r#"{"branch":"dev","path":"a","run_id":"r","key":""}"#);
        let mark = Mark::decode(&token).flatten();
        assert!(mark.is_some_and(|mark| mark.branch == "dev" && mark.run_id == "r"));
    }
}
