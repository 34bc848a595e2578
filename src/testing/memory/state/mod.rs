//! The engine: repositories, branches, commits, staging and merges as plain data, without HTTP, clocks or locks.
//!
//! All maps are persistent, so copying a [`Repository`] costs nothing: readers work on a copy, writers change one and
//! put it back.

mod branches;
mod commit;
mod commits;
mod diff;
mod dump;
mod entry;
mod error;
mod glob;
mod ident;
mod imports;
mod listing;
mod log;
mod merge;
mod metadata_store;
mod metaranges;
pub(super) mod names;
mod pick;
mod protection;
mod proto;
mod pulls;
mod records;
mod refs;
mod repository;
mod retention;
mod runs;
mod sstable;
mod staging;
mod tags;
mod tasks;
#[cfg(test)]
mod tests;
mod tree;

pub(super) use commit::Commit;
pub(super) use commits::CommitParams;
pub(super) use diff::{DiffKind, DiffRow};
pub(super) use entry::{Entry, EntryData};
pub(super) use error::{Error, ErrorKind, Result};
pub(super) use imports::{ImportParams, ImportStatus};
pub(super) use listing::{Listed, Page, Window};
pub(super) use log::LogParams;
pub(super) use merge::{MergeParams, Strategy};
pub(super) use metadata_store::MetadataStore;
pub(super) use metaranges::Metarange;
pub(super) use pulls::{PullRequest, PullStatus, PullUpdate};
pub(super) use records::CommitRecord;
pub(super) use repository::{Repository, RepositoryParams};
pub(super) use retention::RetentionRules;
pub(super) use runs::{HookRun, Run};
pub(super) use tasks::{Outcome, Task, TaskKind};
