//! What all handlers share: the repositories, the object store, the accounts, and the seams for time and chance.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use jiff::Timestamp;

use super::BlockStore;
use super::accounts::Accounts;
use super::error::Failure;
use super::external::External;
use super::handlers::Imports;
use super::hooks::{ActionsCache, Hooks};
use super::ids::Ids;
use super::state::{self, Repository, RepositoryParams, names};
use super::storage::Storage;

/// Tells the time.
pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A server without its HTTP.
pub(super) struct Server {
    repositories: RwLock<BTreeMap<String, Arc<Mutex<Repository>>>>,
    pub(super) storage: Storage,
    pub(super) accounts: Accounts,
    pub(super) ids: Ids,
    pub(super) block_store: BlockStore,
    pub(super) started: Timestamp,
    pub(super) hooks: Hooks,
    pub(super) actions: ActionsCache,
    pub(super) external: External,
    pub(super) imports: Imports,
    clock: Clock,
}

/// A repository that was found; hands out copies to read and takes changes one at a time.
pub(super) struct Handle(Arc<Mutex<Repository>>);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repositories = self
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Server")
            .field("repositories", &repositories.keys())
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl Server {
    pub(super) fn new(
        clock: Clock,
        ids: Ids,
        keys: Vec<(String, String)>,
        block_store: BlockStore,
        hooks: Hooks,
        external: BTreeMap<String, Bytes>,
    ) -> Self {
        let storage = Storage::default();
        Self {
            repositories: RwLock::default(),
            actions: hooks.cache(),
            hooks,
            external: External::new(external, &storage),
            imports: Imports::default(),
            storage,
            accounts: Accounts::new(keys, ids.secret()),
            ids,
            block_store,
            started: clock(),
            clock,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A repository by name; a name that none can have is refused first.
    pub(super) fn repository(&self, name: &str) -> Result<Handle, Failure> {
        self.repository_named("repository", name)
    }

    /// Some operations call the argument otherwise.
    pub(super) fn repository_named(&self, argument: &str, name: &str) -> Result<Handle, Failure> {
        names::repository(argument, name)?;
        let repositories = self
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let found = repositories.get(name).cloned();
        found
            .map(Handle)
            .ok_or_else(|| Failure::not_found("repository not found"))
    }

    /// Adds a repository; `None` when the name is taken.
    pub(super) fn add_repository(&self, params: RepositoryParams) -> Option<Handle> {
        let mut repositories = self
            .repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if repositories.contains_key(&params.name) {
            return None;
        }
        let name = params.name.clone();
        let repository = Arc::new(Mutex::new(Repository::new(params)));
        repositories.insert(name, repository.clone());
        Some(Handle(repository))
    }

    pub(super) fn remove_repository(&self, name: &str, force: bool) -> Result<(), Failure> {
        let handle = self.repository(name)?;
        handle.read().check_writable(force)?;
        self.repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        Ok(())
    }

    /// All repositories, by name.
    pub(super) fn repositories(&self) -> Vec<Repository> {
        let repositories = self
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let handles: Vec<Handle> = repositories.values().cloned().map(Handle).collect();
        drop(repositories);
        handles.iter().map(Handle::read).collect()
    }
}

impl Handle {
    /// A copy, which stays as it is while others write.
    pub(super) fn read(&self) -> Repository {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the repository; when the change fails, nothing has changed.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Repository) -> state::Result<T>,
    ) -> state::Result<T> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = current.clone();
        let result = change(&mut changed)?;
        *current = changed;
        Ok(result)
    }
}
