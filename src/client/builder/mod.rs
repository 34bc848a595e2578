//! [`ClientBuilder`]: what a client is made from.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;

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
        retry::{RetryBudget, RetryPolicy, SharedPolicy},
        timeout,
    },
    timer::{SharedTimer, default_timer},
    transport::{BoxTransport, HttpTransport},
};

mod layers;
mod limits;

/// The limit of a whole call when the builder is given none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds a [`Client`]. Nothing is checked before [`build`](Self::build).
///
/// All its settings on one page, with their defaults: [`guide::configuration`](crate::guide::configuration).
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    endpoint: Option<String>,
    credentials: Credentials,
    /// Where the settings came from.
    config: Config,
    transport: Option<BoxTransport>,

    // What is on the way, from the outside in.
    layers: Vec<BoxLayer>,
    user_agent: Option<String>,
    request_ids: RequestIdLayer,
    attempt_layers: Vec<BoxLayer>,
    redirect: RedirectLayer,
    concurrency: Option<BoxLayer>,
    throttle: Option<BoxLayer>,
    propagate: Option<BoxLayer>,
    metrics: Option<BoxLayer>,

    // How long it may take, and how often it is tried.
    retry: SharedPolicy,
    retry_budget: Option<RetryBudget>,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    /// `None` for the default of the built-in transport.
    connect_timeout: Option<Option<Duration>>,
    idle_timeout: Option<Duration>,
    min_bytes_per_second: u64,
    upload_answer_timeout: Option<Duration>,
    timer: SharedTimer,
}

// ===== impl ClientBuilder =====

impl ClientBuilder {
    pub(super) fn new() -> Self {
        Self {
            endpoint: None,
            credentials: Credentials::none(),
            config: Config::new(),
            transport: None,
            layers: Vec::new(),
            user_agent: None,
            request_ids: RequestIdLayer::new(),
            attempt_layers: Vec::new(),
            redirect: RedirectLayer::new(),
            concurrency: None,
            throttle: None,
            propagate: None,
            metrics: None,
            retry: SharedPolicy::new(RetryPolicy::standard()),
            retry_budget: Some(RetryBudget::default()),
            timeout: Some(DEFAULT_TIMEOUT),
            attempt_timeout: Some(timeout::DEFAULT),
            connect_timeout: None,
            idle_timeout: Some(idle::DEFAULT),
            min_bytes_per_second: 0,
            upload_answer_timeout: Some(idle::DEFAULT_HEADERS),
            timer: default_timer(),
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

    /// The same, with a config that says where its settings came from.
    pub(crate) fn with_config(mut self, config: Config) -> Self {
        self.config = config;
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
            None => built_in(self.connect_timeout)?,
        };
        Ok(self.finish(transport, endpoint, auth))
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
        let metered = self.metrics.is_some();
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
            wire_layers: self.propagate.into_iter().chain(self.metrics).collect(),
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
            metered,
        };
        Client {
            inner: Arc::new(inner),
        }
    }
}

#[cfg(feature = "hyper")]
fn built_in(connect_timeout: Option<Option<Duration>>) -> Result<BoxTransport> {
    let mut hyper = crate::transport::Hyper::builder();
    if let Some(limit) = connect_timeout {
        hyper = hyper.connect_timeout(limit);
    }
    Ok(BoxTransport::new(hyper.build()?))
}

#[cfg(not(feature = "hyper"))]
fn built_in(_: Option<Option<Duration>>) -> Result<BoxTransport> {
    Err(Error::invalid_input(
        "`transport` is missing; the built-in one needs the feature `hyper`",
    ))
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The endpoint is not checked yet, so a password may be in it.
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
