//! The testing kit: what a program's own tests run on instead of a server.
//!
//! Everything here is a transport, *under* the real client: encoding, retries, authentication and decoding are tested too.
//!
//! | | answers | best for |
//! |---|---|---|
//! | [`MemoryLakeFs`] | as lakeFS does, from state that it keeps | what several calls do together |
//! | [`MockTransport`] | what the test says, call by call | what is sent, and answers that are hard to come by |
//! | [`Cassette`] | what a real server answered when it was recorded | the traffic of a server that the test cannot have |
//!
//! [`FaultLayer`] goes over any of them, and makes the way there a bad one. [`guide::testing`](crate::guide::testing) shows
//! them side by side.

pub mod cassette;
mod difference;
pub mod fault;
mod memory;
pub mod mock;
mod redact;

use http::request::Parts;

use crate::operation::OperationMeta;

pub use self::{
    cassette::Cassette,
    fault::{Fault, FaultLayer},
    memory::{
        AccessControl, BlockStore, HookCall, HookEvent, HookKind, HookOutcome, MemoryLakeFs,
        MemoryLakeFsBuilder, MemoryUser, PendingUpload, ServedLakeFs,
    },
    mock::{MockTransport, Mockable, Sent},
};

/// The id of a request's operation: as the client says, else by method and path.
fn operation_of(parts: &Parts) -> Option<&'static str> {
    match parts.extensions.get::<&'static OperationMeta>() {
        Some(meta) => Some(meta.id),
        None => memory::recognize(&parts.method, parts.uri.path()).map(|(id, _)| id),
    }
}
