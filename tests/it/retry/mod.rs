//! What is sent again after a failure, what is not, and what the caller is told.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lakefs_sdk::{
    Body, Client, Error, ErrorKind,
    middleware::retry::RetryPolicy,
    models::{CommitCreation, TagCreation},
};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::support::scripted::Scripted;

mod bodies;
mod budget;
mod policy;
mod table;
mod waits;

fn repository() -> Value {
    json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" })
}

fn commit() -> Value {
    json!({
        "id": "c0ffee", "parents": [], "committer": "me", "message": "m", "creation_date": 0, "meta_range_id": "", "metadata": {}
    })
}

fn stats() -> Value {
    json!({ "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "c", "mtime": 1 })
}

/// An answer whose document breaks off.
fn cut() -> Response<Body> {
    Response::new(Body::from_stream(stream::iter([
        Ok("{\"id\":"),
        Err(io::Error::other("cut")),
    ])))
}

/// What can happen to an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Refused,
    Reset,
    Timeout,
    Cut,
    /// lakeFS could not lock the branch.
    Locked,
    Status(u16),
}

impl Event {
    fn happens(self, transport: Scripted) -> Scripted {
        match self {
            Self::Refused => transport.refused(),
            Self::Reset => transport.reset(),
            Self::Timeout => transport.hang(),
            Self::Cut => transport.answer(cut()),
            Self::Locked => transport.status(
                500,
                r#"{"message":"branch is currently locked, try again later"}"#,
            ),
            Self::Status(status) => transport.status(status, r#"{"message":"scripted"}"#),
        }
    }

    /// Happens to every attempt.
    fn always(self) -> (Scripted, Client) {
        let transport = (0..10).fold(Scripted::new(), |transport, _| self.happens(transport));
        let client = Client::builder()
            .transport(transport.clone())
            .timeout(Duration::from_secs(1_000))
            .build()
            .unwrap();
        (transport, client)
    }
}

const NOT_DONE: [Event; 4] = [
    Event::Refused,
    Event::Status(420),
    Event::Status(423),
    Event::Status(429),
];
const IN_DOUBT: [Event; 8] = [
    Event::Reset,
    Event::Timeout,
    Event::Cut,
    Event::Status(408),
    Event::Status(500),
    Event::Status(502),
    Event::Status(503),
    Event::Status(504),
];
const FINAL: [Event; 11] = [
    Event::Status(400),
    Event::Status(401),
    Event::Status(403),
    Event::Status(404),
    Event::Status(405),
    Event::Status(409),
    Event::Status(410),
    Event::Status(412),
    Event::Status(416),
    Event::Status(422),
    Event::Status(501),
];

fn check(event: Event, transport: &Scripted, error: &Error, attempts: u32, effect: bool) {
    assert_eq!(
        transport.sent().len(),
        attempts as usize,
        "{event:?}: {error}"
    );
    assert_eq!(error.attempts(), attempts, "{event:?}: {error}");
    assert_eq!(error.may_have_taken_effect(), effect, "{event:?}: {error}");
    assert_eq!(
        error.retryable(),
        !FINAL.contains(&event),
        "{event:?}: {error}"
    );
}

/// Reading changes nothing: it is tried again after anything that passes, and nobody has to worry about an effect.
#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_after_whatever_may_pass() {
    for (events, attempts) in [(&NOT_DONE[..], 3), (&IN_DOUBT[..], 3), (&FINAL[..], 1)] {
        for &event in events {
            let (transport, client) = event.always();

            let error = client.get_repository("lake").await.unwrap_err();

            check(event, &transport, &error, attempts, false);
        }
    }
}

/// Deleting twice is deleting once: it is repeated, and where all attempts fail it may have happened.
#[tokio::test(start_paused = true)]
async fn an_idempotent_write_is_repeated_and_may_have_taken_effect() {
    for (events, attempts, effect) in [
        (&NOT_DONE[..], 3, false),
        (&IN_DOUBT[..], 3, true),
        (&FINAL[..], 1, false),
    ] {
        // The answer to a deletion has no document that could be cut.
        for &event in events.iter().filter(|&&event| event != Event::Cut) {
            let (transport, client) = event.always();

            let error = client.delete_object("lake", "main", "a").await.unwrap_err();

            check(event, &transport, &error, attempts, effect);
        }
    }
}

/// A commit that is repeated blindly is made twice; one that certainly was not made is worth another try.
#[tokio::test(start_paused = true)]
async fn a_commit_is_repeated_only_where_it_certainly_was_not_made() {
    for (events, attempts, effect) in [
        (&NOT_DONE[..], 3, false),
        (&IN_DOUBT[..], 1, true),
        (&FINAL[..], 1, false),
    ] {
        for &event in events {
            let (transport, client) = event.always();

            let error = client
                .commit("lake", "main", CommitCreation::new("m"))
                .await
                .unwrap_err();

            check(event, &transport, &error, attempts, effect);
        }
    }
}

/// A merge, a tag, a revert: none of them is repeated after a gateway gave up on it.
#[tokio::test(start_paused = true)]
async fn no_write_that_makes_something_is_repeated_after_a_gateway_error() {
    let (transport, client) = Event::Status(504).always();
    let error = client
        .merge_into_branch("lake", "draft", "main")
        .await
        .unwrap_err();
    check(Event::Status(504), &transport, &error, 1, true);

    let (transport, client) = Event::Status(502).always();
    let error = client
        .create_tag("lake", TagCreation::new("v1", "main"))
        .await
        .unwrap_err();
    check(Event::Status(502), &transport, &error, 1, true);
}

/// A hiccup must not reach the caller.
#[tokio::test(start_paused = true)]
async fn a_call_succeeds_when_a_later_attempt_does() {
    for &event in NOT_DONE.iter().chain(&IN_DOUBT) {
        let transport = event
            .happens(event.happens(Scripted::new()))
            .json(&repository());

        let repository = Client::new(transport.clone())
            .get_repository("lake")
            .timeout(Duration::from_secs(1_000))
            .await;

        assert_eq!(repository.unwrap().id, "lake", "{event:?}");
        assert_eq!(transport.sent().len(), 3, "{event:?}");
    }
    for event in NOT_DONE {
        let transport = event
            .happens(event.happens(Scripted::new()))
            .json(&commit());

        let commit = Client::new(transport.clone())
            .commit("lake", "main", CommitCreation::new("m"))
            .await;

        assert_eq!(commit.unwrap().id, "c0ffee", "{event:?}");
        let sent = transport.sent();
        assert_eq!(sent.len(), 3, "{event:?}");
        assert!(
            sent.iter().all(|sent| sent.body == sent_body(&sent.body)),
            "{sent:?}"
        );
    }
}

/// The body of a commit, which must be whole in every attempt.
fn sent_body(body: &Option<Bytes>) -> Option<Bytes> {
    body.clone()
        .filter(|body| body.starts_with(br#"{"message":"m""#))
}

/// An outage between two attempts may change which error comes last: what an earlier attempt did stays in doubt.
#[tokio::test(start_paused = true)]
async fn an_earlier_attempt_in_doubt_is_not_forgotten() {
    for (first, last, expected) in [
        (Event::Status(504), Event::Status(404), true),
        (Event::Reset, Event::Status(409), true),
        (Event::Timeout, Event::Status(412), true),
        (Event::Status(500), Event::Status(401), true),
        (Event::Status(429), Event::Status(404), false),
        (Event::Refused, Event::Status(404), false),
    ] {
        let transport = last.happens(first.happens(Scripted::new()));

        let error = Client::new(transport)
            .delete_object("lake", "main", "a")
            .await
            .unwrap_err();

        assert_eq!(error.attempts(), 2, "{first:?}, {last:?}: {error}");
        assert_eq!(
            error.may_have_taken_effect(),
            expected,
            "{first:?}, {last:?}: {error}"
        );
        assert!(!error.retryable());
    }

    let transport = Scripted::new().reset().refused().refused();
    let error = Client::new(transport)
        .delete_object("lake", "main", "a")
        .await
        .unwrap_err();
    assert!(
        error.is_connect() && error.may_have_taken_effect(),
        "{error:?}"
    );

    let transport = Scripted::new().status(504, "").status(404, "");
    let error = Client::new(transport)
        .get_repository("lake")
        .await
        .unwrap_err();
    assert!(
        error.is_not_found() && !error.may_have_taken_effect(),
        "{error:?}"
    );
}

/// A commit that was throttled, and then broke off, is in doubt after two attempts.
#[tokio::test(start_paused = true)]
async fn a_commit_stops_at_the_first_attempt_in_doubt() {
    let transport = Scripted::new()
        .status(429, "")
        .refused()
        .status(500, "")
        .json(&commit());
    let client = Client::builder()
        .transport(transport.clone())
        .retry(RetryPolicy::standard().max_attempts(10))
        .build()
        .unwrap();

    let error = client
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert_eq!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
    check(Event::Status(500), &transport, &error, 3, true);
}

/// A caller who wants to decide alone gets one attempt, whatever the client does.
#[tokio::test(start_paused = true)]
async fn a_call_may_be_sent_once_only() {
    for event in [Event::Refused, Event::Status(429), Event::Status(503)] {
        let (transport, client) = event.always();

        let error = client
            .get_repository("lake")
            .retry(RetryPolicy::none())
            .await
            .unwrap_err();

        check(event, &transport, &error, 1, false);
    }
}

/// Whoever knows that a second merge is harmless can ask for it.
#[tokio::test(start_paused = true)]
async fn a_call_may_be_repeated_whatever_it_does() {
    let transport = Scripted::new().status(504, "").reset().json(&commit());

    let commit = Client::new(transport.clone())
        .commit("lake", "main", CommitCreation::new("m"))
        .retry(RetryPolicy::standard().repeat_always())
        .await;

    assert_eq!(commit.unwrap().id, "c0ffee");
    assert_eq!(transport.sent().len(), 3);

    let transport = Scripted::new()
        .status(504, "")
        .status(409, r#"{"message":"exists"}"#);
    let error = Client::new(transport)
        .create_tag("lake", TagCreation::new("v1", "main"))
        .retry(RetryPolicy::standard().repeat_always())
        .await
        .unwrap_err();
    assert!(error.is_conflict());
    assert!(error.may_have_taken_effect(), "it may have met itself");
}

/// How often a program tries is its own choice.
#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_is_what_the_policy_says() {
    for (attempts, expected) in [(0, 1), (1, 1), (2, 2), (7, 7)] {
        let (transport, client) = Event::Status(503).always();

        let error = client
            .get_repository("lake")
            .retry(RetryPolicy::standard().max_attempts(attempts))
            .await
            .unwrap_err();

        check(Event::Status(503), &transport, &error, expected, false);
    }
}

/// Requests of the user's own have no idempotency: the method says what may be repeated (RFC 9110, 9.2).
#[tokio::test(start_paused = true)]
async fn a_raw_request_is_judged_by_its_method() {
    for (method, attempts) in [
        ("GET", 3),
        ("HEAD", 3),
        ("PUT", 3),
        ("DELETE", 3),
        ("POST", 1),
        ("PATCH", 1),
    ] {
        let (transport, client) = Event::Status(503).always();
        let request = Request::builder()
            .method(method)
            .uri("/own")
            .body(Body::empty())
            .unwrap();

        let response = client.oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let sent = transport.sent();
        assert_eq!(sent.len(), attempts, "{method}");
        assert!(
            sent.iter()
                .all(|sent| sent.method == method && sent.operation.is_none())
        );
    }
}

// ===== bodies =====
