//! Makes connections: to the server or to a proxy before it, then TLS for https, all within one time limit.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower::Service;

use super::{
    dns::Resolver,
    proxy::Rules,
    slots::Slots,
    stream::Stream,
    tls::{Handshake, TlsConnector},
    unix::Socket,
};
use crate::{BoxError, middleware::timeout::stage};

#[derive(Clone)]
pub(super) struct Connector {
    ways: Arc<Ways>,
    slots: Option<Arc<Slots>>,
}

/// A connection that is being made.
pub(super) struct Connecting {
    stream: Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>,
}

/// All that decides how a host is reached.
pub(super) struct Ways {
    pub(super) tcp: HttpConnector<Resolver>,
    pub(super) resolver: Resolver,
    /// Where everything goes, when there is one.
    pub(super) socket: Option<Socket>,
    pub(super) proxies: Arc<Rules>,
    /// Whether a proxy is asked for a tunnel for http too.
    pub(super) always_tunnel: bool,
    pub(super) tls: TlsConnector,
    pub(super) limit: Option<Duration>,
}

// ===== impl Connector =====

impl Connector {
    /// For one pool: each has its own slots, as the idle connections of one are of no use to another.
    pub(super) fn new(ways: Arc<Ways>, slots: Option<Slots>) -> Self {
        Self {
            ways,
            slots: slots.map(Arc::new),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let ways = Arc::clone(&self.ways);
        // Here and not in the future: only now it is known which request asks.
        let slot = self.slots.as_ref().map(|slots| slots.take(&uri));
        let stream = Box::pin(async move {
            // Waiting for a slot is limited by the attempt's time, not by this connection's.
            let slot = match slot {
                Some(slot) => Some(slot.await?),
                None => None,
            };
            let connecting = ways.connect(&uri);
            let stream = match ways.limit {
                None => connecting.await?,
                Some(limit) => tokio::time::timeout(limit, connecting)
                    .await
                    .map_err(|_| too_late(limit))??,
            };
            Ok(stream.holding(slot))
        });
        Connecting { stream }
    }
}

impl Future for Connecting {
    type Output = Result<Stream, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stream = self.stream.as_mut().poll(cx);
        if stream.is_pending() {
            stage::waiting_for("a connection");
        }
        stream
    }
}

fn too_late(limit: Duration) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("no connection within {limit:?}"),
    )
}

// ===== impl Ways =====

impl Ways {
    async fn connect(&self, uri: &Uri) -> Result<Stream, BoxError> {
        let tls = self.tls.prepare(uri).await?;
        let stream = self.reach(uri).await?;
        match tls {
            Some(handshake) => handshake.over(stream).await,
            None => Ok(stream),
        }
    }

    async fn reach(&self, uri: &Uri) -> Result<Stream, BoxError> {
        if let Some(socket) = &self.socket {
            return socket.connect().await;
        }
        match self.proxies.find(uri) {
            Some(proxy) => proxy.reach(uri, self).await,
            None => self.tcp(uri.clone()).await,
        }
    }

    /// A connection to where `uri` says itself.
    pub(super) async fn tcp(&self, uri: Uri) -> Result<Stream, BoxError> {
        let stream = self.tcp.clone().call(uri).await?;
        Ok(Stream::new(stream))
    }

    /// TLS to a proxy, where its URL wants that.
    pub(super) async fn tls_to_proxy(&self, proxy: &Uri) -> Result<Option<Handshake>, BoxError> {
        let handshake = self.tls.prepare(proxy).await?;
        Ok(handshake.map(Handshake::without_http2))
    }
}
