//! What each fault does.

use std::time::Duration;

use futures_util::stream;
use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError,
    models::CommitCreation,
    testing::{Fault, FaultLayer, fault::Seen},
};
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _};

use super::lakefs;
use crate::support::scripted::{Scripted, Sent};

const OK: &str = r#"{"id":"main","commit_id":"c0ffee"}"#;

/// What came of one request, and what the transport below saw.
async fn one(fault: Fault, body: Body) -> (Result<Response<Body>, BoxError>, Vec<Sent>, usize) {
    let faults = FaultLayer::new(1).script([Some(fault)]);
    let below = Scripted::new().status(200, OK).status(200, "again");
    let request = Request::post("/api/v1/repositories/lake/branches")
        .body(body)
        .unwrap();
    let answer = faults.layer(below.clone()).oneshot(request).await;
    (answer, below.sent(), faults.injected().len())
}

/// Whether the server saw it is what `may_have_taken_effect` is about: a fault that lies about it proves nothing.
#[tokio::test(start_paused = true)]
async fn a_fault_before_is_not_processed_and_one_after_is() {
    for (fault, processed) in [
        (Fault::Refuse, 0),
        (Fault::ResetBefore, 0),
        (Fault::ResetAfter, 1),
        (Fault::status(503), 0),
        (Fault::StatusAfter { status: 504 }, 1),
        (Fault::Duplicate(Seen::First), 2),
        (Fault::Duplicate(Seen::Second), 2),
    ] {
        let (_, sent, injected) = one(fault.clone(), Body::from("x")).await;
        assert_eq!((sent.len(), injected), (processed, 1), "{fault:?}");
        assert!(
            sent.iter().all(|sent| sent.body.as_deref() == Some(b"x")),
            "{fault:?}"
        );
    }
    for (fault, processed) in [(Fault::StallBefore, 0), (Fault::StallAfter, 1)] {
        let faults = FaultLayer::new(1).script([Some(fault)]);
        let below = Scripted::new().status(200, OK);
        let call = faults
            .layer(below.clone())
            .oneshot(Request::new(Body::from("x")));
        tokio::time::timeout(Duration::from_secs(3600), call)
            .await
            .unwrap_err();
        assert_eq!(below.sent().len(), processed);
    }
}

/// What the client sees decides what it does next.
#[tokio::test(start_paused = true)]
async fn a_fault_is_what_a_client_takes_it_for() {
    let faults = FaultLayer::new(1);
    let (_, client) = lakefs(&faults).await;
    let merge = || client.commit("lake", "main", CommitCreation::new("m"));
    let after = Duration::from_secs(7);

    let faults = faults.script([Some(Fault::ResetAfter)]);
    let error = merge().await.unwrap_err();
    assert!(error.is_transport() && error.may_have_taken_effect() && error.attempts() == 1);

    let throttled = Fault::Status {
        status: 429,
        retry_after: Some(after),
    };
    let faults = faults.script([Some(throttled), Some(Fault::Refuse)]);
    let started = Instant::now();
    let error = merge().await.unwrap_err();
    assert!(
        error.is_bad_request() && error.message().contains("no changes"),
        "{error}"
    );
    assert_eq!(error.attempts(), 3);
    assert!(started.elapsed() >= after);

    let faults = faults.script([Some(Fault::ContentType("text/html"))]);
    client.get_branch("lake", "main").await.unwrap();
    let _ = faults.script([Some(Fault::CorruptBody { at: 0..=0 })]);
    assert!(
        client
            .get_branch("lake", "main")
            .await
            .unwrap_err()
            .is_decode()
    );
}

/// The data of an object is what is lost when a body fails.
#[tokio::test(start_paused = true)]
async fn bodies_are_cut_stalled_and_corrupted_where_it_was_said() {
    let faults = FaultLayer::new(1).script([
        Some(Fault::CutBody { after: 4..=4 }),
        Some(Fault::CutBody { after: 99..=99 }),
        Some(Fault::StallBody { after: 4..=4 }),
        Some(Fault::CorruptBody { at: 12..=12 }),
        Some(Fault::CorruptBody { at: 0..=9 }),
    ]);
    let (_, client) = lakefs(&faults).await;
    let body = async || client.get_object("lake", "main", "a").await.unwrap().body;
    for arrived in ["0123", "012345678"] {
        let mut cut = body().await;
        assert_eq!(cut.chunk().await.unwrap().unwrap(), arrived);
        assert!(cut.chunk().await.unwrap_err().is_body());
    }
    let error = body().await.bytes().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(body().await.text().await.unwrap(), "0133456789");
    let corrupt = body().await.text().await.unwrap();
    let wrong = corrupt
        .bytes()
        .zip("0123456789".bytes())
        .filter(|(one, other)| one != other);
    assert_eq!((corrupt.len(), wrong.count()), (10, 1));
    assert_eq!(faults.counts().into_values().sum::<usize>(), 5);
}

/// An empty body cannot be cut, and a fault that did not happen must not be counted.
#[tokio::test]
async fn what_cannot_happen_is_not_counted() {
    let faults = FaultLayer::new(1).chance(1.0, Fault::cut_body());
    let (_, client) = lakefs(&faults).await;
    client.delete_object("lake", "main", "a").await.unwrap();
    assert_eq!(faults.injected(), []);
}

/// A stream that was read by a duplicate would be sent empty by the original.
#[tokio::test]
async fn a_stream_that_can_be_read_once_is_not_sent_twice() {
    let stream = || Body::from_stream(stream::iter([Ok::<_, std::io::Error>("x")]));
    let (answer, sent, injected) = one(Fault::Duplicate(Seen::Second), stream()).await;
    assert_eq!(answer.unwrap().into_body().text().await.unwrap(), OK);
    assert_eq!((sent.len(), injected), (1, 0));
    assert_eq!(sent[0].body.as_deref(), Some(&b"x"[..]));

    let make = || http_body_util::Full::new(bytes::Bytes::from("x"));
    let (answer, sent, injected) =
        one(Fault::Duplicate(Seen::Second), Body::replayable(make)).await;
    assert_eq!(answer.unwrap().into_body().text().await.unwrap(), "again");
    assert_eq!((sent.len(), injected), (2, 1));
}

/// A refused connection leaves the stream for the next attempt; one that was lost on the way does not.
#[tokio::test(start_paused = true)]
async fn a_stream_is_sent_again_only_when_nothing_of_it_was_sent() {
    let faults = FaultLayer::new(1).script([Some(Fault::Refuse), None, Some(Fault::ResetBefore)]);
    let (plain, client) = lakefs(&faults).await;
    let stream = || Body::from_stream(stream::iter(["x", "y"].map(Ok::<_, std::io::Error>)));
    client
        .upload_object("lake", "main", "b")
        .body(stream())
        .await
        .unwrap();
    let error = client
        .upload_object("lake", "main", "c")
        .body(stream())
        .await
        .unwrap_err();
    assert_eq!(error.attempts(), 1);
    assert_eq!(
        plain
            .get_object("lake", "main", "b")
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "xy"
    );
    assert!(
        plain
            .stat_object("lake", "main", "c")
            .await
            .unwrap_err()
            .is_not_found()
    );
}
