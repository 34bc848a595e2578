//! Counts and times calls and requests, through the facade of the crate [`metrics`](https://docs.rs/metrics): what becomes
//! of the numbers is up to the recorder that the program installs.
//!
//! A client does it when it is asked to, by [`ClientBuilder::metrics`](crate::ClientBuilder::metrics). The numbers of
//! requests are this layer's; it is the innermost one, around the transport, so that every attempt, redirect and repeated
//! authentication counts by itself, and waiting for a permit does not. The numbers of calls are the client's own, as only it
//! knows how a call ends. See [the stack](super#order).
//!
//! # Requests
//!
//! Named by OpenTelemetry's conventions for HTTP clients.
//!
//! | metric | kind, unit | what |
//! |---|---|---|
//! | `http.client.request.duration` | histogram, seconds | from sending to the head of the answer, or to the failure |
//! | `http.client.active_requests` | gauge | requests under way, until the body of their answer is over or dropped |
//! | `http.client.request.body.size` | histogram, bytes | what was sent of a body, counted as it went; not for requests without a body |
//! | `http.client.response.body.size` | histogram, bytes | what was received of a body, counted as it came |
//!
//! A body counts when it ends, fails, or is dropped, with as much of it as passed.
//!
//! | label | on | value |
//! |---|---|---|
//! | `http.request.method` | all | the method; `_OTHER` for one that no RFC knows |
//! | `server.address`, `server.port` | all | as text; missing for a transport that needs no host |
//! | `lakefs.operation`, `url.template` | all but `active_requests` | the operation's id and [`path`](OperationMeta::path); missing for a raw request |
//! | `http.response.status_code` | `duration`, `response.body.size` | the status; missing where no answer came |
//! | `error.type` | `duration`, where it failed | a status of 400 and above; [`ErrorKind::as_str`](crate::ErrorKind::as_str) where no answer came; `cancelled` when it was dropped, by a time limit too |
//!
//! # Calls
//!
//! | metric | kind, unit | what |
//! |---|---|---|
//! | `lakefs.client.call.duration` | histogram, seconds | from sending to the decoded answer, waits and all; a streamed body is not in it |
//! | `lakefs.client.active_calls` | gauge | calls under way |
//! | `lakefs.client.call.attempts` | histogram | how often a call was sent; not for cancelled ones |
//! | `lakefs.client.retries` | counter | attempts beyond the first |
//!
//! Their labels are `lakefs.operation`, missing for a raw request, and on `duration` where it failed `error.type`: the
//! [`ErrorKind::as_str`](crate::ErrorKind::as_str) of what the caller got, or `cancelled`.
//!
//! No label holds a path, a query, a header or anything else that a caller or server makes up, but for the host.
//!
//! ```
//! use lakefs_sdk::{Client, testing::MemoryLakeFs};
//! use metrics_util::debugging::{DebugValue, DebuggingRecorder};
//!
//! let recorder = DebuggingRecorder::new(); // a program installs its exporter's, once
//! metrics::with_local_recorder(&recorder, || {
//!     tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//!         let client = Client::builder().transport(MemoryLakeFs::new()).metrics().build()?;
//!         client.get_repository("nonexistent").await.unwrap_err();
//!         Ok::<_, lakefs_sdk::Error>(())
//!     })
//! })?;
//!
//! let numbers = recorder.snapshotter().snapshot().into_vec();
//! let (key, ..) = numbers.iter().find(|(key, ..)| key.key().name() == "lakefs.client.call.duration").unwrap();
//! let labels: Vec<_> = key.key().labels().map(|label| (label.key(), label.value())).collect();
//! assert_eq!(labels, [("lakefs.operation", "getRepository"), ("error.type", "not_found")]);
//! # Ok::<_, lakefs_sdk::Error>(())
//! ```

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, SharedString, Unit};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use self::body::Count;
use super::semconv;
use crate::{Body, BoxError, error::CANCELLED, operation::OperationMeta};

mod body;
mod call;

