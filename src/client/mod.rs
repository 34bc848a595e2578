//! [`Client`]: the way to one lakeFS server.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tower::Service;

use crate::{
    Body, BoxError, Call, Credentials, Error, Operation, Result,
    auth::Auth,
    call::Settings,
    config::{Config, Endpoint},
    error::{ErrorKind, classify},
    middleware::{
        redirect::FollowRedirects,
        retry::{Attempts, SharedPolicy},
        timeout::{AttemptLimit, Clock, Deadline},
    },
    operation::OperationMeta,
    timer::SharedTimer,
    transport::{BoxTransport, HttpTransport},
};

mod builder;
mod execute;
mod observe;

pub use self::builder::ClientBuilder;
pub(crate) use self::{
    execute::{Execute, Received},
    observe::Observer,
};

/// A lakeFS server, and the way to it: transport, layers, credentials.
///
/// Cheap to clone, and shared by its clones are the connections. It has no type parameter, so it fits into any struct:
///
/// ```
/// # use lakefs_sdk::{Client, Credentials};
/// # fn main() -> lakefs_sdk::Result<()> {
/// let client = Client::builder()
///     .endpoint("https://lakefs.example.com")
///     .credentials(Credentials::access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
///     .build()?;
/// # drop(client);
/// # Ok(()) }
/// ```
///
/// A method for each operation of the API makes a [`Call`]; they are listed below, a block a group. Any other path under
/// the API is reached by [`execute`](Self::execute) with an [`Operation`] of your own, or raw: a client is a
/// [`tower::Service`] from a request with a path below `/api/v1` to its response, whatever the status.
///
/// ```
/// # use lakefs_sdk::{Body, Client, testing::MemoryLakeFs};
/// # use tower::ServiceExt;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let client = Client::new(MemoryLakeFs::new());
/// let response = client.oneshot(http::Request::get("/healthcheck").body(Body::empty()).unwrap()).await?;
/// assert_eq!(response.status(), 204);
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    stack: BoxTransport,
    endpoint: Endpoint,
    config: Config,
    credentials: Credentials,
    timeout: Option<Duration>,
    timer: SharedTimer,
    /// Whether there are layers of the user's.
    layered: bool,
    /// Whether calls are counted.
    metered: bool,
}

// ===== impl Client =====

impl Client {
    /// A client over a transport that needs neither endpoint nor credentials: a mock, an axum router, a lakeFS in memory.
    ///
    /// It has the same layers as any other client, with their defaults. Requests have a path alone, such as
    /// `/api/v1/repositories`.
    pub fn new<T: HttpTransport>(transport: T) -> Self {
        ClientBuilder::new().finish(
            BoxTransport::new(transport),
            Endpoint::none(),
            Auth::Fixed(None),
        )
    }

    /// Builds a client: where the server is, who is calling, over what.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Makes a call of any operation, to fill in and send.
    pub fn call<Op: Operation>(&self, operation: Op) -> Call<Op> {
        Call {
            client: self.clone(),
            operation,
            settings: None,
        }
    }

    /// Sends any operation through the whole stack: one of [`api`](crate::api), or one of your own.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn execute<Op: Operation>(&self, operation: Op) -> Result<Op::Output> {
        self.call(operation).send().await
    }

    /// Where the server is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Its settings, and where each of them came from: code, environment, file or default. Shows no secrets.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The request with its full URL.
    pub(crate) fn absolute(&self, mut request: Request<Body>) -> Result<Request<Body>> {
        let uri = request.uri();
        if uri.authority().is_some() {
            return Err(Error::invalid_input(format!(
                "the request has the host {:?}; give a path below the API, so that credentials go nowhere else",
                uri.host().unwrap_or_default()
            )));
        }
        let target = uri
            .path_and_query()
            .ok_or_else(|| Error::invalid_input("the request has no path"))?;
        *request.uri_mut() = self.inner.endpoint.join(target)?;
        Ok(request)
    }

    /// Sends a request of an operation.
    pub(crate) fn run(
        &self,
        request: Request<Body>,
        meta: &'static OperationMeta,
        settings: Option<&Settings>,
    ) -> Execute {
        let mut request = match self.absolute(request) {
            Ok(request) => request,
            Err(error) => return Execute::failed(error.with_operation(Some(meta))),
        };
        // A request that an operation of the user's own made by hand may lack it.
        if OperationMeta::of(&request).is_none() {
            request.extensions_mut().insert(meta);
        }
        if let Some(policy) = settings.and_then(|settings| settings.retry.clone()) {
            request.extensions_mut().insert::<SharedPolicy>(policy);
        }
        if let Some(follow) = settings.and_then(|settings| settings.follow_redirects) {
            request.extensions_mut().insert(FollowRedirects(follow));
        }
        if let Some(limit) = settings.and_then(|settings| settings.attempt_timeout) {
            request.extensions_mut().insert(AttemptLimit(limit));
        }
        self.send(
            request,
            settings.and_then(|settings| settings.timeout),
            Some(meta),
        )
    }

    /// Sends a request with a URL of its own to another host than lakeFS's, such as a presigned one: through the same
    /// stack, but without the credentials and what only lakeFS wants to know.
    #[cfg(feature = "transfer")]
    pub(crate) fn send_foreign(
        &self,
        mut request: Request<Body>,
        meta: &'static OperationMeta,
    ) -> Execute {
        let extensions = request.extensions_mut();
        extensions.insert(meta);
        extensions.insert(crate::middleware::authenticate::ForeignOrigin);
        self.send(request, None, Some(meta))
    }

    fn send(
        &self,
        mut request: Request<Body>,
        limit: Option<Duration>,
        meta: Option<&'static OperationMeta>,
    ) -> Execute {
        if limit.is_some_and(|limit| limit.is_zero()) {
            let error = Error::new(
                ErrorKind::Timeout,
                "the call's limit of 0 s leaves no time to send anything",
            );
            return Execute::failed(error.with_operation(meta));
        }
        let timer = self.inner.timer.as_deref();
        if let Some(deadline) = limit
            .zip(timer)
            .and_then(|(limit, timer)| Deadline::new(limit, timer))
        {
            request.extensions_mut().insert(deadline);
        }
        // Without layers of the user's, nothing that waits stands outside of what keeps the limit for every attempt.
        let uploads = OperationMeta::sends_data(&request, meta);
        let limit = limit.or(self.inner.timeout.filter(|_| !uploads));
        let clock = self
            .inner
            .layered
            .then(|| Box::new(Clock::new(limit, self.inner.timer.clone())));
        let observer = Observer::new(meta, self.inner.metered);
        let response = observer.scope(|| self.inner.stack.send(request));
        Execute::new(response, clock, meta, observer)
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move {
            let meta = OperationMeta::of(&request);
            let request = client.absolute(request)?;
            let Received {
                parts,
                body,
                observer,
                ..
            } = client.send(request, None, meta).await?;
            observer.end(None);
            Ok(Response::from_parts(parts, body))
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.inner.endpoint)
            .field("credentials", &self.inner.credentials)
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}

/// A failure of the stack as an error of this crate.
fn failure(error: BoxError, meta: Option<&'static OperationMeta>) -> Error {
    let error = classify::transport(error);
    let attempts = Attempts {
        count: error.attempts().max(1),
        waited: error.waited(),
        in_doubt: error.may_have_taken_effect(),
    };
    attempts.mark_error(error.with_operation(meta).with_effect_of(meta))
}
