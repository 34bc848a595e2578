//! Repositories that a server has from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use bytes::Bytes;

use super::accounts::ADMIN;
use super::handlers::DEFAULT_TYPE;
use super::server::{Handle, Server};
use super::state::{self, CommitParams, Entry, EntryData, RepositoryParams, names};
use super::{BlockStore, MemoryLakeFs, MemoryLakeFsBuilder};

/// What commits say that nobody asked for.
const MESSAGE: &str = "Preload";

/// What a repository of a [`MemoryLakeFs`] holds from the start, from [`MemoryLakeFsBuilder::repository`].
///
/// It is told in the order in which it would have happened, and what is put on a branch is committed: by
/// [`commit`](Self::commit), else with the message `Preload` before the next branch or tag is made, and in the end. For what
/// this does not tell (deletions, merges, metadata), use a client.
///
/// ```
/// use lakefs_sdk::{Client, testing::MemoryLakeFs};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> lakefs_sdk::Result<()> {
/// let lakefs = MemoryLakeFs::builder()
///     .repository("lake")
///     .object("main", "events/1.csv", "id,kind\n1,click\n")
///     .commit("main", "Add the first events")
///     .tag("v1", "main")
///     .branch("draft", "main")
///     .object("draft", "events/2.csv", "id,kind\n2,view\n")
///     .repository("models")
///     .object("main", "model.bin", vec![0; 64])
///     .build();
///
/// let client = Client::new(lakefs);
/// let changes = client.diff_refs("lake", "main", "draft").items().collect().await?;
/// assert_eq!(changes[0].path, "events/2.csv");
/// assert_eq!(client.get_commit("lake", "v1").await?.message, "Add the first events");
/// # Ok(()) }
/// ```
#[must_use = "a repository is there once the server is built"]
#[derive(Clone, Debug)]
pub struct MemoryRepositoryBuilder {
    lakefs: MemoryLakeFsBuilder,
    repository: Preload,
}

/// What was told of one repository.
#[derive(Clone, Debug)]
pub(super) struct Preload {
    name: String,
    storage_namespace: Option<String>,
    default_branch: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Object(Object),
    Uncommitted(Object),
    Branch { name: String, source: String },
    Tag { name: String, target: String },
    Commit { branch: String, message: String },
}

#[derive(Clone, Debug)]
struct Object {
    branch: String,
    path: String,
    content: Bytes,
}

// ===== impl MemoryLakeFsBuilder =====

impl MemoryLakeFsBuilder {
    /// Adds a repository, and goes on with what it holds. Default: none.
    ///
    /// Settings of the server come before it, or after [`and`](MemoryRepositoryBuilder::and).
    ///
    /// ```
    /// # use lakefs_sdk::testing::MemoryLakeFs;
    /// let lakefs = MemoryLakeFs::builder()
    ///     .seed(7)
    ///     .repository("lake")
    ///     .object("main", "a.csv", "1,2\n")
    ///     .build();
    /// # let _ = lakefs;
    /// ```
    pub fn repository(self, name: impl Into<String>) -> MemoryRepositoryBuilder {
        MemoryRepositoryBuilder {
            lakefs: self,
            repository: Preload {
                name: name.into(),
                storage_namespace: None,
                default_branch: "main".into(),
                steps: Vec::new(),
            },
        }
    }
}

// ===== impl MemoryRepositoryBuilder =====

impl MemoryRepositoryBuilder {
    /// Where its objects lie. Default: `s3://` with [`BlockStore::S3`], `local://` with [`BlockStore::Local`], else
    /// `mem://`, and the name of the repository.
    pub fn storage_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.repository.storage_namespace = Some(namespace.into());
        self
    }

    /// The branch that it begins with. Default: `main`.
    pub fn default_branch(mut self, name: impl Into<String>) -> Self {
        self.repository.default_branch = name.into();
        self
    }

    /// Puts an object on a branch, to be committed; a later one replaces an earlier one.
    pub fn object(
        self,
        branch: impl Into<String>,
        path: impl Into<String>,
        content: impl Into<Bytes>,
    ) -> Self {
        self.step(Step::Object(Object::new(branch, path, content)))
    }

    /// Puts an object on a branch, and leaves it uncommitted. It comes last, when all else is there.
    pub fn uncommitted_object(
        self,
        branch: impl Into<String>,
        path: impl Into<String>,
        content: impl Into<Bytes>,
    ) -> Self {
        self.step(Step::Uncommitted(Object::new(branch, path, content)))
    }

    /// Makes a branch of another one, of a tag, or of any other reference.
    pub fn branch(self, name: impl Into<String>, source: impl Into<String>) -> Self {
        self.step(Step::Branch {
            name: name.into(),
            source: source.into(),
        })
    }

    /// Tags a branch as it is by now, or any other reference.
    pub fn tag(self, name: impl Into<String>, target: impl Into<String>) -> Self {
        self.step(Step::Tag {
            name: name.into(),
            target: target.into(),
        })
    }

    /// Commits what was put on a branch, even where that is nothing.
    pub fn commit(self, branch: impl Into<String>, message: impl Into<String>) -> Self {
        self.step(Step::Commit {
            branch: branch.into(),
            message: message.into(),
        })
    }

    /// Adds another repository, and goes on with what that holds.
    pub fn repository(self, name: impl Into<String>) -> Self {
        self.and().repository(name)
    }

    /// Goes back to the settings of the server.
    pub fn and(mut self) -> MemoryLakeFsBuilder {
        self.lakefs.repositories.push(self.repository);
        self.lakefs
    }

    /// Makes the server: see [`MemoryLakeFsBuilder::build`].
    ///
    /// # Panics
    ///
    /// What a repository is to hold is impossible: a branch that is not there, a name that lakeFS does not take.
    #[must_use]
    pub fn build(self) -> MemoryLakeFs {
        self.and().build()
    }

    fn step(mut self, step: Step) -> Self {
        self.repository.steps.push(step);
        self
    }
}

