//! What several tests stand on. Nothing here asserts.

pub(crate) mod operations;
pub(crate) mod planted;
pub(crate) mod scripted;
pub(crate) mod spans;
pub(crate) mod tcp;
pub(crate) mod tls;
