//! Three-way merges, and merging a reference into a branch.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::commit::{Commit, CommitContent, CommitId};
use super::commits::CommitParams;
use super::error::{Error, ErrorKind, Result};
use super::repository::{Repository, Staging};
use super::tree::Tree;

/// The metadata key under which a merge commit tells its strategy.
const STRATEGY_KEY: &str = ".lakefs.merge.strategy";

/// How conflicts are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Strategy {
    /// They are not: a conflict fails the merge.
    None,
    Source,
    Destination,
}

/// What a merge is asked to do.
#[derive(Clone, Debug)]
pub(in super::super) struct MergeParams {
    pub(in super::super) commit: CommitParams,
    pub(in super::super) strategy: Strategy,
    pub(in super::super) squash: bool,
}

/// Two commits and the best of their common ancestors.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Bases<'a> {
    pub(in super::super) from: &'a Arc<Commit>,
    pub(in super::super) to: &'a Arc<Commit>,
    pub(in super::super) base: &'a Arc<Commit>,
}

/// The content a merge results in.
pub(super) struct Merged {
    pub(super) tree: Tree,
    pub(super) metarange_id: String,
}

// ===== impl Strategy =====

impl Strategy {
    pub(in super::super) fn parse(name: &str) -> Result<Self> {
        match name {
            "" => Ok(Self::None),
            "source-wins" => Ok(Self::Source),
            "dest-wins" => Ok(Self::Destination),
            _ => Err(Error::invalid(
                "argument strategy: invalid value: validation error",
            )),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "default",
            Self::Source => "source-wins",
            Self::Destination => "dest-wins",
        }
    }
}

// ===== impl Repository =====

impl Repository {
    /// The real server's words for a reference that is not found tell which of the two it was.
    pub(in super::super) fn merge_base(&self, from: &str, to: &str) -> Result<Bases<'_>> {
        let from = self
            .dereference(from)
            .map_err(|error| error.context(format_args!("get commit by ref {from}")))?;
        let to = self
            .dereference(to)
            .map_err(|error| error.context(format_args!("get commit by branch {to}")))?;
        let base = self.common_ancestor(from, to)?;
        let base = base.ok_or_else(|| Error::new(ErrorKind::Internal, "no merge base"))?;
        Ok(Bases { from, to, base })
    }

    /// Walks back from both, youngest generation first, until a commit was reached from either.
    fn common_ancestor<'a>(
        &'a self,
        left: &'a Arc<Commit>,
        right: &'a Arc<Commit>,
    ) -> Result<Option<&'a Arc<Commit>>> {
        const LEFT: u8 = 1;
        const RIGHT: u8 = 2;
        if left.id == right.id {
            return Ok(Some(left));
        }
        let key = |commit: &Arc<Commit>| {
            (
                Reverse(commit.generation),
                Reverse(commit.created),
                commit.id.clone(),
            )
        };
        let mut reached = HashMap::from([(&left.id, LEFT), (&right.id, RIGHT)]);
        let mut queue = BTreeSet::from([key(left), key(right)]);
        while let Some((_, _, id)) = queue.pop_first() {
            let commit = self.commit(id.as_str())?;
            let from = reached.get(&id).copied().unwrap_or_default();
            for parent in &commit.parents {
                let parent = self.commit(parent.as_str())?;
                let sides = reached.entry(&parent.id).or_insert_with(|| {
                    queue.insert(key(parent));
                    0
                });
                *sides |= from;
                if *sides == LEFT | RIGHT {
                    return Ok(Some(parent));
                }
            }
        }
        Ok(None)
    }

    /// Merges a reference into a branch.
    pub(in super::super) fn merge(
        &mut self,
        source: &str,
        branch: &str,
        params: MergeParams,
    ) -> Result<CommitId> {
        self.check_writable(params.commit.force)?;
        self.check_clean(branch)?;
        let doing = format!("update branch {branch}");
        let merged = self
            .merge_bases_of(source, branch, &params)
            .map_err(|error| error.context(doing))?;
        let commit = self.add_commit(merged);
        self.advance(branch, &commit)?;
        Ok(commit.id.clone())
    }

    fn merge_bases_of(
        &self,
        source: &str,
        branch: &str,
        params: &MergeParams,
    ) -> Result<CommitContent> {
        let Bases { from, to, base } = self.merge_base(source, branch)?;
        let may_be_empty = params.commit.allow_empty || params.commit.force;
        let merged = Merged::of(to, from, base, params.strategy, may_be_empty)?;
        let mut parents = vec![to.id.clone()];
        if !params.squash {
            parents.push(from.id.clone());
        }
        let mut metadata = params.commit.metadata.clone();
        metadata.insert(STRATEGY_KEY.into(), params.strategy.name().into());
        Ok(CommitContent {
            parents,
            committer: params.commit.committer.clone(),
            message: params.commit.message.clone(),
            created: params.commit.created,
            metadata,
            metarange_id: merged.metarange_id,
            generation: to.generation.max(from.generation) + 1,
            tree: merged.tree,
        })
    }

    pub(super) fn check_clean(&self, branch: &str) -> Result<()> {
        if self.branch_view(self.branch(branch)?)?.is_dirty() {
            return Err(Error::dirty());
        }
        Ok(())
    }

    /// Puts a new commit on a branch that has nothing staged.
    pub(super) fn advance(&mut self, branch: &str, commit: &Commit) -> Result<()> {
        let branch = self.branch_mut(branch)?;
        branch.head = commit.id.clone();
        branch.staging = Staging::new();
        Ok(())
    }
}

