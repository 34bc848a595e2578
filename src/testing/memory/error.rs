//! What a handler answers instead of a result: a status and a message.

use http::StatusCode;
use http::header::X_CONTENT_TYPE_OPTIONS;

use super::reply::Reply;
use super::state;

/// A refusal of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    /// As `text/plain`, where the real server never came to writing JSON.
    plain: bool,
    /// What it is about is not there, or was not named: for a deletion that is as good as done.
    pub(super) missing: bool,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            plain: false,
            missing: status == StatusCode::NOT_FOUND,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn plain_bad_request(message: impl Into<String>) -> Self {
        Self {
            plain: true,
            ..Self::bad_request(message)
        }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn not_implemented() -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "Not Implemented")
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "error authenticating request")
    }

    /// Says what was being done, before the message.
    pub(super) fn context(mut self, doing: &str) -> Self {
        if !doing.is_empty() {
            self.message = format!("{doing}: {}", self.message);
        }
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn into_reply(self) -> Reply {
        if self.plain {
            let reply = Reply::text(self.status, self.message + "\n");
            return reply.header(X_CONTENT_TYPE_OPTIONS, "nosniff");
        }
        Reply::json(self.status, &serde_json::json!({ "message": self.message }))
    }
}

impl From<state::Error> for Failure {
    fn from(error: state::Error) -> Self {
        use state::ErrorKind::*;
        let status = match error.kind {
            NotFound => StatusCode::NOT_FOUND,
            Forbidden => StatusCode::FORBIDDEN,
            Invalid | MissingPath => StatusCode::BAD_REQUEST,
            Conflict => StatusCode::CONFLICT,
            PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Gone => StatusCode::GONE,
            Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let missing = matches!(error.kind, NotFound | MissingPath);
        Self {
            missing,
            ..Self::new(status, error.message)
        }
    }
}
