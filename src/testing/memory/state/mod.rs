//! The engine: repositories, branches, commits, staging and merges as plain data, without HTTP, clocks or locks.
//!
//! All maps are persistent, so copying a [`Repository`] costs nothing: readers work on a copy, writers change one and
//! put it back.

mod branches;
mod commit;
mod commits;
mod diff;
mod entry;
mod error;
mod listing;
mod log;
mod merge;
pub(super) mod names;
mod pick;
mod refs;
mod repository;
#[cfg(test)]
mod scale;
mod staging;
mod tags;
#[cfg(test)]
mod tests;
mod tree;

pub(super) use commit::Commit;
pub(super) use commits::CommitParams;
pub(super) use diff::{DiffKind, DiffRow};
pub(super) use entry::{Entry, EntryData};
pub(super) use error::{Error, ErrorKind, Result};
pub(super) use listing::{Listed, Page, Window};
pub(super) use log::LogParams;
pub(super) use merge::{MergeParams, Strategy};
pub(super) use repository::{Repository, RepositoryParams};
