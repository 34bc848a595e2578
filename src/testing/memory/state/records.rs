//! Commits that are not made from what is staged: from a metarange, or as they were made elsewhere.

use std::sync::Arc;

use super::commit::{Commit, CommitContent, CommitId};
use super::commits::CommitParams;
use super::error::{Error, ErrorKind, Result};
use super::repository::Repository;
use super::tree::Tree;

/// A commit as it was made elsewhere.
#[derive(Clone, Debug)]
pub(in super::super) struct CommitRecord {
    pub(in super::super) id: String,
    pub(in super::super) parents: Vec<String>,
    pub(in super::super) metarange_id: String,
    pub(in super::super) generation: i64,
    pub(in super::super) version: i64,
    pub(in super::super) params: CommitParams,
}

impl Repository {
    /// Commits the objects of a metarange onto a branch that has nothing staged.
    ///
    /// As in the real server nobody looks whether the metarange is there, until the commit is read.
    pub(in super::super) fn commit_metarange(
        &mut self,
        branch: &str,
        metarange_id: &str,
        params: CommitParams,
        run_id: impl FnOnce() -> String,
    ) -> Result<Arc<Commit>> {
        self.check_committable(branch, params.force)?;
        self.look_for_hooks(branch, run_id)?;
        let target = self.branch(branch)?;
        if self.branch_view(target)?.is_dirty() {
            return Err(Error::invalid(
                "cannot use source MetaRange on a branch with uncommitted changes",
            ));
        }
        let parent = self.commit(target.head.as_str())?;
        let content = content(
            vec![parent.id.clone()],
            metarange_id,
            parent.generation + 1,
            params,
        );
        let commit = self.commit_of(content);
        let commit = self.add(commit);
        self.advance(branch, &commit)?;
        Ok(commit)
    }

    /// Adds a commit under the id it has, which must follow from its content. Its parents need not be there.
    pub(in super::super) fn add_commit_record(&mut self, record: CommitRecord) -> Result<()> {
        self.check_writable(record.params.force)?;
        let parents = record.parents.iter().map(|id| CommitId::from(id.as_str()));
        let content = content(
            parents.collect(),
            &record.metarange_id,
            record.generation,
            record.params,
        );
        let commit = Commit {
            version: record.version,
            ..self.commit_of(content)
        };
        if commit.id.as_str() != record.id {
            return Err(Error::invalid("commit id: invalid value: validation error"));
        }
        if self.commits.contains_key(&commit.id) {
            let message = "commit already exists: not unique";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.add(commit);
        Ok(())
    }

    /// A commit of the objects that the object store has for its metarange.
    fn commit_of(&self, content: CommitContent) -> Commit {
        let tree = self.store.tree(&content.metarange_id);
        Commit {
            tree,
            ..content.seal()
        }
    }
}

fn content(
    parents: Vec<CommitId>,
    metarange_id: &str,
    generation: i64,
    params: CommitParams,
) -> CommitContent {
    CommitContent {
        parents,
        committer: params.committer,
        message: params.message,
        created: params.created,
        metadata: params.metadata,
        metarange_id: metarange_id.to_owned(),
        generation,
        tree: Tree::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, put, repository};
    use super::*;

    fn params(message: &str) -> CommitParams {
        CommitParams {
            committer: "admin".into(),
            message: message.into(),
            metadata: Default::default(),
            created: jiff::Timestamp::UNIX_EPOCH,
            allow_empty: true,
            force: false,
        }
    }

    /// As on a real server: a mistaken id is noticed by whoever reads, and a hard reset repairs the branch.
    #[test]
    fn a_metarange_that_is_not_there_breaks_reading_but_not_writing() {
        let mut lake = repository();
        put(&mut lake, "main", "a", "a");
        assert!(commit(&mut lake, "main", "a").is_ok());
        let broken = lake.commit_metarange("main", "nope", params("broken"), String::new);
        assert_eq!(
            broken.map(|commit| commit.metarange_id.clone()),
            Ok("nope".into())
        );

        assert_eq!(lake.entry("main", b"a").err(), Some(Error::gone()));
        assert_eq!(commit(&mut lake, "main", "more").err(), Some(Error::gone()));
        put(&mut lake, "main", "b", "b");

        assert_eq!(lake.hard_reset("main", "main~1", false), Ok(()));
        assert!(lake.entry("main", b"a").is_ok());
        assert!(lake.entry("main", b"b").is_ok());
    }

    #[test]
    fn a_commit_record_must_have_the_id_of_its_content() {
        let mut lake = repository();
        put(&mut lake, "main", "a", "a");
        let known = commit(&mut lake, "main", "a").map(|commit| CommitRecord {
            id: commit.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            metarange_id: commit.metarange_id.clone(),
            generation: commit.generation,
            version: 1,
            params: params(&commit.message),
        });
        let record = known.unwrap();
        let mut copy = repository().over(lake.store.clone());
        let altered = CommitRecord {
            params: params("altered"),
            ..record.clone()
        };
        assert!(copy.add_commit_record(altered).is_err());
        assert_eq!(copy.add_commit_record(record.clone()), Ok(()));
        let again = copy.add_commit_record(record.clone());
        assert_eq!(again.map_err(|error| error.kind), Err(ErrorKind::Conflict));
        assert!(copy.entry(&record.id, b"a").is_ok());
    }
}
