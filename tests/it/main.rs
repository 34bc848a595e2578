//! The behaviour of the crate, a file a behaviour, in one binary.

mod blocking;
mod codec_properties;
mod compatibility;
mod configuration;
mod deadlines;
mod dependencies;
mod endpoint;
mod error_bodies;
mod hyper_transport;
mod idle;
mod memory_policies;
mod memory_server;
mod object_paths;
mod operations;
mod paging;
mod reqwest_transport;
mod retry;
mod runtimes;
mod secrets;
mod stored_encoding;
mod support;
mod tls;
mod transport_errors;
