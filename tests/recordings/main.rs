//! Recorded traffic of real servers against this crate, a module a way to use it.
//!
//! `LAKEFS_RECORDINGS=DIR` takes other recordings, in the format of `tests/data/recordings/README.md`.

mod decode;
#[path = "../it/support/operations.rs"]
mod operations;
mod placeholders;
mod recorded;
mod replay;
mod same;
