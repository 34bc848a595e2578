//! A lakeFS in memory.

mod accounts;
mod contract;
mod error;
mod external;
mod handlers;
mod hooks;
mod ids;
mod reply;
mod request;
mod serve;
mod server;
mod service;
mod state;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

pub use hooks::{HookCall, HookEvent, HookKind, HookOutcome};
pub use serve::ServedLakeFs;

use hooks::Hooks;
use ids::Ids;
use server::{Clock, Server};

/// A lakeFS in memory: a service for tests, examples, and for trying things out.
///
/// It keeps state as a real server does (repositories, branches, commits, staged changes, merges with their conflicts)
/// and answers with the real server's statuses, headers and messages: its truth is recorded traffic. It is a tower
/// `Service`, so it is the transport of a client without a socket, or serves others over TCP with
/// [`serve`](Self::serve). Copies share one state.
///
/// What it does not carry out yet it refuses with 501 and a message that says so.
///
/// ```
/// use lakefs_sdk::{Body, testing::MemoryLakeFs};
/// use tower::ServiceExt as _;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let lakefs = MemoryLakeFs::new();
/// let create = http::Request::post("/api/v1/repositories")
///     .header("content-type", "application/json")
///     .body(Body::from(r#"{"name":"lake","storage_namespace":"mem://lake"}"#))?;
/// assert_eq!(lakefs.clone().oneshot(create).await?.status(), 201);
///
/// let get = http::Request::get("/api/v1/repositories/lake/branches/main").body(Body::empty())?;
/// assert_eq!(lakefs.oneshot(get).await?.status(), 200);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryLakeFs {
    server: Arc<Server>,
}

/// Sets up a [`MemoryLakeFs`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct MemoryLakeFsBuilder {
    keys: Vec<(String, String)>,
    block_store: BlockStore,
    seed: Option<u64>,
    clock: Clock,
    hooks: Hooks,
    external: BTreeMap<String, Bytes>,
}

/// The kind of object store that a [`MemoryLakeFs`] pretends to keep its objects in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockStore {
    /// None in particular: storage namespaces of all kinds are accepted.
    #[default]
    Any,
    /// A directory, as lakeFS's quickstart has it: storage namespaces must begin with `local://`.
    Local,
}

// ===== impl MemoryLakeFs =====

impl MemoryLakeFs {
    /// An empty lakeFS that lets everybody in.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets up something else than [`new`](Self::new) does.
    pub fn builder() -> MemoryLakeFsBuilder {
        MemoryLakeFsBuilder {
            keys: Vec::new(),
            block_store: BlockStore::default(),
            seed: None,
            clock: Arc::new(Timestamp::now),
            hooks: Hooks::default(),
            external: BTreeMap::new(),
        }
    }
}

impl Default for MemoryLakeFs {
    fn default() -> Self {
        Self::new()
    }
}

// ===== impl MemoryLakeFsBuilder =====

impl MemoryLakeFsBuilder {
    /// Adds an access key of the admin.
    ///
    /// With one key or more, credentials are enforced: requests without any, or with others, are refused with 401 as a
    /// real server does. Default: any or no credentials are accepted.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.keys.push((id.into(), secret.into()));
        self
    }

    /// The object store to pretend. Default: [`BlockStore::Any`].
    pub fn block_store(mut self, store: BlockStore) -> Self {
        self.block_store = store;
        self
    }

    /// Makes generated ids (physical addresses, runs, request ids) repeat from run to run. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Tells the time of commits, uploads and tokens. Default: the system's clock.
    ///
    /// With a fixed clock, equal commits get equal ids.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Answers the hooks of the actions in `_lakefs_actions/`.
    ///
    /// Action files are read, checked and matched as a real server does it, and runs are recorded; what a webhook, a
    /// DAG or a Lua script would do is up to this closure. It is called before its operation (`pre-…`) or after it
    /// (`post-…`, also before the answer), on the thread that answers the request. It may use a client of the same
    /// [`MemoryLakeFs`]: such a call waits for nothing, so that `FutureExt::now_or_never` is enough. When what it was
    /// asked about changes meanwhile, it is asked again. Default: every hook passes, and the output of its run says
    /// that nothing was run.
    ///
    /// ```
    /// use lakefs_sdk::testing::{HookEvent, HookOutcome, MemoryLakeFs};
    ///
    /// let lakefs = MemoryLakeFs::builder()
    ///     .hooks(|call| match call.event {
    ///         HookEvent::PreMerge if call.branch == "main" => HookOutcome::fail("main is frozen"),
    ///         _ => HookOutcome::pass(),
    ///     })
    ///     .build();
    /// # let _ = lakefs;
    /// ```
    pub fn hooks(
        mut self,
        answer: impl Fn(&HookCall) -> HookOutcome + Send + Sync + 'static,
    ) -> Self {
        self.hooks.answer_with(answer);
        self
    }

    /// How long action files are remembered, by the reference that they were read from. Default: zero, not at all.
    ///
    /// A real server remembers them for 5 to 7.5 s: a hook that was just added, changed or deleted may not yet run, run
    /// as it was, or still run. Set this to test against that.
    pub fn actions_cache(mut self, memory: Duration) -> Self {
        self.hooks.remember_for(memory);
        self
    }

    /// Adds an object outside of all repositories, by its whole address (`s3://bucket/key`), for imports to bring in.
    ///
    /// With [`BlockStore::Local`] the address is a file's (`local:///srv/data/a.csv`), and imports may read below the
    /// first directory of such files only: elsewhere they are forbidden, as outside of the directories that a real
    /// server allows.
    ///
    /// An import takes no time: it is carried out before the next request to its repository is answered, unless that
    /// one cancels it.
    pub fn external_object(mut self, address: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.external.insert(address.into(), bytes.into());
        self
    }

    /// Makes the server.
    #[must_use]
    pub fn build(self) -> MemoryLakeFs {
        let server = Server::new(
            self.clock,
            Ids::new(self.seed),
            self.keys,
            self.block_store,
            self.hooks,
            self.external,
        );
        MemoryLakeFs {
            server: Arc::new(server),
        }
    }
}

impl std::fmt::Debug for MemoryLakeFsBuilder {
    /// Leaves out the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|(id, _)| id.as_str()).collect();
        f.debug_struct("MemoryLakeFsBuilder")
            .field("access_key_ids", &ids)
            .field("block_store", &self.block_store)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

// ===== impl BlockStore =====

impl BlockStore {
    fn name(self) -> &'static str {
        match self {
            Self::Any => "mem",
            Self::Local => "local",
        }
    }

    /// The regular expression that storage namespaces must match.
    fn namespace_pattern(self) -> &'static str {
        match self {
            Self::Any => "^(s3|gs|https?|mem|local|transient)://",
            Self::Local => "^local://",
        }
    }

    /// Whether a namespace matches the pattern; that it names a known scheme was checked before.
    fn accepts(self, namespace: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Local => namespace.starts_with("local://"),
        }
    }
}
