//! Creating, listing, moving and deleting branches.

use super::commit::CommitId;
use super::error::{Error, ErrorKind, Result};
use super::listing::{Page, Window};
use super::repository::{Branch, Repository, Staging};

impl Repository {
    pub(in super::super) fn create_branch(
        &mut self,
        name: &str,
        source: &str,
        hidden: bool,
        force: bool,
    ) -> Result<CommitId> {
        if self.commits.contains_key(name) {
            return Err(Error::conflict_found().context(format_args!("commit ID {name}")));
        }
        if self.tags.contains_key(name) {
            return Err(Error::conflict_found().context(format_args!("tag ID {name}")));
        }
        self.check_writable(force)?;
        let doing = format_args!("source reference '{source}'");
        let resolved = self.resolve(source).map_err(|error| error.context(doing))?;
        if resolved.staged {
            let message = "can't create a branch without commit";
            return Err(Error::new(ErrorKind::Internal, message).context(doing));
        }
        let head = resolved.commit;
        if self.branches.contains_key(name) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "branch already exists: not unique",
            ));
        }
        let branch = Branch {
            head: head.clone(),
            staging: Staging::new(),
            hidden,
        };
        self.branches.insert(name.to_owned(), branch);
        Ok(head)
    }

    pub(in super::super) fn delete_branch(&mut self, name: &str, force: bool) -> Result<()> {
        self.check_writable(force)?;
        if name == self.default_branch {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "cannot delete repository default branch",
            ));
        }
        self.branch(name)?;
        self.branches.remove(name);
        Ok(())
    }

    /// The commit a branch stands at.
    pub(in super::super) fn head(&self, branch: &str) -> Result<&CommitId> {
        Ok(&self.branch(branch)?.head)
    }

    pub(in super::super) fn has_branch(&self, name: &str) -> bool {
        self.branches.contains_key(name)
    }

    pub(in super::super) fn list_branches(
        &self,
        window: &Window<'_>,
        with_hidden: bool,
    ) -> Page<(&str, &CommitId)> {
        let branches = self
            .branches
            .range::<_, str>((window.name_start(), std::ops::Bound::Unbounded));
        let visible = branches.filter(|(_, branch)| with_hidden || !branch.hidden);
        window.page_of_names(
            visible.map(|(name, branch)| (name.as_str(), &branch.head)),
            |(name, _)| name,
        )
    }

    /// Moves a branch to another commit; what is staged stays staged.
    pub(in super::super) fn hard_reset(
        &mut self,
        branch: &str,
        to: &str,
        force: bool,
    ) -> Result<()> {
        self.check_movable(branch, force)?;
        self.branch(branch)?;
        let doing = format_args!("hard-reset {branch} to {to}");
        let head = self
            .dereference(to)
            .map_err(|error| error.context(doing))?
            .id
            .clone();
        self.branch_mut(branch)?.head = head;
        Ok(())
    }
}
