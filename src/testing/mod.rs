//! The testing kit: what a program's own tests run on instead of a server.
//!
//! Everything here is a transport, *under* the real client: encoding, retries, authentication and decoding are tested too.

mod memory;

pub use self::memory::{
    AccessControl, AnsweredRequest, BlockStore, Latency, MemoryLakeFs, MemoryLakeFsBuilder,
    MemoryRepositoryBuilder, MemoryUser, PendingUpload, ServedLakeFs,
};
