//! Time limits: of a call, and of an attempt.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use lakefs_sdk::{Body, BoxError, Client, middleware::retry::RetryPolicy, models::CommitCreation};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt as _, limit::ConcurrencyLimit, service_fn};

use crate::support::scripted::Scripted;

const SECOND: Duration = Duration::from_secs(1);

fn repository() -> Value {
    json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" })
}

fn answer() -> Response<Body> {
    Response::new(Body::from(repository().to_string()))
}

/// Answers after a while.
async fn after(wait: Duration) -> Result<Response<Body>, BoxError> {
    sleep(wait).await;
    Ok(answer())
}

/// A transport that is never ready.
#[derive(Clone)]
struct NeverReady;

impl Service<Request<Body>> for NeverReady {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Pending<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::pending()
    }
}

/// O15: a transport that waits for a permit that never comes would hang a program for ever.
#[tokio::test(start_paused = true)]
async fn the_limit_of_a_call_covers_waiting_for_readiness() {
    let client = Client::new(NeverReady);
    let begun = Instant::now();

    let error = client
        .get_repository("lake")
        .timeout(5 * SECOND)
        .await
        .unwrap_err();

    assert!(error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed(), 5 * SECOND);

    let begun = Instant::now();
    let request = Request::get("/healthcheck").body(Body::empty()).unwrap();
    assert!(client.oneshot(request).await.unwrap_err().is_timeout());
    assert_eq!(begun.elapsed(), 60 * SECOND, "the default");
}

/// Also where the call has no limit, an attempt has one.
#[tokio::test(start_paused = true)]
async fn the_limit_of_an_attempt_covers_waiting_for_readiness() {
    let client = Client::builder()
        .transport(NeverReady)
        .timeout(None)
        .build()
        .unwrap();

    let error = client.get_repository("lake").await.unwrap_err();

    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.attempts(), 3);
}

/// A layer of the program's own that waits, for a permit or for anything, is part of the call.
#[tokio::test(start_paused = true)]
async fn the_limit_of_a_call_covers_what_layers_wait_for() {
    let stuck = || tower::layer::layer_fn(|_| NeverReady);
    for (client, limit) in [
        (Client::builder().layer(stuck()), 5),
        (Client::builder().attempt_layer(stuck()), 5),
        (Client::builder().layer(stuck()).timeout(7 * SECOND), 7),
        (
            Client::builder().attempt_layer(stuck()).timeout(7 * SECOND),
            7,
        ),
    ] {
        let transport = Scripted::new();
        let client = client.transport(transport.clone()).build().unwrap();
        let call = client.get_repository("lake");
        let call = if limit == 5 {
            call.timeout(5 * SECOND)
        } else {
            call
        };
        let begun = Instant::now();

        let error = call.await.unwrap_err();

        assert!(error.is_timeout(), "{error}");
        assert_eq!(begun.elapsed(), limit * SECOND);
        assert!(transport.sent().is_empty());
    }
}

/// One slow call must not starve the others for longer than they allow, and must leave the permit behind when it goes.
#[tokio::test(start_paused = true)]
async fn a_call_that_gives_up_waiting_for_a_permit_leaves_no_trace() {
    let transport = Scripted::new()
        .hang()
        .json(&repository())
        .json(&repository());
    let client = Client::new(ConcurrencyLimit::new(transport.clone(), 1));
    let first = tokio::spawn(client.get_repository("holds the permit").send());
    tokio::task::yield_now().await;

    let begun = Instant::now();
    let error = client
        .get_repository("waits")
        .timeout(5 * SECOND)
        .await
        .unwrap_err();

    assert!(error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed(), 5 * SECOND);
    assert_eq!(transport.sent().len(), 1, "it was not sent");

    first.abort();
    let begun = Instant::now();
    client
        .get_repository("next")
        .timeout(5 * SECOND)
        .await
        .unwrap();
    client
        .get_repository("and next")
        .timeout(5 * SECOND)
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// A call that waits before its next attempt must not keep others from the server meanwhile.
#[tokio::test(start_paused = true)]
async fn no_permit_is_held_between_attempts() {
    let transport = Scripted::new()
        .status_with(503, &[("retry-after", "20")], "")
        .json(&repository())
        .json(&repository());
    let client = Client::new(ConcurrencyLimit::new(transport, 1));
    let waiting = tokio::spawn(client.get_repository("waits").send());
    tokio::task::yield_now().await;

    let begun = Instant::now();
    client.get_repository("goes first").await.unwrap();

    assert_eq!(begun.elapsed(), Duration::ZERO);
    waiting.await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), 20 * SECOND);
}

