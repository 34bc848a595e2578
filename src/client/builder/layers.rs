//! What the client adds to requests, and the layers of the user's.

use tower::Layer;

use super::ClientBuilder;
use crate::{
    middleware::BoxLayer,
    transport::{BoxTransport, HttpTransport},
};

#[cfg(feature = "tokio")]
use crate::middleware::{concurrency::ConcurrencyLimitLayer, throttle::ThrottleLayer};

impl ClientBuilder {
    /// Adds a layer that sees every call once, outside of retries. The first that is added is the outermost.
    ///
    /// The layer gets a service that is always ready, and answers with any transport. See
    /// [`middleware`](crate::middleware#order).
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxTransport> + Send + Sync + 'static,
        L::Service: HttpTransport,
    {
        self.layers.push(boxed(layer));
        self
    }

    /// Adds a layer that sees every attempt, inside of retries and outside of the attempt's time limit.
    pub fn attempt_layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<BoxTransport> + Send + Sync + 'static,
        L::Service: HttpTransport,
    {
        self.attempt_layers.push(boxed(layer));
        self
    }

    /// What the program calls itself, such as `etl/2.1`: the `User-Agent`. Default: `lakefs-rust-sdk/` and the version.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = Some(agent.into());
        self
    }

    /// Whether calls that carry no `X-Request-Id` are given one. Default: yes.
    ///
    /// See [`middleware::request_id`](crate::middleware::request_id).
    pub fn request_ids(mut self, enabled: bool) -> Self {
        self.request_ids = self.request_ids.enabled(enabled);
        self
    }

    /// Whether the redirect that answers a presigned read ([`get_object`](crate::Client::get_object) with `presign`) is followed to
    /// the object store. Default: yes.
    ///
    /// Not followed, it is the answer: [`Answer::Redirect`](crate::models::Answer::Redirect).
    /// [`Call::follow_redirects`](crate::Call::follow_redirects) overrides it for one call. What is followed and what is sent
    /// along: [`middleware::redirect`](crate::middleware::redirect).
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.redirect = self.redirect.follow(follow);
        self
    }

    /// Lets at most `requests` of this client and its clones be under way at a time; zero counts as one. Default: no limit.
    ///
    /// A request is under way until the body of its answer has ended or is dropped, so an object that you read slowly counts
    /// all along. Time limits cover the wait. See [`middleware::concurrency`](crate::middleware::concurrency).
    #[cfg(feature = "tokio")]
    pub fn concurrency_limit(mut self, requests: usize) -> Self {
        self.concurrency = Some(boxed(ConcurrencyLimitLayer::new(requests)));
        self
    }

    /// Lets at most `requests` of this client and its clones be under way at a time, and fewer while the server says that it
    /// has too much to do (429, 503). Default: off.
    ///
    /// See [`middleware::throttle`](crate::middleware::throttle).
    #[cfg(feature = "tokio")]
    pub fn adaptive_throttle(mut self, requests: usize) -> Self {
        self.throttle = Some(boxed(ThrottleLayer::new(requests)));
        self
    }

    /// Counts and times calls and requests, through the recorder that the program has installed with the crate
    /// [`metrics`](https://docs.rs/metrics). Default: off. See [`middleware::metrics`](crate::middleware::metrics).
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self) -> Self {
        let layer = crate::middleware::metrics::MetricsLayer::new();
        self.metrics = Some(boxed(layer));
        self
    }

    /// Sends the trace context of OpenTelemetry (`traceparent`) with every attempt, so that the server's spans are children
    /// of ours. Default: off. See [`middleware::propagate`](crate::middleware::propagate).
    #[cfg(feature = "opentelemetry")]
    pub fn propagate_trace_context(mut self) -> Self {
        let layer = crate::middleware::propagate::PropagateLayer::new();
        self.propagate = Some(boxed(layer));
        self
    }
}

fn boxed<L>(layer: L) -> BoxLayer
where
    L: Layer<BoxTransport> + Send + Sync + 'static,
    L::Service: HttpTransport,
{
    Box::new(move |inner| BoxTransport::new(layer.layer(inner)))
}
