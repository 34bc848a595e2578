//! Notices bodies that stall, both ways, by the bytes that pass and not by a total: a transfer of hours is fine while it
//! moves.
//!
//! | limit | of what | begins |
//! |---|---|---|
//! | [`idle_timeout`](IdleLayer::idle_timeout) | a download | when its reader waits for bytes that do not come |
//! | [`idle_timeout`](IdleLayer::idle_timeout) | an upload | when the transport has a chunk that it cannot get rid of |
//! | [`upload_answer_timeout`](IdleLayer::upload_answer_timeout) | the answer to an upload | when the last byte was handed over |
//!
//! Neither a reader that takes its time nor a stream that has nothing to send yet is ever taken for a stalled server: the
//! clock runs only while the other side is to blame. A limit that passes is an error that
//! [`is_timeout`](crate::Error::is_timeout) and says which one it was, after how many bytes.
//!
//! Below [`collect`](super::collect), next to the wire. An operation whose answer is a document has the limit of its
//! [attempt](super::timeout) instead, and nothing to pay here. See [the stack](super#order).
//!
//! ```
//! # use http::{Request, Response};
//! # use lakefs_sdk::{Body, BoxError, middleware::idle::IdleLayer, timer::TokioTimer};
//! # use std::time::Duration;
//! # use tower::{ServiceBuilder, ServiceExt};
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let service = ServiceBuilder::new()
//!     .layer(IdleLayer::new(TokioTimer::default()).idle_timeout(Duration::from_secs(5)))
//!     .service_fn(async |_: Request<Body>| {
//!         let stalled = futures_util::stream::pending::<Result<&str, BoxError>>();
//!         Ok::<_, BoxError>(Response::new(Body::from_stream(stalled)))
//!     });
//! let body = service.oneshot(Request::new(Body::empty())).await?.into_body();
//! let error = body.bytes().await.unwrap_err();
//! assert!(error.is_timeout());
//! assert_eq!(error.to_string(), "the download stalled: the server sent too little for 5s, after 0 bytes");
//! # Ok::<_, BoxError>(()) }).unwrap();
//! ```

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use self::{download::Download, meter::Meter, upload::Upload, upload::Watch};
use crate::{
    Body, BoxError,
    operation::OperationMeta,
    timer::{SharedTimer, Timer},
};

mod download;
mod meter;
mod upload;

/// How long a body may stand still where the builder is told nothing.
pub(crate) const DEFAULT: Duration = Duration::from_secs(30);

/// How long the answer to an upload may take where the builder is told nothing: a proxy that keeps the body back until it is
/// whole sends it on only then.
pub(crate) const DEFAULT_HEADERS: Duration = Duration::from_secs(300);

/// Adds [`Idle`] to a stack.
#[derive(Clone, Debug)]
pub struct IdleLayer {
    limits: Arc<Limits>,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Idle<S> {
    inner: S,
    limits: Arc<Limits>,
}

#[derive(Clone, Debug)]
struct Limits {
    idle: Option<Duration>,
    headers: Option<Duration>,
    bytes_per_second: u64,
    /// Whether a document has another limit already.
    documents_are_limited: bool,
    timer: SharedTimer,
}

pin_project! {
    /// The answer of [`Idle`].
    pub struct IdleFuture<F> {
        #[pin]
        inner: F,
        upload: Option<Watch>,
        // What a download is measured with.
        meter: Option<Meter>,
    }
}

// ===== impl IdleLayer =====

impl IdleLayer {
    /// Measures on the clock of `timer`, with the limits that a client has by default: 30 s without a byte, and 300 s for the
    /// answer to an upload.
    #[must_use]
    pub fn new(timer: impl Timer) -> Self {
        Self::from_limits(
            Some(DEFAULT),
            Some(DEFAULT_HEADERS),
            0,
            false,
            Some(Arc::new(timer)),
        )
    }

    pub(crate) fn from_limits(
        idle: Option<Duration>,
        headers: Option<Duration>,
        bytes_per_second: u64,
        documents_are_limited: bool,
        timer: SharedTimer,
    ) -> Self {
        Self {
            limits: Arc::new(Limits {
                idle,
                headers,
                bytes_per_second,
                documents_are_limited,
                timer,
            }),
        }
    }

    /// How long a body may stand still; `None` for no limit.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        Arc::make_mut(&mut self.limits).idle = limit.into();
        self
    }

    /// How long the answer to an upload may take, once it was sent; `None` for no limit.
    #[must_use]
    pub fn upload_answer_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        Arc::make_mut(&mut self.limits).headers = limit.into();
        self
    }

    /// How fast bytes must pass at least, on average over the [`idle_timeout`](Self::idle_timeout); with 0, a single byte in
    /// that time is enough.
    #[must_use]
    pub fn min_bytes_per_second(mut self, rate: u64) -> Self {
        Arc::make_mut(&mut self.limits).bytes_per_second = rate;
        self
    }
}

impl<S> Layer<S> for IdleLayer {
    type Service = Idle<S>;

    fn layer(&self, inner: S) -> Idle<S> {
        Idle {
            inner,
            limits: Arc::clone(&self.limits),
        }
    }
}

// ===== impl Limits =====

impl Limits {
    fn meter(&self) -> Option<Meter> {
        Meter::new(self.idle?, self.bytes_per_second, self.timer.clone()?)
    }

    fn watch(&self) -> Option<Watch> {
        let timer = self.timer.clone()?;
        let limited = self.idle.is_some() || self.headers.is_some();
        limited.then(|| Watch::new(self.meter(), self.headers, timer))
    }
}

// ===== impl Idle =====

impl<S> Service<Request<Body>> for Idle<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = IdleFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let limits = &*self.limits;
        let meta = OperationMeta::of(&request);
        // A request of the user's own may be answered with anything.
        let streams = meta.is_none_or(|meta| meta.streamed);
        let uploads = OperationMeta::sends_data(&request, meta);
        let meter = if streams || uploads || !limits.documents_are_limited {
            limits.meter()
        } else {
            None
        };
        let upload = if uploads { limits.watch() } else { None };
        if let Some(watch) = &upload {
            request = request.map(|body| Body::new(Upload::new(body, watch)));
        }
        IdleFuture {
            inner: self.inner.call(request),
            upload,
            meter,
        }
    }
}

impl<F> Future for IdleFuture<F>
where
    F: Future<Output = Result<Response<Body>, BoxError>>,
{
    type Output = Result<Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // The answer first: one that is there must not be thrown away because the time is up too.
        if let Poll::Ready(answer) = this.inner.poll(cx) {
            let response = answer?;
            return Poll::Ready(Ok(match this.meter.take() {
                // What is in memory cannot stall.
                Some(meter) if response.body().as_bytes().is_none() => {
                    response.map(|body| Body::new(Download::new(body, meter)))
                }
                _ => response,
            }));
        }
        match this.upload {
            Some(watch) => Poll::Ready(Err(ready!(watch.poll(cx)).into())),
            None => Poll::Pending,
        }
    }
}
