use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use tower::Layer;

use super::{Client, Inner};
use crate::{
    Credentials, Error, Result,
    auth::Auth,
    config::Endpoint,
    middleware::{
        BoxLayer, Stack,
        identity::{self, IdentityLayer},
        retry::RetryPolicy,
        timeout,
    },
    timer::{SharedTimer, Timer, default_timer},
    transport::{BoxTransport, HttpTransport},
};

/// The limit of a whole call when the builder is given none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds a [`Client`]. Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    endpoint: Option<String>,
    credentials: Credentials,
    transport: Option<BoxTransport>,
    #[cfg(feature = "hyper")]
    connect_timeout: Option<Duration>,
    layers: Vec<BoxLayer>,
    attempt_layers: Vec<BoxLayer>,
    user_agent: Option<String>,
    retry: RetryPolicy,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    timer: SharedTimer,
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
            retry: RetryPolicy::standard(),
            timeout: Some(DEFAULT_TIMEOUT),
            attempt_timeout: Some(timeout::DEFAULT),
            timer: default_timer(),
        }
    }

    /// Where the server is, such as `https://lakefs.example.com`; `/api/v1` is added where it is missing.
    ///
    /// A base path and a trailing slash are accepted. Optional with a [`transport`](Self::transport) that needs no host.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Who is calling. Default: [`Credentials::none`].
    pub fn credentials(mut self, credentials: Credentials) -> Self {
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

    /// How calls are retried. Default: [`RetryPolicy::standard`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
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

    /// Limits making a connection, TLS included, with the built-in transport. Default: 10 s.
    #[cfg(feature = "hyper")]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self
    }

    /// The clock of timeouts and back-off. Default: tokio's, with feature `tokio`; without it there are no timeouts and no
    /// retries until a timer is given.
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Some(Arc::new(timer));
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
    pub(super) fn finish(self, transport: BoxTransport, endpoint: Endpoint, auth: Auth) -> Client {
        let agent = self
            .user_agent
            .and_then(|agent| HeaderValue::try_from(agent).ok())
            .unwrap_or(identity::DEFAULT);
        let layered = !(self.layers.is_empty() && self.attempt_layers.is_empty());
        let stack = Stack {
            layers: self.layers,
            attempt_layers: self.attempt_layers,
            identity: IdentityLayer::new(agent),
            retry: self.retry,
            attempt_timeout: self.attempt_timeout,
            call_timeout: self.timeout,
            auth,
            endpoint: endpoint.clone(),
            timer: self.timer.clone(),
        };
        let inner = Inner {
            stack: stack.build(transport),
            endpoint,
            credentials: self.credentials,
            timeout: self.timeout,
            timer: self.timer,
            layered,
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
