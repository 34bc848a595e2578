//! What stands for TLS without the feature `rustls`: http only.

use std::error::Error as StdError;

use http::{Uri, uri::Scheme};

use super::{failed::Failed, http2::Settings, stream::Stream};
use crate::{BoxError, Result};

/// The settings of TLS: none.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {}

pub(super) struct TlsConnector {}

/// Nobody can make one.
pub(super) enum Handshake {}

// ===== impl TlsConnector =====

impl TlsConnector {
    #[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
    pub(super) fn new(_: &Tls, _: &Settings) -> Result<Self> {
        Ok(Self {})
    }

    #[expect(clippy::unused_async, reason = "the other one waits")]
    pub(super) async fn prepare(
        &self,
        uri: &Uri,
    ) -> std::result::Result<Option<Handshake>, BoxError> {
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return Err(Failed::new(
                "https needs the feature `rustls` of lakefs-sdk, or a transport of your own",
            )
            .into());
        }
        Ok(None)
    }
}

// ===== impl Handshake =====

impl Handshake {
    pub(super) fn without_http2(self) -> Self {
        self
    }

    #[expect(clippy::unused_async, reason = "the other one waits")]
    pub(super) async fn over(self, _: Stream) -> std::result::Result<Stream, BoxError> {
        match self {}
    }
}

/// No server can have refused what was never spoken.
pub(super) fn refused_by_server(_: &(dyn StdError + 'static)) -> Option<String> {
    None
}
