//! [`Call`]: an operation about to be sent.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};

use crate::{
    Body, Client, Error, Operation, Result,
    client::{Execute, Received},
    middleware::{
        request_id::SentId,
        retry::{Policy, SharedPolicy},
    },
    paging::{Items, Paged, Pages},
};

/// An operation about to be sent: setters fill in what is optional, then [`send`](Self::send), or just `.await`, sends it.
///
/// The setters that belong to the operation are documented here too, one block an operation; those below are for every
/// call.
#[must_use = "a call does nothing until it is sent"]
#[derive(Clone, Debug)]
pub struct Call<Op> {
    pub(crate) client: Client,
    pub(crate) operation: Op,
    /// Boxed, as most calls have none and all are moved around.
    pub(crate) settings: Option<Box<Settings>>,
}

/// What a call may set for itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) retry: Option<SharedPolicy>,
    pub(crate) follow_redirects: Option<bool>,
    headers: Option<HeaderMap>,
    invalid_header: Option<String>,
}

/// An answer with what was around it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiResponse<T> {
    /// The status, which is a success.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// How often the request was sent: 1 where the first attempt succeeded.
    pub attempts: u32,
    /// How long the call waited between its attempts, all waits together.
    pub waited: Duration,
    /// The answer itself, decoded.
    pub data: T,
}

// ===== impl Call =====

impl<Op> Call<Op> {
    /// Limits the whole call: all attempts, the waits between them, and reading a JSON answer. Default: 60 s; for an upload
    /// no limit.
    ///
    /// Overrides [`ClientBuilder::timeout`](crate::ClientBuilder::timeout). What may take minutes, such as the merge of a large
    /// branch, needs a longer [`attempt_timeout`](Self::attempt_timeout) too. Zero fails at once, [`Duration::MAX`] is no limit.
    /// A streamed body is limited only until it begins.
    ///
    /// # Errors
    ///
    /// The call fails with [`is_timeout`](Error::is_timeout) when the limit passes. The server may have done it: see
    /// [`may_have_taken_effect`](Error::may_have_taken_effect).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings().timeout = Some(limit);
        self
    }

    /// Limits every attempt of this call, reading a JSON answer included. Default: 30 s; for an upload no limit.
    ///
    /// Overrides [`ClientBuilder::attempt_timeout`](crate::ClientBuilder::attempt_timeout). The limit of the whole
    /// [call](Self::timeout) holds besides. [`Duration::MAX`] is no limit.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.settings().attempt_timeout = Some(limit);
        self
    }

    /// Overrides how this call is retried.
    ///
    /// [`RetryPolicy::none`](crate::middleware::retry::RetryPolicy::none) sends it once;
    /// [`RetryPolicy::repeat_always`](crate::middleware::retry::RetryPolicy::repeat_always) repeats even what may have been
    /// done.
    pub fn retry(mut self, policy: impl Policy) -> Self {
        self.settings().retry = Some(SharedPolicy::new(policy));
        self
    }

    /// Whether a redirect that answers this call is followed, where [`middleware::redirect`](crate::middleware::redirect)
    /// would.
    ///
    /// Overrides [`ClientBuilder::follow_redirects`](crate::ClientBuilder::follow_redirects). To get the presigned URL itself:
    ///
    /// ```
    /// # use lakefs_sdk::{Body, Client, models::Answer};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let client = Client::new(tower::service_fn(async |_: http::Request<Body>| {
    /// #     http::Response::builder().status(302).header("location", "https://s3.example.com/b/a?sig=x").body(Body::empty())
    /// # }));
    /// let object = client.get_object("lake", "main", "a").presign(true).follow_redirects(false).await?;
    /// assert_eq!(object.answer, Answer::Redirect("https://s3.example.com/b/a?sig=x".to_owned()));
    /// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
    /// ```
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.settings().follow_redirects = Some(follow);
        self
    }

    /// Adds a header, in place of one that the operation or the client would send.
    ///
    /// # Errors
    ///
    /// The call fails with [`is_invalid_input`](Error::is_invalid_input) when name or value cannot be in a header.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(mut value)) => {
                // What authenticates must not show in `Debug`, here or where a transport prints it.
                if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(&name) {
                    value.set_sensitive(true);
                }
                self.settings()
                    .headers
                    .get_or_insert_default()
                    .insert(name, value);
            }
            (Ok(name), Err(_)) => {
                self.settings().invalid_header =
                    Some(format!("`{name}` has a value that a header cannot hold"))
            }
            (Err(_), _) => {
                self.settings().invalid_header = Some("a header's name is not valid".to_owned())
            }
        }
        self
    }

    fn settings(&mut self) -> &mut Settings {
        self.settings.get_or_insert_default()
    }

    /// The operation with what was set so far.
    pub fn operation(&self) -> &Op {
        &self.operation
    }

    /// The client that would send it.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl<Op: Operation> Call<Op> {
    /// Sends the call.
    ///
    /// # Errors
    ///
    /// See the operation's method on [`Client`], and [`Error`].
    pub fn send(self) -> CallFuture<Op> {
        CallFuture {
            response: self.send_response(),
        }
    }

    /// Sends the call, and answers with status and headers too.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_response(self) -> ResponseFuture<Op> {
        ResponseFuture {
            execute: self.execute(),
            operation: PhantomData,
        }
    }

    /// Sends the call; the answer is not decoded yet.
    pub(crate) fn execute(self) -> Execute {
        let Self {
            client,
            operation,
            settings,
        } = self;
        match encode(operation, settings.as_deref()) {
            Ok(request) => client.run(request, Op::META, settings.as_deref()),
            Err(error) => Execute::failed(error.with_operation(Some(Op::META))),
        }
    }

    /// The request that [`send`](Self::send) would send, with its full URL, but without what the layers add: credentials,
    /// `User-Agent`.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when a value is out of its bounds or cannot be encoded.
    pub fn into_request(self) -> Result<Request<Body>> {
        encode(self.operation, self.settings.as_deref())
            .and_then(|request| self.client.absolute(request))
            .map_err(|error| error.with_operation(Some(Op::META)))
    }
}

