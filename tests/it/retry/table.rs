//! The table of what is sent again, cell by cell: what happened, to which kind of operation, with which kind of body.

use http::{Method, Request, response::Parts};
use lakefs_sdk::{
    Operation, Result,
    codec::decode,
    operation::{Idempotency, OperationMeta},
};

use super::*;

/// What becomes of a call whose every attempt meets the same.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Again,
    Error,
}

const OUTCOMES: [(Event, Then, Then, ErrorKind); 25] = [
    // what happened, then for an operation that may be repeated, then for one that may not, and the error in the end
    (Event::Refused, Then::Again, Then::Again, ErrorKind::Connect),
    (
        Event::Status(420),
        Then::Again,
        Then::Again,
        ErrorKind::Throttled,
    ),
    (
        Event::Status(423),
        Then::Again,
        Then::Again,
        ErrorKind::Throttled,
    ),
    (
        Event::Status(429),
        Then::Again,
        Then::Again,
        ErrorKind::Throttled,
    ),
    (
        Event::Locked,
        Then::Again,
        Then::Again,
        ErrorKind::Throttled,
    ),
    (
        Event::Status(408),
        Then::Again,
        Then::Error,
        ErrorKind::Server,
    ),
    (
        Event::Status(500),
        Then::Again,
        Then::Error,
        ErrorKind::Server,
    ),
    (
        Event::Status(502),
        Then::Again,
        Then::Error,
        ErrorKind::Server,
    ),
    (
        Event::Status(503),
        Then::Again,
        Then::Error,
        ErrorKind::Server,
    ),
    (
        Event::Status(504),
        Then::Again,
        Then::Error,
        ErrorKind::Server,
    ),
    (Event::Timeout, Then::Again, Then::Error, ErrorKind::Timeout),
    (Event::Reset, Then::Again, Then::Error, ErrorKind::Transport),
    (Event::Cut, Then::Again, Then::Error, ErrorKind::Body),
    (
        Event::Status(400),
        Then::Error,
        Then::Error,
        ErrorKind::BadRequest,
    ),
    (
        Event::Status(401),
        Then::Error,
        Then::Error,
        ErrorKind::Unauthenticated,
    ),
    (
        Event::Status(403),
        Then::Error,
        Then::Error,
        ErrorKind::PermissionDenied,
    ),
    (
        Event::Status(404),
        Then::Error,
        Then::Error,
        ErrorKind::NotFound,
    ),
    (
        Event::Status(405),
        Then::Error,
        Then::Error,
        ErrorKind::BadRequest,
    ),
    (
        Event::Status(409),
        Then::Error,
        Then::Error,
        ErrorKind::Conflict,
    ),
    (
        Event::Status(410),
        Then::Error,
        Then::Error,
        ErrorKind::Gone,
    ),
    (
        Event::Status(412),
        Then::Error,
        Then::Error,
        ErrorKind::PreconditionFailed,
    ),
    (
        Event::Status(416),
        Then::Error,
        Then::Error,
        ErrorKind::RangeNotSatisfiable,
    ),
    (
        Event::Status(422),
        Then::Error,
        Then::Error,
        ErrorKind::BadRequest,
    ),
    (
        Event::Status(501),
        Then::Error,
        Then::Error,
        ErrorKind::NotImplemented,
    ),
    (
        Event::Status(302),
        Then::Error,
        Then::Error,
        ErrorKind::Unexpected,
    ),
];

/// The kinds of bodies, and whether one is left after the transport has read it, and after it has not.
const BODIES: [(&str, bool, bool); 4] = [
    ("none", true, true),
    ("bytes", true, true),
    ("replayable", true, true),
    ("stream", false, true),
];

const CONTENT: &str = "what is sent";

fn body(kind: &str) -> Body {
    match kind {
        "none" => Body::empty(),
        "bytes" => Body::from(CONTENT),
        "replayable" => Body::replayable(|| Full::new(Bytes::from_static(CONTENT.as_bytes()))),
        _ => Body::from_stream(stream::iter([Ok::<_, io::Error>(CONTENT)])),
    }
}

