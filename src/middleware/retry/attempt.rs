use std::{
    error::Error as StdError,
    fmt,
    time::{Duration, SystemTime},
};

use http::{Request, Response, StatusCode};

use crate::{
    Body, BoxError,
    error::{ErrorKind, classify},
    operation::OperationMeta,
};

/// What a [`Policy`](super::Policy) may know about an attempt that is over.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    number: u32,
    operation: Option<&'static OperationMeta>,
    repeatable: bool,
    outcome: Outcome,
    answer: &'a Result<Response<Body>, BoxError>,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It succeeded, or failed in a way that another attempt would not change.
    Final,
    /// It failed and was certainly not done: no connection, or the server put it off (429, 420, 423, and the 500 that says
    /// that a branch is locked).
    NotDone,
    /// It failed and may have been done: 408, 500, 502, 503, 504, a timeout, a lost connection, a cut document.
    InDoubt,
}

/// Which attempt of its call a request is; in the extensions of every request but the first of a call.
///
/// [`Retry`](super::Retry) puts it there, and a retry layer of your own can: [`trace`](crate::middleware#order) tells it as
/// `http.request.resend_count`. A layer of yours below retries reads it:
///
/// ```
/// # use http::Request;
/// # use lakefs_sdk::middleware::retry::AttemptNumber;
/// let mut request = Request::new(());
/// assert_eq!(AttemptNumber::of(&request).get(), 1);
/// request.extensions_mut().insert(AttemptNumber::new(2));
/// assert_eq!(AttemptNumber::of(&request).get(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptNumber(u32);

// ===== impl Attempt =====

impl<'a> Attempt<'a> {
    pub(super) fn new(
        number: u32,
        operation: Option<&'static OperationMeta>,
        repeatable: bool,
        answer: &'a Result<Response<Body>, BoxError>,
    ) -> Self {
        Self {
            number,
            operation,
            repeatable,
            outcome: Outcome::of(answer),
            answer,
        }
    }

    /// Which attempt of its call it was, counted from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The operation; `None` for a request that was made by hand.
    #[must_use]
    pub fn operation(&self) -> Option<&'static OperationMeta> {
        self.operation
    }

    /// Whether doing it twice does no harm: by the operation's [`idempotency`](OperationMeta::idempotency), or by the method
    /// of a request that was made by hand (RFC 9110, 9.2.2).
    #[must_use]
    pub fn repeatable(&self) -> bool {
        self.repeatable
    }

    /// What it came to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The status of the answer; `None` when there was none.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        Some(self.answer.as_ref().ok()?.status())
    }

    /// The answer. The body of an error is in memory ([`Body::as_bytes`]).
    #[must_use]
    pub fn response(&self) -> Option<&'a Response<Body>> {
        self.answer.as_ref().ok()
    }

    /// Why there was no answer.
    #[must_use]
    pub fn error(&self) -> Option<&'a (dyn StdError + 'static)> {
        match self.answer {
            Ok(_) => None,
            Err(error) => Some(&**error),
        }
    }

    /// How long the server asked to wait (`Retry-After`, RFC 9110, 10.2.3); `None` when it did not, or when what it said makes
    /// no sense.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        classify::retry_after(self.response()?.headers(), SystemTime::now())
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number)
            .field("operation", &self.operation.map(|meta| meta.id))
            .field("outcome", &self.outcome)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

// ===== impl Outcome =====

impl Outcome {
    fn of(answer: &Result<Response<Body>, BoxError>) -> Self {
        match answer {
            Ok(response) => match response.status().as_u16() {
                420 | 423 | 429 => Self::NotDone,
                500 if is_put_off(response) => Self::NotDone,
                408 | 500 | 502 | 503 | 504 => Self::InDoubt,
                _ => Self::Final,
            },
            Err(error) => match classify::kind_of_failure(&**error) {
                ErrorKind::Connect => Self::NotDone,
                ErrorKind::Timeout | ErrorKind::Transport | ErrorKind::Body => Self::InDoubt,
                _ => Self::Final,
            },
        }
    }
}

/// lakeFS answers 500 where it could not get a lock, before it did anything.
fn is_put_off(response: &Response<Body>) -> bool {
    response
        .body()
        .as_bytes()
        .is_some_and(|body| classify::is_put_off(response.headers(), body))
}

// ===== impl AttemptNumber =====

impl AttemptNumber {
    /// Counted from 1.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number, from 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one of a request; the first where it says nothing.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or(Self(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is retried, and what is not, decides whether a commit is made twice.
    #[test]
    fn statuses_are_judged_as_the_table_says() {
        let locked = r#"{"message":"branch is currently locked, try again later"}"#;
        let table = [200, 304, 400, 404, 409, 412, 501, 505].map(|code| (code, "", Outcome::Final));
        let table = table
            .into_iter()
            .chain([420, 423, 429].map(|code| (code, "", Outcome::NotDone)));
        let table = table.chain([408, 500, 502, 503, 504].map(|code| (code, "", Outcome::InDoubt)));
        let table = table.chain([
            (500, locked, Outcome::NotDone),
            (503, locked, Outcome::InDoubt),
            (412, locked, Outcome::Final),
            (
                500,
                r#"{"message":"the branch is currently locked"}"#,
                Outcome::InDoubt,
            ),
        ]);
        for (status, body, expected) in table {
            let response = Response::builder()
                .status(StatusCode::from_u16(status).unwrap())
                .body(Body::from(body))
                .unwrap();
            assert_eq!(Outcome::of(&Ok(response)), expected, "{status} {body}");
        }
    }
}
