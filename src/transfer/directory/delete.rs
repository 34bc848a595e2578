//! Deletes many: objects by the thousand, files one by one.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use serde_json::{StreamDeserializer, Value, de::SliceRead};

use super::{find::blocking, plan::Step, remote::Place, report, walk};
use crate::{
    Client, Error, Operation, Result,
    api::objects::DeleteObjects,
    error::classify,
    models::{ObjectError, ObjectErrorList, PathList},
    transfer::Transfer,
};

/// The most paths that the server takes in one request.
const BATCH: usize = 1000;

/// How many files are deleted in one go.
const AT_ONCE: usize = 100;

/// What became of one path.
pub(super) type Outcome = Result<(), Arc<Error>>;

/// Who was refused, and why.
type Refusals = HashMap<String, Arc<Error>>;

/// Deletes objects; each one's outcome is told.
pub(super) async fn remote(
    transfer: &Transfer,
    at: &Place,
    steps: Vec<Step>,
    mut settle: impl FnMut(Step, Outcome),
) -> Result<()> {
    let client = transfer.client();
    let mut steps = steps.into_iter().peekable();
    let batches = std::iter::from_fn(move || {
        steps.peek()?;
        Some(steps.by_ref().take(BATCH).collect::<Vec<_>>())
    });
    let mut batches = stream::iter(batches)
        .map(|batch| async {
            let paths: Vec<String> = batch.iter().map(|step| at.path(&step.path)).collect();
            (batch, delete(client, at, paths).await)
        })
        .buffer_unordered(transfer.concurrency.get());
    while let Some((batch, refusals)) = batches.next().await {
        for step in batch {
            let refused = refusals.get(&at.path(&step.path));
            settle(step, refused.map_or(Ok(()), |error| Err(error.clone())));
        }
    }
    Ok(())
}

/// Deletes a batch, in smaller ones where the answer does not say what became of it: what is deleted already may be deleted
/// again.
async fn delete(client: &Client, at: &Place, paths: Vec<String>) -> Refusals {
    let mut refusals = Refusals::new();
    let mut batches = vec![paths];
    while let Some(mut paths) = batches.pop() {
        let list = PathList::new(paths.clone());
        let call = client.delete_objects(&*at.repository, &*at.reference, list);
        match call.await {
            Err(error) if paths.len() > 1 && is_cut(&error) => {
                let half = paths.split_off(paths.len() / 2);
                batches.extend([half, paths]);
            }
            answer => refusals.extend(refused(answer, paths)),
        }
    }
    refusals
}

/// Deletes files, and the directories that are empty for that; each one's outcome is told.
pub(super) async fn local(
    root: &Path,
    steps: Vec<Step>,
    mut settle: impl FnMut(Step, Outcome),
) -> Result<()> {
    let mut steps = steps.into_iter().peekable();
    let mut removed = Vec::new();
    // What is under way cannot be called back when this is dropped, so it is not all of it.
    while steps.peek().is_some() {
        let some: Vec<Step> = steps.by_ref().take(AT_ONCE).collect();
        let directory = root.to_owned();
        let remove = move || {
            let outcome = |step: Step| (remove(&directory, &step), step);
            some.into_iter().map(outcome).collect::<Vec<_>>()
        };
        for (outcome, step) in blocking(remove).await? {
            if outcome.is_ok() {
                removed.push(step.path.clone());
            }
            settle(step, outcome.map_err(Arc::new));
        }
    }
    let root = root.to_owned();
    blocking(move || walk::prune(&root, &removed)).await
}

/// It blocks.
fn remove(root: &Path, step: &Step) -> Result<()> {
    match std::fs::remove_file(walk::file(root, &step.path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(report::of_file("deleted", error))
        }
        _ => Ok(()),
    }
}

// ===== what the server says =====

/// Reads what the server says of a batch; a 200 means little.
fn refused(answer: Result<ObjectErrorList>, paths: Vec<String>) -> Refusals {
    let mut refusals = Refusals::new();
    // What concerns all that are not named.
    let mut others = None;
    let errors = match answer {
        Ok(list) => list.errors,
        // Without the permission for some of the paths, the answer is a document for each of them and then the list of all
        // errors: the other paths are deleted.
        Err(error) => match error.body().and_then(last_list) {
            Some(list) if !list.errors.is_empty() => list.errors,
            _ => {
                others = Some(Arc::new(error));
                Vec::new()
            }
        },
    };
    let asked: HashSet<String> = paths.into_iter().collect();
    for refused in errors {
        let error = Arc::new(of_path(&refused));
        match refused.path {
            Some(path) if asked.contains(&path) => {
                refusals.insert(path, error);
            }
            // It stands for one that was asked for, and nobody knows for which.
            _ => others = Some(error),
        }
    }
    if let Some(error) = others {
        for path in asked {
            refusals.entry(path).or_insert_with(|| error.clone());
        }
    }
    refusals
}

/// Whether an answer may end before the list of what was refused: of an error, the beginning is kept.
fn is_cut(error: &Error) -> bool {
    let Some(body) = error.body() else {
        return false;
    };
    if error.status() != Some(StatusCode::UNAUTHORIZED) || last_list(body).is_some() {
        return false;
    }
    let mut whole = 0;
    for document in documents(body) {
        match document {
            Ok(_) => whole += 1,
            Err(problem) => return whole > 0 && problem.is_eof(),
        }
    }
    whole > 1
}

/// The error that deleting the path alone would have given.
fn of_path(refused: &ObjectError) -> Error {
    let status = u16::try_from(refused.status_code).ok();
    let status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // In a list, a 401 is about somebody whom the server knows, and it says no more of it than the name of the status.
    let message = match status {
        StatusCode::UNAUTHORIZED => "insufficient permissions",
        _ => &*refused.message,
    };
    let message = serde_json::json!({ "message": message }).to_string();
    classify::response(status, &HeaderMap::new(), &Bytes::from(message))
        .with_operation(Some(DeleteObjects::META))
}

fn last_list(body: &Bytes) -> Option<ObjectErrorList> {
    let lists = documents(body).map_while(Result::ok);
    let lists = lists.filter(|document| document.get("errors").is_some());
    lists
        .last()
        .and_then(|list| serde_json::from_value(list).ok())
}

fn documents(body: &Bytes) -> StreamDeserializer<'_, SliceRead<'_>, Value> {
    serde_json::Deserializer::from_slice(body).into_iter()
}
