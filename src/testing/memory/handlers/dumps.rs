//! Dumping the refs of a repository, and restoring them into a bare one: at once, or as a task.

use http::StatusCode;

use super::retention::add_task;
use super::{Answer, created, metadata, ok};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{self, Outcome, Repository, TaskKind};

/// Lies beside the metaranges and tells which of them are the dump.
const MANIFEST: &str = "_lakefs/refs_manifest.json";

pub(super) fn dump(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let refs = write_dump(server, &repository);
    let manifest =
        serde_json::to_vec_pretty(&refs).map_err(|error| Failure::internal(error.to_string()))?;
    server
        .storage
        .put(&repository.storage_namespace, MANIFEST, manifest.into());
    created(&refs)
}

pub(super) fn submit_dump(server: &Server, call: &Call) -> Answer {
    let handle = server.repository(call.repository())?;
    let refs = write_dump(server, &handle.read());
    let outcome = Outcome::Dumped {
        commits: refs.commits_meta_range_id,
        branches: refs.branches_meta_range_id,
        tags: refs.tags_meta_range_id,
    };
    accepted(add_task(server, &handle, TaskKind::Dump, Ok(outcome))?)
}

pub(super) fn dump_status(server: &Server, call: &Call) -> Answer {
    let id = call.query.text("task_id").unwrap_or_default();
    let repository = server.repository(call.repository())?.read();
    let task = repository.task(TaskKind::Dump, &id)?;
    let refs = match &task.outcome {
        Ok(Outcome::Dumped {
            commits,
            branches,
            tags,
        }) => Some(models::RefsDump {
            commits_meta_range_id: commits.clone(),
            branches_meta_range_id: branches.clone(),
            tags_meta_range_id: tags.clone(),
        }),
        _ => None,
    };
    ok(&models::RepositoryDumpStatus {
        id: id.into_owned(),
        done: true,
        update_time: task.updated,
        error: task.outcome.as_ref().err().cloned(),
        refs,
    })
}

pub(super) fn restore(server: &Server, call: &Call) -> Answer {
    let wanted: models::RefsRestore = call.json()?;
    let repository = server.repository(call.repository())?;
    repository.read().check_bare()?;
    load(&repository, &wanted)?;
    Ok(Reply::empty(StatusCode::OK))
}

pub(super) fn submit_restore(server: &Server, call: &Call) -> Answer {
    let wanted: models::RefsRestore = call.json()?;
    let repository = server.repository(call.repository())?;
    repository.read().check_bare()?;
    let outcome = load(&repository, &wanted).map(|()| Outcome::Restored);
    accepted(add_task(server, &repository, TaskKind::Restore, outcome)?)
}

pub(super) fn restore_status(server: &Server, call: &Call) -> Answer {
    let id = call.query.text("task_id").unwrap_or_default();
    let repository = server.repository(call.repository())?.read();
    let task = repository.task(TaskKind::Restore, &id)?;
    ok(&models::RepositoryRestoreStatus {
        id: id.into_owned(),
        done: true,
        update_time: task.updated,
        error: task.outcome.as_ref().err().cloned(),
    })
}

fn write_dump(server: &Server, repository: &Repository) -> models::RefsDump {
    let dump = repository.dump_refs();
    let ids = models::RefsDump {
        commits_meta_range_id: dump.commits.id().to_owned(),
        branches_meta_range_id: dump.branches.id().to_owned(),
        tags_meta_range_id: dump.tags.id().to_owned(),
    };
    metadata::put(server, repository, &ids.commits_meta_range_id, dump.commits);
    metadata::put(
        server,
        repository,
        &ids.branches_meta_range_id,
        dump.branches,
    );
    metadata::put(server, repository, &ids.tags_meta_range_id, dump.tags);
    ids
}

/// One kind after the other: what was loaded before a failure stays.
fn load(repository: &Handle, dump: &models::RefsRestore) -> state::Result<()> {
    let force = dump.force.unwrap_or(false);
    repository.write(|repository| repository.load_commits(&dump.commits_meta_range_id, force))?;
    repository.write(|repository| repository.load_branches(&dump.branches_meta_range_id, force))?;
    repository.write(|repository| repository.load_tags(&dump.tags_meta_range_id, force))
}

fn accepted(id: String) -> Answer {
    Ok(Reply::json(StatusCode::ACCEPTED, &models::TaskInfo { id }))
}
