//! The limit of requests under way: what holds a permit, for how long, and who waits for one.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::join_all, stream};
use http::{Request, Response};
use http_body::Body as _;
use lakefs_sdk::{
    Body, Client,
    middleware::{concurrency::ConcurrencyLimitLayer, retry::RetryPolicy},
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tower::{ServiceBuilder, ServiceExt as _};

use crate::support::scripted::Scripted;

const SECOND: Duration = Duration::from_secs(1);

type Feed = mpsc::UnboundedSender<io::Result<&'static str>>;

/// An object whose body is fed from outside.
fn download() -> (Feed, Response<Body>) {
    let (feed, mut chunks) = mpsc::unbounded_channel();
    let body = Body::from_stream(stream::poll_fn(move |cx| chunks.poll_recv(cx)));
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert("etag", http::HeaderValue::from_static("\"e\""));
    (feed, response)
}

fn branch() -> serde_json::Value {
    json!({ "id": "main", "commit_id": "c" })
}

fn one_at_a_time(transport: &Scripted) -> Client {
    Client::builder()
        .transport(transport.clone())
        .concurrency_limit(1)
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

/// A limit that every clone has for itself, or that counts heads only, does not protect a server.
#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_are_under_way_over_all_clones() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counter, peak) = (now.clone(), most.clone());
    let transport = tower::service_fn(move |_: Request<Body>| {
        let counter = counter.clone();
        peak.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        async move {
            sleep(SECOND).await;
            let rest = stream::once(async move {
                sleep(SECOND).await;
                counter.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, io::Error>("data")
            });
            Response::builder()
                .header("etag", "\"e\"")
                .body(Body::from_stream(rest))
        }
    });
    let client = Client::builder()
        .transport(transport)
        .concurrency_limit(3)
        .build()
        .unwrap();
    let begun = Instant::now();

    let reads = (0..9).map(|_| {
        let client = client.clone();
        async move { client.get_object("lake", "main", "a").await?.text().await }
    });
    for read in join_all(reads).await {
        assert_eq!(read.unwrap(), "data");
    }

    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(
        begun.elapsed(),
        6 * SECOND,
        "three at a time, two seconds each"
    );
}

/// A permit that comes back with the headers, as tower's does, limits no download.
#[tokio::test(start_paused = true)]
async fn a_permit_is_held_until_the_body_has_ended_failed_or_is_dropped() {
    enum Way {
        End,
        Fail,
        Drop,
    }
    for way in [Way::End, Way::Fail, Way::Drop] {
        let (feed, response) = download();
        let transport = Scripted::new().answer(response).json(&branch());
        let client = one_at_a_time(&transport);
        let mut object = client.get_object("lake", "main", "a").await.unwrap();
        feed.send(Ok("first")).unwrap();
        assert_eq!(object.body.chunk().await.unwrap().unwrap(), "first");
        let mut waiting = client.get_branch("lake", "main").send();
        assert!((&mut waiting).now_or_never().is_none());

        match way {
            Way::End => {
                drop(feed);
                assert_eq!(object.body.chunk().await.unwrap(), None);
            }
            Way::Fail => {
                feed.send(Err(io::ErrorKind::ConnectionReset.into()))
                    .unwrap();
                assert!(object.body.chunk().await.is_err());
            }
            Way::Drop => drop(object.body),
        }

        assert!(waiting.now_or_never().is_some(), "the permit is back");
    }
}

/// A reader that knows the length never asks for the end: its permit must come back all the same.
#[tokio::test(start_paused = true)]
async fn a_body_that_was_read_to_its_length_has_ended() {
    let sized = Body::from_sized_stream(8, stream::iter(["data", "data"].map(Ok::<_, io::Error>)));
    let (once, known) = (
        Body::new(Known(Some("data"))),
        Body::new(Known(Some("data"))),
    );
    let service = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(1))
        .service(
            Scripted::new()
                .status(200, once)
                .status(200, known)
                .status(200, sized),
        );
    let request = || Request::get("/a").body(Body::empty()).unwrap();

    for size in [Some(4), Some(4), Some(8)] {
        let mut body = service
            .clone()
            .oneshot(request())
            .now_or_never()
            .unwrap()
            .unwrap()
            .into_body();
        assert_eq!(body.size(), size, "known as without the limit");
        assert!(!body.is_end_stream());
        assert_eq!(body.chunk().await.unwrap().unwrap(), "data");
        if size == Some(4) {
            // Kept, and not read on.
            assert!(body.is_end_stream());
            Box::leak(Box::new(body));
        }
    }
}