impl Object {
    fn new(branch: impl Into<String>, path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self {
            branch: branch.into(),
            path: path.into(),
            content: content.into(),
        }
    }
}

// ===== impl Preload =====

impl Preload {
    /// Makes the repository.
    #[expect(
        clippy::panic,
        reason = "a test whose premises are impossible cannot go on"
    )]
    pub(super) fn load(self, server: &Server) {
        let name = self.name.clone();
        if let Err(why) = self.try_load(server) {
            panic!("the repository {name:?} cannot be preloaded: {why}");
        }
    }

    fn try_load(self, server: &Server) -> Result<(), String> {
        let scheme = match server.block_store {
            BlockStore::S3 => "s3",
            BlockStore::Local => "local",
            BlockStore::Any => "mem",
        };
        let name = &self.name;
        let namespace = self
            .storage_namespace
            .unwrap_or_else(|| format!("{scheme}://{name}"));
        names::repository("repository", name).map_err(because("its name"))?;
        names::branch("branch", &self.default_branch).map_err(because("its default branch"))?;
        if !server.block_store.accepts(&namespace) {
            let pattern = server.block_store.namespace_pattern();
            return Err(format!(
                "its namespace {namespace} does not match {pattern}"
            ));
        }
        if !server.storage.occupy(&namespace) {
            return Err(format!("its namespace {namespace} is taken"));
        }
        let repository = server.add_repository(RepositoryParams {
            name: name.clone(),
            storage_namespace: namespace.clone(),
            default_branch: self.default_branch,
            created: server.now(),
            read_only: false,
            bare: false,
        });
        let repository = repository.ok_or("there is one already")?;
        let loading = Loading {
            server,
            repository,
            namespace,
        };
        let mut last = Vec::new();
        let mut dirty = BTreeSet::new();
        for step in self.steps {
            match step {
                Step::Object(object) => {
                    dirty.insert(object.branch.clone());
                    loading.put(object)?;
                }
                Step::Uncommitted(object) => last.push(object),
                Step::Branch { name, source } => {
                    loading.commit_all(&mut dirty)?;
                    loading.branch(&name, &source)?;
                }
                Step::Tag { name, target } => {
                    loading.commit_all(&mut dirty)?;
                    loading.tag(&name, &target)?;
                }
                Step::Commit { branch, message } => {
                    dirty.remove(&branch);
                    loading.commit(&branch, &message)?;
                }
            }
        }
        loading.commit_all(&mut dirty)?;
        last.into_iter().try_for_each(|object| loading.put(object))
    }
}

/// A repository that is being filled.
struct Loading<'a> {
    server: &'a Server,
    repository: Handle,
    namespace: String,
}

impl Loading<'_> {
    fn put(&self, object: Object) -> Result<(), String> {
        let Object {
            branch,
            path,
            content,
        } = object;
        let doing = because(format!("putting {path:?} on the branch {branch:?}"));
        let (server, place) = (self.server, path.as_bytes());
        let address = server.ids.address();
        let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let checksum = server.storage.put(&self.namespace, &address, content);
        let entry = Entry::new(EntryData {
            checksum,
            size,
            address,
            modified: server.now(),
            content_type: DEFAULT_TYPE.into(),
            metadata: BTreeMap::new(),
        });
        let put = names::path("path", place).and_then(|()| {
            let put = |repository: &mut state::Repository| {
                repository.put(&branch, place.into(), entry, false, false)
            };
            self.repository.write(put)
        });
        put.map_err(doing)
    }

    fn branch(&self, name: &str, source: &str) -> Result<(), String> {
        let made = names::branch("branch", name).and_then(|()| {
            self.repository
                .write(|repository| repository.create_branch(name, source, false, false))
        });
        made.map(drop)
            .map_err(because(format!("making the branch {name:?} of {source:?}")))
    }

    fn tag(&self, name: &str, target: &str) -> Result<(), String> {
        let made = names::tag("tag", name).and_then(|()| {
            self.repository
                .write(|repository| repository.create_tag(name, target, false))
        });
        made.map(drop)
            .map_err(because(format!("tagging {target:?} as {name:?}")))
    }

    fn commit(&self, branch: &str, message: &str) -> Result<(), String> {
        let params = CommitParams {
            committer: ADMIN.into(),
            message: message.to_owned(),
            metadata: BTreeMap::new(),
            created: self.server.now(),
            allow_empty: true,
            force: false,
        };
        let commit = |repository: &mut state::Repository| {
            repository.commit_staged(branch, params, || self.server.ids.short())
        };
        let made = self.repository.write(commit);
        made.map(drop)
            .map_err(because(format!("committing the branch {branch:?}")))
    }

    fn commit_all(&self, dirty: &mut BTreeSet<String>) -> Result<(), String> {
        std::mem::take(dirty)
            .into_iter()
            .try_for_each(|branch| self.commit(&branch, MESSAGE))
    }
}

fn because(doing: impl Display) -> impl FnOnce(state::Error) -> String {
    move |error| format!("{doing}: {}", error.message)
}
