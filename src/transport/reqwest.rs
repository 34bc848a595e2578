//! A transport over the `reqwest::Client` that a program holds already.

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use reqwest::{Client, ClientBuilder, Url, redirect};
use tower::Service;

use super::ConnectError;
use crate::{Body, BoxError, Error, Result, error::ErrorKind};

/// A transport over [`reqwest::Client`] (0.13): its connections, proxies, TLS and DNS serve this crate too.
///
/// ```
/// # use lakefs_sdk::{Client, transport::Reqwest};
/// # fn main() -> lakefs_sdk::Result<()> {
/// let transport = Reqwest::from_builder(reqwest::Client::builder().user_agent("etl/2.1"))?;
/// let client = Client::builder().endpoint("http://localhost:8000").transport(transport).build()?;
/// # drop(client);
/// # Ok(()) }
/// ```
///
/// Bodies stream both ways. A connection that could not be made is a [`ConnectError`], so that every operation is tried
/// again; no error has the URL in it, which may be presigned. Outside of a tokio runtime a call is an error, not a panic.
/// Calls with async and blocking ones share its connections.
///
/// # What the reqwest client does on its own
///
/// - **Decompression**, which a feature of reqwest switches on anywhere in a workspace, turns an object that is stored
///   compressed into other bytes. [`new`](Self::new) refuses a client that does it, [`from_builder`](Self::from_builder)
///   switches it off.
/// - **Redirects** are this crate's to follow, which knows what may go to another host. Those that answer a `GET`, `HEAD`,
///   `PUT` or `DELETE` come back as they are, whatever the client's policy; after one that it followed all the same (a
///   303, or a 301 or 302 after `POST`) the call fails, naming the host. Build it with
///   [`redirect::Policy::none`](reqwest::redirect::Policy::none), as `from_builder` does.
/// - **Default headers and cookies** go with every request, those to presigned hosts too: leave those that authenticate
///   to [`Credentials`](crate::Credentials).
/// - **Time limits** of the client (`timeout`, `read_timeout`) hold beside this crate's, for an attempt and its body;
///   `timeout` cuts a long download. The call fails with [`is_timeout`](Error::is_timeout).
/// - **Paths** lose their dot segments in reqwest. A request to such a path is refused, as it would reach another one.
#[derive(Clone)]
pub struct Reqwest {
    client: Client,
}

/// The answer of [`Reqwest`].
pub struct ReqwestFuture {
    state: State,
}

enum State {
    Sent {
        pending: <Client as Service<reqwest::Request>>::Future,
        url: Url,
    },
    /// Refused before anything was sent.
    Failed(Option<BoxError>),
}

/// A body on its way out, which reqwest wants `Sync`, and which it cannot make again.
///
/// For the latter an empty body does not say that its size is 0: a request that reqwest can make again is one that it
/// sends to wherever a redirect points.
struct Outgoing {
    body: Mutex<Body>,
}

// ===== impl Reqwest =====

impl Reqwest {
    /// Takes a client as it is.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when the client decompresses what it receives, or when this version
    /// of reqwest does not tell: use [`from_builder`](Self::from_builder), or build it with `no_gzip`, `no_brotli`,
    /// `no_zstd` and `no_deflate`, which are there whatever reqwest's features are.
    pub fn new(client: Client) -> Result<Self> {
        match decompresses(&client) {
            Some(false) => Ok(Self { client }),
            Some(true) => Err(Error::invalid_input(
                "the reqwest client decompresses what it receives, so an object that is stored compressed would arrive \
                 as other bytes; build it with `no_gzip()`, `no_brotli()`, `no_zstd()` and `no_deflate()`, or pass its \
                 builder to `Reqwest::from_builder`",
            )),
            None => Err(Error::invalid_input(
                "this version of reqwest does not tell whether the client decompresses what it receives; pass its \
                 builder to `Reqwest::from_builder`",
            )),
        }
    }

    /// Builds the client, with decompression and redirects off.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when reqwest cannot build it.
    pub fn from_builder(builder: ClientBuilder) -> Result<Self> {
        let client = builder
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| {
                Error::invalid_input("reqwest cannot build the client")
                    .with_source(without_urls(error))
            })?;
        Ok(Self { client })
    }
}

impl TryFrom<Client> for Reqwest {
    type Error = Error;

    fn try_from(client: Client) -> Result<Self> {
        Self::new(client)
    }
}

/// Whether the client decodes `Content-Encoding`; `None` when it does not show.
///
/// It does so by the answer's header alone, whatever was asked for, and leaves no trace on an answer without a length. So it
/// must be known before, and its `Debug` is all that tells: `accepts: Accepts { gzip: true }`.
fn decompresses(client: &Client) -> Option<bool> {
    let shown = format!("{client:?}");
    let (_, accepts) = shown.split_once("accepts: Accepts")?;
    match accepts.trim_start().strip_prefix('{') {
        Some(fields) => Some(fields.split_once('}')?.0.contains("true")),
        None => Some(false), // compiled without
    }
}

