//! Deletes many: objects by the thousand, files one by one.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};

use super::{find::blocking, plan::Step, remote::Place, report, walk};
use crate::{
    Error, Operation, Result,
    api::objects::DeleteObjects,
    error::classify,
    models::{ObjectError, ObjectErrorList, PathList},
    transfer::Transfer,
};

/// The most paths that the server takes in one request.
const BATCH: usize = 1000;

/// What became of one path.
pub(super) type Outcome = Result<(), Arc<Error>>;

/// Who was refused in a batch.
#[derive(Default)]
struct Refusals {
    named: HashMap<String, Arc<Error>>,
    /// What concerns all that are not named.
    others: Option<Arc<Error>>,
}

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
            let list = PathList::new(paths.clone());
            let answer = client
                .delete_objects(&*at.repository, &*at.reference, list)
                .await;
            (batch, Refusals::of(answer, paths))
        })
        .buffer_unordered(transfer.concurrency.get());
    while let Some((batch, refusals)) = batches.next().await {
        for step in batch {
            let outcome = refusals.outcome(&at.path(&step.path));
            settle(step, outcome);
        }
    }
    Ok(())
}

/// Deletes files, and the directories that are empty for that; each one's outcome is told.
pub(super) async fn local(
    root: &Path,
    steps: Vec<Step>,
    mut settle: impl FnMut(Step, Outcome),
) -> Result<()> {
    let root = root.to_owned();
    let outcomes = blocking(move || {
        let remove = |step: &Step| match std::fs::remove_file(walk::file(&root, &step.path)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(report::of_file("deleted", error)),
        };
        let outcomes: Vec<_> = steps
            .into_iter()
            .map(|step| (remove(&step), step))
            .collect();
        let removed = outcomes.iter().filter(|(outcome, _)| outcome.is_ok());
        let removed: Vec<String> = removed.map(|(_, step)| step.path.clone()).collect();
        walk::prune(&root, &removed);
        outcomes
    });
    for (outcome, step) in outcomes.await? {
        settle(step, outcome.map_err(Arc::new));
    }
    Ok(())
}

// ===== impl Refusals =====

impl Refusals {
    /// Reads what the server says of a batch; a 200 means little.
    fn of(answer: Result<ObjectErrorList>, paths: Vec<String>) -> Self {
        let mut refusals = Self::default();
        match answer {
            Ok(list) => refusals.add(list),
            // Without the permission for some of the paths, the answer is a document for each of them and then the list of all
            // errors: the other paths are deleted.
            Err(error) => match error.body().and_then(last_list) {
                Some(list) if !list.errors.is_empty() => refusals.add(list),
                _ => refusals.others = Some(Arc::new(error)),
            },
        }
        // One that was not asked for stands for one that was, and nobody knows for which.
        let paths: HashSet<String> = paths.into_iter().collect();
        let stranger = refusals
            .named
            .iter()
            .find(|(path, _)| !paths.contains(*path));
        if let (Some((_, error)), None) = (stranger, &refusals.others) {
            refusals.others = Some(error.clone());
        }
        refusals
    }

    fn add(&mut self, list: ObjectErrorList) {
        for refused in list.errors {
            let error = Arc::new(of_path(&refused));
            match refused.path {
                Some(path) => {
                    self.named.insert(path, error);
                }
                None => self.others = Some(error),
            }
        }
    }

    fn outcome(&self, path: &str) -> Outcome {
        match self.named.get(path).or(self.others.as_ref()) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

/// The error that deleting the path alone would have given.
fn of_path(refused: &ObjectError) -> Error {
    let status = u16::try_from(refused.status_code).ok();
    let status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = serde_json::json!({ "message": refused.message }).to_string();
    classify::response(status, &HeaderMap::new(), &Bytes::from(message))
        .with_operation(Some(DeleteObjects::META))
}

fn last_list(body: &Bytes) -> Option<ObjectErrorList> {
    let documents = serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>();
    let lists = documents.map_while(Result::ok);
    let lists = lists.filter(|document| document.get("errors").is_some());
    lists
        .last()
        .and_then(|list| serde_json::from_value(list).ok())
}
