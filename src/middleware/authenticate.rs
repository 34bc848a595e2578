//! Adds the credentials to every request of an operation that wants them, and replaces credentials that the server refuses.
//!
//! Inside [`retry`](super::retry), so that every attempt has the credentials of its time; outside of [`collect`](super::collect).
//! It adds nothing to
//!
//! - an operation that the API marks as open to anyone;
//! - a request that has an `Authorization` of its own;
//! - a request to another scheme, host or port than the endpoint's.
//!
//! Where credentials are [fetched](crate::auth) and the answer is 401, they are fetched anew, once for all calls that they
//! failed, and the request is sent once more: the server did nothing, so this holds for a commit too. The 401 stands when
//!
//! - its message begins with `insufficient permissions`, which is how lakeFS refuses somebody whom it knows;
//! - it comes from another host ([`ForeignOrigin`]);
//! - the body was a stream that can be read only once;
//! - the new credentials are the old ones, or are refused as well; then nobody asks for others for 5 s.
//!
//! Logins go through what is inside of this layer, with retries and limits of their own. See [the stack](super#order).
//!
//! ```
//! # use http::{Request, Response, header::AUTHORIZATION};
//! # use lakefs_sdk::{Body, BoxError, Credentials, config::Endpoint, middleware::authenticate::AuthenticateLayer};
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let endpoint = Endpoint::parse("https://lakefs.example.com")?;
//! let service = ServiceBuilder::new()
//!     .layer(AuthenticateLayer::new(&Credentials::bearer_token("t0ken"), &endpoint)?)
//!     .service_fn(|sent: Request<Body>| async move {
//!         let sent = sent.headers().get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
//!         Ok::<_, BoxError>(Response::new(Body::from(sent.to_vec())))
//!     });
//! for (url, expected) in [("https://lakefs.example.com/api/v1/user", "Bearer t0ken"), ("https://bucket.example.com/a", "")] {
//!     let response = service.clone().oneshot(Request::get(url).body(Body::empty())?).await?;
//!     assert_eq!(response.into_body().text().await?, expected);
//! }
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{
    Body, BoxError, Credentials, Result,
    auth::{Auth, AuthHeader, Cache, Exchange, Found, Refresh},
    config::Endpoint,
    error::classify::{self, MAX_ERROR_BODY},
    middleware::{
        again::Again,
        collect::CollectLayer,
        identity::{self, IdentityLayer},
        retry::{RetryBudget, RetryLayer, RetryPolicy, SharedPolicy},
        timeout::{self, AttemptTimeoutLayer, stage},
    },
    operation::OperationMeta,
    timer::{SharedTimer, Timer, default_timer},
    transport::{BoxTransport, ResponseFuture},
};

/// Adds [`Authenticate`] to a stack. Every service that it is added to fetches credentials for itself.
#[derive(Clone)]
pub struct AuthenticateLayer {
    auth: Auth,
    endpoint: Endpoint,
    timer: SharedTimer,
    /// What is around a login, where it is not the default.
    around: Option<Around>,
}

/// See the [module](self).
pub struct Authenticate<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// In the extensions of a response that comes from another host than lakeFS's: a redirect was followed, say. And in those of
/// a request that goes to one: it carries neither credentials nor what only lakeFS wants to know.
///
/// A transport of yours that follows redirects inserts it, so that a 401 of that host is no reason for a login.
#[derive(Clone, Copy, Debug)]
pub struct ForeignOrigin;

/// What the clones of a service share.
struct Shared {
    endpoint: Endpoint,
    mode: Mode,
}

enum Mode {
    Fixed(Option<Arc<AuthHeader>>),
    Fetched(Arc<Cache>),
}

/// The layers that a login goes through.
#[derive(Clone)]
struct Around {
    identity: IdentityLayer,
    retry: RetryLayer,
    timeout: AttemptTimeoutLayer,
}