/// A body that knows when it has ended.
struct Known(Option<&'static str>);

impl http_body::Body for Known {
    type Data = bytes::Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<http_body::Frame<bytes::Bytes>>>> {
        std::task::Poll::Ready(
            self.0
                .take()
                .map(|data| Ok(http_body::Frame::data(data.into()))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0.map_or(0, |data| data.len() as u64))
    }
}

/// Answers that nobody has to read would otherwise block the client while they are looked at.
#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_to_come_holds_nothing() {
    let (_feed, head) = download();
    let (_other, mut nothing) = download();
    *nothing.status_mut() = http::StatusCode::NO_CONTENT;
    let transport = Scripted::new()
        .answer(head)
        .answer(nothing)
        .status(200, "in memory")
        .status(200, "");
    let service = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(1))
        .service(transport);
    let mut kept = Vec::new();

    for method in ["HEAD", "GET", "GET", "GET"] {
        let request = Request::builder()
            .method(method)
            .uri("/a")
            .body(Body::empty())
            .unwrap();
        let answer = service.clone().oneshot(request).now_or_never();
        kept.push(answer.expect("no wait").unwrap());
    }
}

/// O15: a service that is never ready hangs its callers, unless the deadline counts from before the wait; and who has given
/// up must neither keep a place in the queue nor take a permit along.
#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_wait_and_who_gives_up_leaves_nothing_behind() {
    let (feed, response) = download();
    let transport = Scripted::new()
        .answer(response)
        .json(&branch())
        .json(&branch());
    let client = one_at_a_time(&transport);
    let object = client.get_object("lake", "main", "a").await.unwrap();
    let begun = Instant::now();

    // By the call's limit, by the attempt's, and by being dropped.
    let error = client
        .get_branch("lake", "main")
        .timeout(2 * SECOND)
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed(), 2 * SECOND);
    let error = client.get_branch("lake", "main").await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed(), 32 * SECOND);
    let mut dropped = client.get_branch("lake", "main").send();
    assert!((&mut dropped).now_or_never().is_none());
    let mut next = client.get_branch("lake", "main").send();
    assert!((&mut next).now_or_never().is_none());
    // One that is woken with the permit and dropped before it takes it passes it on.
    drop((feed, object));
    drop(dropped);

    assert!(next.now_or_never().expect("the next in the queue").is_ok());
    assert!(
        client
            .get_branch("lake", "main")
            .send()
            .now_or_never()
            .expect("nobody else")
            .is_ok()
    );
    assert_eq!(transport.sent().len(), 3, "who gave up sent nothing");
}

/// O15: the same for a limit of tower's that a program has below the client.
#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_wait_for_towers_limit_too() {
    let transport = ServiceBuilder::new()
        .layer(tower::limit::ConcurrencyLimitLayer::new(1))
        .service(Scripted::new().hang().json(&branch()));
    let client = Client::builder()
        .transport(transport)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let mut hanging = client.get_branch("lake", "main").send();
    assert!((&mut hanging).now_or_never().is_none());

    let error = client
        .get_branch("lake", "main")
        .timeout(SECOND)
        .await
        .unwrap_err();

    assert!(error.is_timeout(), "{error}");
    drop(hanging);
    assert!(client.get_branch("lake", "main").await.is_ok());
}

/// A call that waits to be tried again, with the only permit in its hand, keeps all others from working.
#[tokio::test(start_paused = true)]
async fn nothing_is_held_between_attempts_or_after_a_failure() {
    let transport = Scripted::new()
        .status(503, "busy")
        .reset()
        .json(&branch())
        .json(&branch());
    let client = Client::builder()
        .transport(transport.clone())
        .concurrency_limit(1)
        .retry(RetryPolicy::standard().backoff(SECOND, SECOND))
        .build()
        .unwrap();
    let mut retried = client.get_branch("lake", "main").send();
    assert!((&mut retried).now_or_never().is_none());
    assert_eq!(transport.sent().len(), 1);

    let other = client
        .get_branch("lake", "main")
        .retry(RetryPolicy::none())
        .await;

    assert!(other.unwrap_err().is_transport());
    assert!(retried.await.is_ok());
}

/// A limit of zero would wait for ever.
#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_is_one_and_a_huge_one_is_no_limit() {
    for limit in [0, usize::MAX] {
        let client = Client::builder()
            .transport(Scripted::new().json(&branch()))
            .concurrency_limit(limit)
            .build()
            .unwrap();
        assert!(client.get_branch("lake", "main").await.is_ok());
    }
}

/// First come, first served: a call that waits must not be overtaken for ever.
#[tokio::test(start_paused = true)]
async fn who_waits_is_served_in_order() {
    let transport = Scripted::new().hang();
    let transport = (0..20).fold(transport, |transport, _| transport.json(&branch()));
    let client = one_at_a_time(&transport);
    let mut hanging = client.get_branch("lake", "main").send();
    assert!((&mut hanging).now_or_never().is_none());
    let waiting = (0..20).map(|number| client.get_branch("lake", format!("b{number}")).send());
    let mut waiting: stream::FuturesUnordered<_> = waiting.collect();
    assert!(waiting.next().now_or_never().is_none());

    drop(hanging);
    while let Some(answer) = waiting.next().await {
        answer.unwrap();
    }

    let names: Vec<_> = transport.sent()[1..]
        .iter()
        .map(|sent| sent.uri.path().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        (0..20)
            .map(|number| format!("b{number}"))
            .collect::<Vec<_>>()
    );
}