/// An operation of one kind, with a body of one kind.
macro_rules! operation {
    ($name:ident, $method:ident, $idempotency:ident) => {
        struct $name(&'static str);

        impl Operation for $name {
            type Output = Value;
            const META: &'static OperationMeta =
                &OperationMeta::new(stringify!($name), Method::$method, "/thing")
                    .with_idempotency(Idempotency::$idempotency);

            fn into_request(self) -> Result<Request<Body>> {
                let mut request = Request::new(body(self.0));
                *request.method_mut() = Method::$method;
                *request.uri_mut() = http::Uri::from_static("/thing");
                Ok(request)
            }

            fn decode(parts: Parts, body: Bytes) -> Result<Value> {
                decode::json(&parts, &body)
            }
        }
    };
}

operation!(Read, GET, Safe);
operation!(Put, PUT, Idempotent);
operation!(Make, POST, NonIdempotent);

async fn every_cell<Op: Operation>(operation: impl Fn(&'static str) -> Op) {
    let safe = Op::META.idempotency == Idempotency::Safe;
    for (event, repeatable, not, kind) in OUTCOMES {
        for (body, after_reading, unread) in BODIES {
            let (transport, client) = event.always();
            let then = if Op::META.idempotency.repeatable() {
                repeatable
            } else {
                not
            };
            // Where there is no connection, nobody reads the body.
            let left = if event == Event::Refused {
                unread
            } else {
                after_reading
            };
            let sends = if then == Then::Again && left { 3 } else { 1 };
            let doubt = not == Then::Error && repeatable == Then::Again;
            let cell = format!("{event:?}, {}, {body}", Op::META.id);

            let error = client.execute(operation(body)).await.err().unwrap();

            assert_eq!(error.kind(), kind, "{cell}: {error}");
            assert_eq!(error.attempts(), sends, "{cell}: {error}");
            assert_eq!(transport.sent().len(), sends as usize, "{cell}");
            let effect = !safe && (doubt || kind == ErrorKind::Unexpected);
            assert_eq!(error.may_have_taken_effect(), effect, "{cell}: {error}");
            for sent in transport.sent() {
                let whole = match (event, body) {
                    (_, "none") => Some(""),
                    (Event::Refused, "replayable" | "stream") => None,
                    _ => Some(CONTENT),
                };
                assert_eq!(sent.body, whole.map(Bytes::from), "{cell}");
            }
        }
    }
}

/// A read that is not repeated fails for nothing.
#[tokio::test(start_paused = true)]
async fn every_cell_for_an_operation_that_reads() {
    every_cell(Read).await;
}

/// A write that may be repeated is, as long as what it writes is still there, whole.
#[tokio::test(start_paused = true)]
async fn every_cell_for_an_operation_that_may_be_repeated() {
    every_cell(Put).await;
}

/// A write that must not be repeated is made twice by any wrong cell.
#[tokio::test(start_paused = true)]
async fn every_cell_for_an_operation_that_may_not_be_repeated() {
    every_cell(Make).await;
}

/// O11: a merge that a gateway gave up on may be done: a blind retry meets its own result as a conflict.
#[tokio::test(start_paused = true)]
async fn what_may_have_worked_is_left_to_the_caller() {
    let merge = Scripted::new().status(504, "");
    let error = Client::new(merge.clone())
        .merge_into_branch("lake", "draft", "main")
        .await
        .unwrap_err();
    assert!(
        error.may_have_taken_effect() && error.retryable(),
        "{error}"
    );
    assert_eq!(merge.sent().len(), 1);

    let commit = Scripted::new().reset();
    let error = Client::new(commit.clone())
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    assert_eq!(commit.sent().len(), 1);

    let tag = Scripted::new()
        .status(502, "")
        .json(&json!({ "id": "v1", "commit_id": "c0ffee" }));
    let client = Client::new(tag.clone());
    let creation = TagCreation::new("v1", "main");
    let error = client
        .create_tag("lake", creation.clone())
        .await
        .unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    assert_eq!(tag.sent().len(), 1);

    let tag = Scripted::new()
        .status(502, "")
        .json(&json!({ "id": "v1", "commit_id": "c0ffee" }));
    let client = Client::new(tag.clone());
    let asked = RetryPolicy::standard().repeat_always();
    client
        .create_tag("lake", creation)
        .retry(asked)
        .await
        .unwrap();
    assert_eq!(tag.sent().len(), 2);
}
