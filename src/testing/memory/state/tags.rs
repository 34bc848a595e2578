//! Creating, listing and deleting tags.

use super::commit::CommitId;
use super::error::{Error, ErrorKind, Result};
use super::listing::{Page, Window};
use super::repository::Repository;

impl Repository {
    pub(in super::super) fn create_tag(
        &mut self,
        name: &str,
        target: &str,
        force: bool,
    ) -> Result<CommitId> {
        if self.branches.contains_key(name) {
            return Err(Error::conflict_found().context(format_args!("branch name {name}")));
        }
        if self.commits.contains_key(name) {
            return Err(Error::conflict_found().context(format_args!("commit ID {name}")));
        }
        let commit = self.resolve_commit(target)?.id.clone();
        self.check_writable(force)?;
        if self.tags.contains_key(name) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "tag already exists: not unique",
            ));
        }
        self.tags.insert(name.to_owned(), commit.clone());
        Ok(commit)
    }

    pub(in super::super) fn delete_tag(&mut self, name: &str, force: bool) -> Result<()> {
        self.check_writable(force)?;
        self.tag(name)?;
        self.tags.remove(name);
        Ok(())
    }

    pub(in super::super) fn tag(&self, name: &str) -> Result<&CommitId> {
        self.tags
            .get(name)
            .ok_or_else(|| Error::not_found("tag not found"))
    }

    pub(in super::super) fn list_tags(&self, window: &Window<'_>) -> Page<(&str, &CommitId)> {
        let tags = self
            .tags
            .range::<_, str>((window.name_start(), std::ops::Bound::Unbounded));
        window.page_of_names(
            tags.map(|(name, commit)| (name.as_str(), commit)),
            |(name, _)| name,
        )
    }
}
