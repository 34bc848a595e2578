//! [`HttpTransport`]: what carries requests to the server.
//!
//! A transport is any [`tower::Service`] from an `http::Request<`[`Body`]`>` to an `http::Response`: the built-in one over
//! hyper, an axum `Router`, a stack that a program holds already, a closure in a test. It is erased when a client is
//! built, so that [`Client`](crate::Client) is one type.
//!
//! ```
//! # use lakefs_sdk::{Body, Client};
//! # use http::{Request, Response};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let transport = tower::service_fn(|request: Request<Body>| async move {
//!     assert_eq!(request.uri().path(), "/api/v1/repositories/lake/branches/main");
//!     Ok::<_, std::io::Error>(Response::new(Body::from(r#"{"id":"main","commit_id":"c0ffee"}"#)))
//! });
//! let branch = Client::new(transport).get_branch("lake", "main").await?;
//! assert_eq!(branch.commit_id, "c0ffee");
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! ```

use std::{error::Error as StdError, fmt};

use bytes::Bytes;
use http::{Request, Response};
use tower::Service;

use crate::{Body, BoxError};

mod erased;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "reqwest")]
mod reqwest;

pub use self::erased::BoxTransport;
pub(crate) use self::erased::{Erased, ResponseFuture};
#[cfg(feature = "http2")]
pub use self::hyper::Http2;
#[cfg(feature = "hyper")]
pub use self::hyper::{Hyper, HyperBuilder, HyperFuture, Proxies, Proxy};
#[cfg(feature = "rustls")]
pub use self::hyper::{Tls, TlsVersion};
#[cfg(feature = "reqwest")]
pub use self::reqwest::{Reqwest, ReqwestFuture};
/// The name of a host, as a resolver gets it: [`HyperBuilder::resolver`].
#[cfg(feature = "hyper")]
pub use hyper_util::client::legacy::connect::dns::Name;

/// A [`tower::Service`] that can carry requests: cloneable, shareable between threads, answering with any
/// [`http_body::Body`] of [`Bytes`].
///
/// It is implemented for every such service and cannot be implemented otherwise. A service that is not `Clone` becomes
/// one by [`tower::buffer`](https://docs.rs/tower/latest/tower/buffer/), one that is not `Sync` by
/// `tower::util::BoxCloneSyncService`.
///
/// Return [`ConnectError`] as (a cause of) the error when nothing of the request was sent: then every operation may be
/// tried again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry the requests of a lakeFS client",
    label = "not an `HttpTransport`",
    note = "a transport is a `tower::Service<http::Request<lakefs_sdk::Body>>` that is `Clone + Send + Sync + 'static`, \
            with a `Send` future, an error that converts into `Box<dyn Error + Send + Sync>`, and a response body that is \
            an `http_body::Body<Data = bytes::Bytes>`",
    note = "a service that is not `Clone` can be wrapped in `tower::buffer::Buffer`"
)]
pub trait HttpTransport:
    sealed::Sealed
    + Clone
    + Send
    + Sync
    + 'static
    + Service<
        Request<Body>,
        Response = Response<<Self as HttpTransport>::ResponseBody>,
        Error: Into<BoxError>,
        Future: Send,
    >
{
    /// The body that it answers with.
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpTransport for S
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type ResponseBody = B;
}

mod sealed {
    pub trait Sealed {}
    impl<S> Sealed for S {}
}

/// No connection was made, and nothing of the request was sent.
///
/// A transport that returns it (or an error that it is a cause of) lets even a commit be tried again.
#[derive(Debug)]
pub struct ConnectError {
    source: BoxError,
}

// ===== impl ConnectError =====

impl ConnectError {
    /// Wraps what went wrong.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection could be made")
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
