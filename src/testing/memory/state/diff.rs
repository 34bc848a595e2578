//! Differences: staged against committed, and commit against commit.

use std::ops::Bound;

use super::entry::{Entry, Path};
use super::error::Result;
use super::listing::{Page, View, Window, upper_bound};
use super::repository::Repository;
use super::tree::{Change, Tree};

/// A line of a diff.
#[derive(Clone, Debug)]
pub(in super::super) enum DiffRow {
    Object {
        path: Path,
        kind: DiffKind,
        entry: Option<Entry>,
    },
    /// Something below differs. What, is not looked at.
    CommonPrefix(Vec<u8>),
}

/// How an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum DiffKind {
    Added,
    Removed,
    Changed,
    /// Both sides changed it since their merge base, in different ways.
    Conflict,
}

/// A difference, and the entry that stands for it: the right one where there is one.
#[derive(Clone, Copy, Debug)]
struct Difference<'a> {
    path: &'a Path,
    kind: DiffKind,
    entry: Option<&'a Entry>,
}

// ===== impl Repository =====

impl Repository {
    /// What is staged on a branch and differs from its head.
    pub(in super::super) fn diff_staged(
        &self,
        branch: &str,
        window: &Window<'_>,
    ) -> Result<Page<DiffRow>> {
        let view = self.branch_view(self.branch(branch)?)?;
        Ok(page(view.staged_from(&start(window)), window))
    }

    /// What differs between two references, whatever their history; the right one may be `branch$`.
    pub(in super::super) fn diff_two_dot(
        &self,
        left: &str,
        right: &str,
        window: &Window<'_>,
    ) -> Result<Page<DiffRow>> {
        let left = self.dereference(left)?.tree()?;
        let resolved = self.resolve(right)?;
        let committed = self.commit(resolved.commit.as_str())?.tree()?;
        let staging = resolved
            .branch
            .filter(|_| resolved.staged)
            .map(|branch| &branch.staging);
        let overlaid = staging.map(|_| {
            View {
                tree: committed,
                staging,
            }
            .to_tree()
        });
        let changes = left.diff(overlaid.as_ref().unwrap_or(committed));
        Ok(page(
            changes.filter_map(|change| Difference::between(&change)),
            window,
        ))
    }

    /// What merging `right` into `left` would change.
    pub(in super::super) fn diff_three_dot(
        &self,
        left: &str,
        right: &str,
        window: &Window<'_>,
    ) -> Result<Page<DiffRow>> {
        let bases = self.merge_base(right, left)?;
        let left = bases.to.tree()?;
        // However far the left side has moved since, it is not walked through.
        let changes = bases.base.tree()?.diff(bases.from.tree()?);
        Ok(page(
            changes.filter_map(|change| Difference::to_merge(&change, left)),
            window,
        ))
    }
}

// ===== impl View =====

impl<'a> View<'a> {
    fn staged_from(self, start: &[u8]) -> impl Iterator<Item = Difference<'a>> + use<'a> {
        let staged = self
            .staging
            .map(|staging| staging.range::<_, [u8]>((Bound::Included(start), Bound::Unbounded)));
        staged
            .into_iter()
            .flatten()
            .filter_map(move |(path, entry)| {
                let kind = match (self.tree.get(path), entry) {
                    (None, None) => return None,
                    (None, Some(_)) => DiffKind::Added,
                    (Some(_), None) => DiffKind::Removed,
                    (Some(committed), Some(staged)) if committed == staged => return None,
                    (Some(_), Some(_)) => DiffKind::Changed,
                };
                Some(Difference {
                    path,
                    kind,
                    entry: entry.as_ref(),
                })
            })
    }

    /// Whether anything staged differs from what is committed.
    pub(super) fn is_dirty(self) -> bool {
        self.staged_from(&[]).next().is_some()
    }

    /// The tree a commit of the view would hold.
    pub(super) fn to_tree(self) -> Tree {
        let mut tree = self.tree.clone();
        for Difference { path, entry, .. } in self.staged_from(&[]) {
            match entry {
                Some(entry) => tree.insert(path.clone(), entry.clone()),
                None => tree.remove(path),
            }
        }
        tree
    }
}

// ===== impl Difference =====

impl<'a> Difference<'a> {
    fn between(change: &Change<'a>) -> Option<Self> {
        let kind = match (change.left, change.right) {
            (None, _) => DiffKind::Added,
            (_, None) => DiffKind::Removed,
            _ => DiffKind::Changed,
        };
        Some(Self {
            path: change.path,
            kind,
            entry: change.right.or(change.left),
        })
    }

    /// What a change since the merge base would do to the left side; `None` when that has the same already.
    fn to_merge(change: &Change<'a>, left: &'a Tree) -> Option<Self> {
        let left = left.get(change.path);
        if left == change.right {
            return None;
        }
        let mut difference = Self::between(&Change { left, ..*change })?;
        if left != change.left {
            difference.kind = DiffKind::Conflict;
        }
        Some(difference)
    }
}

// ===== paging =====

/// Where a diff begins. With a delimiter, `after` excludes everything below itself.
fn start(window: &Window<'_>) -> Vec<u8> {
    if window.after.is_empty() || window.after < window.prefix {
        return window.prefix.to_vec();
    }
    if window.delimiter.is_empty() {
        return window.after.to_vec();
    }
    upper_bound(window.after).unwrap_or_default()
}

fn page<'a>(
    differences: impl Iterator<Item = Difference<'a>>,
    window: &Window<'_>,
) -> Page<DiffRow> {
    let mut from = start(window);
    let mut rows = Vec::new();
    for Difference { path, kind, entry } in differences {
        if **path < *from || (**path == *window.after && !window.after.is_empty()) {
            continue;
        }
        if !path.starts_with(window.prefix) {
            break;
        }
        if rows.len() == window.amount {
            return Page {
                items: rows,
                has_more: true,
            };
        }
        match window.common_prefix(path) {
            Some(prefix) => {
                let bound = upper_bound(&prefix);
                rows.push(DiffRow::CommonPrefix(prefix));
                let Some(bound) = bound else { break };
                from = bound;
            }
            None => rows.push(DiffRow::Object {
                path: path.clone(),
                kind,
                entry: entry.cloned(),
            }),
        }
    }
    Page {
        items: rows,
        has_more: false,
    }
}
