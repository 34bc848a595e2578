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
    Status(u16),
}

impl Event {
    fn happens(self, transport: Scripted) -> Scripted {
        match self {
            Self::Refused => transport.refused(),
            Self::Reset => transport.reset(),
            Self::Timeout => transport.hang(),
            Self::Cut => transport.answer(cut()),
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

fn chunks() -> Body {
    Body::from_stream(stream::iter(["one,", "two"].map(Ok::<_, io::Error>)))
}

/// Half an object, or an empty one, in place of what was meant is worse than an error.
#[tokio::test(start_paused = true)]
async fn a_stream_is_never_sent_twice_and_never_empty() {
    for event in [Event::Status(429), Event::Status(503), Event::Reset] {
        let (transport, client) = event.always();

        let error = client
            .upload_object("lake", "main", "a")
            .body(chunks())
            .await
            .unwrap_err();

        check(event, &transport, &error, 1, event != Event::Status(429));
        assert_eq!(
            transport.sent()[0].body.as_deref(),
            Some(b"one,two".as_slice())
        );
    }
}

/// A stream of which a part was read is not whole any more, even if the transport says that there was no connection.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_begun_is_not_sent_again() {
    let transport = Scripted::new()
        .step(|request: Request<Body>| async {
            let mut body = request.into_body();
            let _ = body.chunk().await;
            Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
        })
        .json(&stats());

    let error = Client::new(transport.clone())
        .upload_object("lake", "main", "a")
        .body(chunks())
        .await
        .unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert_eq!(transport.sent().len(), 1);
}

/// While nothing was read of a stream, nothing of it is lost: an upload survives a server that restarts.
#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_read_is_sent_after_no_connection() {
    let sized =
        || Body::from_sized_stream(7, stream::iter(["one,", "two"].map(Ok::<_, io::Error>)));
    for (body, size) in [(chunks(), None), (sized(), Some(7))] {
        let sizes = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let transport =
            Scripted::new()
                .refused()
                .refused()
                .step(move |request: Request<Body>| async move {
                    seen.lock().unwrap().push(request.body().size());
                    let _ = request.into_body().bytes().await;
                    Ok(Response::builder()
                        .status(201)
                        .body(Body::from(stats().to_string()))?)
                });

        Client::new(transport.clone())
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();

        let bodies: Vec<_> = transport.sent().into_iter().map(|sent| sent.body).collect();
        assert_eq!(bodies, [None, None, Some(Bytes::from_static(b"one,two"))]);
        assert_eq!(*sizes.lock().unwrap(), [size]);
    }
}

/// An upload of bytes, or of a file that can be opened again, survives what a stream does not.
#[tokio::test(start_paused = true)]
async fn a_body_that_can_be_made_again_is_sent_whole_in_every_attempt() {
    let made = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&made);
    let replayable = Body::replayable(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Full::new(Bytes::from_static(b"one,two")).map_err(io::Error::other)
    });
    for body in [Body::from("one,two"), replayable] {
        let transport = Scripted::new().status(503, "").reset().json(&stats());

        Client::new(transport.clone())
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();

        let sent = transport.sent();
        assert_eq!(sent.len(), 3);
        assert!(
            sent.iter()
                .all(|sent| sent.body.as_deref() == Some(b"one,two")),
            "{sent:?}"
        );
    }
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

/// A file that cannot be read is not the server's fault: no other attempt would read it.
#[tokio::test(start_paused = true)]
async fn a_body_of_the_callers_that_fails_says_so() {
    let body = Body::from_stream(stream::iter([
        Ok("one,"),
        Err(io::Error::other("disk on fire")),
    ]));
    let transport = Scripted::new().step(|request: Request<Body>| async {
        request.into_body().bytes().await?;
        Ok(Response::new(Body::empty()))
    });

    let error = Client::new(transport.clone())
        .upload_object("lake", "main", "a")
        .body(body)
        .await
        .unwrap_err();

    assert!(error.is_body(), "{error:?}");
    assert!(format!("{error:#}").contains("disk on fire"), "{error:#}");
    assert_eq!(error.attempts(), 1);
    assert_eq!(transport.sent().len(), 1);
}

// ===== waiting =====

fn http_date(format: &str, from_now: Duration) -> String {
    let time = jiff::Timestamp::try_from(SystemTime::now() + from_now).unwrap();
    time.strftime(format).to_string()
}

