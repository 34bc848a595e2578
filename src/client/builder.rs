use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use tower::Layer;

use super::{Client, Inner};
use crate::{
    Credentials, Error, Result,
    auth::Auth,
    config::{Config, Endpoint},
    middleware::{
        BoxLayer, Stack,
        identity::{self, IdentityLayer},
        idle,
        redirect::RedirectLayer,
        request_id::RequestIdLayer,
        retry::{Policy, RetryBudget, RetryPolicy, SharedPolicy},
        timeout,
    },
    timer::{SharedTimer, Timer, default_timer},
    transport::{BoxTransport, HttpTransport},
};

#[cfg(feature = "tokio")]
use crate::middleware::{concurrency::ConcurrencyLimitLayer, throttle::ThrottleLayer};

/// The limit of a whole call when the builder is given none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds a [`Client`]. Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    endpoint: Option<String>,
    credentials: Credentials,
    transport: Option<BoxTransport>,
    #[cfg(feature = "hyper")]
    connect_timeout: Option<Option<Duration>>,
    layers: Vec<BoxLayer>,
    attempt_layers: Vec<BoxLayer>,
    user_agent: Option<String>,
    request_ids: RequestIdLayer,
    retry: SharedPolicy,
    retry_budget: Option<RetryBudget>,
    redirect: RedirectLayer,
    concurrency: Option<BoxLayer>,
    throttle: Option<BoxLayer>,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    upload_answer_timeout: Option<Duration>,
    min_bytes_per_second: u64,
    timer: SharedTimer,
    /// Where the settings above came from.
    config: Config,
    wire_layers: Vec<BoxLayer>,
    metered: bool,
}

// ===== impl ClientBuilder =====

impl ClientBuilder {
    pub(super) fn new() -> Self {
        Self {
            endpoint: None,
            credentials: Credentials::none(),
            transport: None,
            #[cfg(feature = "hyper")]
            connect_timeout: None,
            layers: Vec::new(),
            attempt_layers: Vec::new(),
            user_agent: None,
            request_ids: RequestIdLayer::new(),
            retry: SharedPolicy::new(RetryPolicy::standard()),
            retry_budget: Some(RetryBudget::default()),
            redirect: RedirectLayer::new(),
            concurrency: None,
            throttle: None,
            timeout: Some(DEFAULT_TIMEOUT),
            attempt_timeout: Some(timeout::DEFAULT),
            idle_timeout: Some(idle::DEFAULT),
            upload_answer_timeout: Some(idle::DEFAULT_HEADERS),
            min_bytes_per_second: 0,
            timer: default_timer(),
            config: Config::new(),
            wire_layers: Vec::new(),
            metered: false,
        }
    }

