//! The behaviour of the crate, a file a behaviour, in one binary.

mod codec_properties;
mod dependencies;
mod memory_replay;
mod memory_server;
mod operations;
mod support;
mod transport_errors;