/// A server that says when to come back is overrun by clients that come earlier.
#[tokio::test(start_paused = true)]
async fn the_wait_is_at_least_what_the_server_asks() {
    let half_minute = Duration::from_secs(30);
    // A date has whole seconds, and the clock goes on while the test runs.
    let about_half_a_minute = (Duration::from_secs(20), Duration::from_millis(30_200));
    let exactly = |seconds| {
        (
            Duration::from_secs(seconds),
            Duration::from_millis(seconds * 1_000 + 100),
        )
    };
    let own = exactly(0);
    for (value, (least, most)) in [
        ("2", exactly(2)),
        ("0", own),
        (" 2 ", exactly(2)),
        ("02", exactly(2)),
        (
            &http_date("%a, %d %b %Y %H:%M:%S GMT", half_minute),
            about_half_a_minute,
        ),
        (
            &http_date("%A, %d-%b-%y %H:%M:%S GMT", half_minute),
            about_half_a_minute,
        ),
        (
            &http_date("%a %b %e %H:%M:%S %Y", half_minute),
            about_half_a_minute,
        ),
        ("Thu, 01 Jan 1970 00:00:00 GMT", own),
        ("-1", own),
        ("1.5", own),
        ("abc", own),
        ("2s", own),
        ("", own),
        ("Thu, 99 Foo 2026 99:99:99 GMT", own),
    ] {
        for status in [429, 503] {
            let transport = Scripted::new()
                .status_with(status, &[("retry-after", value)], "")
                .json(&repository());

            Client::new(transport.clone())
                .get_repository("lake")
                .await
                .unwrap();

            let sent = transport.sent();
            let waited = sent[1].at - sent[0].at;
            assert!(least <= waited && waited <= most, "{value:?}: {waited:?}");
        }
    }
}

/// Two different demands are none: a guess could be wrong by hours.
#[tokio::test(start_paused = true)]
async fn several_retry_after_headers_count_as_none() {
    let transport = Scripted::new()
        .status_with(429, &[("retry-after", "50"), ("retry-after", "2")], "")
        .json(&repository());

    Client::new(transport.clone())
        .get_repository("lake")
        .await
        .unwrap();

    let sent = transport.sent();
    assert!(sent[1].at - sent[0].at <= Duration::from_millis(100));
}

/// A sleep that ends in a timeout hides what the server said, and costs the time of the whole limit.
#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_gives_the_answer_at_once() {
    for (value, least) in [
        ("11", 11),
        ("10", 10),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1 << 32),
        ("99999999999999999999", u64::from(u32::MAX)),
        ("18446744073709551615", u64::MAX),
    ] {
        let transport = Scripted::new().status_with(
            429,
            &[("retry-after", value)],
            r#"{"message":"slow down"}"#,
        );
        let begun = Instant::now();

        let error = Client::new(transport.clone())
            .get_repository("lake")
            .timeout(Duration::from_secs(10))
            .await
            .unwrap_err();

        assert_eq!(begun.elapsed(), Duration::ZERO, "{value}");
        assert!(error.is_throttled(), "{value}: {error}");
        assert_eq!(error.message(), "slow down");
        assert_eq!(error.attempts(), 1);
        assert!(
            error.retry_after().unwrap() >= Duration::from_secs(least),
            "{value}: {error:?}"
        );
        assert_eq!(transport.sent().len(), 1);
    }
}

/// An attempt that comes when the limit of the call is nearly over has only what is left.
#[tokio::test(start_paused = true)]
async fn attempts_and_waits_together_stay_within_the_limit_of_the_call() {
    let transport = Scripted::new()
        .status_with(503, &[("retry-after", "6")], "")
        .status_with(503, &[("retry-after", "6")], "");
    let begun = Instant::now();

    let error = Client::new(transport)
        .get_repository("lake")
        .timeout(Duration::from_secs(10))
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.attempts(), 2);
    assert!(
        begun.elapsed() < Duration::from_secs(7),
        "{:?}",
        begun.elapsed()
    );
}

/// Without jitter, all clients that a restart threw out come back at the same moment.
#[tokio::test(start_paused = true)]
async fn waits_differ_and_stay_below_their_ceilings() {
    let mut waits = Vec::new();
    for _ in 0..20 {
        let (transport, client) = Event::Status(503).always();
        let policy = RetryPolicy::standard()
            .backoff(Duration::from_secs(1), Duration::from_secs(2))
            .max_attempts(4);

        client
            .get_repository("lake")
            .retry(policy)
            .await
            .unwrap_err();

        let sent = transport.sent();
        for (attempt, ceiling) in [1, 2, 2].into_iter().enumerate() {
            let waited = sent[attempt + 1].at - sent[attempt].at;
            assert!(
                waited <= Duration::from_millis(ceiling * 1_000 + 1),
                "{waited:?}"
            );
            waits.push(waited);
        }
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 20, "{waits:?}");
}
