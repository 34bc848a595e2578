//! Imports.
//!
//! A real server takes about a second for the smallest import. Here one is carried out when the next request reaches its
//! repository: it can still be cancelled after it was started, and nobody ever sees it unfinished.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use super::{Answer, commits, no_content, ok};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::hooks::{Around, HookEvent, guard};
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{
    Commit, CommitParams, Entry, EntryData, ImportParams, ImportStatus,
};

/// The type that an object gets which came with none.
const DEFAULT_TYPE: &str = "application/octet-stream";

/// Imports that were started and not yet carried out.
#[derive(Debug, Default)]
pub(in super::super) struct Imports(Mutex<Vec<Job>>);

#[derive(Debug)]
struct Job {
    id: String,
    repository: String,
    branch: String,
    paths: Vec<models::ImportLocation>,
    commit: CommitParams,
}

impl Imports {
    fn start(&self, job: Job) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(job);
    }

    /// Takes the imports into a repository.
    fn take(&self, repository: &str) -> Vec<Job> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.is_empty() {
            return Vec::new();
        }
        let (taken, left) = std::mem::take(&mut *jobs)
            .into_iter()
            .partition(|job| job.repository == repository);
        *jobs = left;
        taken
    }
}

/// Carries out what was started in the repository of a call, before the call looks at it.
pub(super) fn settle(operation: &str, server: &Server, call: &Call) {
    if matches!(operation, "importStart" | "importCancel") {
        return;
    }
    for job in server.imports.take(call.repository()) {
        // The repository may have been deleted meanwhile.
        if let Ok(repository) = server.repository(&job.repository) {
            carry_out(server, &repository, &job);
        }
    }
}

pub(super) fn start(server: &Server, call: &Call) -> Answer {
    let wanted: models::ImportCreation = call.json()?;
    let branch = call.variable("branch");
    let repository = server.repository(call.repository())?;
    let snapshot = repository.read();
    snapshot.head(branch)?;
    check_sources(&snapshot.storage_namespace, &wanted.paths)?;
    let now = server.now();
    let message = Some(wanted.commit.message).filter(|message| !message.is_empty());
    let job = Job {
        id: server.ids.import(now),
        repository: call.repository().to_owned(),
        branch: branch.to_owned(),
        paths: wanted.paths,
        commit: CommitParams {
            committer: call.committer(),
            message: message.unwrap_or_else(|| "Import objects".into()),
            metadata: wanted.commit.metadata.unwrap_or_default(),
            created: now,
            allow_empty: true,
            force: wanted.force.unwrap_or(false),
        },
    };
    let status = ImportStatus {
        completed: false,
        updated: now,
        ingested: 0,
        commit: None,
        error: None,
    };
    repository.write(|repository| {
        repository.set_import_status(&job.id, status);
        Ok(())
    })?;
    let reply = Reply::json(StatusCode::ACCEPTED, &serde_json::json!({ "id": job.id }));
    server.imports.start(job);
    Ok(reply)
}

/// Which branch is named does not matter.
pub(super) fn status(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let id = call.query.text("id").unwrap_or_default();
    let status = repository.import_status(&id)?;
    let error = status.error.as_ref();
    ok(&models::ImportStatus {
        completed: status.completed,
        update_time: status.updated,
        ingested_objects: Some(status.ingested.try_into().unwrap_or(i64::MAX)),
        metarange_id: status
            .commit
            .as_ref()
            .map(|commit| commit.metarange_id.clone()),
        commit: status.commit.as_deref().map(commits::describe),
        error: error.map(|error| models::Error {
            message: format!("import error: {error}"),
        }),
    })
}

pub(super) fn cancel(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?;
    let id = call.query.text("id").unwrap_or_default();
    let now = server.now();
    repository.write(|repository| repository.cancel_import(&id, now))?;
    no_content()
}

/// A repository's own objects are none to import.
fn check_sources(namespace: &str, paths: &[models::ImportLocation]) -> Result<(), Failure> {
    for models::ImportLocation { path, r#type, .. } in paths {
        if path.starts_with(namespace) {
            return Err(Failure::bad_request(format!(
                "import path ({path}) in repository namespace ({namespace}) is prohibited: invalid import source"
            )));
        }
        let is_prefix = matches!(r#type, models::ImportLocationType::CommonPrefix);
        if is_prefix && namespace.starts_with(path) {
            return Err(Failure::bad_request(format!(
                "prefix ({path}) contains repository namespace: ({namespace}), invalid import source"
            )));
        }
    }
    Ok(())
}

fn carry_out(server: &Server, repository: &Handle, job: &Job) {
    let Ok(mut status) = repository.read().import_status(&job.id).cloned() else {
        return;
    };
    if status.error.is_some() {
        return;
    }
    match import(server, repository, job, &mut status.ingested) {
        Ok(commit) => {
            status.completed = true;
            status.commit = Some(commit);
        }
        Err(why) => status.error = Some(why),
    }
    status.updated = server.now();
    // Keeping a status fails for no reason.
    let _ = repository.write(|repository| {
        repository.set_import_status(&job.id, status);
        Ok(())
    });
}

fn import(
    server: &Server,
    repository: &Handle,
    job: &Job,
    ingested: &mut usize,
) -> Result<Arc<Commit>, String> {
    let mut entries = BTreeMap::new();
    for source in &job.paths {
        let found = server
            .storage
            .walk(server.block_store, &server.outside, &source.path);
        let found = found.map_err(|why| format!("error on ingest: {why}"))?;
        *ingested += found.len();
        for object in found {
            let path = destination(source, &object.relative);
            let entry = Entry::new(EntryData {
                checksum: object.stored.etag(),
                size: object.stored.bytes.len().try_into().unwrap_or(i64::MAX),
                address: object.address,
                modified: object.stored.modified,
                content_type: DEFAULT_TYPE.into(),
                metadata: BTreeMap::new(),
            });
            entries.insert(path.as_str().into(), entry);
        }
    }
    if repository.read().read_only && !job.commit.force {
        let doing = if entries.is_empty() {
            "create metarange"
        } else {
            "write range"
        };
        return Err(format!("{doing}: read-only repository"));
    }
    let destinations = job.paths.iter().map(|path| path.destination.clone());
    let params = ImportParams {
        entries,
        destinations: destinations.collect(),
        commit: job.commit.clone(),
    };
    let events = [HookEvent::PreCommit, HookEvent::PostCommit];
    let around = Around {
        branch: &job.branch,
        doing: &format!("update branch {}", job.branch),
        ..Around::default()
    };
    guard(server, repository, events, &around, |repository| {
        repository.import(&job.branch, &params)
    })
    .map_err(|failure| format!("merge import: {}", failure.message()))
}

/// Where an object goes: an object itself to its destination, others below it.
fn destination(source: &models::ImportLocation, relative: &str) -> String {
    let destination = source.destination.as_str();
    if matches!(source.r#type, models::ImportLocationType::Object) {
        return destination.to_owned();
    }
    let slash = if destination.is_empty() || destination.ends_with('/') {
        ""
    } else {
        "/"
    };
    format!("{destination}{slash}{relative}")
}