/// With fewer permits than calls, and attempts that fail, everything still comes to an end.
#[tokio::test(start_paused = true)]
async fn many_calls_over_one_permit_all_finish() {
    let transport = (0..50).fold(Scripted::new(), |transport, _| {
        transport.step(|_| async {
            sleep(SECOND / 100).await;
            Ok(Response::builder().status(503).body(Body::empty())?)
        })
    });
    let transport = (0..50).fold(transport, |transport, _| transport.json(&repository()));
    let client = Client::builder()
        .transport(ConcurrencyLimit::new(transport, 1))
        .retry(RetryPolicy::standard().max_attempts(60))
        .timeout(3_600 * SECOND)
        .build()
        .unwrap();

    let calls = (0..50).map(|_| client.get_repository("lake").send());
    let answers: Vec<_> = stream::iter(calls).buffer_unordered(50).collect().await;

    assert!(answers.iter().all(Result::is_ok));
}

/// A merge of millions of objects takes minutes, and is not repeated: no limit of the client's may cut it short.
#[tokio::test(start_paused = true)]
async fn a_call_may_have_more_time_than_the_client_gives() {
    let slow = service_fn(async |_: Request<Body>| after(45 * SECOND).await);
    let client = Client::new(slow);
    let call = || client.get_repository("lake").retry(RetryPolicy::none());

    assert!(call().await.unwrap_err().is_timeout());
    assert!(call().timeout(50 * SECOND).await.unwrap_err().is_timeout());
    call().attempt_timeout(50 * SECOND).await.unwrap();
    let begun = Instant::now();
    let limited = call().attempt_timeout(Duration::MAX).timeout(44 * SECOND);
    assert!(limited.await.unwrap_err().is_timeout());
    assert_eq!(begun.elapsed(), 44 * SECOND);
}

/// A server that hangs on one request answers the next: a call must not wait for the first for ever.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_given_up_and_tried_again() {
    let transport = Scripted::new().hang().json(&repository());
    let client = Client::builder()
        .transport(transport.clone())
        .attempt_timeout(7 * SECOND)
        .build()
        .unwrap();

    client.get_repository("lake").await.unwrap();

    let sent = transport.sent();
    let apart = sent[1].at - sent[0].at;
    assert!(7 * SECOND <= apart && apart < 8 * SECOND, "{apart:?}");
}

/// A document that stops half way is as bad as one that does not begin.
#[tokio::test(start_paused = true)]
async fn the_limit_of_an_attempt_covers_reading_the_document() {
    let stalled = stream::iter([Ok::<_, BoxError>("{\"id\":")]).chain(stream::pending());
    let transport = Scripted::new()
        .answer(Response::new(Body::from_stream(stalled)))
        .json(&repository());
    let begun = Instant::now();

    Client::new(transport).get_repository("lake").await.unwrap();

    assert!(begun.elapsed() >= 30 * SECOND, "{:?}", begun.elapsed());
}

/// Which limit passed decides which one to raise.
#[tokio::test(start_paused = true)]
async fn a_timeout_names_the_limit_that_passed() {
    let hanging = || Scripted::new().hang().hang().hang();

    let call = Client::new(hanging())
        .get_repository("lake")
        .timeout(5 * SECOND);
    let error = call.await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "getRepository: the call was not over within its limit of 5s, while waiting for the server's answer"
    );

    let call = Client::new(hanging())
        .get_repository("lake")
        .retry(RetryPolicy::none());
    let error = call.await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "getRepository: no answer to the attempt within its limit of 30s, while waiting for the server's answer"
    );
}

/// A limit that passed while a document was read, or before anything was sent, has another cure than a slow server.
#[tokio::test(start_paused = true)]
async fn a_timeout_names_what_was_waited_for() {
    let half = || {
        let begun = || stream::iter([Ok::<_, BoxError>("{")]).chain(stream::pending());
        let answer = || Response::new(Body::from_stream(begun()));
        Scripted::new().answer(answer()).answer(answer())
    };
    let clients = [
        (Client::new(half()), "the rest of the answer"),
        (Client::new(NeverReady), "the transport to become ready"),
        (
            // A layer in between does not hide it.
            Client::builder()
                .transport(half())
                .attempt_layer(tower::layer::util::Identity::new())
                .build()
                .unwrap(),
            "the rest of the answer",
        ),
    ];
    for (client, what) in clients {
        for limit in [5 * SECOND, 50 * SECOND] {
            let call = client.get_repository("lake").timeout(limit);
            let error = call.retry(RetryPolicy::none()).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("while waiting for {what}")),
                "{error}"
            );
        }
    }
}

/// How often it was tried before the time was up tells a slow server from a dead one.
#[tokio::test(start_paused = true)]
async fn a_call_that_runs_out_of_time_tells_how_often_it_tried() {
    let transport = Scripted::new().status(503, "").hang();

    let error = Client::new(transport.clone())
        .get_repository("lake")
        .timeout(5 * SECOND)
        .await
        .unwrap_err();

    assert!(error.is_timeout());
    assert_eq!(transport.sent().len(), 2);
    assert_eq!(error.attempts(), 2, "{error}");
}

