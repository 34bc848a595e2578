//! Making a repository of what was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::{Object, Preload, Step};
use crate::testing::BlockStore;
use crate::testing::memory::accounts::ADMIN;
use crate::testing::memory::handlers::DEFAULT_TYPE;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{
    self, CommitParams, Entry, EntryData, RepositoryParams, names,
};

/// What commits say that nobody asked for.
const MESSAGE: &str = "Preload";

impl Preload {
    /// Makes the repository.
    #[expect(
        clippy::panic,
        reason = "a test whose premises are impossible cannot go on"
    )]
    pub(in super::super) fn load(self, server: &Server) {
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
