//! [`Error`]: what went wrong, and what to do about it.

use std::{
    borrow::Cow, convert::Infallible, error::Error as StdError, fmt, sync::Arc, time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;

use crate::{
    BoxError,
    operation::{Idempotency, OperationMeta},
};

pub(crate) mod classify;
mod kind;

pub(crate) use self::kind::CANCELLED;
pub use self::kind::ErrorKind;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// One pointer wide. `Display` is one line with the operation and the server's message; [`source`](StdError::source) is
/// what was beneath it, such as the I/O error. No secret is ever in it: neither credentials nor signatures of presigned
/// URLs.
///
/// Decide with the predicates (`is_…`), or with [`kind`](Self::kind) where a `match` reads better:
///
/// ```
/// # use lakefs_sdk::{Client, testing::MemoryLakeFs};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let client = Client::new(MemoryLakeFs::new());
/// let error = client.get_repository("nonexistent").await.unwrap_err();
/// assert!(error.is_not_found());
/// assert_eq!(error.to_string(), "getRepository: repository not found (404 Not Found)");
/// # });
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    operation: Option<&'static OperationMeta>,
    answer: Option<Answer>,
    attempts: u32,
    waited: Duration,
    may_have_taken_effect: bool,
    client_request_id: Option<HeaderValue>,
    /// Shared, as calls that waited for the same thing fail for the same cause.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What the server said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

// ===== what happened =====

impl Error {
    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The operation that failed, where it was one of lakeFS's or one of your own.
    #[must_use]
    pub fn operation(&self) -> Option<&'static OperationMeta> {
        self.inner.operation
    }

    /// The status of the answer; `None` when there was no answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.inner.answer.as_ref().map(|answer| answer.status)
    }

    /// The server's own message where there was one, else what this crate found: on one line, and cut where it is long.
    ///
    /// All that the server said is in [`body`](Self::body).
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The headers of the answer, such as the `ETag` beside a 304 or the `Content-Range` beside a 416.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.inner.answer.as_ref().map(|answer| &answer.headers)
    }

    /// The raw body of the answer, at most 64 KiB of it. It is not looked through for secrets.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.inner.answer.as_ref().map(|answer| &answer.body)
    }

    /// The body of the answer as JSON, where it is a `T`: a refused merge (409) carries a
    /// [`MergeResult`](crate::models::MergeResult).
    #[must_use]
    pub fn body_as<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body()?).ok()
    }

    /// The server's id of the request (`X-Request-Id`), to find it in the server's log.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.headers()?.get("x-request-id")?.to_str().ok()
    }

    /// The id that this client gave the request (`X-Request-Id`), the same in all attempts: lakeFS ignores it, but a proxy in
    /// between may have logged it. `None` when nothing was sent.
    #[must_use]
    pub fn client_request_id(&self) -> Option<&str> {
        self.inner.client_request_id.as_ref()?.to_str().ok()
    }

    /// How often the request was sent, or tried to be sent; 0 when it was refused before that.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    /// How long the call waited between its attempts, all waits together.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.inner.waited
    }

    /// How long the server asked to wait (`Retry-After`, in seconds or as a date); `None` when it did not, or when what it
    /// said makes no sense.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        classify::retry_after(self.headers()?, std::time::SystemTime::now())
    }

    /// Whether the same call could succeed later without any other change, as throttling and lost connections do.
    ///
    /// It says nothing about whether repeating is harmless: for that see
    /// [`may_have_taken_effect`](Self::may_have_taken_effect).
    #[must_use]
    pub fn retryable(&self) -> bool {
        self.inner.kind.transient()
    }

    /// Whether the failed call could have changed something on the server.
    ///
    /// `false` only where it is certain that it did not: the operation changes nothing, nothing was sent, or the server
    /// refused it. After a commit that timed out it is `true`: look (at the log, at the branch) before you repeat it.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        self.inner.may_have_taken_effect
    }
}

// ===== predicates =====

