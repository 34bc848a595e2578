//! Follows the redirect that answers a presigned read to the object store, which never sees the credentials.
//!
//! Outside of [`trace`](super::trace) and of the limits, so that each request on the way is one of theirs; inside of
//! [`authenticate`](super::authenticate), which must not sign again. See [the stack](super#order).
//!
//! **What is followed**: 301, 302, 303, 307 and 308 with a `Location` (RFC 9110, 15.4), as answers to GET and HEAD; to any
//! other method only 307 and 308 within the origin, if the body can be sent again. At most 10 in a row. A `Location` is an
//! absolute http or https URL, `//host/path` or `/path`, and kept byte for byte, as a signature covers it.
//!
//! **What is not**: an operation that answers a document. lakeFS never redirects those, so it is a load balancer or a login
//! page, and the call fails with [`is_endpoint`](crate::Error::is_endpoint) and says where it was sent. The same for a read
//! that is redirected to the same path on another host, scheme or port: that is lakeFS at another address, where it would
//! arrive without credentials.
//!
//! **What is sent along**: within an origin (scheme, host and port), everything. To another one, and from there on, nothing
//! but `Range`, `If-Range`, `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`, `Accept`,
//! `Accept-Encoding` and `User-Agent`, and none of these that is marked as sensitive: no credentials, no cookies, no
//! `X-Lakefs-*`, no `X-Request-Id`, none of your own headers, no body. Therefore a redirect from https to http is followed
//! too, as small installations have a store without TLS: it is the signed URL and the data that are then readable on the
//! way. [`Call::follow_redirects`](crate::Call::follow_redirects) gives you the URL instead.
//!
//! A request that is marked as one to another origin from the start ([`ForeignOrigin`]), as those of
//! transfers to presigned URLs are, carries no more than that, its body, and what describes it:
//! `Content-Type`, `Content-Length`, `x-ms-blob-type`. What your layers add goes to lakeFS alone.
//!
//! ```
//! # use http::{Request, Response, header::{AUTHORIZATION, RANGE}};
//! # use lakefs_sdk::{Body, BoxError, middleware::redirect::RedirectLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let service = ServiceBuilder::new().layer(RedirectLayer::new()).service_fn(async |sent: Request<Body>| {
//!     if sent.uri().host() == Some("lakefs.example.com") {
//!         let signed = "https://s3.example.com/bucket/a?X-Amz-Signature=c0ffee";
//!         return Ok::<_, BoxError>(Response::builder().status(302).header("location", signed).body(Body::empty())?);
//!     }
//!     assert_eq!(sent.uri(), "https://s3.example.com/bucket/a?X-Amz-Signature=c0ffee");
//!     assert_eq!(sent.headers()[RANGE], "bytes=0-4");
//!     assert!(!sent.headers().contains_key(AUTHORIZATION));
//!     Ok(Response::builder().status(206).body(Body::from("hello"))?)
//! });
//! let request = Request::get("https://lakefs.example.com/api/v1/repositories/lake/refs/main/objects?path=a&presign=true")
//!     .header(AUTHORIZATION, "Basic c2VjcmV0")
//!     .header(RANGE, "bytes=0-4")
//!     .body(Body::empty())?;
//! assert_eq!(service.oneshot(request).await?.into_body().text().await?, "hello");
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Method, Request, Response, Uri,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LOCATION, RANGE, USER_AGENT,
    },
};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use self::location::{is_same_origin, resolve};
use crate::{
    Body, BoxError, Error,
    error::{ErrorKind, classify},
    middleware::{again::Again, authenticate::ForeignOrigin},
    operation::OperationMeta,
    transport::ResponseFuture,
};

mod location;

/// More than any real server needs; browsers give up after 20.
const MAX_HOPS: usize = 10;

/// What another origin may know of a request.
const SENT_ANYWHERE: [HeaderName; 9] = [
    RANGE,
    IF_RANGE,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    ACCEPT,
    ACCEPT_ENCODING,
    USER_AGENT,
];

/// And of one with a body that was made for it, such as a presigned upload.
const SENT_WITH_DATA: [HeaderName; 3] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    HeaderName::from_static("x-ms-blob-type"),
];

/// Adds [`Redirect`] to a stack.
#[derive(Clone, Copy, Debug)]
pub struct RedirectLayer {
    follow: bool,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Redirect<S> {
    inner: S,
    follow: bool,
}

/// Overrides [`RedirectLayer::follow`]; in the extensions of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowRedirects(pub(crate) bool);

/// The host that answered after a redirect to another origin; in the extensions of a response.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) host: Arc<str>,
}

pin_project! {
    /// The answer of [`Redirect`].
    pub struct RedirectFuture<S, F> {
        // `None` from the first redirect on: a future that is done may still hold a permit.
        #[pin]
        first: Option<F>,
        hops: Option<Box<Hops<S>>>,
        following: Option<ResponseFuture>,
    }
}

/// What is needed to follow.
struct Hops<S> {
    inner: S,
    again: Again,
}

// ===== impl RedirectLayer =====

impl RedirectLayer {
    /// Follows redirects.
    #[must_use]
    pub fn new() -> Self {
        Self { follow: true }
    }

