//! The behaviour of the crate, a file a behaviour, in one binary.

mod memory_replay;
mod memory_server;
mod support;
