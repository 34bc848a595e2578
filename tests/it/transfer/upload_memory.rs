//! How much of an object is held at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use lakefs_sdk::{Body, BoxError};

use super::lake::{Fate, Lake, MIB, PART, data};

/// O22: uploads buffered whole files; one of 8 GB killed the process.
#[tokio::test]
async fn a_stream_is_read_only_as_far_ahead_as_parts_are_under_way() {
    const PARTS: usize = 64;
    const CONCURRENCY: usize = 4;
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&arrived);
    let (lake, client) = Lake::new(move |sent| {
        if sent.operation == "presignedPut" {
            counted.fetch_add(PART, Ordering::SeqCst);
        }
        // What is stored would be held by the test's own lakeFS.
        match sent.operation {
            "presignedPut" => {
                let mut taken = super::lake::response(200, "");
                taken
                    .headers_mut()
                    .insert("etag", "\"opaque-1\"".parse().unwrap());
                Fate::Answered(taken)
            }
            "completePresignMultipartUpload" => super::lake::refusal(400, "Enough", "was seen"),
            _ => Fate::Arrives,
        }
    })
    .await;
    let chunk = data(MIB);
    let read = Arc::new(AtomicUsize::new(0));
    let furthest = Arc::new(AtomicUsize::new(0));
    let ahead = Arc::clone(&furthest);
    let chunks = (0..PARTS * PART / MIB).map(move |_| {
        let read = read.fetch_add(MIB, Ordering::SeqCst) + MIB;
        let sent = arrived.load(Ordering::SeqCst);
        ahead.fetch_max(read.saturating_sub(sent), Ordering::SeqCst);
        Ok::<Bytes, BoxError>(chunk.clone())
    });
    let transfer = client
        .transfer()
        .part_size(PART as u64)
        .concurrency(CONCURRENCY);
    let upload = transfer.upload("lake", "main", "a");

    let error = upload
        .body(Body::from_stream(futures_util::stream::iter(chunks)))
        .await;

    assert!(error.unwrap_err().to_string().contains("Enough"));
    assert_eq!(lake.count("presignedPut"), PARTS);
    let furthest = furthest.load(Ordering::SeqCst);
    assert!(
        furthest <= (CONCURRENCY + 2) * PART,
        "{furthest} bytes ahead"
    );
}

/// O22: no more parts may be under way than were asked for.
#[tokio::test]
async fn parts_under_way_are_bounded() {
    let (lake, client) = Lake::new(|sent| match sent.operation {
        "presignedPut" => Fate::Hangs,
        _ => Fate::Arrives,
    })
    .await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let chunk = data(MIB);
    let chunks = (0..64 * PART / MIB).map(move |_| {
        counted.fetch_add(MIB, Ordering::SeqCst);
        Ok::<Bytes, BoxError>(chunk.clone())
    });
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let transfer = client.transfer().part_size(PART as u64).concurrency(3);
    let upload = tokio::spawn(async move { transfer.upload("lake", "main", "a").body(body).await });
    while lake.count("presignedPut") < 3 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }

    assert_eq!(lake.count("presignedPut"), 3);
    assert!(read.load(Ordering::SeqCst) <= 4 * PART);
    upload.abort();
}

/// O22: the parts of what is large are large themselves, and must not be held as many at once as small ones.
#[tokio::test]
async fn large_parts_go_one_at_a_time() {
    // Of 400 GiB, 10,000 parts have 41 MiB each.
    const SIZE: u64 = 400 * 1024 * MIB as u64;
    const CHUNKS: usize = 41;
    let (lake, client) = Lake::new(|sent| match sent.operation {
        "presignedPut" => Fate::Hangs,
        _ => Fate::Arrives,
    })
    .await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let chunk = data(MIB);
    let chunks = std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok::<Bytes, BoxError>(chunk.clone())
    });
    let body = Body::from_sized_stream(SIZE, futures_util::stream::iter(chunks));
    let transfer = client
        .transfer()
        .part_size(PART as u64)
        .concurrency(4)
        .verify(false);
    let upload = tokio::spawn(async move { transfer.upload("lake", "main", "a").body(body).await });
    while lake.count("presignedPut") < 1 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }

    assert_eq!(lake.count("presignedPut"), 1);
    assert_eq!(read.load(Ordering::SeqCst), CHUNKS);
    upload.abort();
}