    /// Where the server is, such as `https://lakefs.example.com`; `/api/v1` is added where it is missing.
    ///
    /// A base path and a trailing slash are accepted. Optional with a [`transport`](Self::transport) that needs no host.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self.config.endpoint_set();
        self
    }

    /// Who is calling. Default: [`Credentials::none`].
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.config.credentials_set(&credentials);
        self.credentials = credentials;
        self
    }

    /// What carries the requests. Default: [`transport::Hyper`](crate::transport::Hyper), with feature `hyper`.
    ///
    /// The layers above it are the same whatever it is.
    pub fn transport<T: HttpTransport>(mut self, transport: T) -> Self {
        self.transport = Some(BoxTransport::new(transport));
        self
    }

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

    /// How calls are retried: a [`RetryPolicy`], or a [`Policy`] of your own. Default: [`RetryPolicy::standard`].
    pub fn retry(mut self, policy: impl Policy) -> Self {
        self.config.retry_set();
        self.retry = SharedPolicy::new(policy);
        self
    }

    /// How many retries all calls of the client and its clones may spend together, so that an outage is not multiplied.
    /// Default: `RetryBudget::new(100, 10)`; `None` for no limit.
    pub fn retry_budget(mut self, budget: impl Into<Option<RetryBudget>>) -> Self {
        self.retry_budget = budget.into();
        self
    }

    /// Whether the redirect that answers a presigned read ([`get_object`](Client::get_object) with `presign`) is followed to
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

    /// Limits every call: all attempts, the waits between them, and reading a JSON answer. Default: 60 s; `None` for no
    /// limit.
    ///
    /// A streamed body is limited only until it begins. [`Call::timeout`](crate::Call::timeout) overrides it.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// Limits every attempt, reading a JSON answer included; uploads are not limited by it. Default: 30 s; `None` for no
    /// limit.
    pub fn attempt_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.attempt_timeout = limit.into();
        self
    }

    /// Limits how long a body may stand still, a download while it is waited for and an upload while the server takes nothing.
    /// Default: 30 s; `None` for no limit.
    ///
    /// A transfer that moves may take as long as it likes, and a reader that pauses is never hurried. See
    /// [`idle`](crate::middleware::idle).
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// How fast a body must move at least, in bytes a second, on average over [`idle_timeout`](Self::idle_timeout). Default:
    /// 0, which asks for one byte in that time.
    pub fn min_bytes_per_second(mut self, rate: u64) -> Self {
        self.min_bytes_per_second = rate;
        self
    }

    /// Limits how long the answer to an upload may take once all of it was sent. Default: 300 s; `None` for no limit.
    ///
    /// Other calls have the [`attempt_timeout`](Self::attempt_timeout) for that.
    pub fn upload_answer_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.upload_answer_timeout = limit.into();
        self
    }

    /// Limits making a connection, TLS included, with the built-in transport. Default: 10 s; `None` for no limit.
    #[cfg(feature = "hyper")]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = Some(limit.into());
        self
    }

    /// The clock of timeouts and back-off. Default: tokio's, with feature `tokio`; without it there are no timeouts and no
    /// retries until a timer is given.
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// The same, with a config that says where its settings came from.
    pub(crate) fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Counts and times calls and requests, through the recorder that the program has installed with the crate
    /// [`metrics`](https://docs.rs/metrics). Default: off. See [`middleware::metrics`](crate::middleware::metrics).
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self) -> Self {
        // Before `build`, but for a second time there is nothing more to count.
        if !self.metered {
            self.metered = true;
            let layer = crate::middleware::metrics::MetricsLayer::new();
            self.wire_layers.push(boxed(layer));
        }
        self
    }

    /// Sends the trace context of OpenTelemetry (`traceparent`) with every attempt, so that the server's spans are children
    /// of ours. Default: off. See [`middleware::propagate`](crate::middleware::propagate).
    #[cfg(feature = "opentelemetry")]
    pub fn propagate_trace_context(mut self) -> Self {
        let layer = crate::middleware::propagate::PropagateLayer::new();
        self.wire_layers.push(boxed(layer));
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when the endpoint, the credentials or the agent are not usable, or when
    /// there is neither a transport nor an endpoint.
    pub fn build(mut self) -> Result<Client> {
        let endpoint = match &self.endpoint {
            Some(url) => Endpoint::parse(url)?,
            None if self.transport.is_some() => Endpoint::none(),
            None => {
                return Err(Error::invalid_input(
                    "`endpoint` is missing; it looks like https://lakefs.example.com",
                ));
            }
        };
        let auth = self.credentials.auth()?;
        if let Some(agent) = &self.user_agent {
            HeaderValue::try_from(agent).map_err(|_| {
                Error::invalid_input(
                    "`user_agent` has a character that a header cannot hold, such as a line break",
                )
            })?;
        }
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => self.built_in()?,
        };
        Ok(self.finish(transport, endpoint, auth))
    }

    #[cfg(feature = "hyper")]
    fn built_in(&self) -> Result<BoxTransport> {
        let mut hyper = crate::transport::Hyper::builder();
        if let Some(limit) = self.connect_timeout {
            hyper = hyper.connect_timeout(limit);
        }
        Ok(BoxTransport::new(hyper.build()?))
    }

    #[cfg(not(feature = "hyper"))]
    fn built_in(&self) -> Result<BoxTransport> {
        Err(Error::invalid_input(
            "`transport` is missing; the built-in one needs the feature `hyper`",
        ))
    }

    /// `build`, with everything checked.
    pub(super) fn finish(
        mut self,
        transport: BoxTransport,
        endpoint: Endpoint,
        auth: Auth,
    ) -> Client {
        let agent = self
            .user_agent
            .and_then(|agent| HeaderValue::try_from(agent).ok())
            .unwrap_or(identity::DEFAULT);
        let layered = !(self.layers.is_empty() && self.attempt_layers.is_empty());
        let stack = Stack {
            layers: self.layers,
            attempt_layers: self.attempt_layers,
            identity: IdentityLayer::new(agent),
            request_ids: self.request_ids,
            retry: self.retry,
            retry_budget: self.retry_budget,
            redirect: self.redirect,
            limits: self.concurrency.into_iter().chain(self.throttle).collect(),
            attempt_timeout: self.attempt_timeout,
            idle_timeout: self.idle_timeout,
            upload_answer_timeout: self.upload_answer_timeout,
            min_bytes_per_second: self.min_bytes_per_second,
            call_timeout: self.timeout,
            auth,
            endpoint: endpoint.clone(),
            timer: self.timer.clone(),
            wire_layers: self.wire_layers,
        };
        self.config.endpoint_is(&endpoint);
        let inner = Inner {
            config: self.config,
            stack: stack.build(transport),
            endpoint,
            credentials: self.credentials,
            timeout: self.timeout,
            timer: self.timer,
            layered,
            metered: self.metered,
        };
        Client {
            inner: Arc::new(inner),
        }
    }
}

fn boxed<L>(layer: L) -> BoxLayer
where
    L: Layer<BoxTransport> + Send + Sync + 'static,
    L::Service: HttpTransport,
{
    Box::new(move |inner| BoxTransport::new(layer.layer(inner)))
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The endpoint is not checked yet, so a password may be in it.
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
