//! Policies: the presets, one of the user's own, and what the caller is told.

use lakefs_sdk::middleware::retry::{Attempt, AttemptNumber, Outcome, Policy};
use tower::ServiceBuilder;

use super::*;

/// A preset that tries more or less often than it says is no preset.
#[tokio::test(start_paused = true)]
async fn the_presets_try_as_often_as_they_say() {
    for (policy, attempts) in [
        (RetryPolicy::none(), 1),
        (RetryPolicy::standard(), 3),
        (RetryPolicy::aggressive(), 10),
        (RetryPolicy::aggressive().max_attempts(0), 1),
    ] {
        let (transport, client) = Event::Status(503).always();
        let error = client
            .get_repository("lake")
            .retry(policy)
            .await
            .unwrap_err();
        assert_eq!(error.attempts(), attempts, "{policy:?}");
        assert_eq!(transport.sent().len(), attempts as usize, "{policy:?}");
    }
}

type Seen = (u32, Outcome, Option<u16>);

/// Repeats whatever failed, after a second, twice.
#[derive(Debug, Default)]
struct Stubborn {
    seen: Arc<std::sync::Mutex<Vec<Seen>>>,
}

impl Policy for Stubborn {
    fn retry(&self, attempt: &Attempt<'_>) -> Option<Duration> {
        let status = attempt.status().map(|status| status.as_u16());
        self.seen
            .lock()
            .unwrap()
            .push((attempt.number(), attempt.outcome(), status));
        assert_eq!(attempt.response().is_none(), attempt.error().is_some());
        (status != Some(200)).then_some(Duration::from_secs(1))
    }
}

/// A program that knows better than the table can say so, for a client and for a call.
#[tokio::test(start_paused = true)]
async fn a_policy_of_the_programs_own_decides() {
    let script = || {
        Scripted::new()
            .status(404, "not yet")
            .refused()
            .json(&repository())
    };
    let expected = [
        (1, Outcome::Final, Some(404)),
        (2, Outcome::NotDone, None),
        (3, Outcome::Final, Some(200)),
    ];

    let (policy, transport) = (Stubborn::default(), script());
    let seen = Arc::clone(&policy.seen);
    let client = Client::builder()
        .transport(transport.clone())
        .retry(policy)
        .build()
        .unwrap();
    client.get_repository("lake").await.unwrap();
    assert_eq!(*seen.lock().unwrap(), expected);
    let sent = transport.sent();
    assert_eq!(sent[2].at - sent[0].at, Duration::from_secs(2));

    let policy = Stubborn::default();
    let seen = Arc::clone(&policy.seen);
    Client::new(script())
        .get_repository("lake")
        .retry(policy)
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// A policy cannot send half a stream, nor wait beyond the deadline.
#[tokio::test(start_paused = true)]
async fn a_policy_is_held_to_the_body_and_the_deadline() {
    let transport = Scripted::new().status(404, "").json(&stats());
    let stream = Body::from_stream(stream::iter([Ok::<_, io::Error>("once")]));
    let error = Client::new(transport.clone())
        .upload_object("lake", "main", "a")
        .body(stream)
        .retry(Stubborn::default())
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(transport.sent().len(), 1);

    let transport = Scripted::new().status(404, "").json(&repository());
    let error = Client::new(transport.clone())
        .get_repository("lake")
        .retry(Stubborn::default())
        .timeout(Duration::from_millis(900))
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(transport.sent().len(), 1);
}

/// lakeFS says 500 when it could not lock a branch, and has done nothing: a commit that gives up there fails for nothing.
#[tokio::test(start_paused = true)]
async fn a_commit_to_a_locked_branch_is_tried_again() {
    let transport = Scripted::new()
        .status(
            500,
            r#"{"message":"branch is currently locked, try again later"}"#,
        )
        .status_with(
            201,
            &[("content-type", "application/json")],
            commit().to_string(),
        );

    let made = Client::new(transport.clone())
        .commit("lake", "main", CommitCreation::new("m"))
        .send_response()
        .await
        .unwrap();

    assert_eq!((made.data.id.as_str(), made.attempts), ("c0ffee", 2));
}

/// Whoever asks why a call was slow sees how often it was tried, and how long it waited.
#[tokio::test(start_paused = true)]
async fn attempts_and_waits_are_on_the_answer_and_on_the_error() {
    let script = || Scripted::new().status_with(429, &[("retry-after", "7")], "");

    let answer = Client::new(script().json(&repository()))
        .get_repository("lake")
        .send_response()
        .await
        .unwrap();
    assert_eq!(answer.attempts, 2);
    assert_eq!(answer.waited, Duration::from_secs(7));

    let error = Client::new(script().status(404, ""))
        .get_repository("lake")
        .await
        .unwrap_err();
    assert_eq!(error.attempts(), 2);
    assert_eq!(error.waited(), Duration::from_secs(7));

    let error = Client::new(script().hang())
        .get_repository("lake")
        .timeout(Duration::from_secs(10))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(
        (error.attempts(), error.waited()),
        (2, Duration::from_secs(7))
    );
}

/// A layer below the retries can tell a first attempt from a later one.
#[tokio::test(start_paused = true)]
async fn every_attempt_knows_its_number() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let numbers = Arc::clone(&seen);
    let transport = ServiceBuilder::new()
        .map_request(move |request: Request<Body>| {
            numbers
                .lock()
                .unwrap()
                .push(AttemptNumber::of(&request).get());
            request
        })
        .service(
            Scripted::new()
                .status(503, "")
                .refused()
                .json(&repository()),
        );

    Client::new(transport).get_repository("lake").await.unwrap();

    assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
}
