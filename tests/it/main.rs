//! The behaviour of the crate, a file a behaviour, in one binary.

mod codec_properties;
mod compatibility;
mod credentials;
mod deadlines;
mod dependencies;
mod endpoint;
mod error_bodies;
mod hyper_transport;
mod memory_replay;
mod memory_server;
mod object_paths;
mod operations;
mod paging;
mod retry;
mod runtimes;
mod secrets;
mod stored_encoding;
mod support;
mod tls;
mod transport_errors;
