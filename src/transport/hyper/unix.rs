//! Connections over a Unix socket.

use std::path::PathBuf;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{failed::Failed, stream::Stream};
use crate::BoxError;

/// Where a server listens on this machine.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    path: PathBuf,
}

impl Socket {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) async fn connect(&self) -> Result<Stream, BoxError> {
        match UnixStream::connect(&self.path).await {
            Ok(stream) => Ok(Stream::new(TokioIo::new(stream))),
            Err(error) => {
                let message = format!("nothing answers at the socket {}", self.path.display());
                Err(Failed::new(message).because(error).into())
            }
        }
    }
}