impl Error {
    /// The thing does not exist: repository, ref, object, user (HTTP 404).
    ///
    /// Never retried. Nothing was changed.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// The object is listed, but its data is gone from the object store (HTTP 410, and the 404 of the store itself after a
    /// presigned read was redirected to it).
    ///
    /// Never retried. `stat_object` and `head_object` may still succeed for it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.kind() == ErrorKind::Gone
    }

    /// Another writer was first: the thing exists already, or the merge has conflicting changes (HTTP 409).
    ///
    /// Never retried, the answer would be the same. Nothing was changed.
    ///
    /// # What to do
    ///
    /// - After `create_*`: use what exists, or choose another name.
    /// - After a merge: resolve the paths that `diff_refs` reports as conflicts, or pass a strategy.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.kind() == ErrorKind::Conflict
    }

    /// A condition did not hold (`If-Match`, `If-None-Match`), or a hook refused the change (HTTP 412).
    ///
    /// Never retried. Nothing was changed; the message tells which hook of which run said no.
    #[must_use]
    pub fn is_precondition_failed(&self) -> bool {
        self.kind() == ErrorKind::PreconditionFailed
    }

    /// The server, or something before it, asks to come back later (HTTP 429, 420, 423; lakeFS's 500 `branch is currently
    /// locked`).
    ///
    /// Retried for every operation, as nothing was done; you see it when the attempts or the deadline ran out.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.kind() == ErrorKind::Throttled
    }

    /// A time limit of this crate passed: the call's, an attempt's, or that of a body that stalled. The message says which.
    ///
    /// Retried for operations that may be repeated, while the call's own limit allows it. A connection that was not made in
    /// time is [`is_connect`](Self::is_connect).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// No connection could be made, so nothing was sent: name not resolved, connection refused or too slow, TLS not agreed on.
    ///
    /// Retried for every operation.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.kind() == ErrorKind::Connect
    }

    /// The connection failed after the request was at least partly sent, or the transport failed in a way of its own.
    ///
    /// Retried for operations that may be repeated.
    #[must_use]
    pub fn is_transport(&self) -> bool {
        self.kind() == ErrorKind::Transport
    }

    /// A body was cut, or could not be read to its end. The message says how many bytes arrived.
    ///
    /// A JSON answer that was cut is retried as [`is_transport`](Self::is_transport) is; a stream that you hold is not.
    #[must_use]
    pub fn is_body(&self) -> bool {
        self.kind() == ErrorKind::Body
    }

    /// The server does not know who is calling: no credentials, wrong ones, or expired ones (HTTP 401); or there are none to
    /// send, as their provider failed: then [`source`](StdError::source) is its error.
    ///
    /// Never retried, but once with new credentials where they can be had. Nothing was changed. What to do: check the
    /// credentials and that they belong to this server.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.kind() == ErrorKind::Unauthenticated
    }

    /// The caller is known and may not do this (HTTP 403, and lakeFS's 401 `insufficient permissions`), or the branch or
    /// repository is protected or read-only; or the object store refused what a presigned read was redirected to.
    ///
    /// Never retried. Nothing was changed. What to do: the message names the missing permission, such as
    /// `fs:ReadRepository`; ask for it, or write through another branch.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        self.kind() == ErrorKind::PermissionDenied
    }

    /// [`is_unauthenticated`](Self::is_unauthenticated) or [`is_permission_denied`](Self::is_permission_denied).
    #[must_use]
    pub fn is_auth(&self) -> bool {
        self.is_unauthenticated() || self.is_permission_denied()
    }

    /// The call was refused before anything was sent: a value is out of bounds, empty, or cannot be encoded.
    ///
    /// The message names the field, what is wrong with the value, and what would be right.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        self.kind() == ErrorKind::InvalidInput
    }

    /// The server found the request wrong (HTTP 400, 416 and other 4xx).
    ///
    /// Never retried. Nothing was changed.
    #[must_use]
    pub fn is_bad_request(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::BadRequest | ErrorKind::RangeNotSatisfiable
        )
    }

    /// The server cannot do this: the operation needs another version or edition of lakeFS, or another object store
    /// (HTTP 501).
    #[must_use]
    pub fn is_not_implemented(&self) -> bool {
        self.kind() == ErrorKind::NotImplemented
    }

    /// The server, or a proxy before it, failed (HTTP 5xx and 408).
    ///
    /// Retried for operations that may be repeated.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.kind() == ErrorKind::Server
    }

    /// The answer is not what the operation answers: not JSON, or JSON of another shape.
    ///
    /// Never retried. The call itself took effect.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.kind() == ErrorKind::Decode
    }

    /// A file, a reader or a writer on this side failed: the disk is full, say. [`source`](StdError::source) is the
    /// [`io::Error`](std::io::Error).
    ///
    /// Never retried.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.kind() == ErrorKind::Io
    }

    /// What answered is not the lakeFS API: its web page, an unknown path, or a redirect to elsewhere. The endpoint is wrong.
    #[must_use]
    pub fn is_endpoint(&self) -> bool {
        self.kind() == ErrorKind::Endpoint
    }
}

