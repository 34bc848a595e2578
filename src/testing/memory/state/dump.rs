//! Writing all refs of a repository into the object store, and reading them back into a bare one.

use std::sync::Arc;

use super::commit::{Commit, CommitId};
use super::error::{Error, ErrorKind, Result};
use super::metaranges::{Metarange, value};
use super::proto::Message;
use super::repository::{Branch, Repository, Staging};

/// Dumped refs of one kind.
#[derive(Debug)]
pub(super) enum Refs {
    Commits(Vec<Arc<Commit>>),
    Branches(Vec<(String, CommitId)>),
    Tags(Vec<(String, CommitId)>),
}

/// A dump of a repository: a metarange for each kind of refs.
#[derive(Debug)]
pub(in super::super) struct Dump {
    pub(in super::super) commits: Metarange,
    pub(in super::super) branches: Metarange,
    pub(in super::super) tags: Metarange,
}

// ===== impl Repository =====

impl Repository {
    /// Dumps all refs. They are kept, so that the ids of the dump suffice to load them.
    pub(in super::super) fn dump_refs(&self) -> Dump {
        let named = |(name, commit): (&String, &CommitId)| (name.clone(), commit.clone());
        let heads = self
            .branches
            .iter()
            .map(|(name, branch)| (name, &branch.head));
        Dump {
            commits: self.dump(Refs::Commits(self.commits.values().cloned().collect())),
            branches: self.dump(Refs::Branches(heads.map(named).collect())),
            tags: self.dump(Refs::Tags(self.tags.iter().map(named).collect())),
        }
    }

    fn dump(&self, refs: Refs) -> Metarange {
        let metarange = refs.to_metarange();
        self.store.keep_dump(metarange.id(), refs);
        metarange
    }

    /// Whether refs may be restored: the default branch must not be there.
    pub(in super::super) fn check_bare(&self) -> Result<()> {
        match self.resolve(&self.default_branch) {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            _ => Err(Error::invalid("can only restore into a bare repository")),
        }
    }

    pub(in super::super) fn load_commits(&mut self, dump: &str, force: bool) -> Result<()> {
        match &*self.load(dump, force)? {
            Refs::Commits(commits) => {
                for commit in commits {
                    self.add((**commit).clone());
                }
                Ok(())
            }
            Refs::Branches(refs) | Refs::Tags(refs) if refs.is_empty() => Ok(()),
            // What the other kinds look like when they are read as commits.
            _ => Err(Error::new(
                ErrorKind::Internal,
                "dumps created by lakeFS versions before v0.61.0 are no longer supported: no commit generation",
            )),
        }
    }

    /// Branches come back without what was staged on them, and visible.
    pub(in super::super) fn load_branches(&mut self, dump: &str, force: bool) -> Result<()> {
        for (name, head) in self.load(dump, force)?.named()? {
            let branch = Branch {
                head: head.clone(),
                staging: Staging::new(),
                hidden: false,
            };
            self.branches.insert(name.clone(), branch);
        }
        Ok(())
    }

    pub(in super::super) fn load_tags(&mut self, dump: &str, force: bool) -> Result<()> {
        for (name, commit) in self.load(dump, force)?.named()? {
            if self.tags.contains_key(name) {
                let message = "tag already exists: not unique";
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            self.tags.insert(name.clone(), commit.clone());
        }
        Ok(())
    }

    fn load(&self, dump: &str, force: bool) -> Result<Arc<Refs>> {
        self.check_writable(force)?;
        self.store.dump(dump).ok_or_else(Error::gone)
    }

    /// A metarange of this repository's storage namespace, of objects or of dumped refs.
    pub(in super::super) fn metarange(&self, id: &str) -> Option<Metarange> {
        if id.is_empty() {
            return None;
        }
        let tree = self.store.tree(id);
        tree.map(|tree| Metarange::of_tree(&tree))
            .or_else(|| Some(self.store.dump(id)?.to_metarange()))
    }
}

// ===== impl Refs =====

impl Refs {
    fn named(&self) -> Result<&[(String, CommitId)]> {
        match self {
            Self::Branches(refs) | Self::Tags(refs) => Ok(refs),
            Self::Commits(commits) if commits.is_empty() => Ok(&[]),
            Self::Commits(_) => Err(Error::new(
                ErrorKind::Internal,
                "the dump holds commits, which are neither branches nor tags",
            )),
        }
    }

