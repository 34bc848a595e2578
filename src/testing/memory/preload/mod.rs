//! Repositories that a server has from the start.

mod load;

use bytes::Bytes;

use super::{MemoryLakeFs, MemoryLakeFsBuilder};

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
    /// Where its objects lie. Default: the name of the repository behind `s3://` with
    /// [`BlockStore::S3`](super::BlockStore::S3), behind `local://` with [`BlockStore::Local`](super::BlockStore::Local), else
    /// behind `mem://`.
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
