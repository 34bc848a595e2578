//! Downloads that everything happens to.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client, ErrorKind,
    middleware::retry::RetryPolicy,
    testing::{Fault, FaultLayer, MemoryLakeFs},
    transfer::Mode,
};
use proptest::prelude::*;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::download::{pattern, put, with_object};

/// Every part is cut once, and there are many of them: none may be lost, doubled or moved.
#[tokio::test(start_paused = true)]
async fn every_range_cut_once_gives_the_same_bytes() {
    let lakefs = MemoryLakeFs::new();
    let content = pattern(1000);
    with_object(&lakefs, "mem://lake", &content).await;
    let cut = [Some(Fault::CutBody { after: 3..=3 }), None];
    let faults = FaultLayer::new(1).script_on("getObject", cut.into_iter().cycle().take(400));
    let transfer = Client::new(faults.layer(lakefs)).transfer();

    let all = transfer
        .clone()
        .part_size(10)
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap();

    assert_eq!(all, content);
    assert!(faults.counts()["cut body"] >= 50);
}

/// The worst line there is: one byte, and it breaks.
#[tokio::test(start_paused = true)]
async fn one_byte_at_a_time_comes_to_the_end() {
    let lakefs = MemoryLakeFs::new();
    let content = pattern(100);
    with_object(&lakefs, "mem://lake", &content).await;
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let (lakefs, counter) = (lakefs.clone(), Arc::clone(&counter));
        async move {
            let whole = lakefs.oneshot(request).await.map_err(BoxError::from)?;
            if !whole.headers().contains_key("content-range") {
                return Ok::<_, BoxError>(whole.map(Body::new));
            }
            counter.fetch_add(1, Ordering::Relaxed);
            let (parts, body) = whole.into_parts();
            let bytes = Body::new(body).bytes().await?;
            let cut = (bytes.len() > 1).then(|| Err(io::ErrorKind::ConnectionReset));
            let chunks = [Ok(bytes.slice(..1))].into_iter().chain(cut);
            let chunks = chunks.map(|chunk| chunk.map_err(io::Error::from));
            Ok(Response::from_parts(
                parts,
                Body::from_stream(stream::iter(chunks)),
            ))
        }
    }));
    for concurrency in [2, 4] {
        let transfer = client.transfer().concurrency(concurrency).part_size(30);

        let all = transfer
            .download("lake", "main", "a")
            .to_bytes()
            .await
            .unwrap();

        assert_eq!(all, content);
        assert_eq!(requests.swap(0, Ordering::Relaxed), 100);
    }
}

/// A reader that pauses between chunks must not lose the object, and one that stalls must not wait for ever.
#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_taken_up_again() {
    let lakefs = MemoryLakeFs::new();
    let content = pattern(100);
    with_object(&lakefs, "mem://lake", &content).await;
    let stall = Some(Fault::StallBody { after: 40..=40 });
    let faults = FaultLayer::new(1).script_on("getObject", [stall]);
    let client = Client::builder()
        .transport(faults.layer(lakefs))
        .idle_timeout(Duration::from_secs(30))
        .build()
        .unwrap();

    let all = client
        .transfer()
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap();

    assert_eq!(all, content);
}

/// Parts of two versions, joined, are an object that never was.
#[tokio::test]
async fn an_object_that_changes_between_parts_is_an_error() {
    let lakefs = MemoryLakeFs::new();
    let content = pattern(1000);
    with_object(&lakefs, "mem://lake", &content).await;
    let client = Client::new(lakefs);
    let transfer = client.transfer().concurrency(2).mode(Mode::Direct);

    let mut body = transfer
        .clone()
        .part_size(10)
        .download("lake", "main", "a")
        .stream()
        .await
        .unwrap();
    body.chunk().await.unwrap();
    put(&client, &pattern(1001).slice(1..)).await;

    let error = body.bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
    assert!(error.to_string().contains("object changed"), "{error}");
}

/// An object that became shorter has no such bytes any more.
#[tokio::test]
async fn an_object_that_shrinks_is_one_that_changed() {
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", &pattern(1000)).await;
    let client = Client::new(lakefs);
    let transfer = client.transfer().concurrency(2);

    let mut body = transfer
        .clone()
        .part_size(400)
        .download("lake", "main", "a")
        .stream()
        .await
        .unwrap();
    put(&client, &pattern(3)).await;
    let error = async {
        while body.chunk().await?.is_some() {}
        Ok::<_, lakefs_sdk::Error>(())
    }
    .await
    .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens on the way: the very bytes, or an error. Never others, and never fewer.
    #[test]
    fn bytes_are_identical_or_it_is_an_error(
        content in proptest::collection::vec(any::<u8>(), 0..3000),
        part in 1_u64..700,
        concurrency in 1_usize..6,
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let lakefs = MemoryLakeFs::new();
            let content = Bytes::from(content);
            with_object(&lakefs, "mem://lake", &content).await;
            let faults = FaultLayer::new(seed)
                .chance(0.1, Fault::cut_body())
                .chance(0.03, Fault::corrupt_body())
                .chance(0.05, Fault::status(503))
                .chance(0.05, Fault::ResetAfter)
                .chance(0.02, Fault::StallBody { after: 0..=700 })
                .chance(0.02, Fault::status(404));
            let client = Client::builder()
                .transport(faults.layer(lakefs))
                .idle_timeout(Duration::from_secs(10))
                .retry(RetryPolicy::standard())
                .build()
                .unwrap();
            let transfer = client.transfer().concurrency(concurrency);
            let download = transfer.clone().part_size(part).download("lake", "main", "a");
            if let Ok(all) = download.to_bytes().await {
                prop_assert_eq!(all, content);
            }
            Ok(())
        })?;
    }
}
