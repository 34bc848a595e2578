//! Reading from the object store itself.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use lakefs_sdk::{
    Body, BoxError, Client,
    testing::{BlockStore, MemoryLakeFs},
    transfer::Mode,
    transport::ConnectError,
};
use tower::{ServiceExt as _, service_fn};

use super::{
    download::{pattern, put, with_object},
    lake::{Fate, Lake},
};

const STORE: &str = "mem-object-store.invalid";

/// How often lakeFS and the store were asked for data.
#[derive(Clone, Default)]
struct Asked {
    lakefs: Arc<AtomicUsize>,
    store: Arc<AtomicUsize>,
}

impl Asked {
    fn counts(&self) -> (usize, usize) {
        (
            self.lakefs.load(Ordering::Relaxed),
            self.store.load(Ordering::Relaxed),
        )
    }
}

/// A client that counts, with a store that can be cut off.
fn client(lakefs: MemoryLakeFs, asked: Asked, reachable: impl Into<AtomicBool>) -> Client {
    client_that(lakefs, asked, Arc::new(reachable.into()))
}

fn client_that(lakefs: MemoryLakeFs, asked: Asked, reachable: Arc<AtomicBool>) -> Client {
    Client::new(service_fn(move |request: Request<Body>| {
        let (lakefs, asked) = (lakefs.clone(), asked.clone());
        let reachable = reachable.load(Ordering::Relaxed);
        async move {
            if request.uri().host() == Some(STORE) {
                asked.store.fetch_add(1, Ordering::Relaxed);
                assert!(request.headers().get("authorization").is_none());
                if !reachable {
                    let error = std::io::Error::other("failed to lookup address");
                    return Err(BoxError::from(ConnectError::new(error)));
                }
            } else if request.uri().path().ends_with("/objects") {
                asked.lakefs.fetch_add(1, Ordering::Relaxed);
            }
            let response: Response<_> = lakefs.oneshot(request).await.map_err(BoxError::from)?;
            Ok(response)
        }
    }))
}

async fn lakefs(clock: &Arc<AtomicI64>, content: &Bytes) -> MemoryLakeFs {
    let clock = Arc::clone(clock);
    let lakefs = MemoryLakeFs::builder()
        .block_store(BlockStore::S3)
        .clock(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap())
        .build();
    with_object(&lakefs, "s3://bucket/lake", content).await;
    lakefs
}

fn now() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(Timestamp::now().as_second()))
}

/// Data that could come from the store must not go through lakeFS.
#[tokio::test]
async fn where_it_is_offered_data_comes_from_the_store() {
    let content = pattern(1000);
    let asked = Asked::default();
    let client = client(lakefs(&now(), &content).await, asked.clone(), true);
    for concurrency in [1, 4] {
        let transfer = client.transfer().concurrency(concurrency);
        let download = transfer
            .clone()
            .part_size(200)
            .download("lake", "main", "a");
        let mut copy = Vec::new();
        let done = download.to_writer(&mut copy).await.unwrap();
        assert!(done.verified && copy == content);
        let part = transfer.download("lake", "main", "a").range(10..20);
        assert_eq!(part.to_bytes().await.unwrap(), content.slice(10..20));
        let beyond = transfer.download("lake", "main", "a").range(1000..);
        assert!(beyond.to_bytes().await.unwrap_err().is_bad_request());
    }
    assert_eq!(asked.counts(), (0, 1 + 1 + 5 + 1));

    let direct = client.transfer().mode(Mode::Direct);
    assert_eq!(
        direct
            .download("lake", "main", "a")
            .to_bytes()
            .await
            .unwrap(),
        content
    );
    assert_eq!(asked.counts().0, 1);
}

/// An empty object has nothing to ask the store for.
#[tokio::test]
async fn an_empty_object_is_not_asked_for() {
    let asked = Asked::default();
    let client = client(lakefs(&now(), &Bytes::new()).await, asked.clone(), true);
    let transfer = client.transfer().mode(Mode::Presigned);
    assert_eq!(
        transfer
            .download("lake", "main", "a")
            .to_bytes()
            .await
            .unwrap(),
        ""
    );
    assert_eq!(asked.counts(), (0, 0));
}

