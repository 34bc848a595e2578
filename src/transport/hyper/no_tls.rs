//! What stands for TLS without the feature `rustls`: http only.

use http::{Uri, uri::Scheme};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::net::TcpStream;
use tower::Service;

use crate::BoxError;

pub(super) type Stream = TokioIo<TcpStream>;

#[derive(Clone)]
pub(super) struct Tls {}

impl Tls {
    pub(super) fn new() -> Self {
        Self {}
    }

    pub(super) async fn connect(
        &self,
        mut http: HttpConnector,
        uri: Uri,
    ) -> Result<Stream, BoxError> {
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return Err(
                "https needs the feature `rustls` of lakefs-sdk, or a transport of your own".into(),
            );
        }
        Ok(http.call(uri).await?)
    }
}