/// After a commit that ran out of time, the caller has to look before making another.
#[tokio::test(start_paused = true)]
async fn a_commit_that_timed_out_may_have_been_made() {
    for limit in [5, 50] {
        let transport = Scripted::new().hang();

        let error = Client::new(transport.clone())
            .commit("lake", "main", CommitCreation::new("m"))
            .timeout(limit * SECOND)
            .await
            .unwrap_err();

        assert!(error.is_timeout(), "{error}");
        assert!(error.may_have_taken_effect());
        assert_eq!(error.attempts(), 1);
        assert_eq!(transport.sent().len(), 1);
    }
}

/// A limit that is used up already must not let a commit slip through.
#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_fails_before_anything_is_sent() {
    let transport = Scripted::new();

    let error = Client::new(transport.clone())
        .commit("lake", "main", CommitCreation::new("m"))
        .timeout(Duration::ZERO)
        .await
        .unwrap_err();

    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.attempts(), 0);
    assert!(!error.may_have_taken_effect());
    assert!(transport.sent().is_empty());
}

/// An answer that is there must not be thrown away because the time is up too.
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_with_the_last_moment_wins() {
    let transport = Scripted::new().step(|_| after(5 * SECOND));
    let client = Client::new(transport);
    client
        .get_repository("lake")
        .timeout(5 * SECOND)
        .await
        .unwrap();

    let transport = Scripted::new().step(|_| after(30 * SECOND));
    let client = Client::new(transport.clone());
    client
        .get_repository("lake")
        .timeout(30 * SECOND)
        .await
        .unwrap();
    assert_eq!(transport.sent().len(), 1);
}

/// A program that may wait for days can say so.
#[tokio::test(start_paused = true)]
async fn a_client_without_limits_waits() {
    let transport = Scripted::new().step(|_| after(100_000 * SECOND));
    let client = Client::builder()
        .transport(transport)
        .timeout(None)
        .attempt_timeout(None)
        .build()
        .unwrap();

    client.get_repository("lake").await.unwrap();
}

/// A limit so large that no clock can hold it is no limit, and no panic.
#[tokio::test(start_paused = true)]
async fn the_largest_limit_is_no_limit() {
    let transport = Scripted::new()
        .status(503, "")
        .step(|_| after(100_000 * SECOND));
    let client = Client::builder()
        .transport(transport)
        .attempt_timeout(Duration::MAX)
        .build()
        .unwrap();

    client
        .get_repository("lake")
        .timeout(Duration::MAX)
        .await
        .unwrap();
}

/// An object that takes an hour to read is read for an hour: the limit is for the answer to begin.
#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_is_not_limited_by_the_call() {
    let slow = stream::iter(0..180).then(|_| async {
        sleep(20 * SECOND).await;
        Ok::<_, BoxError>(Bytes::from_static(b"x"))
    });
    let transport = Scripted::new().answer(Response::new(Body::from_stream(slow)));
    let begun = Instant::now();

    let object = Client::new(transport)
        .get_object("lake", "main", "a")
        .await
        .unwrap();

    assert_eq!(object.bytes().await.unwrap().len(), 180);
    assert_eq!(begun.elapsed(), 3_600 * SECOND);
}

/// An upload takes as long as its bytes do: the limit of an attempt would kill every large one.
#[tokio::test(start_paused = true)]
async fn an_upload_is_not_limited_by_the_attempt() {
    let stats = json!({ "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "c", "mtime": 1 });
    let transport = Scripted::new().step(move |_| async move {
        sleep(1_000 * SECOND).await;
        Ok(Response::builder()
            .status(201)
            .body(Body::from(stats.to_string()))?)
    });
    let client = Client::builder()
        .transport(transport.clone())
        .timeout(None)
        .build()
        .unwrap();

    client
        .upload_object("lake", "main", "a")
        .body("large")
        .await
        .unwrap();

    assert_eq!(transport.sent().len(), 1);
}

/// A large request that was made by hand is an upload too, whether its body is a stream or in memory; a small one is none.
#[tokio::test(start_paused = true)]
async fn a_raw_upload_is_not_limited_by_the_attempt() {
    let stream = || Body::from_stream(stream::iter([Ok::<_, BoxError>("data")]));
    for (body, is_upload) in [
        (stream(), true),
        (Body::from(vec![7; 2_000_000]), true),
        (Body::from("{}"), false),
    ] {
        let transport = Scripted::new().step(|_| async {
            sleep(200 * SECOND).await;
            Ok(Response::new(Body::empty()))
        });
        let request = Request::post("/thing").body(body).unwrap();

        let answer = Client::new(transport).oneshot(request).await;

        assert_eq!(answer.is_ok(), is_upload, "{answer:?}");
    }
}

/// A dropped call is cancelled: the request under way is dropped with it.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_its_request() {
    let (gone, dropped) = tokio::sync::oneshot::channel::<()>();
    let transport = Scripted::new().step(|_| async move {
        let _gone = gone;
        std::future::pending().await
    });
    let call = tokio::spawn(Client::new(transport).get_repository("lake").send());
    tokio::task::yield_now().await;

    call.abort();

    assert!(dropped.await.is_err());
}