/// O20: URLs that were signed at the start died after a quarter of an hour, and long downloads with them.
#[tokio::test]
async fn a_url_that_expired_is_replaced() {
    let content = pattern(1000);
    let clock = now();
    let asked = Asked::default();
    let client = client(lakefs(&clock, &content).await, asked.clone(), true);
    let transfer = client.transfer().mode(Mode::Presigned).concurrency(2);

    let mut body = transfer
        .clone()
        .part_size(100)
        .download("lake", "main", "a")
        .stream()
        .await
        .unwrap();
    let mut copy = Vec::new();
    while let Some(chunk) = body.chunk().await.unwrap() {
        copy.extend_from_slice(&chunk);
        clock.fetch_add(1000, Ordering::Relaxed);
    }

    assert!(copy == content);
    assert!(asked.counts().1 > 10); // some were refused
}

/// A clock that is ahead finds every URL expired: it would ask for another one before every part.
#[tokio::test]
async fn a_clock_that_is_wrong_asks_for_no_urls_that_are_not_needed() {
    for skew in [-7200, 0, 7200] {
        let clock = move || Timestamp::from_second(Timestamp::now().as_second() + skew).unwrap();
        let memory = MemoryLakeFs::builder().block_store(BlockStore::S3);
        let memory = memory.clock(clock).build();
        let (lake, client) = Lake::over(memory, "s3://bucket/lake", |_| Fate::Arrives).await;
        let content = pattern(1000);
        put(&client, &content).await;
        let transfer = client.transfer().mode(Mode::Presigned).part_size(100);

        let all = transfer.download("lake", "main", "a").to_bytes().await;

        assert_eq!(all.unwrap(), content);
        assert_eq!(lake.count("presignedGet"), 10, "{skew}");
        assert_eq!(lake.count("statObject"), 1, "{skew}");
    }
}

/// A fresh URL may lead to another object.
#[tokio::test]
async fn an_object_that_changed_before_the_url_was_replaced_is_an_error() {
    let clock = now();
    let client = client(lakefs(&clock, &pattern(1000)).await, Asked::default(), true);
    let transfer = client.transfer().mode(Mode::Presigned).concurrency(2);

    let mut body = transfer
        .clone()
        .part_size(10)
        .download("lake", "main", "a")
        .stream()
        .await
        .unwrap();
    body.chunk().await.unwrap();
    put(&client, &pattern(1001).slice(1..)).await;
    clock.fetch_add(1000, Ordering::Relaxed);

    let error = body.bytes().await.unwrap_err();
    assert!(
        error.is_precondition_failed() && error.to_string().contains("object changed"),
        "{error}"
    );
}

/// O23: a store inside of the server's network must not make objects unreadable that lakeFS would hand out.
#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_reached_is_given_up_once() {
    let content = pattern(1000);
    let asked = Asked::default();
    let client = client(lakefs(&now(), &content).await, asked.clone(), false);

    let transfer = client.transfer();
    assert_eq!(
        transfer
            .download("lake", "main", "a")
            .to_bytes()
            .await
            .unwrap(),
        content
    );
    let tried = asked.counts().1;
    assert_eq!(
        transfer
            .download("lake", "main", "a")
            .to_bytes()
            .await
            .unwrap(),
        content
    );
    assert_eq!(asked.counts().1, tried);

    let presigned = client.transfer().mode(Mode::Presigned);
    let error = presigned
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        error.is_connect() && message.contains(STORE) && message.contains("Mode::Direct"),
        "{message}"
    );
    assert!(!message.contains("X-Amz-Signature"));
}

/// A store that restarts would be avoided by a long-lived program for good.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_moment_is_asked_again() {
    let content = pattern(1000);
    let lakefs = lakefs(&now(), &content).await;
    let asked = Asked::default();
    let reachable = Arc::new(AtomicBool::new(true));
    let client = client_that(lakefs, asked.clone(), Arc::clone(&reachable));
    let transfer = client.transfer();
    let download = || transfer.download("lake", "main", "a").to_bytes();

    assert_eq!(download().await.unwrap(), content);
    reachable.store(false, Ordering::Relaxed);
    assert_eq!(download().await.unwrap(), content);
    assert_eq!(asked.counts().0, 1);
    reachable.store(true, Ordering::Relaxed);
    assert_eq!(download().await.unwrap(), content);
    assert_eq!(asked.counts().0, 1);
}