    /// Whether redirects are followed.
    #[must_use]
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }
}

impl Default for RedirectLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for RedirectLayer {
    type Service = Redirect<S>;

    fn layer(&self, inner: S) -> Redirect<S> {
        Redirect {
            inner,
            follow: self.follow,
        }
    }
}

// ===== impl Redirect =====

impl<S> Service<Request<Body>> for Redirect<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = RedirectFuture<S, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if request.extensions().get::<ForeignOrigin>().is_some() {
            keep(
                request.headers_mut(),
                SENT_ANYWHERE.iter().chain(&SENT_WITH_DATA),
            );
        }
        let meta = OperationMeta::of(&request);
        let hops = self.follows(&request, meta).then(|| {
            Box::new(Hops {
                inner: self.inner.clone(),
                again: Again::new(&request, meta),
            })
        });
        RedirectFuture {
            first: Some(self.inner.call(request)),
            hops,
            following: None,
        }
    }
}

impl<S> Redirect<S> {
    fn follows(&self, request: &Request<Body>, meta: Option<&OperationMeta>) -> bool {
        // Documents are the most frequent calls: they must not pay for a copy that is never used.
        if meta.is_some_and(|meta| !meta.streamed) {
            return false;
        }
        let own = request.extensions().get::<FollowRedirects>();
        own.map_or(self.follow, |own| own.0)
    }
}

impl<S, F> Future for RedirectFuture<S, F>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Send
        + 'static,
    F: Future<Output = Result<Response<Body>, BoxError>>,
{
    type Output = Result<Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(first) = this.first.as_mut().as_pin_mut() {
            let answer = ready!(first.poll(cx));
            match (this.hops.take(), answer) {
                (Some(hops), Ok(response)) if location_of(&response).is_some() => {
                    this.first.set(None);
                    *this.following = Some(Box::pin(hops.follow(response)));
                }
                (_, answer) => return Poll::Ready(answer),
            }
        }
        match this.following {
            Some(following) => following.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<S, F> fmt::Debug for RedirectFuture<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedirectFuture")
    }
}

// ===== impl Hops =====

impl<S> Hops<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    async fn follow(mut self, mut response: Response<Body>) -> Result<Response<Body>, BoxError> {
        let Some(first) = self.again.request() else {
            return Ok(response);
        };
        let own = OperationMeta::of(&first).is_some();
        let reads = matches!(*first.method(), Method::GET | Method::HEAD);
        let mut at = first.uri().clone();
        let mut store: Option<Store> = None;
        let mut hops = 0;
        while let Some(location) = location_of(&response) {
            let keeps_method = matches!(response.status().as_u16(), 307 | 308);
            if !reads && !keeps_method {
                break;
            }
            let target = resolve(&at, location)?;
            let leaves = !is_same_origin(&at, &target);
            if leaves && at.path_and_query() == target.path_and_query() && own {
                let (parts, _) = response.into_parts();
                return Err(classify::response(parts.status, &parts.headers, &Bytes::new()).into());
            }
            if !reads && leaves {
                break;
            }
            if hops == MAX_HOPS {
                return Err(endless(&target).into());
            }
            let Some(mut next) = self.again.request() else {
                break;
            };
            if leaves || store.is_some() {
                store = Some(Store::at(&target));
                strip(&mut next);
            }
            *next.uri_mut() = target.clone();
            // Before the next request, which may need the permit or the connection that this answer holds.
            drop(response);
            response = match self.send(next).await {
                Ok(response) => response,
                Err(error) => {
                    return Err(match &store {
                        Some(store) => classify::store_unreachable(&store.host, error).into(),
                        None => error,
                    });
                }
            };
            at = target;
            hops += 1;
        }
        if let Some(store) = store {
            response.extensions_mut().insert(ForeignOrigin);
            response.extensions_mut().insert(store);
        }
        Ok(response)
    }

    async fn send(&mut self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        poll_fn(|cx| self.inner.poll_ready(cx)).await?;
        self.inner.call(request).await
    }
}

fn location_of(response: &Response<Body>) -> Option<&http::HeaderValue> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => response.headers().get(LOCATION),
        _ => None,
    }
}

/// Leaves what another origin may know.
fn strip(request: &mut Request<Body>) {
    keep(request.headers_mut(), &SENT_ANYWHERE);
    *request.body_mut() = Body::empty();
    request.extensions_mut().insert(ForeignOrigin);
}

fn keep<'a>(headers: &mut HeaderMap, allowed: impl IntoIterator<Item = &'a HeaderName>) {
    let mut kept = HeaderMap::new();
    for name in allowed {
        for value in headers.get_all(name) {
            if !value.is_sensitive() {
                kept.append(name, value.clone());
            }
        }
    }
    *headers = kept;
}

fn endless(target: &Uri) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!(
            "redirected more than {MAX_HOPS} times, at last to {}",
            classify::place(&target.to_string())
        ),
    )
}

// ===== impl Store =====

impl Store {
    fn at(target: &Uri) -> Self {
        let host = target
            .authority()
            .map_or("", |authority| authority.as_str());
        Self { host: host.into() }
    }
}