// ===== impl Merged =====

impl Merged {
    /// Applies to `dest` what leads from `base` to `source`.
    pub(super) fn of(
        dest: &Commit,
        source: &Commit,
        base: &Commit,
        strategy: Strategy,
        may_be_empty: bool,
    ) -> Result<Self> {
        if source.metarange_id == base.metarange_id && !may_be_empty {
            return Err(Error::no_changes());
        }
        if dest.metarange_id == base.metarange_id {
            return Ok(Self {
                tree: source.tree()?.clone(),
                metarange_id: source.metarange_id.clone(),
            });
        }
        let tree = merge_trees(dest.tree()?, source.tree()?, base.tree()?, strategy)?;
        let metarange_id = tree.metarange_id();
        Ok(Self { tree, metarange_id })
    }
}

/// Applies to `dest` what changed between `base` and `source`.
fn merge_trees(dest: &Tree, source: &Tree, base: &Tree, strategy: Strategy) -> Result<Tree> {
    let mut merged = dest.clone();
    for change in base.diff(source) {
        let current = dest.get(change.path);
        let conflict = current != change.left && current != change.right;
        match strategy {
            Strategy::None if conflict => return Err(Error::conflict_found()),
            Strategy::Destination if conflict => continue,
            _ => {}
        }
        match change.right {
            Some(entry) => merged.insert(change.path.clone(), entry.clone()),
            None => merged.remove(change.path),
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, tree};
    use super::*;

    /// The table of a three-way merge, one path at a time: base, source, destination, and the result of each strategy.
    #[test]
    fn every_combination_of_changes_merges_as_recorded() {
        const CONFLICT: Option<Option<&str>> = None;
        type Row = (
            Option<&'static str>,
            Option<&'static str>,
            Option<&'static str>,
            Option<Option<&'static str>>,
            Option<&'static str>,
            Option<&'static str>,
        );
        let rows: &[Row] = &[
            (
                Some("b"),
                Some("b"),
                Some("b"),
                Some(Some("b")),
                Some("b"),
                Some("b"),
            ),
            (
                Some("b"),
                Some("s"),
                Some("b"),
                Some(Some("s")),
                Some("s"),
                Some("s"),
            ),
            (
                Some("b"),
                Some("b"),
                Some("d"),
                Some(Some("d")),
                Some("d"),
                Some("d"),
            ),
            (
                Some("b"),
                Some("x"),
                Some("x"),
                Some(Some("x")),
                Some("x"),
                Some("x"),
            ),
            (
                Some("b"),
                Some("s"),
                Some("d"),
                CONFLICT,
                Some("s"),
                Some("d"),
            ),
            (Some("b"), None, Some("b"), Some(None), None, None),
            (Some("b"), Some("b"), None, Some(None), None, None),
            (Some("b"), None, None, Some(None), None, None),
            (Some("b"), None, Some("d"), CONFLICT, None, Some("d")),
            (Some("b"), Some("s"), None, CONFLICT, Some("s"), None),
            (None, Some("s"), None, Some(Some("s")), Some("s"), Some("s")),
            (None, None, Some("d"), Some(Some("d")), Some("d"), Some("d")),
            (
                None,
                Some("x"),
                Some("x"),
                Some(Some("x")),
                Some("x"),
                Some("x"),
            ),
            (None, Some("s"), Some("d"), CONFLICT, Some("s"), Some("d")),
        ];
        for &(base, source, dest, none, source_wins, dest_wins) in rows {
            let of = |content: Option<&str>| tree(content.map(|content| ("p", content)));
            let merge = |strategy| {
                let merged = merge_trees(&of(dest), &of(source), &of(base), strategy).ok()?;
                Some(merged.get(b"p").cloned())
            };
            let expected = |content: Option<&str>| content.map(entry);
            let row = (base, source, dest);
            assert_eq!(merge(Strategy::None), none.map(expected), "{row:?}");
            assert_eq!(
                merge(Strategy::Source),
                Some(expected(source_wins)),
                "{row:?}, source wins"
            );
            assert_eq!(
                merge(Strategy::Destination),
                Some(expected(dest_wins)),
                "{row:?}, destination wins"
            );
        }
    }

    #[test]
    fn strategies_have_two_names_and_none() {
        assert_eq!(Strategy::parse("").map(Strategy::name), Ok("default"));
        assert_eq!(
            Strategy::parse("dest-wins").map(Strategy::name),
            Ok("dest-wins")
        );
        assert!(Strategy::parse("nonsense").is_err());
    }
}
