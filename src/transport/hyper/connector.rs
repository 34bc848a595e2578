//! Makes connections: TCP, then TLS for https, both within one time limit.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower::Service;

use super::tls::{Stream, Tls};
use crate::BoxError;

#[derive(Clone)]
pub(super) struct Connector {
    http: HttpConnector,
    tls: Tls,
    limit: Duration,
}

// ===== impl Connector =====

impl Connector {
    pub(super) fn new(http: HttpConnector, tls: Tls, limit: Duration) -> Self {
        Self { http, tls, limit }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // HttpConnector is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (http, tls, limit) = (self.http.clone(), self.tls.clone(), self.limit);
        Box::pin(async move {
            let connecting = tls.connect(http, uri);
            tokio::time::timeout(limit, connecting)
                .await
                .unwrap_or_else(|_| {
                    Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("no connection within {limit:?}"),
                    )
                    .into())
                })
        })
    }
}
