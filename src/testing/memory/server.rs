//! What all handlers share: the repositories, the object store, the accounts, and the seams for time and chance.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;

use super::BlockStore;
use super::accounts::{Accounts, Plan};
use super::error::Failure;
use super::handlers::Imports;
use super::hooks::{ActionsCache, Hooks};
use super::ids::Ids;
use super::object_store::Signer;
use super::state::{self, MetadataStore, Repository, RepositoryParams, names};
use super::storage::Storage;

/// Tells the time.
pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A server without its HTTP.
pub(super) struct Server {
    repositories: RwLock<BTreeMap<String, Arc<Mutex<Repository>>>>,
    pub(super) storage: Storage,
    stores: Mutex<HashMap<String, MetadataStore>>,
    pub(super) accounts: Accounts,
    pub(super) ids: Ids,
    pub(super) block_store: BlockStore,
    pub(super) hooks: Hooks,
    pub(super) actions: ActionsCache,
    pub(super) imports: Imports,
    /// Whether URLs of the object store are handed out.
    pub(super) presigns: bool,
    /// The directories outside of a local block store that it may reach.
    pub(super) outside: Vec<String>,
    /// What URLs of the object store and addresses for uploads are signed with.
    pub(super) signer: Signer,
    pub(super) import_support: bool,
    /// Which server this is, in reports of how much it is used.
    pub(super) installation: String,
    requests: AtomicU64,
    clock: Clock,
}

/// What a server is made from.
pub(super) struct Settings {
    pub(super) clock: Clock,
    pub(super) ids: Ids,
    pub(super) accounts: Plan,
    pub(super) block_store: BlockStore,
    pub(super) presigns: bool,
    pub(super) outside: Vec<String>,
    pub(super) import_support: bool,
    pub(super) hooks: Hooks,
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
    pub(super) fn new(settings: Settings) -> Self {
        let Settings {
            clock, ids, hooks, ..
        } = settings;
        let now = clock();
        Self {
            repositories: RwLock::default(),
            storage: Storage::new(clock.clone()),
            stores: Mutex::default(),
            accounts: Accounts::new(settings.accounts, ids.secret(), now),
            installation: ids.uuid(),
            signer: Signer::new(&ids.secret()),
            presigns: settings.presigns,
            outside: settings.outside,
            actions: hooks.cache(),
            hooks,
            imports: Imports::default(),
            ids,
            block_store: settings.block_store,
            import_support: settings.import_support,
            requests: AtomicU64::new(0),
            clock,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Counts a request.
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests of the API there were.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
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
        let store = self.metadata_store(&params.storage_namespace);
        let repository = Arc::new(Mutex::new(Repository::new(params).over(store)));
        repositories.insert(name, repository.clone());
        Some(Handle(repository))
    }

    /// What a storage namespace holds beside objects; it outlives the repositories over it.
    fn metadata_store(&self, namespace: &str) -> MetadataStore {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let namespace = namespace.trim_end_matches('/').to_owned();
        stores.entry(namespace).or_default().clone()
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