pub use self::body::CountedBody;
pub(crate) use self::call::CallMeter;

const DURATION: &str = "http.client.request.duration";
const ACTIVE: &str = "http.client.active_requests";
const SENT: &str = "http.client.request.body.size";
const RECEIVED: &str = "http.client.response.body.size";

static METADATA: Metadata<'static> =
    Metadata::new("lakefs_sdk::metrics", Level::INFO, Some(module_path!()));

/// Adds [`Metrics`] to a stack.
#[derive(Clone, Debug, Default)]
pub struct MetricsLayer {
    server: Arc<OnceLock<Server>>,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Metrics<S> {
    inner: S,
    server: Arc<OnceLock<Server>>,
}

pin_project! {
    /// The answer of [`Metrics`].
    pub struct MetricsFuture<F> {
        #[pin]
        inner: F,
        request: Running,
    }
}

/// The labels of a server. Most requests go to the one that the first went to, and share its texts.
#[derive(Debug)]
struct Server {
    address: SharedString,
    port: u16,
    port_text: SharedString,
}

/// A request under way. Dropped before there is an outcome, it was cancelled.
struct Running {
    begun: Instant,
    labels: Vec<Label>,
    active: Option<Active>,
}

/// Counts as one while it lives.
struct Active(Gauge);

// ===== impl MetricsLayer =====

impl MetricsLayer {
    /// Describes the metrics to the recorder, see [`describe`].
    #[must_use]
    pub fn new() -> Self {
        describe();
        Self::default()
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Metrics<S> {
        Metrics {
            inner,
            server: Arc::clone(&self.server),
        }
    }
}

/// Tells the recorder what each metric is, and its unit.
///
/// Making a [`MetricsLayer`] or a client with metrics does it; call it again if the recorder is installed only after that.
pub fn describe() {
    let seconds = Some(Unit::Seconds);
    let bytes = Some(Unit::Bytes);
    let count = Some(Unit::Count);
    metrics::with_recorder(|recorder| {
        let histogram = |name: &'static str, unit, what: &'static str| {
            recorder.describe_histogram(name.into(), unit, what.into());
        };
        histogram(DURATION, seconds, "Duration of HTTP requests to lakeFS.");
        histogram(SENT, bytes, "Size of the bodies that were sent.");
        histogram(RECEIVED, bytes, "Size of the bodies that were received.");
        histogram(
            call::DURATION,
            seconds,
            "Duration of calls, retries included.",
        );
        histogram(call::ATTEMPTS, count, "How often a call was sent.");
        recorder.describe_gauge(ACTIVE.into(), count, "HTTP requests under way.".into());
        recorder.describe_gauge(call::ACTIVE.into(), count, "Calls under way.".into());
        let retries = "Attempts beyond the first.";
        recorder.describe_counter(call::RETRIES.into(), count, retries.into());
    });
}

// ===== impl Metrics =====

impl<S> Metrics<S> {
    /// Method and server, with room for what comes later.
    fn labels<B>(&self, request: &Request<B>) -> Vec<Label> {
        let mut labels = Vec::with_capacity(7);
        let method = semconv::method(request.method());
        labels.push(Label::from_static_parts("http.request.method", method));
        let uri = request.uri();
        let (Some(address), Some(port)) = (semconv::address(uri), semconv::port(uri)) else {
            return labels;
        };
        let known = self.server.get_or_init(|| Server::new(address, port));
        let other;
        let server = if &*known.address == address && known.port == port {
            known
        } else {
            other = Server::new(address, port);
            &other
        };
        labels.push(Label::new("server.address", server.address.clone()));
        labels.push(Label::new("server.port", server.port_text.clone()));
        labels
    }
}

impl<S, R> Service<Request<Body>> for Metrics<S>
where
    S: Service<Request<Body>, Response = Response<R>, Error = BoxError>,
    R: HttpBody<Data = Bytes>,
{
    type Response = Response<CountedBody<R>>;
    type Error = BoxError;
    type Future = MetricsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut labels = self.labels(&request);
        let active = Active::new(gauge(ACTIVE, labels.clone()));
        if let Some(meta) = OperationMeta::of(&request) {
            labels.push(Label::from_static_parts("lakefs.operation", meta.id));
            labels.push(Label::from_static_parts("url.template", meta.path));
        }
        let request = if request.body().is_end_stream() {
            request
        } else {
            let sent = Count::new(histogram(SENT, labels.clone()), None);
            request.map(|body| Body::new(CountedBody::new(body, sent)))
        };
        MetricsFuture {
            request: Running {
                begun: Instant::now(),
                labels,
                active: Some(active),
            },
            inner: self.inner.call(request),
        }
    }
}

impl<F, R> Future for MetricsFuture<F>
where
    F: Future<Output = Result<Response<R>, BoxError>>,
    R: HttpBody<Data = Bytes>,
{
    type Output = Result<Response<CountedBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.inner.poll(cx)) {
            Ok(response) => {
                let received = this.request.answered(response.status());
                Ok(response.map(|body| CountedBody::new(body, received)))
            }
            Err(error) => {
                this.request.failed(semconv::failure(&error));
                Err(error)
            }
        })
    }
}