    fn to_metarange(&self) -> Metarange {
        let (entity, schema) = match self {
            Self::Commits(_) => ("commit", "io.treeverse.lakefs.graveler.CommitData"),
            Self::Branches(_) => ("branch", "io.treeverse.lakefs.graveler.BranchData"),
            Self::Tags(_) => ("tag", "io.treeverse.lakefs.graveler.TagData"),
        };
        let properties = [("entity", entity), ("schema_name", schema)];
        match self {
            Self::Commits(commits) => Metarange::of(
                commits.iter().map(|commit| {
                    let key = commit.id.as_str().as_bytes();
                    (key.to_vec(), value(key, &commit.to_message()))
                }),
                &properties,
            ),
            Self::Branches(refs) | Self::Tags(refs) => Metarange::of(
                refs.iter().map(|(name, commit)| {
                    let message = Message::default().text(1, name).text(2, commit.as_str());
                    let key = name.as_bytes();
                    (key.to_vec(), value(key, &message))
                }),
                &properties,
            ),
        }
    }
}

impl Commit {
    /// A commit as dumps hold it.
    fn to_message(&self) -> Message {
        const PARENTS: u8 = 7;
        let message = Message::default()
            .text(1, self.id.as_str())
            .text(2, &self.committer)
            .text(3, &self.message)
            .time(4, self.created)
            .text(5, &self.metarange_id)
            .map(6, &self.metadata);
        self.parents
            .iter()
            .fold(message, |message, parent| {
                message.text(PARENTS, parent.as_str())
            })
            .integer(8, self.version)
            .integer(9, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, put, repository};
    use super::*;

    fn bare(over: &Repository) -> Repository {
        let mut bare = repository().over(over.store.clone());
        bare.branches = Default::default();
        bare.commits = Default::default();
        bare
    }

    #[test]
    fn refs_come_back_as_they_were_without_what_was_staged() {
        let mut lake = repository();
        put(&mut lake, "main", "a", "a");
        assert!(commit(&mut lake, "main", "a").is_ok());
        assert!(lake.create_tag("v1", "main", false).is_ok());
        put(&mut lake, "main", "staged", "staged");
        let (dump, again) = (lake.dump_refs(), lake.dump_refs());
        assert_eq!(dump.commits.id(), again.commits.id());

        let mut copy = bare(&lake);
        assert_eq!(copy.check_bare(), Ok(()));
        assert_eq!(copy.load_commits(dump.commits.id(), false), Ok(()));
        assert_eq!(copy.load_branches(dump.branches.id(), false), Ok(()));
        assert_eq!(copy.load_tags(dump.tags.id(), false), Ok(()));

        assert!(copy.check_bare().is_err());
        assert_eq!(copy.head("main"), lake.head("main"));
        assert_eq!(copy.tag("v1"), lake.tag("v1"));
        assert!(copy.entry("main", b"a").is_ok());
        assert!(copy.entry("main", b"staged").is_err());
    }

    #[test]
    fn a_dump_is_loaded_only_as_what_it_is() {
        let lake = repository();
        let dump = lake.dump_refs();
        let mut copy = bare(&lake);
        let kind = |result: Result<()>| result.map_err(|error| error.kind);
        assert_eq!(kind(copy.load_commits("nope", false)), Err(ErrorKind::Gone));
        let branches = dump.branches.id();
        assert_eq!(
            kind(copy.load_commits(branches, false)),
            Err(ErrorKind::Internal)
        );
        let commits = dump.commits.id();
        assert_eq!(
            kind(copy.load_tags(commits, false)),
            Err(ErrorKind::Internal)
        );
        copy.read_only = true;
        assert_eq!(
            kind(copy.load_commits(commits, false)),
            Err(ErrorKind::Forbidden)
        );
        assert_eq!(copy.load_commits(commits, true), Ok(()));
    }
}