// ===== making one =====

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let inner = Inner {
            kind,
            message: message.into(),
            operation: None,
            answer: None,
            attempts: 0,
            waited: Duration::ZERO,
            may_have_taken_effect: false,
            client_request_id: None,
            source: None,
        };
        Self {
            inner: Box::new(inner),
        }
    }

    /// An error of a caller's value, for an [`Operation`](crate::Operation) of your own: name the field, the problem and
    /// the way out.
    pub fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// An error of an answer that cannot be understood, for an [`Operation`](crate::Operation) of your own.
    pub fn decode(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Decode, message)
    }

    pub(crate) fn cut(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Body, message)
    }

    /// The same error, saying first where in a longer work it happened.
    #[cfg(feature = "transfer")]
    pub(crate) fn in_context(mut self, place: impl fmt::Display) -> Self {
        self.inner.message = format!("{place}: {}", self.inner.message).into();
        self
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        self.with_shared_source(source.into().into())
    }

    pub(crate) fn with_shared_source(mut self, source: Arc<dyn StdError + Send + Sync>) -> Self {
        self.inner.source = Some(source);
        self
    }

    pub(crate) fn with_operation(mut self, operation: Option<&'static OperationMeta>) -> Self {
        if self.inner.operation.is_none() {
            self.inner.operation = operation;
        }
        self
    }

    pub(crate) fn with_answer(
        mut self,
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        self.inner.answer = Some(Answer {
            status,
            headers,
            body,
        });
        self
    }

    /// Adds what only the layer that sends knows: how often it did, how long it waited in between, and whether an earlier
    /// attempt is in doubt.
    pub(crate) fn with_attempts(mut self, attempts: u32, waited: Duration, in_doubt: bool) -> Self {
        self.inner.attempts = self.inner.attempts.max(attempts);
        self.inner.waited = self.inner.waited.max(waited);
        self.inner.may_have_taken_effect |= in_doubt;
        self
    }

    pub(crate) fn with_client_request_id(mut self, id: Option<HeaderValue>) -> Self {
        self.inner.client_request_id = self.inner.client_request_id.or(id);
        self
    }

    /// Settles [`may_have_taken_effect`](Self::may_have_taken_effect) for an attempt that was sent.
    pub(crate) fn with_effect_of(mut self, operation: Option<&OperationMeta>) -> Self {
        let changes_nothing = operation.is_some_and(|meta| meta.idempotency == Idempotency::Safe);
        self.inner.may_have_taken_effect = !changes_nothing && self.inner.kind.leaves_doubt();
        self
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.inner.operation {
            write!(f, "{}: ", operation.id)?;
        }
        f.write_str(&self.inner.message)?;
        if let Some(answer) = &self.inner.answer {
            write!(f, " ({})", answer.status)?;
        }
        if self.inner.attempts > 1 {
            write!(f, ", after {} attempts", self.inner.attempts)?;
        }
        if f.alternate() {
            let mut source = StdError::source(self);
            while let Some(cause) = source {
                write!(f, ": {cause}")?;
                source = cause.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// Everything but the raw headers and body, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("message", &self.inner.message)
            .field(
                "operation",
                &self.inner.operation.map(|operation| operation.id),
            )
            .field("status", &self.status())
            .field("request_id", &self.request_id())
            .field("client_request_id", &self.client_request_id())
            .field("attempts", &self.inner.attempts)
            .field("waited", &self.inner.waited)
            .field("may_have_taken_effect", &self.inner.may_have_taken_effect)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