// ===== impl Running =====

impl Running {
    /// The counting of the answer's body, until whose end the request is under way.
    fn answered(&mut self, status: StatusCode) -> Count {
        let text = status_text(status);
        let mut labels = std::mem::take(&mut self.labels);
        labels.push(Label::new("http.response.status_code", text.clone()));
        let received = histogram(RECEIVED, labels.clone());
        if status.is_client_error() || status.is_server_error() {
            labels.push(Label::new("error.type", text));
        }
        self.end(labels);
        Count::new(received, self.active.take())
    }

    fn failed(&mut self, error_type: &'static str) {
        let mut labels = std::mem::take(&mut self.labels);
        labels.push(Label::from_static_parts("error.type", error_type));
        self.end(labels);
        self.active = None;
    }

    fn end(&self, labels: Vec<Label>) {
        histogram(DURATION, labels).record(self.begun.elapsed());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.active.is_some() {
            self.failed(CANCELLED);
        }
    }
}

// ===== impl Active =====

impl Active {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

// ===== impl Server =====

impl Server {
    fn new(address: &str, port: u16) -> Self {
        Self {
            address: Arc::<str>::from(address).into(),
            port,
            port_text: Arc::<str>::from(port.to_string()).into(),
        }
    }
}

// ===== handles =====
//
// They are asked for each time, as a recorder may be a thread's own; what lives longer than a moment keeps its handle, so
// that what was added is taken away from the same gauge.

fn counter(name: &'static str, labels: Vec<Label>) -> Counter {
    let key = Key::from_parts(name, labels);
    metrics::with_recorder(|recorder| recorder.register_counter(&key, &METADATA))
}

fn gauge(name: &'static str, labels: Vec<Label>) -> Gauge {
    let key = Key::from_parts(name, labels);
    metrics::with_recorder(|recorder| recorder.register_gauge(&key, &METADATA))
}

fn histogram(name: &'static str, labels: Vec<Label>) -> Histogram {
    let key = Key::from_parts(name, labels);
    metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA))
}

/// A status as text that is never made twice.
fn status_text(status: StatusCode) -> SharedString {
    static TEXTS: [[u8; 3]; 900] = texts();
    const fn texts() -> [[u8; 3]; 900] {
        let mut texts = [[b'0'; 3]; 900];
        let mut index = 0;
        while index < 900 {
            let code = index + 100;
            texts[index] = [
                b'0' + (code / 100) as u8,
                b'0' + (code / 10 % 10) as u8,
                b'0' + (code % 10) as u8,
            ];
            index += 1;
        }
        texts
    }
    let text = usize::from(status.as_u16())
        .checked_sub(100)
        .and_then(|index| std::str::from_utf8(TEXTS.get(index)?).ok());
    SharedString::const_str(text.unwrap_or("_OTHER"))
}
