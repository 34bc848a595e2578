//! An object store that goes out of reach while it is used, and data that can be read once.

use lakefs_sdk::{
    Body, BoxError,
    testing::{BlockStore, MemoryLakeFs},
    transport::ConnectError,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::lake::{Fate, Lake, MIB, PART, Sent, data};

fn unreachable() -> Fate {
    Fate::Fails(ConnectError::new("connection refused").into())
}

fn once(size: usize) -> Body {
    let chunks = [Ok::<_, BoxError>(data(size))];
    Body::from_sized_stream(size as u64, futures_util::stream::iter(chunks))
}

/// A store that was away for a moment at part 99 of 100 made everything go once more through lakeFS, and all else after it.
#[tokio::test(start_paused = true)]
async fn what_the_store_has_is_not_sent_once_more() {
    let (lake, client) = Lake::new(|sent| match (sent.operation, sent.part) {
        ("presignedPut", 3) => unreachable(),
        _ => Fate::Arrives,
    })
    .await;
    let transfer = client.transfer().part_size(PART as u64).concurrency(1);

    let upload = transfer.upload("lake", "main", "a").body(data(4 * PART));
    let error = upload.await.unwrap_err();

    assert!(error.is_connect(), "{error}");
    let sent = lake.sent().iter().filter(|sent| sent.part == 3).count();
    assert_eq!(sent, 15);
    assert_eq!(lake.count("uploadObject"), 0);
    assert_eq!(lake.memory.pending_uploads(), []);

    let upload = transfer.upload("lake", "main", "b").body(data(MIB));
    upload.await.unwrap();
    assert_eq!(lake.operations().last(), Some(&"linkPhysicalAddress"));
}

/// One that was reached before is waited for; then the data goes through lakeFS, and the next is tried as before.
#[tokio::test(start_paused = true)]
async fn a_store_that_was_reached_before_is_not_given_up_for_good() {
    let away = Arc::new(AtomicBool::new(false));
    let is_away = Arc::clone(&away);
    let (lake, client) = Lake::new(move |sent| match sent.operation {
        "presignedPut" if is_away.load(Ordering::SeqCst) => unreachable(),
        _ => Fate::Arrives,
    })
    .await;
    let transfer = client.transfer().part_size(PART as u64).concurrency(1);
    let upload = |size| transfer.upload("lake", "main", "a").body(data(size));
    upload(MIB).await.unwrap();

    away.store(true, Ordering::SeqCst);
    for size in [MIB, 2 * PART] {
        let before = lake.count("presignedPut");
        upload(size).await.unwrap();
        assert_eq!(lake.count("presignedPut") - before, 15);
        assert_eq!(lake.operations().last(), Some(&"uploadObject"));
        assert!(lake.object("a").await == data(size));
    }

    away.store(false, Ordering::SeqCst);
    upload(MIB).await.unwrap();
    assert_eq!(lake.operations().last(), Some(&"linkPhysicalAddress"));
}

/// A stream of which nothing was read is as good as new. It failed, and so did all that came after it, each for itself.
#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_has_read_goes_through_lakefs() {
    let (lake, client) = Lake::new(|sent: &Sent| match sent.operation {
        "presignedPut" => unreachable(),
        _ => Fate::Arrives,
    })
    .await;
    let transfer = client.transfer().part_size(PART as u64);

    // In one piece, for its condition.
    let upload = transfer.upload("lake", "main", "a").if_none_match("*");
    upload.body(once(2 * PART)).await.unwrap();
    assert!(lake.object("a").await == data(2 * PART));

    let before = lake.sent().len();
    let upload = transfer.upload("lake", "main", "b").body(once(2 * PART));
    upload.await.unwrap();
    assert_eq!(lake.operations()[before..], ["uploadObject"]);
}

/// What was read is gone: the store's refusal is the answer, and is not tried again with an empty body.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_read_is_not_sent_again() {
    let memory = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    let (lake, client) = Lake::over(memory, "s3://bucket/lake", |sent| match sent.operation {
        "presignedPut" => super::lake::refusal(503, "SlowDown", "busy"),
        _ => Fate::Arrives,
    })
    .await;
    let transfer = client.transfer().part_size(PART as u64);

    let upload = transfer.upload("lake", "main", "a").if_none_match("*");
    let error = upload.body(once(2 * PART)).await.unwrap_err();

    assert!(error.to_string().contains("SlowDown"), "{error}");
    assert_eq!(lake.count("presignedPut"), 1);
    assert_eq!(lake.count("uploadObject"), 0);
}