impl<Op: Paged> Call<Op> {
    /// The pages of the listing, each fetched when it is asked for. `amount` is the size of a page.
    #[must_use = "a stream does nothing until it is polled"]
    pub fn pages(self) -> Pages<Op> {
        Pages::new(self)
    }

    /// The entries of the listing, page by page.
    #[must_use = "a stream does nothing until it is polled"]
    pub fn items(self) -> Items<Op> {
        Items::new(self.pages())
    }
}

fn encode<Op: Operation>(operation: Op, settings: Option<&Settings>) -> Result<Request<Body>> {
    let Some(settings) = settings else {
        return operation.into_request();
    };
    if let Some(problem) = &settings.invalid_header {
        return Err(Error::invalid_input(problem.clone()));
    }
    let mut request = operation.into_request()?;
    for (name, value) in settings.headers.iter().flatten() {
        request.headers_mut().insert(name, value.clone());
    }
    Ok(request)
}

impl<Op: Operation> IntoFuture for Call<Op> {
    type Output = Result<Op::Output>;
    type IntoFuture = CallFuture<Op>;

    fn into_future(self) -> CallFuture<Op> {
        self.send()
    }
}

// ===== futures =====

/// A call under way. Dropping it cancels the call; the server may have done it all the same.
#[must_use = "a call does nothing until it is awaited"]
pub struct CallFuture<Op> {
    response: ResponseFuture<Op>,
}

/// A call under way whose answer comes with status and headers. Dropping it cancels the call.
#[must_use = "a call does nothing until it is awaited"]
pub struct ResponseFuture<Op> {
    execute: Execute,
    operation: PhantomData<fn() -> Op>,
}

impl<Op: Operation> Future for CallFuture<Op> {
    type Output = Result<Op::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let received = ready!(Pin::new(&mut self.response.execute).poll(cx))?;
        Poll::Ready(decode::<Op>(received))
    }
}

impl<Op: Operation> Future for ResponseFuture<Op> {
    type Output = Result<ApiResponse<Op::Output>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let received = ready!(Pin::new(&mut self.execute).poll(cx))?;
        Poll::Ready(decode_response::<Op>(received))
    }
}

/// Reads an answer.
pub(crate) fn decode<Op: Operation>(received: Received) -> Result<Op::Output> {
    let Received {
        parts,
        body,
        attempts,
        observer,
    } = received;
    let sent_id = match parts.status.as_u16() {
        400.. => parts.extensions.get::<SentId>().cloned(),
        _ => None,
    };
    let decoded = match body.as_bytes() {
        Some(bytes) => {
            let bytes = bytes.clone();
            Op::decode(parts, bytes)
        }
        None => Op::decode_stream(parts, body),
    };
    let decoded = decoded.map_err(|error| {
        let error = error
            .with_operation(Some(Op::META))
            .with_effect_of(Some(Op::META))
            .with_client_request_id(sent_id.map(|SentId(id)| id));
        attempts.mark_error(error)
    });
    observer.end(decoded.as_ref().err());
    decoded
}

/// Reads an answer, and keeps what is around it.
pub(crate) fn decode_response<Op: Operation>(
    received: Received,
) -> Result<ApiResponse<Op::Output>> {
    let (status, headers) = (received.parts.status, received.parts.headers.clone());
    let attempts = received.attempts;
    decode::<Op>(received).map(|data| ApiResponse {
        status,
        headers,
        attempts: attempts.count,
        waited: attempts.waited,
        data,
    })
}

impl<Op> fmt::Debug for CallFuture<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture")
    }
}

impl<Op> fmt::Debug for ResponseFuture<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

// ===== impl ApiResponse =====

impl<T> ApiResponse<T> {
    /// The server's id of the request, to find it in the server's log.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }
}
