//! Imports: a commit of entries that lie elsewhere, in place of what was below their destinations.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;

use super::commit::{Commit, CommitContent};
use super::commits::CommitParams;
use super::entry::{Entry, Path};
use super::error::{Error, Result};
use super::repository::Repository;
use super::tree::Tree;

/// The metadata key under which an import tells how it treats what was there.
const STRATEGY: (&str, &str) = (".lakefs.merge.strategy", "source-wins");

/// The key of the repository's metadata that tells when its last import was.
const LAST_IMPORT: &str = ".lakefs.last.import.timestamp";

/// What an import is to commit.
#[derive(Clone, Debug)]
pub(in super::super) struct ImportParams {
    pub(in super::super) entries: BTreeMap<Path, Entry>,
    /// Everything that begins with one of these goes.
    pub(in super::super) destinations: Vec<String>,
    pub(in super::super) commit: CommitParams,
}

/// How far an import is.
#[derive(Clone, Debug)]
pub(in super::super) struct ImportStatus {
    /// Stays `false` for one that failed or was cancelled.
    pub(in super::super) completed: bool,
    pub(in super::super) updated: Timestamp,
    pub(in super::super) ingested: usize,
    pub(in super::super) commit: Option<Arc<Commit>>,
    pub(in super::super) error: Option<String>,
}

impl Repository {
    /// Commits what was ingested to a branch that has nothing staged.
    pub(in super::super) fn import(
        &mut self,
        branch: &str,
        params: &ImportParams,
    ) -> Result<Arc<Commit>> {
        self.check_writable(params.commit.force)?;
        self.check_clean(branch)?;
        let head = self.commit(self.branch(branch)?.head.as_str())?.clone();
        let mut tree = replaced(head.tree()?, &params.destinations);
        for (path, entry) in &params.entries {
            tree.insert(path.clone(), entry.clone());
        }
        let mut metadata = params.commit.metadata.clone();
        metadata.insert(STRATEGY.0.into(), STRATEGY.1.into());
        let commit = self.add_commit(CommitContent {
            parents: vec![head.id.clone()],
            committer: params.commit.committer.clone(),
            message: params.commit.message.clone(),
            created: params.commit.created,
            metadata,
            metarange_id: tree.metarange_id(),
            generation: head.generation + 1,
            tree,
        });
        self.advance(branch, &commit)?;
        let seconds = commit.created.as_second().to_string();
        self.metadata.insert(LAST_IMPORT.into(), seconds);
        Ok(commit)
    }

    pub(in super::super) fn import_status(&self, id: &str) -> Result<&ImportStatus> {
        self.imports
            .get(id)
            .ok_or_else(|| Error::not_found("not found"))
    }

    pub(in super::super) fn set_import_status(&mut self, id: &str, status: ImportStatus) {
        self.imports.insert(id.to_owned(), status);
    }

    /// Marks an import as cancelled, unless it has completed.
    pub(in super::super) fn cancel_import(&mut self, id: &str, now: Timestamp) -> Result<()> {
        let status = self.imports.get_mut(id);
        let status = status.ok_or_else(|| Error::not_found("not found"))?;
        if status.completed {
            return Err(Error::conflict_found());
        }
        status.error = Some("Canceled".into());
        status.updated = now;
        Ok(())
    }
}

/// A tree without everything below some prefixes.
fn replaced(tree: &Tree, prefixes: &[String]) -> Tree {
    if prefixes.iter().any(String::is_empty) {
        return Tree::default();
    }
    let mut kept = tree.clone();
    for prefix in prefixes.iter().map(String::as_bytes) {
        let below = tree.from(Bound::Included(prefix));
        for (path, _) in below.take_while(|(path, _)| path.starts_with(prefix)) {
            kept.remove(path);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    /// A destination is a plain prefix, even that of a single object.
    #[test]
    fn what_begins_with_a_destination_is_replaced() {
        let before = tree([("a/1", "x"), ("ab", "x"), ("b", "x"), ("bb/1", "x")]);
        let kept = |prefixes: &[&str]| {
            let prefixes: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
            let kept = replaced(&before, &prefixes);
            let paths = kept.from(Bound::Unbounded).map(|(path, _)| path.to_vec());
            paths
                .map(|path| String::from_utf8_lossy(&path).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(&["a/"]), ["ab", "b", "bb/1"]);
        assert_eq!(kept(&["b"]), ["a/1", "ab"]);
        assert_eq!(kept(&["a", "bb/"]), ["b"]);
        assert_eq!(kept(&["", "c"]), [""; 0]);
        assert_eq!(kept(&[]).len(), 4);
    }
}
