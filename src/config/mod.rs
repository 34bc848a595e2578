//! Where the server is.

mod endpoint;

pub use self::endpoint::Endpoint;
