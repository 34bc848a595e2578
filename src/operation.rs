//! [`Operation`]: a call of the API as plain data, and [`OperationMeta`]: what every layer may know about it.

use bytes::Bytes;
use http::{Method, Request, response::Parts};

use crate::{Body, Error, Result};

/// The largest body of a request made by hand that counts as a document, in bytes.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// One call of the API as plain data: it can write itself as a request and read its answer, and does no I/O.
///
/// The operations of lakeFS are in [`api`](crate::api), with a method each on [`Client`](crate::Client). Implement it
/// for an endpoint that this crate does not know, and [`Client::execute`](crate::Client::execute) runs it through the
/// whole stack, with retry, authentication and deadlines:
///
/// ```
/// use bytes::Bytes;
/// use http::{Method, Request, response::Parts};
/// use lakefs_sdk::{Body, Client, Operation, Result, codec::{Encoder, decode}, operation::{Idempotency, OperationMeta}};
/// # use lakefs_sdk::testing::MemoryLakeFs;
///
/// struct GetLicense;
///
/// impl Operation for GetLicense {
///     type Output = serde_json::Value;
///     const META: &'static OperationMeta =
///         &OperationMeta::new("getLicense", Method::GET, "/license").with_idempotency(Idempotency::Safe);
///
///     fn into_request(self) -> Result<Request<Body>> {
///         Encoder::new(Self::META).empty()
///     }
///
///     fn decode(parts: Parts, body: Bytes) -> Result<Self::Output> {
///         decode::json(&parts, &body)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let client = Client::new(MemoryLakeFs::new());
/// let error = client.execute(GetLicense).await.unwrap_err();
/// assert_eq!(error.to_string(), "getLicense: invalid API endpoint (404 Not Found)"); // only Enterprise has it
/// # });
/// ```
pub trait Operation: Sized + Send {
    /// What the server answers, decoded.
    type Output: Send;

    /// What layers may know about the operation. It travels in the request's extensions.
    const META: &'static OperationMeta;

    /// The request, with its path below `/api/v1` and without credentials.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when a value is out of its bounds or cannot be encoded.
    fn into_request(self) -> Result<Request<Body>>;

    /// Reads an answer, of whatever status.
    ///
    /// # Errors
    ///
    /// The error that the answer stands for; [`is_decode`](Error::is_decode) when it cannot be understood.
    fn decode(parts: Parts, body: Bytes) -> Result<Self::Output>;

    /// Reads an answer whose body is data to stream. Called instead of [`decode`](Self::decode) for a status below 400,
    /// when [`OperationMeta::streamed`] is set.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    fn decode_stream(parts: Parts, body: Body) -> Result<Self::Output> {
        match body.as_bytes() {
            Some(bytes) => Self::decode(parts, bytes.clone()),
            None => Err(Error::decode(
                "the operation is marked as streamed, and has no decode_stream",
            )),
        }
    }
}

/// What is known of an operation before it is sent.
///
/// A layer finds it with [`OperationMeta::of`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationMeta {
    /// The operationId of lakeFS's API document, such as `listObjects`.
    pub id: &'static str,
    /// The group that the API document puts it in, such as `objects`.
    pub tag: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below `/api/v1` with its parameters in braces: the low-cardinality route for metrics.
    pub path: &'static str,
    /// Whether it may be sent again when it is unclear whether it was done.
    pub idempotency: Idempotency,
    /// Whether it carries credentials.
    pub authenticated: bool,
    /// Whether its answers come in pages.
    pub paged: bool,
    /// Whether the body of its answer is data to stream, not a document to read whole.
    pub streamed: bool,
    /// Whether the body of its request is data of any size: then the client's default time limits do not hold for it.
    pub uploads: bool,
    /// What lakeFS promises about its future.
    pub stability: Stability,
}

/// Whether an operation may be sent again when it is unclear whether it was done (RFC 9110, 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Idempotency {
    /// It changes nothing.
    Safe,
    /// Doing it twice is like doing it once.
    Idempotent,
    /// Doing it twice makes two, or fails the second time: it is repeated only where it certainly was not done.
    NonIdempotent,
}

/// What lakeFS promises about an operation's future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stability {
    /// Part of the stable API.
    Stable,
    /// May change or go.
    Experimental,
    /// Meant for lakeFS's own tools.
    Internal,
    /// Replaced by another operation.
    Deprecated,
}

// ===== impl OperationMeta =====

impl OperationMeta {
    /// An operation with no tag that carries credentials, answers a document, and must not be repeated.
    #[must_use]
    pub const fn new(id: &'static str, method: Method, path: &'static str) -> Self {
        Self {
            id,
            tag: "",
            method,
            path,
            idempotency: Idempotency::NonIdempotent,
            authenticated: true,
            paged: false,
            streamed: false,
            uploads: false,
            stability: Stability::Stable,
        }
    }

    /// The same with a [`tag`](Self::tag).
    #[must_use]
    pub const fn with_tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// The same with another [`idempotency`](Self::idempotency).
    #[must_use]
    pub const fn with_idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// The same with another [`stability`](Self::stability).
    #[must_use]
    pub const fn with_stability(mut self, stability: Stability) -> Self {
        self.stability = stability;
        self
    }

    /// The same, sent without credentials.
    #[must_use]
    pub const fn without_credentials(mut self) -> Self {
        self.authenticated = false;
        self
    }

    /// The same, answering in pages.
    #[must_use]
    pub const fn with_pages(mut self) -> Self {
        self.paged = true;
        self
    }

    /// The same, answering with data to stream.
    #[must_use]
    pub const fn with_streamed_body(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// The same, sending data.
    #[must_use]
    pub const fn with_data_body(mut self) -> Self {
        self.uploads = true;
        self
    }

    /// Whether a request sends data rather than a document: of one that was made by hand, the body tells. `meta` is the
    /// request's own.
    pub(crate) fn sends_data(request: &Request<Body>, meta: Option<&Self>) -> bool {
        match meta {
            Some(meta) => meta.uploads,
            None => request
                .body()
                .as_bytes()
                .is_none_or(|bytes| bytes.len() > MAX_DOCUMENT),
        }
    }

    /// The operation that a request belongs to; `None` for one that was made by hand.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<&'static Self> {
        request.extensions().get::<&'static Self>().copied()
    }
}

// ===== impl Idempotency =====

impl Idempotency {
    /// Whether sending it again does no harm.
    #[must_use]
    pub fn repeatable(self) -> bool {
        !matches!(self, Self::NonIdempotent)
    }
}
