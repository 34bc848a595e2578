//! The built-in transport: hyper-util's pooled client.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Method, Request, Response, header::CONTENT_LENGTH};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError, ResponseFuture};
use tower::Service;

use self::{connector::Connector, failed::Failed, proxy::Rules, slots::Asking};
use super::ConnectError;
#[cfg(feature = "blocking")]
use crate::blocking::drives_blocking_calls;
use crate::{Body, BoxError, Error, ErrorKind};

mod builder;
mod connector;
mod dns;
mod failed;
#[cfg(feature = "http2")]
mod http2;
#[cfg(not(feature = "http2"))]
#[path = "no_http2.rs"]
mod http2;
mod proxy;
mod slots;
mod stream;
#[cfg(feature = "rustls")]
mod tls;
#[cfg(not(feature = "rustls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
#[path = "no_unix.rs"]
mod unix;

#[cfg(feature = "http2")]
pub use self::http2::Http2;
#[cfg(feature = "rustls")]
pub use self::tls::{Tls, TlsVersion};
pub use self::{
    builder::HyperBuilder,
    proxy::{Proxies, Proxy},
};

/// The built-in transport: HTTP/1.1 over pooled connections, with https by rustls (feature `rustls`).
///
/// It speaks HTTP/1.1 unless told otherwise (`HyperBuilder::http2`, feature `http2`): several connections carry bulk data
/// faster than one. Connections that were idle for 90 s are closed, both IP versions of a host are tried (RFC 8305),
/// `TCP_NODELAY` and TCP keep-alive are set, and the proxies of the environment are used. It sends no `Accept-Encoding` and
/// decompresses nothing, as what is stored is what must arrive.
///
/// It runs on the tokio runtime that a call is made on, and may be shared by several: a pooled connection whose runtime is
/// gone is replaced. Blocking calls have connections of their own: see the module `blocking`.
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
    shared: Arc<Shared>,
}

struct Shared {
    client: Client<Connector, Body>,
    /// A pool apart for blocking calls: those may stop the very thread that drives a connection of the other.
    blocking: Client<Connector, Body>,
    /// The proxies, where one wants to see headers with requests that it forwards.
    forwarding: Option<Arc<Rules>>,
    /// Whether there is a limit to the connections.
    limited: bool,
}

/// The answer of [`Hyper`].
pub struct HyperFuture {
    /// What was sent, or why nothing was.
    sent: Result<ResponseFuture, Option<BoxError>>,
    /// While there is no connection, if there is a limit to them.
    asking: Option<Asking>,
}

// ===== impl Hyper =====

impl Hyper {
    /// Builds a transport.
    pub fn builder() -> HyperBuilder {
        HyperBuilder::new()
    }
}

impl Service<Request<Body>> for Hyper {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = HyperFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> HyperFuture {
        if let Some(proxies) = &self.shared.forwarding {
            proxies.prepare(&mut request);
        }
        announce_no_body(&mut request);
        let sent = match refusal(&request) {
            Some(refusal) => Err(Some(refusal)),
            None => Ok(self.shared.client().request(request)),
        };
        HyperFuture {
            sent,
            asking: self.shared.limited.then(Asking::new),
        }
    }
}

// ===== impl Shared =====

impl Shared {
    fn client(&self) -> &Client<Connector, Body> {
        if drives_blocking_calls() {
            &self.blocking
        } else {
            &self.client
        }
    }
}

#[cfg(not(feature = "blocking"))]
fn drives_blocking_calls() -> bool {
    false
}

impl fmt::Debug for Hyper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hyper")
    }
}

// ===== impl HyperFuture =====

impl Future for HyperFuture {
    type Output = Result<Response<Incoming>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let sent = match &mut this.sent {
            Ok(sent) => sent,
            Err(refusal) => {
                return match refusal.take() {
                    Some(refusal) => Poll::Ready(Err(refusal)),
                    None => Poll::Pending,
                };
            }
        };
        let answered = match &this.asking {
            None => Pin::new(sent).poll(cx),
            Some(asking) => asking.scope(|| Pin::new(sent).poll(cx)),
        };
        if answered.is_ready() {
            this.asking = None;
        }
        answered.map_err(failure)
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

/// Says of a request whose method is for a body that it has none (RFC 9110, 8.6): hyper does not, and some servers and
/// proxies answer 411 to that.
fn announce_no_body(request: &mut Request<Body>) {
    let has_none = matches!(
        *request.method(),
        Method::POST | Method::PUT | Method::PATCH
    ) && request.body().size() == Some(0);
    if has_none {
        let length = HeaderValue::from_static("0");
        request
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert(length);
    }
}

impl fmt::Debug for HyperFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HyperFuture")
    }
}

/// Marks the failures of which it is certain that nothing was sent, or that nothing of it was looked at.
fn failure(error: ClientError) -> BoxError {
    if let Some(failed) = Failed::find(&error) {
        let message = format!("could not connect to the server: {failed}");
        let error = Error::new(ErrorKind::Connect, message);
        return match failed.cause() {
            Some(cause) => error.with_source(cause).into(),
            None => error.into(),
        };
    }
    if error.is_connect() {
        return ConnectError::new(error).into();
    }
    match tls::refused_by_server(&error) {
        Some(message) => Error::new(ErrorKind::Connect, message)
            .with_source(error)
            .into(),
        None => error.into(),
    }
}