pin_project! {
    /// The answer of [`Authenticate`].
    pub struct AuthenticateFuture<F> {
        #[pin]
        sent: Sent<F>,
    }
}

pin_project! {
    #[project = Projected]
    enum Sent<F> {
        /// With credentials that were at hand.
        Plain { #[pin] inner: F },
        /// With credentials that are fetched.
        Fetched { inner: ResponseFuture },
    }
}

// ===== impl AuthenticateLayer =====

impl AuthenticateLayer {
    /// Sends `credentials`, to `endpoint` and nowhere else. A request whose URL is a path alone counts as one to it.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input) when they cannot be in a header, or lack something.
    pub fn new(credentials: &Credentials, endpoint: &Endpoint) -> Result<Self> {
        let auth = credentials.auth()?;
        Ok(Self::from_auth(auth, endpoint.clone(), default_timer()))
    }

    /// The clock that tells when credentials expire. Default: tokio's, with feature `tokio`; without any they are fetched
    /// again only when the server refuses them.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    pub(crate) fn from_auth(auth: Auth, endpoint: Endpoint, timer: SharedTimer) -> Self {
        Self {
            auth,
            endpoint,
            timer,
            around: None,
        }
    }

    /// What logins go through.
    pub(crate) fn around_logins(
        mut self,
        identity: IdentityLayer,
        retry: RetryLayer,
        timeout: AttemptTimeoutLayer,
    ) -> Self {
        self.around = Some(Around {
            identity,
            retry,
            timeout,
        });
        self
    }

    fn around(&self) -> Around {
        self.around.clone().unwrap_or_else(|| Around {
            identity: IdentityLayer::new(identity::DEFAULT),
            retry: RetryLayer::within(
                SharedPolicy::new(RetryPolicy::standard()),
                Some(RetryBudget::default()),
                None,
                self.timer.clone(),
            ),
            timeout: AttemptTimeoutLayer::within(Some(timeout::DEFAULT), None, self.timer.clone()),
        })
    }
}

impl<S> Layer<S> for AuthenticateLayer
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        let mode = match &self.auth {
            Auth::Fixed(header) => Mode::Fixed(header.clone()),
            Auth::Fetched(source) => {
                let around = self.around();
                let login = CollectLayer::new().layer(BoxTransport::new(inner.clone()));
                let login = around.retry.layer(around.timeout.layer(login));
                let login = BoxTransport::from_erased(around.identity.layer(login));
                let exchange = Exchange::new(login, self.endpoint.clone());
                let cache = Cache::new(Arc::clone(source), exchange, self.timer.clone());
                Mode::Fetched(Arc::new(cache))
            }
        };
        let endpoint = self.endpoint.clone();
        Authenticate {
            inner,
            shared: Arc::new(Shared { endpoint, mode }),
        }
    }
}

// ===== impl Authenticate =====

impl<S> Service<Request<Body>> for Authenticate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = AuthenticateFuture<S::Future>;

    /// Always ready where credentials are fetched: forwarding it would hold a permit of the inner service during a login,
    /// which may need that very permit.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &self.shared.mode {
            Mode::Fixed(_) => self.inner.poll_ready(cx),
            Mode::Fetched(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let sent = match &self.shared.mode {
            Mode::Fixed(header) => {
                if let Some(header) = header.as_ref().filter(|_| self.shared.wanted(&request)) {
                    header.apply(request.headers_mut());
                }
                Sent::Plain {
                    inner: self.inner.call(request),
                }
            }
            Mode::Fetched(cache) => {
                let inner = self.inner.clone();
                let wanted =
                    self.shared.wanted(&request) && !request.headers().contains_key(AUTHORIZATION);
                let cache = wanted.then(|| Arc::clone(cache));
                Sent::Fetched {
                    inner: Box::pin(run(inner, cache, request)),
                }
            }
        };
        AuthenticateFuture { sent }
    }
}

