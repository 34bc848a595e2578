use http::StatusCode;

/// The kinds of [`Error`](super::Error); each has a predicate on it that says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call was refused before anything was sent.
    InvalidInput,
    /// HTTP 400, or a 4xx without a kind of its own.
    BadRequest,
    /// HTTP 401, unless it is about a permission.
    Unauthenticated,
    /// HTTP 403, or lakeFS's 401 `insufficient permissions`.
    PermissionDenied,
    /// HTTP 404.
    NotFound,
    /// HTTP 409.
    Conflict,
    /// HTTP 410.
    Gone,
    /// HTTP 412.
    PreconditionFailed,
    /// HTTP 416.
    RangeNotSatisfiable,
    /// HTTP 420, 423, 429, and the 500 that says that a branch is locked.
    Throttled,
    /// HTTP 501.
    NotImplemented,
    /// HTTP 408 and 5xx.
    Server,
    /// Redirects without end, or another status that the operation does not answer.
    Unexpected,
    /// A time limit passed.
    Timeout,
    /// No connection was made; nothing was sent.
    Connect,
    /// The transport failed after the request was at least partly sent.
    Transport,
    /// A body was cut.
    Body,
    /// The answer could not be understood.
    Decode,
    /// What answered is not the lakeFS API.
    Endpoint,
    /// A listing whose cursor does not advance.
    Paging,
    /// A file, a reader or a writer on this side failed.
    Io,
}

/// What stands in the place of a kind where what was under way was dropped before it could fail.
pub(crate) const CANCELLED: &str = "cancelled";

// ===== impl ErrorKind =====

impl ErrorKind {
    /// A name for logs and for labels of metrics, such as `not_found`. It stays as it is.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::PreconditionFailed => "precondition_failed",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::Throttled => "throttled",
            Self::NotImplemented => "not_implemented",
            Self::Server => "server",
            Self::Unexpected => "unexpected",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Transport => "transport",
            Self::Body => "body",
            Self::Decode => "decode",
            Self::Endpoint => "endpoint",
            Self::Paging => "paging",
            Self::Io => "io",
        }
    }

    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            408 => Self::Server,
            409 => Self::Conflict,
            410 => Self::Gone,
            412 => Self::PreconditionFailed,
            416 => Self::RangeNotSatisfiable,
            420 | 423 | 429 => Self::Throttled,
            400..=499 => Self::BadRequest,
            501 => Self::NotImplemented,
            500.. => Self::Server,
            _ => Self::Unexpected,
        }
    }

    pub(super) fn transient(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::Server
                | Self::Timeout
                | Self::Connect
                | Self::Transport
                | Self::Body
        )
    }

    /// Whether a request that failed so may have done its work all the same.
    pub(super) fn leaves_doubt(self) -> bool {
        // A wrong endpoint that answers 2xx may have done anything; an answer that is not understood came after the work.
        matches!(
            self,
            Self::Server
                | Self::Unexpected
                | Self::Timeout
                | Self::Transport
                | Self::Body
                | Self::Decode
                | Self::Endpoint
        )
    }
}
