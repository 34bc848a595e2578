//! What a program does with lakeFS, from its own point of view: on a lakeFS in memory, and on a real server where the
//! environment names one (see [`Environment`](server::Environment)). The same tests: what holds in memory holds there.
//!
//! Each test has a repository of its own with a name of its own, which is deleted in the end, also when the test fails.

mod branches;
mod commits;
mod directories;
mod imports;
mod lake;
mod listings;
mod merges;
mod metadata;
mod objects;
mod presigned;
mod protection;
mod refs;
mod repositories;
mod server;
mod transfers;

pub(crate) use lake::{Outcome, eventually, scenario};
