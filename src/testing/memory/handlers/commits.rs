//! Commits.

use super::{Answer, created, ok};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::hooks;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{Commit, CommitParams, ErrorKind, names};

pub(super) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::CommitCreation = call.json()?;
    let branch = call.variable("branch");
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    let repository = server.repository(call.repository())?;
    let source = call.query.text("source_metarange");
    let params = CommitParams {
        committer: call.committer(),
        message: wanted.message,
        metadata: wanted.metadata.unwrap_or_default(),
        created: wanted.date.unwrap_or_else(|| server.now()),
        allow_empty: wanted.allow_empty.unwrap_or(false),
        force: wanted.force.unwrap_or(false),
    };
    let commit = hooks::commit(
        server,
        &repository,
        branch,
        &params,
        |repository, params| {
            let run_id = || server.ids.run(server.now());
            match &source {
                Some(metarange) => repository.commit_metarange(branch, metarange, params, run_id),
                None => repository.commit_staged(branch, params, run_id),
            }
        },
    )?;
    created(&describe(&commit))
}

pub(super) fn get(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    match repository.resolve_commit(call.variable("commitId")) {
        Ok(commit) => ok(&describe(commit)),
        Err(error) if error.kind == ErrorKind::NotFound => {
            Err(Failure::not_found("commit not found"))
        }
        // Here the real server does not look at what went wrong.
        Err(error) => Err(Failure::internal(error.message)),
    }
}

pub(super) fn describe(commit: &Commit) -> models::Commit {
    models::Commit {
        id: commit.id.to_string(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
        committer: commit.committer.clone(),
        message: commit.message.clone(),
        creation_date: commit.created,
        meta_range_id: commit.metarange_id.clone(),
        metadata: Some(commit.metadata.clone()),
        generation: Some(commit.generation),
        version: Some(commit.version),
    }
}