impl Shared {
    fn wanted(&self, request: &Request<Body>) -> bool {
        // A request of the user's own has no meta, and gets the credentials: it goes to the same server.
        OperationMeta::of(request).is_none_or(|meta| meta.authenticated)
            && self.endpoint.is_origin_of(request.uri())
    }
}

impl<S: Clone> Clone for Authenticate<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<F> Future for AuthenticateFuture<F>
where
    F: Future<Output = Result<Response<Body>, BoxError>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().sent.project() {
            Projected::Plain { inner } => inner.poll(cx),
            Projected::Fetched { inner } => inner.as_mut().poll(cx),
        }
    }
}

// ===== fetched credentials =====

const CREDENTIALS: &str = "credentials";

async fn run<S>(
    mut inner: S,
    cache: Option<Arc<Cache>>,
    mut request: Request<Body>,
) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    let Some(cache) = cache else {
        return send(&mut inner, request).await;
    };
    let (issued, due) = match cache.look() {
        Found::Fresh(issued) => (issued, None),
        Found::Due(issued, refresh) => (issued, Some(refresh)),
        Found::Missing => {
            let fetched = stage::while_waiting_for(CREDENTIALS, cache.fetch()).await?;
            (fetched, None)
        }
    };
    let again = Again::new(&request, OperationMeta::of(&request));
    issued.apply(request.headers_mut());
    let response = alongside(due, send(&mut inner, request)).await?;
    if response.status() != StatusCode::UNAUTHORIZED
        || response.extensions().get::<ForeignOrigin>().is_some()
    {
        return Ok(response);
    }

    let (response, body) = in_memory(response).await;
    if classify::is_about_permissions(response.headers(), &body) {
        return Ok(response);
    }
    let Some(mut request) = again.request() else {
        return Ok(response);
    };
    match stage::while_waiting_for(CREDENTIALS, cache.replace(&issued)).await {
        Ok(None) => Ok(response),
        Ok(Some(replaced)) => {
            drop(response);
            replaced.apply(request.headers_mut());
            send(&mut inner, request).await
        }
        Err(error) => {
            let (parts, _) = response.into_parts();
            Err(error.with_answer(parts.status, parts.headers, body).into())
        }
    }
}

async fn send<S>(inner: &mut S, request: Request<Body>) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    inner.call(request).await
}

/// Drives a refresh for as long as the request takes; the next call takes it up where it stands.
async fn alongside<F: Future>(mut refresh: Option<Refresh>, sent: F) -> F::Output {
    let mut sent = pin!(sent);
    poll_fn(|cx| {
        if let Some(running) = &mut refresh {
            // Its outcome is in the cache, where the next call finds it.
            if running.poll_unpin(cx).is_ready() {
                refresh = None;
            }
        }
        sent.as_mut().poll(cx)
    })
    .await
}

/// Reads the body of a refusal, so that whatever it holds (a connection, a permit) is free during a login.
async fn in_memory(response: Response<Body>) -> (Response<Body>, Bytes) {
    let (parts, mut body) = response.into_parts();
    let bytes = match body.as_bytes() {
        Some(bytes) => bytes.clone(),
        None => {
            let mut bytes = BytesMut::new();
            while let Ok(Some(chunk)) = body.chunk().await {
                bytes.extend_from_slice(&chunk);
                if bytes.len() >= MAX_ERROR_BODY {
                    break;
                }
            }
            bytes.freeze()
        }
    };
    let body = Body::from(bytes.clone());
    (Response::from_parts(parts, body), bytes)
}

// ===== Debug =====

impl fmt::Debug for AuthenticateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateLayer")
            .field("credentials", &self.auth)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug> fmt::Debug for Authenticate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Authenticate");
        debug.field("inner", &self.inner);
        match &self.shared.mode {
            Mode::Fixed(header) => debug.field("credentials", header),
            Mode::Fetched(cache) => debug.field("credentials", cache),
        };
        debug.finish()
    }
}

impl<F> fmt::Debug for AuthenticateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticateFuture")
    }
}
