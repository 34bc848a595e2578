//! Pages of sorted things, and the objects a reference sees.

use std::iter::Peekable;
use std::ops::Bound;

use super::entry::{Entry, Path};
use super::error::Result;
use super::repository::{Repository, Staging};
use super::tree::Tree;

/// Which part of a sorted list is wanted.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Window<'a> {
    pub(in super::super) prefix: &'a [u8],
    pub(in super::super) after: &'a [u8],
    pub(in super::super) delimiter: &'a [u8],
    pub(in super::super) amount: usize,
}

/// Part of a list, and whether more follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Page<T> {
    pub(in super::super) items: Vec<T>,
    pub(in super::super) has_more: bool,
}

/// A line of an object listing.
#[derive(Clone, Debug)]
pub(in super::super) enum Listed {
    Object(Path, Entry),
    CommonPrefix(Vec<u8>),
}

/// What a reader of a reference sees: the objects of a commit, and over them what is staged.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) tree: &'a Tree,
    pub(super) staging: Option<&'a Staging>,
}

// ===== impl Window =====

impl Window<'_> {
    /// Where a list of names begins.
    pub(super) fn name_start(&self) -> Bound<&str> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let (prefix, after) = (text(self.prefix), text(self.after));
        if after >= prefix && !after.is_empty() {
            Bound::Excluded(after)
        } else {
            Bound::Included(prefix)
        }
    }

    /// A page of names that come in order from [`name_start`](Self::name_start) on.
    pub(super) fn page_of_names<T>(
        &self,
        names: impl Iterator<Item = T>,
        name: impl Fn(&T) -> &str,
    ) -> Page<T> {
        let within = names.take_while(|item| name(item).as_bytes().starts_with(self.prefix));
        Page::first(within, self.amount)
    }

    /// The common prefix that stands for `path` in a listing with a delimiter.
    pub(super) fn common_prefix(&self, path: &[u8]) -> Option<Vec<u8>> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = path.get(self.prefix.len()..)?;
        let at = rest
            .windows(self.delimiter.len())
            .position(|window| window == self.delimiter)?;
        Some(path[..self.prefix.len() + at + self.delimiter.len()].to_vec())
    }
}

impl<T> Page<T> {
    /// The first `amount` items of what is left to list.
    pub(in super::super) fn first(items: impl Iterator<Item = T>, amount: usize) -> Self {
        let mut items: Vec<T> = items.take(amount.saturating_add(1)).collect();
        let has_more = items.len() > amount;
        items.truncate(amount);
        Self { items, has_more }
    }
}

/// The first byte string after all that begin with `prefix`; there is none when it is all 0xff.
pub(super) fn upper_bound(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut bound = prefix[..=last].to_vec();
    bound[last] += 1;
    Some(bound)
}

// ===== impl View =====

impl<'a> View<'a> {
    pub(super) fn get(&self, path: &[u8]) -> Option<&'a Entry> {
        match self.staging.and_then(|staging| staging.get(path)) {
            Some(staged) => staged.as_ref(),
            None => self.tree.get(path),
        }
    }

    /// All entries from `start` on, in byte order.
    fn from(&self, start: Bound<&[u8]>) -> impl Iterator<Item = (&'a Path, &'a Entry)> + use<'a> {
        let mut committed = self.tree.from(start).peekable();
        let mut staged = self.staging.map(|staging| {
            staging
                .range::<_, [u8]>((start, Bound::Unbounded))
                .peekable()
        });
        std::iter::from_fn(move || {
            loop {
                let (path, entry) = next_of_both(&mut committed, staged.as_mut())?;
                if let Some(entry) = entry {
                    return Some((path, entry));
                }
            }
        })
    }

    /// A page of objects and common prefixes.
    pub(super) fn list(&self, window: &Window<'_>) -> Page<Listed> {
        let mut start = window.after.max(window.prefix).to_vec();
        let mut items = Vec::new();
        'seek: loop {
            for (path, entry) in self.from(Bound::Included(&start)) {
                if !path.starts_with(window.prefix) {
                    break 'seek;
                }
                let prefix = window.common_prefix(path);
                let name = prefix.as_deref().unwrap_or(path);
                if name != window.after || window.after.is_empty() {
                    if items.len() == window.amount {
                        return Page {
                            items,
                            has_more: true,
                        };
                    }
                    items.push(match &prefix {
                        Some(prefix) => Listed::CommonPrefix(prefix.clone()),
                        None => Listed::Object(path.clone(), entry.clone()),
                    });
                }
                if let Some(prefix) = prefix {
                    // The objects below a common prefix are skipped, however many.
                    let Some(bound) = upper_bound(&prefix) else {
                        break 'seek;
                    };
                    start = bound;
                    continue 'seek;
                }
            }
            break;
        }
        Page {
            items,
            has_more: false,
        }
    }
}

type Staged<'a> = (&'a Path, &'a Option<Entry>);

/// The next path of either, staged before committed.
fn next_of_both<'a>(
    committed: &mut Peekable<impl Iterator<Item = (&'a Path, &'a Entry)>>,
    staged: Option<&mut Peekable<impl Iterator<Item = Staged<'a>>>>,
) -> Option<(&'a Path, Option<&'a Entry>)> {
    let as_some = |(path, entry): (&'a Path, &'a Entry)| (path, Some(entry));
    let Some(staged) = staged else {
        return committed.next().map(as_some);
    };
    match (committed.peek(), staged.peek()) {
        (Some((left, _)), Some((right, _))) if left < right => committed.next().map(as_some),
        (_, None) => committed.next().map(as_some),
        (_, Some((path, _))) => {
            committed.next_if(|(left, _)| left == path);
            staged.next().map(|(path, entry)| (path, entry.as_ref()))
        }
    }
}

// ===== reading a repository =====

impl Repository {
    pub(super) fn view(&self, reference: &str) -> Result<View<'_>> {
        let resolved = self.resolve(reference)?;
        let tree = self.commit(resolved.commit.as_str())?.tree()?;
        Ok(View {
            tree,
            staging: resolved.branch.map(|branch| &branch.staging),
        })
    }

    pub(in super::super) fn list_objects(
        &self,
        reference: &str,
        window: &Window<'_>,
    ) -> Result<Page<Listed>> {
        Ok(self.view(reference)?.list(window))
    }

    pub(in super::super) fn entry(&self, reference: &str, path: &[u8]) -> Result<Entry> {
        let entry = self.view(reference)?.get(path);
        entry
            .cloned()
            .ok_or_else(|| super::error::Error::not_found("not found"))
    }
}
