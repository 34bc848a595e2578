//! Where actions come from: files of a repository, as a reference sees them or as they are remembered.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;

use super::abort::Abort;
use super::action::Action;
use crate::testing::memory::error::Failure;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{Listed, Repository, Window};
use crate::testing::memory::storage::address::location;

/// The directory of the action files.
const ACTIONS: &str = "_lakefs_actions/";

/// The real server remembers so many lists and files, and forgets others for them.
const CAPACITY: usize = 100;

/// The paths of action files.
type Names = Vec<Vec<u8>>;

/// Remembers action files for a while, by repository and reference.
#[derive(Debug)]
pub(in super::super) struct ActionsCache {
    memory: Duration,
    lists: Mutex<HashMap<String, (Timestamp, Names)>>,
    files: Mutex<HashMap<String, (Timestamp, Bytes)>>,
}

impl ActionsCache {
    pub(super) fn new(memory: Duration) -> Self {
        Self {
            memory,
            lists: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// What is remembered under a key, or what is found now. Failures are not remembered.
    fn get_or<T: Clone>(
        &self,
        known: &Mutex<HashMap<String, (Timestamp, T)>>,
        key: String,
        now: Timestamp,
        find: impl FnOnce() -> Result<T, Abort>,
    ) -> Result<T, Abort> {
        if self.memory.is_zero() {
            return find();
        }
        let is_fresh = |since: Timestamp| {
            let age = Duration::try_from(now.duration_since(since));
            age.is_ok_and(|age| age < self.memory)
        };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = known.get(&key).filter(|(since, _)| is_fresh(*since)) {
            return Ok(value.clone());
        }
        let found = find()?;
        if known.len() >= CAPACITY {
            known.retain(|_, (since, _)| is_fresh(*since));
        }
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(key, (now, found.clone()));
        Ok(found)
    }
}

/// Whether a reference sees action files at all: most do not, and that costs one look.
pub(super) fn has_actions(server: &Server, repository: &Repository, reference: &str) -> bool {
    if server.actions.memory.is_zero() {
        return list_page(repository, reference, b"", 1).is_ok_and(|(names, _)| !names.is_empty());
    }
    list(server, repository, reference).is_ok_and(|names| !names.is_empty())
}

/// All actions that a reference sees.
pub(super) fn load(
    server: &Server,
    repository: &Repository,
    reference: &str,
) -> Result<Vec<Action>, Abort> {
    let mut actions: Vec<Action> = Vec::new();
    let mut broken = Vec::new();
    for name in list(server, repository, reference)? {
        match read(server, repository, reference, &name) {
            Ok(action) => actions.push(action),
            Err(abort) => broken.push(abort),
        }
    }
    if !broken.is_empty() {
        return Err(Abort::join(&broken));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = actions.iter().find(|action| !names.insert(&action.name)) {
        let name = &twice.name;
        let message = format!("action name '{name}' already loaded: invalid action");
        return Err(Abort::internal(message));
    }
    Ok(actions)
}

fn list(server: &Server, repository: &Repository, reference: &str) -> Result<Names, Abort> {
    let key = format!("{}:{reference}", repository.name);
    let cache = &server.actions;
    cache.get_or(&cache.lists, key, server.now(), || {
        let mut names: Names = Vec::new();
        loop {
            let after = names.last().map_or(&b""[..], Vec::as_slice);
            let (page, has_more) = list_page(repository, reference, after, 1000)?;
            names.extend(page);
            if !has_more {
                return Ok(names);
            }
        }
    })
}

fn list_page(
    repository: &Repository,
    reference: &str,
    after: &[u8],
    amount: usize,
) -> Result<(Names, bool), Abort> {
    let window = Window {
        prefix: ACTIONS.as_bytes(),
        after,
        delimiter: b"/",
        amount,
    };
    let page = repository
        .list_objects(reference, &window)
        .map_err(|error| {
            let doing = "list actions from commit: listing actions";
            let failure = Failure::from(error.context(doing));
            Abort::new(failure.status(), failure.message())
        })?;
    let names = page.items.into_iter().map(|listed| match listed {
        Listed::Object(path, _) => path.to_vec(),
        Listed::CommonPrefix(prefix) => prefix,
    });
    Ok((names.collect(), page.has_more))
}

/// A directory among the action files counts as one that is missing, as on the real server.
fn read(
    server: &Server,
    repository: &Repository,
    reference: &str,
    path: &[u8],
) -> Result<Action, Abort> {
    let name = String::from_utf8_lossy(path);
    let key = format!("{}:{reference}:{name}", repository.name);
    let cache = &server.actions;
    let bytes = cache.get_or(&cache.files, key, server.now(), || {
        let entry = repository.entry(reference, path).map_err(|error| {
            let why = error.message;
            let message = format!("loading file {name}: get action file metadata {name}: {why}");
            Abort::new(StatusCode::NOT_FOUND, message)
        })?;
        server
            .storage
            .find(&location(&repository.storage_namespace, &entry.address))
            .map(|stored| stored.bytes)
            .ok_or_else(|| Abort::new(StatusCode::GONE, "No data"))
    })?;
    Action::parse(&bytes).map_err(|why| Abort::internal(format!("parsing file {name}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_forgotten_in_time() {
        let cache = ActionsCache::new(Duration::from_secs(5));
        let find = |at: i64, found: &[u8]| {
            let now = Timestamp::from_second(at).unwrap();
            let found = vec![found.to_vec()];
            let names = cache.get_or(&cache.lists, "lake:main".into(), now, || Ok(found));
            names.map(|names| names[0].clone()).unwrap()
        };
        assert_eq!(find(10, b"a"), b"a");
        assert_eq!(find(14, b"b"), b"a");
        assert_eq!(find(15, b"c"), b"c");
        let many = (0..300).map(|number| {
            let now = Timestamp::UNIX_EPOCH;
            cache.get_or(&cache.lists, format!("lake:{number}"), now, || {
                Ok(Vec::new())
            })
        });
        assert!(many.into_iter().all(|names| names.is_ok()));
        assert!(cache.lists.lock().unwrap().len() <= CAPACITY);
    }
}
