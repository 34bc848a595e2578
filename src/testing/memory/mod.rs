//! A lakeFS in memory.

mod accounts;
mod contract;
mod error;
mod handlers;
mod hooks;
mod ids;
mod object_store;
mod permissions;
mod reply;
mod request;
mod serve;
mod server;
mod service;
mod signing;
mod state;
mod storage;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

pub use accounts::{AccessControl, MemoryUser};
pub use hooks::{HookCall, HookEvent, HookKind, HookOutcome};
pub use serve::ServedLakeFs;
pub use storage::multipart::PendingUpload;

use accounts::Plan;
use hooks::Hooks;
use ids::Ids;
use server::{Clock, Server, Settings};

/// A lakeFS in memory: a service for tests, examples, and for trying things out.
///
/// It keeps state as a real server does (repositories, branches, commits, staged changes, merges with their conflicts)
/// and answers with the real server's statuses, headers and messages: its truth is recorded traffic. It is a tower
/// `Service`, so it is the transport of a client without a socket, or serves others over TCP with
/// [`serve`](Self::serve). Copies share one state.
///
/// Everybody may do everything, until the builder is given [access keys](MemoryLakeFsBuilder::access_key) and an
/// [`AccessControl`]: then each operation needs the permissions that it needs on a real server.
///
/// It carries out every operation of the API; those that are not part of the open-source server answer 501, as there.
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
    accounts: Plan,
    block_store: BlockStore,
    presign: bool,
    outside: Vec<String>,
    objects: Vec<(String, Bytes)>,
    import_support: bool,
    seed: Option<u64>,
    clock: Clock,
    hooks: Hooks,
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
    /// Amazon S3: storage namespaces must begin with `s3://`. The only one that hands out presigned URLs.
    S3,
}

/// The operation that a request is of by its method and path, and the values of its path's variables.
pub(super) fn recognize(
    method: &http::Method,
    path: &str,
) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let route = contract::route(method, path.strip_prefix("/api/v1")?)?;
    Some((route.operation.id, route.variables))
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
            accounts: Plan::default(),
            block_store: BlockStore::default(),
            presign: true,
            outside: Vec::new(),
            objects: Vec::new(),
            import_support: true,
            seed: None,
            clock: Arc::new(Timestamp::now),
            hooks: Hooks::default(),
        }
    }
}

/// The object store below the server.
impl MemoryLakeFs {
    /// The presigned multipart uploads that were begun, and neither completed nor aborted.
    ///
    /// A program that cleans up after itself leaves none:
    ///
    /// ```
    /// # use lakefs_sdk::testing::MemoryLakeFs;
    /// # let lakefs = MemoryLakeFs::new();
    /// assert_eq!(lakefs.pending_uploads(), []);
    /// ```
    #[must_use]
    pub fn pending_uploads(&self) -> Vec<PendingUpload> {
        self.server.storage.pending_uploads()
    }

    /// Removes an object from the object store, behind the back of lakeFS, which goes on to list it but cannot read it:
    /// 410. Answers whether there was one.
    ///
    /// The address is that of an object's stats, such as `s3://bucket/prefix/data/…`; of an
    /// [`external_object`](MemoryLakeFsBuilder::external_object) it is the one it was given.
    pub fn lose_object(&self, physical_address: &str) -> bool {
        let location = storage::address::location("", physical_address);
        self.server.storage.remove(&location)
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
        self.accounts.keys.push((id.into(), secret.into()));
        self
    }

    /// Who may do what, as soon as there is an access key. Default: [`AccessControl::None`].
    pub fn access_control(mut self, access: AccessControl) -> Self {
        self.accounts.access = access;
        self
    }

    /// Adds a user beside the admin. With an access key of its own, credentials are enforced as by
    /// [`access_key`](Self::access_key).
    ///
    /// What it may do counts with an [access control](Self::access_control) other than `None`.
    pub fn user(mut self, user: MemoryUser) -> Self {
        self.accounts.users.push(user);
        self
    }

    /// Makes a server that nobody has set up yet: it has no user, whatever else is given here, and refuses everything
    /// until the operation `setup` has made one.
    pub fn unset_up(mut self) -> Self {
        self.accounts.unset_up = true;
        self
    }

    /// An authorization code of single sign-on, and the name of the user that `stsLogin` makes a token for when it is
    /// given the code.
    ///
    /// Single sign-on is part of the access controls with policies only; others answer 501.
    pub fn sts_code(mut self, code: impl Into<String>, user: impl Into<String>) -> Self {
        self.accounts.sts_codes.push((code.into(), user.into()));
        self
    }

    /// Whether the server says in its configuration that it can import. Default: yes.
    pub fn import_support(mut self, supported: bool) -> Self {
        self.import_support = supported;
        self
    }

    /// The object store to pretend. Default: [`BlockStore::Any`].
    pub fn block_store(mut self, store: BlockStore) -> Self {
        self.block_store = store;
        self
    }

    /// Whether [`BlockStore::S3`] hands out presigned URLs, to read, to write, and to upload in parts. Default: yes.
    ///
    /// They are signed as S3's are, work for 15 minutes of the [`clock`](Self::clock), and are answered by the same
    /// service: requests for the host `mem-object-store.invalid` go to the object store. Over TCP it has a port of its
    /// own, see [`ServedLakeFs::object_store_url`].
    pub fn presign(mut self, presign: bool) -> Self {
        self.presign = presign;
        self
    }

    /// Lets a [`BlockStore::Local`] reach a directory outside of its own, for imports and for objects that are staged
    /// by their address. Default: none, as with lakeFS.
    pub fn external_directory(mut self, path: impl Into<String>) -> Self {
        self.outside.push(path.into());
        self
    }

    /// Puts an object into the object store beside all repositories: something to import, or to stage by its address,
    /// such as `s3://bucket/key` or `local:///directory/file`.
    ///
    /// An import takes no time: it is carried out before the next request to its repository is answered, unless that
    /// one cancels it.
    pub fn external_object(
        mut self,
        physical_address: impl Into<String>,
        content: impl Into<Bytes>,
    ) -> Self {
        self.objects.push((physical_address.into(), content.into()));
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

    /// Makes the server.
    #[must_use]
    pub fn build(self) -> MemoryLakeFs {
        let server = Server::new(Settings {
            clock: self.clock,
            ids: Ids::new(self.seed),
            accounts: self.accounts,
            block_store: self.block_store,
            presigns: self.presign && self.block_store == BlockStore::S3,
            outside: self.outside,
            import_support: self.import_support,
            hooks: self.hooks,
        });
        for (address, content) in self.objects {
            server.storage.put("", address, content);
        }
        MemoryLakeFs {
            server: Arc::new(server),
        }
    }
}

impl std::fmt::Debug for MemoryLakeFsBuilder {
    /// Leaves out the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLakeFsBuilder")
            .field("accounts", &self.accounts)
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
            Self::S3 => "s3",
        }
    }

    /// The regular expression that storage namespaces must match.
    fn namespace_pattern(self) -> &'static str {
        match self {
            Self::Any => "^(s3|gs|https?|mem|local|transient)://",
            Self::Local => "^local://",
            Self::S3 => "^s3://",
        }
    }

    /// Whether a namespace matches the pattern; that it names a known scheme was checked before.
    fn accepts(self, namespace: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Local => namespace.starts_with("local://"),
            Self::S3 => namespace.starts_with("s3://"),
        }
    }
}
