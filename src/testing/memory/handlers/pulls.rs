//! Pull requests.

use jiff::Timestamp;
use serde::Serialize;

use super::{Answer, created, no_content, ok, pagination, refs};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::ids;
use crate::testing::memory::permissions;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{
    CommitParams, MergeParams, PullRequest, PullStatus, PullUpdate, Strategy, names,
};

/// As answered: a list leaves out what only those may see who may read the single one.
#[derive(Serialize)]
struct Described<'a> {
    id: &'a str,
    status: &'static str,
    title: &'a str,
    author: &'a str,
    source_branch: &'a str,
    destination_branch: &'a str,
    creation_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_commit_id: Option<&'a str>,
}

/// The repository and the id of a pull request, after both were checked.
fn open<'a>(server: &Server, call: &'a Call) -> Result<(Handle, &'a str), Failure> {
    names::repository("repository", call.repository())?;
    let id = call.variable("pull_request");
    if !ids::is_timed(id) {
        return Err(Failure::bad_request(
            "argument pullRequestID: pull request id: invalid value: validation error",
        ));
    }
    Ok((server.repository(call.repository())?, id))
}

pub(super) fn list(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let open = match call.query.text("status").as_deref() {
        Some("open") => Some(true),
        // Those that were merged are closed too.
        Some("closed") => Some(false),
        _ => None,
    };
    let page = repository.list_pulls(&call.window(), open);
    let results: Vec<_> = page.items.iter().map(|pull| describe(pull)).collect();
    ok(&serde_json::json!({
        "pagination": pagination(&page, |pull| pull.id.clone()),
        "results": results,
    }))
}

pub(super) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::PullRequestCreation = call.json()?;
    names::repository("repository", call.repository())?;
    names::branch("dest", &wanted.destination_branch)?;
    names::branch("src", &wanted.source_branch)?;
    if wanted.source_branch == wanted.destination_branch {
        return Err(Failure::bad_request(
            "source and destination branches are the same: same branch validation error",
        ));
    }
    let repository = server.repository(call.repository())?;
    let now = server.now();
    let pull = PullRequest {
        id: server.ids.run(now),
        title: wanted.title,
        description: wanted.description.unwrap_or_default(),
        author: call.committer(),
        source: wanted.source_branch,
        destination: wanted.destination_branch,
        status: PullStatus::Open,
        created: now,
        closed: None,
        merged_commit: None,
    };
    let id = pull.id.clone();
    repository.write(|repository| repository.create_pull(pull))?;
    created(&serde_json::json!({ "id": id }))
}

pub(super) fn get(server: &Server, call: &Call) -> Answer {
    let (repository, id) = open(server, call)?;
    let repository = repository.read();
    let pull = repository.pull(id)?;
    ok(&Described {
        description: Some(&pull.description),
        merged_commit_id: pull.merged_commit.as_deref(),
        ..describe(pull)
    })
}

/// Any status may be set; that of a merged one merges nothing.
pub(super) fn update(server: &Server, call: &Call) -> Answer {
    let wanted: models::PullRequestBasic = call.json()?;
    let (repository, id) = open(server, call)?;
    let status = wanted.status.map(|status| match status {
        models::PullRequestBasicStatus::Closed => PullStatus::Closed,
        models::PullRequestBasicStatus::Merged => PullStatus::Merged,
        _ => PullStatus::Open,
    });
    let update = PullUpdate {
        title: wanted.title,
        description: wanted.description,
        status,
        merged_commit: None,
    };
    let now = server.now();
    repository.write(|repository| repository.update_pull(id, update, now))?;
    no_content()
}

pub(super) fn merge(server: &Server, call: &Call) -> Answer {
    let (repository, id) = open(server, call)?;
    let pull = repository.read().pull(id)?.clone();
    if let Some(user) = &call.user {
        let name = call.repository();
        let needed = [
            permissions::on_branch("fs:CreateCommit", name, &pull.destination),
            permissions::on_repository("pr:WritePullRequest", name),
        ];
        server.accounts.authorize(user, &call.headers, &needed)?;
    }
    if pull.status != PullStatus::Open {
        return Err(Failure::bad_request("bad pull request status"));
    }
    let params = MergeParams {
        commit: CommitParams {
            committer: call.committer(),
            message: refs::merge_message(&pull.source, &pull.destination),
            metadata: Default::default(),
            created: server.now(),
            allow_empty: false,
            force: false,
        },
        strategy: Strategy::None,
        squash: false,
    };
    let commit = refs::merge_into(
        server,
        &repository,
        &pull.source,
        &pull.destination,
        &params,
    )?;
    let update = PullUpdate {
        status: Some(PullStatus::Merged),
        merged_commit: Some(commit.id.to_string()),
        ..PullUpdate::default()
    };
    let now = server.now();
    repository.write(|repository| repository.update_pull(id, update, now))?;
    ok(&models::MergeResult {
        reference: commit.id.to_string(),
    })
}

fn describe(pull: &PullRequest) -> Described<'_> {
    Described {
        id: &pull.id,
        status: pull.status.name(),
        title: &pull.title,
        author: &pull.author,
        source_branch: &pull.source,
        destination_branch: &pull.destination,
        creation_date: pull.created,
        closed_date: pull.closed,
        description: None,
        merged_commit_id: None,
    }
}