impl Service<Request<Body>> for Reqwest {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = ReqwestFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ReqwestFuture {
        // reqwest connects and keeps time with tokio's, which panic outside of a runtime.
        if tokio::runtime::Handle::try_current().is_err() {
            return ReqwestFuture::failed(ConnectError::new(
                "reqwest needs a tokio runtime: make the call inside of one",
            ));
        }
        let (parts, body) = request.into_parts();
        let url = match url(&parts.uri) {
            Ok(url) => url,
            Err(error) => return ReqwestFuture::failed(error),
        };
        let mut request = reqwest::Request::new(parts.method, url.clone());
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(reqwest::Body::wrap(Outgoing::new(body)));
        ReqwestFuture {
            state: State::Sent {
                pending: self.client.call(request),
                url,
            },
        }
    }
}

/// The URL, which must lead to the same path and query.
fn url(uri: &Uri) -> Result<Url> {
    if uri.authority().is_none() {
        return Err(Error::invalid_input(
            "the request has no host; reqwest needs one: build the client with an `endpoint`",
        ));
    }
    let url = Url::parse(&uri.to_string()).map_err(|error| {
        Error::invalid_input("reqwest cannot send a request to this URL").with_source(error)
    })?;
    if !(same(url.path(), uri.path())
        && same(
            url.query().unwrap_or_default(),
            uri.query().unwrap_or_default(),
        ))
    {
        return Err(Error::invalid_input(format!(
            "reqwest would send this request to another path, {:?}: it resolves segments that are `.` or `..`",
            url.path()
        )));
    }
    Ok(url)
}

/// Whether two texts mean the same, as one may be percent-encoded further than the other.
fn same(one: &str, other: &str) -> bool {
    one == other || percent_decode_str(one).eq(percent_decode_str(other))
}

impl fmt::Debug for Reqwest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's own shows its default headers.
        f.write_str("Reqwest")
    }
}

// ===== impl ReqwestFuture =====

impl ReqwestFuture {
    fn failed(error: impl Into<BoxError>) -> Self {
        Self {
            state: State::Failed(Some(error.into())),
        }
    }
}

impl Future for ReqwestFuture {
    type Output = std::result::Result<Response<Body>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (pending, url) = match &mut self.state {
            State::Sent { pending, url } => (pending, url),
            State::Failed(error) => {
                return match error.take() {
                    Some(error) => Poll::Ready(Err(error)),
                    None => Poll::Pending,
                };
            }
        };
        let response = ready!(Pin::new(pending).poll(cx)).map_err(failure)?;
        if response.url() != url {
            let host = response.url().host_str().unwrap_or_default();
            return Poll::Ready(Err(Error::new(
                ErrorKind::Unexpected,
                format!(
                    "the reqwest client followed a redirect to {host:?} on its own; build it with \
                     `redirect::Policy::none()`, or pass its builder to `Reqwest::from_builder`"
                ),
            )
            .into()));
        }
        let response: Response<reqwest::Body> = response.into();
        Poll::Ready(Ok(response.map(|body| Body::new(body.map_err(failure)))))
    }
}

impl fmt::Debug for ReqwestFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestFuture")
    }
}

/// Says what is known of a failure, without a URL.
fn failure(error: reqwest::Error) -> BoxError {
    let (connect, timeout) = (error.is_connect(), error.is_timeout());
    let (builder, redirect) = (error.is_builder(), error.is_redirect());
    let error = without_urls(error);
    if connect {
        return ConnectError::new(error).into();
    }
    let ours = if timeout {
        Error::new(
            ErrorKind::Timeout,
            "a time limit of the reqwest client passed",
        )
    } else if builder {
        Error::invalid_input("reqwest refused the request")
    } else if redirect {
        Error::new(
            ErrorKind::Unexpected,
            "the reqwest client failed to follow a redirect on its own; build it with `redirect::Policy::none()`",
        )
    } else {
        return error;
    };
    ours.with_source(error).into()
}

/// The error without any URL, as one may be presigned.
fn without_urls(error: reqwest::Error) -> BoxError {
    let error = error.without_url();
    let mut cause = error.source();
    while let Some(next) = cause {
        if next
            .downcast_ref::<reqwest::Error>()
            .is_some_and(|inner| inner.url().is_some())
        {
            // What is beneath can be taken off only together.
            return error.to_string().into();
        }
        cause = next.source();
    }
    error.into()
}

// ===== impl Outgoing =====

impl Outgoing {
    fn new(body: Body) -> Self {
        // A stream that is known to be empty would be sent as one of unknown size.
        let body = match body.size() {
            Some(0) => Body::empty(),
            _ => body,
        };
        Self {
            body: Mutex::new(body),
        }
    }

    fn body(&self) -> MutexGuard<'_, Body> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body().size_hint();
        match hint.exact() {
            Some(0) => SizeHint::default(),
            _ => hint,
        }
    }
}
