//! Writes to a branch, before they are committed.

use std::ops::Bound;

use super::entry::{Entry, EntryData, Path};
use super::error::{Error, ErrorKind, Result};
use super::listing::View;
use super::repository::{Branch, Repository, Staging};

impl Repository {
    pub(super) fn branch_view<'a>(&'a self, branch: &'a Branch) -> Result<View<'a>> {
        Ok(View {
            tree: self.commit(branch.head.as_str())?.tree()?,
            staging: Some(&branch.staging),
        })
    }

    /// Puts an entry at a path; with `if_absent`, only where nothing is.
    pub(in super::super) fn put(
        &mut self,
        branch: &str,
        path: Path,
        entry: Entry,
        if_absent: bool,
        force: bool,
    ) -> Result<()> {
        self.check_stageable(branch, force)?;
        let target = self.branch(branch)?;
        if if_absent && self.branch_view(target)?.get(&path).is_some() {
            return Err(Error::new(
                ErrorKind::PreconditionFailed,
                "path already exists",
            ));
        }
        self.branch_mut(branch)?.staging.insert(path, Some(entry));
        Ok(())
    }

    /// Deletes what is at the paths; those where nothing is are no error.
    pub(in super::super) fn delete<'a>(
        &mut self,
        branch: &str,
        paths: impl IntoIterator<Item = &'a [u8]>,
        force: bool,
    ) -> Result<()> {
        self.check_stageable(branch, force)?;
        let head = self.branch(branch)?.head.clone();
        let tree = self.commit(head.as_str())?.tree()?.clone();
        let staging = &mut self.branch_mut(branch)?.staging;
        for path in paths {
            if tree.get(path).is_some() || staging.contains_key(path) {
                staging.insert(path.into(), None);
            }
        }
        Ok(())
    }

    /// Replaces the user metadata of an object.
    pub(in super::super) fn set_user_metadata(
        &mut self,
        branch: &str,
        path: Path,
        metadata: std::collections::BTreeMap<String, String>,
    ) -> Result<()> {
        self.check_stageable(branch, false)?;
        let Some(entry) = self.branch_view(self.branch(branch)?)?.get(&path) else {
            let place = format!("{}/{branch}/{}", self.name, String::from_utf8_lossy(&path));
            return Err(Error::not_found("not found")
                .context(format_args!("update user metadata on {place}")));
        };
        let entry = Entry::new(EntryData {
            metadata,
            ..(**entry).clone()
        });
        self.branch_mut(branch)?.staging.insert(path, Some(entry));
        Ok(())
    }

    /// Drops everything that is staged.
    pub(in super::super) fn reset(&mut self, branch: &str, force: bool) -> Result<()> {
        self.check_stageable(branch, force)?;
        self.branch_mut(branch)?.staging = Staging::new();
        Ok(())
    }

    /// Drops what is staged at one path.
    pub(in super::super) fn reset_path(
        &mut self,
        branch: &str,
        path: &[u8],
        force: bool,
    ) -> Result<()> {
        self.check_stageable(branch, force)?;
        let Some(branch) = self.branches.get_mut(branch) else {
            return Err(Error::not_found("branch not found").context("getting branch"));
        };
        branch.staging.remove(path);
        Ok(())
    }

    /// Drops what is staged at all paths that begin with `prefix`.
    pub(in super::super) fn reset_prefix(
        &mut self,
        branch: &str,
        prefix: &[u8],
        force: bool,
    ) -> Result<()> {
        self.check_stageable(branch, force)?;
        let staging = &mut self.branch_mut(branch)?.staging;
        let dropped: Vec<Path> = staging
            .range::<_, [u8]>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(prefix))
            .collect();
        dropped.iter().for_each(|path| {
            staging.remove(path);
        });
        Ok(())
    }
}
