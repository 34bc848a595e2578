//! The built-in transport: hyper-util's pooled client.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error as ClientError, ResponseFuture, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;

use self::connector::Connector;
use super::ConnectError;
use crate::{Body, BoxError, Error, Result};

mod connector;
#[cfg(feature = "rustls")]
mod tls;
#[cfg(not(feature = "rustls"))]
#[path = "no_tls.rs"]
mod tls;

/// The built-in transport: HTTP/1.1 over pooled connections, with https by rustls (feature `rustls`).
///
/// It speaks HTTP/1.1 unless told otherwise ([`HyperBuilder::http2`], feature `http2`): several connections carry bulk data
/// faster than one. Connections that were idle for 90 s are closed, both IP versions of a host are tried (RFC 8305), and
/// `TCP_NODELAY` is set. It sends no `Accept-Encoding` and decompresses nothing, as what is stored is what must arrive.
///
/// It runs on the tokio runtime that a call is made on, and may be shared by several: a pooled connection whose runtime is
/// gone is replaced.
///
/// ```
/// # use lakefs_sdk::{Client, transport::Hyper};
/// # use std::time::Duration;
/// # fn main() -> lakefs_sdk::Result<()> {
/// let transport = Hyper::builder().connect_timeout(Duration::from_secs(3)).max_idle_per_host(64).build()?;
/// let client = Client::builder().endpoint("http://localhost:8000").transport(transport).build()?;
/// # drop(client);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Hyper {
    client: Arc<Client<Connector, Body>>,
}

/// The answer of [`Hyper`].
pub struct HyperFuture {
    /// What was sent, or why nothing was.
    sent: std::result::Result<ResponseFuture, Option<BoxError>>,
}

/// Builds a [`Hyper`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct HyperBuilder {
    connect_timeout: Duration,
    idle_timeout: Duration,
    max_idle_per_host: usize,
    #[cfg(feature = "http2")]
    http2: Http2,
    #[cfg(feature = "rustls")]
    roots: tls::Roots,
}

/// How the built-in transport uses HTTP/2.
#[cfg(feature = "http2")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Http2 {
    /// Never. The default.
    Off,
    /// Over https, where the server agrees to it (ALPN, RFC 7301).
    Negotiated,
    /// Always, also over http: the server is known to speak it.
    PriorKnowledge,
}

// ===== impl Hyper =====

impl Hyper {
    /// Builds a transport.
    pub fn builder() -> HyperBuilder {
        HyperBuilder {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            max_idle_per_host: usize::MAX,
            #[cfg(feature = "http2")]
            http2: Http2::Off,
            #[cfg(feature = "rustls")]
            roots: tls::Roots::default(),
        }
    }
}

impl Service<Request<Body>> for Hyper {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = HyperFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> HyperFuture {
        let sent = match refusal(&request) {
            Some(refusal) => Err(Some(refusal)),
            None => Ok(self.client.request(request)),
        };
        HyperFuture { sent }
    }
}

impl Future for HyperFuture {
    type Output = std::result::Result<Response<Incoming>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.sent {
            Ok(sent) => Pin::new(sent).poll(cx).map_err(failure),
            Err(refusal) => match refusal.take() {
                Some(refusal) => Poll::Ready(Err(refusal)),
                None => Poll::Pending,
            },
        }
    }
}

/// Why a request must not get to hyper-util, which would panic on it, or log its whole URL, a signature in the query
/// included.
fn refusal(request: &Request<Body>) -> Option<BoxError> {
    // It spawns its connections.
    if tokio::runtime::Handle::try_current().is_err() {
        let problem = "the built-in transport needs a tokio runtime: make the call inside of one";
        return Some(ConnectError::new(problem).into());
    }
    if request.uri().scheme().is_none() || request.uri().authority().is_none() {
        let problem = "the request has no host; give the client an `endpoint`, such as https://lakefs.example.com";
        return Some(Error::invalid_input(problem).into());
    }
    if request.method() == Method::CONNECT {
        let problem = "the method CONNECT is for proxies; the API has no such operation";
        return Some(Error::invalid_input(problem).into());
    }
    None
}

impl fmt::Debug for HyperFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HyperFuture")
    }
}

/// Marks the failures of which it is certain that nothing was sent.
fn failure(error: ClientError) -> BoxError {
    if error.is_connect() {
        ConnectError::new(error).into()
    } else {
        error.into()
    }
}

impl fmt::Debug for Hyper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hyper")
    }
}

// ===== impl HyperBuilder =====

impl HyperBuilder {
    /// Limits making a connection: name, TCP and TLS together. Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Closes connections that were not used for so long. Default: 90 s.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = limit;
        self
    }

    /// Keeps at most so many unused connections to a host. Default: no limit.
    pub fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.max_idle_per_host = connections;
        self
    }

    /// Whether HTTP/2 is spoken. Default: [`Http2::Off`].
    #[cfg(feature = "http2")]
    pub fn http2(mut self, http2: Http2) -> Self {
        self.http2 = http2;
        self
    }

    /// Trusts the certificate authorities in `pem` too, beside the platform's.
    #[cfg(feature = "rustls")]
    pub fn add_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.add(pem.into());
        self
    }

    /// The transport. The platform's certificate roots are not loaded before the first https connection.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input) when a root certificate is not one.
    pub fn build(self) -> Result<Hyper> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.connect_timeout));
        #[cfg(feature = "rustls")]
        let tls = tls::Tls::new(self.roots.certificates()?, self.alpn_http2())?;
        #[cfg(not(feature = "rustls"))]
        let tls = tls::Tls::new();
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.max_idle_per_host);
        #[cfg(feature = "http2")]
        builder.http2_only(self.http2 == Http2::PriorKnowledge);
        let client = builder.build(Connector::new(http, tls, self.connect_timeout));
        Ok(Hyper {
            client: Arc::new(client),
        })
    }

    #[cfg(all(feature = "rustls", feature = "http2"))]
    fn alpn_http2(&self) -> bool {
        self.http2 != Http2::Off
    }

    #[cfg(all(feature = "rustls", not(feature = "http2")))]
    fn alpn_http2(&self) -> bool {
        false
    }
}
