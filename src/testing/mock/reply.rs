//! [`Reply`]: what a mock does with a request.

use std::{
    future::pending,
    io,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, response::Parts};

use super::{Mockable, Sent, encode, shape::Shape};
use crate::{Body, BoxError, Error, Result, transport::ConnectError};

/// What a [`MockTransport`](super::MockTransport) does with a request of an operation: an answer, or a failure of the
/// transport.
///
/// [`Expectation`](super::Expectation) has a method for each of these; this type is for
/// [`reply_with`](super::Expectation::reply_with) and [`reply_seq`](super::Expectation::reply_seq).
#[must_use = "a reply does nothing until an expectation has it"]
pub struct Reply<Op> {
    pub(super) script: Script,
    operation: PhantomData<fn() -> Op>,
}

/// A reply whose operation is forgotten.
pub(super) struct Script {
    action: Action,
    delay: Duration,
    shape: Shape,
}

enum Action {
    Answer(Box<Parts>, Mutex<Contents>),
    With(MakeScript),
    Refuse,
    Reset,
    Hang,
    /// The reply itself is wrong; said where it would be used.
    Wrong(String),
}

type MakeScript = Box<dyn Fn(&Sent) -> Result<Script> + Send + Sync>;

/// A body that may have to be sent several times.
enum Contents {
    Again(Body),
    Spent,
}

// ===== impl Reply =====

impl<Op: Mockable> Reply<Op> {
    /// The operation's answer, encoded and with the status as the server does it.
    pub fn of(output: Op::Output) -> Self {
        Self::answer(Op::answer(output))
    }

    /// A document with the operation's status.
    ///
    /// It must be one that the operation understands: a call that gets another one fails, and so does the test.
    pub fn json(document: impl serde::Serialize) -> Self {
        let reply = encode::json(Op::STATUS, &document).and_then(|response| {
            let (parts, body) = response.into_parts();
            let bytes = body.as_bytes().cloned().unwrap_or_default();
            Op::decode(parts.clone(), bytes)?;
            Ok(Response::from_parts(parts, body))
        });
        Self::answer(reply)
    }

    /// A refusal as lakeFS writes it, such as `Reply::error(404, "repository not found")`.
    pub fn error(status: u16, message: &str) -> Self {
        Self::answer(encode::error(status, message))
    }

    /// A status without a body, as a proxy answers.
    pub fn status(status: u16) -> Self {
        Self::answer(encode::empty(status, &()))
    }

    /// Any response.
    pub fn raw(response: Response<impl Into<Body>>) -> Self {
        Self::answer(Ok(response.map(Into::into)))
    }

    /// No connection, and nothing of the request is sent: the client may try again whatever it was.
    pub fn refuse() -> Self {
        Self::new(Action::Refuse)
    }

    /// The request arrives, and the connection is lost before an answer.
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// The request arrives, and no answer ever comes.
    pub fn hang() -> Self {
        Self::new(Action::Hang)
    }

    pub(super) fn with(make: impl Fn(Op) -> Self + Send + Sync + 'static) -> Self {
        Self::new(Action::With(Box::new(move |sent| {
            Ok(make(sent.decode()?).script)
        })))
    }

    /// Waits before it does anything, on tokio's clock, which a test may have paused.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.script.delay(delay);
        self
    }

    /// Adds a header to the answer, in place of one that is there.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.script.header(name, value);
        self
    }

    /// Loses the connection after this many bytes of the answer's body.
    pub fn cut_after(mut self, bytes: u64) -> Self {
        self.script.cut_after(bytes);
        self
    }

    /// Sends the answer's body in chunks of at most this many bytes, with a pause before each but the first.
    pub fn chunks(mut self, bytes: usize, pause: Duration) -> Self {
        self.script.chunks(bytes, pause);
        self
    }

    fn answer(response: Result<Response<Body>>) -> Self {
        Self::new(match response {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Action::Answer(Box::new(parts), Mutex::new(Contents::Again(body)))
            }
            Err(error) => Action::Wrong(format!("{error:#}")),
        })
    }

    fn new(action: Action) -> Self {
        let script = Script {
            action,
            delay: Duration::ZERO,
            shape: Shape::default(),
        };
        Self {
            script,
            operation: PhantomData,
        }
    }
}

// ===== impl Script =====

impl Script {
    pub(super) fn delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    pub(super) fn cut_after(&mut self, bytes: u64) {
        self.shape.cut = Some(bytes);
    }

    pub(super) fn chunks(&mut self, bytes: usize, pause: Duration) {
        self.shape.chunks = Some((bytes.max(1), pause));
    }

    pub(super) fn header(&mut self, name: &str, value: &str) {
        let Action::Answer(parts, _) = &mut self.action else {
            let problem = format!("`{name}` belongs to an answer, and this reply is none");
            self.action = Action::Wrong(problem);
            return;
        };
        let header = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        match header {
            (Ok(name), Ok(value)) => {
                parts.headers.insert(name, value);
            }
            _ => self.action = Action::Wrong(format!("`{name}` is no header")),
        }
    }

    /// Whether nothing of the request is to be read.
    pub(super) fn refuses(&self) -> bool {
        matches!(self.action, Action::Refuse)
    }

    /// Why it cannot be used, where it cannot.
    pub(super) fn wrong(&self) -> Option<&str> {
        match &self.action {
            Action::Wrong(problem) => Some(problem),
            _ => None,
        }
    }

    pub(super) async fn play(
        self: Arc<Self>,
        sent: Option<&Sent>,
    ) -> Result<Response<Body>, BoxError> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        match (&self.action, sent) {
            (Action::With(make), Some(sent)) => {
                let made = make(sent)?;
                // It is not `With` again: there is no way to make one of those.
                let response = Box::pin(Arc::new(made).play(None)).await?;
                Ok(response.map(|body| self.shape.apply(body)))
            }
            (Action::Answer(parts, body), _) => {
                let body = body.lock().unwrap_or_else(PoisonError::into_inner).next()?;
                let parts = Parts::clone(parts);
                Ok(Response::from_parts(parts, self.shape.apply(body)))
            }
            (Action::Refuse, _) => {
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                Err(ConnectError::new(refused).into())
            }
            (Action::Reset, _) => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            (Action::Hang, _) => pending().await,
            (Action::Wrong(problem), _) => Err(Error::invalid_input(problem.clone()).into()),
            (Action::With(_), None) => Err(Error::invalid_input("the request was not read").into()),
        }
    }
}

// ===== impl Contents =====

impl Contents {
    fn next(&mut self) -> Result<Body> {
        let Self::Again(body) = self else {
            let problem = "the reply's body is a stream, which an earlier call has taken; reply with bytes, or expect the call once";
            return Err(Error::invalid_input(problem));
        };
        match body.try_clone() {
            Some(copy) => Ok(copy),
            None => {
                let body = std::mem::replace(body, Bytes::new().into());
                *self = Self::Spent;
                Ok(body)
            }
        }
    }
}

impl<Op> std::fmt::Debug for Reply<Op> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let action = match &self.script.action {
            Action::Answer(parts, _) => return write!(f, "Reply({})", parts.status),
            Action::With(_) => "made by a closure",
            Action::Refuse => "refuse",
            Action::Reset => "reset",
            Action::Hang => "hang",
            Action::Wrong(_) => "wrong",
        };
        write!(f, "Reply({action})")
    }
}
