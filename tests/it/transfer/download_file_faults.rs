//! Files over lines that break: the object, or nothing.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    collections::HashSet,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use lakefs_sdk::{
    Body, BoxError, Client, ErrorKind,
    testing::{BlockStore, Fault, FaultLayer, MemoryLakeFs},
    transfer::Mode,
};
use proptest::prelude::*;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{
    download::{pattern, put, with_object},
    download_file::Directory,
};

/// One that presigns.
async fn lakefs(content: &Bytes) -> MemoryLakeFs {
    let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    with_object(&lakefs, "s3://bucket/lake", content).await;
    lakefs
}

/// Loses each range once: every other one before it is answered, the rest in the middle.
fn losing(lakefs: MemoryLakeFs, lost: Arc<Mutex<HashSet<String>>>) -> Client {
    Client::new(service_fn(move |request: Request<Body>| {
        let range = request.headers().get("range");
        let range = range.map(|range| range.to_str().unwrap().to_owned());
        let order = range.and_then(|range| {
            let mut lost = lost.lock().unwrap();
            lost.insert(range).then_some(lost.len())
        });
        let fault = order.map(|order| match order % 2 {
            0 => Fault::ResetBefore,
            _ => Fault::CutBody { after: 300..=300 },
        });
        FaultLayer::new(1)
            .script([fault])
            .layer(lakefs.clone())
            .oneshot(request)
    }))
}

/// A part that is taken up again goes on at its own place in the file, not at the beginning or behind another.
#[tokio::test(start_paused = true)]
async fn every_part_lost_once_comes_to_lie_in_its_place() {
    let content = pattern(100_000);
    for mode in [Mode::Direct, Mode::Presigned] {
        for verify in [true, false] {
            let lost = Arc::new(Mutex::new(HashSet::new()));
            let client = losing(lakefs(&content).await, Arc::clone(&lost));
            let transfer = client.transfer().mode(mode).part_size(1000);
            let directory = Directory::new();
            let path = directory.0.join("copy");

            let download = transfer.download("lake", "main", "a").verify(verify);
            let done = download.to_file(&path).await.unwrap();

            assert!(fs::read(&path).unwrap() == content, "{mode:?}");
            assert_eq!(directory.names(), ["copy"]);
            assert!(done.verified == verify && done.resumed >= 50, "{done:?}");
            assert!(lost.lock().unwrap().len() >= 100);
        }
    }
}

/// A server may send less than it was asked for, and say so: what it left out must not be a hole in the file.
#[tokio::test]
async fn answers_that_are_shorter_than_asked_leave_no_holes() {
    let content = pattern(1000);
    let lakefs = lakefs(&content).await;
    let client = Client::new(service_fn(move |mut request: Request<Body>| {
        if let Some(range) = request.headers_mut().get_mut("range") {
            let text = range.to_str().unwrap();
            let (first, _) = text["bytes=".len()..].split_once('-').unwrap();
            let first: usize = first.parse().unwrap();
            *range = format!("bytes={first}-{}", first + 299).parse().unwrap();
        }
        lakefs.clone().oneshot(request)
    }));
    let transfer = client.transfer().mode(Mode::Direct);
    let directory = Directory::new();
    let path = directory.0.join("copy");
    for verify in [true, false] {
        let download = transfer.download("lake", "main", "a").verify(verify);
        let done = download.to_file(&path).await.unwrap();
        assert_eq!(done.size_bytes, 1000);
        assert!(fs::read(&path).unwrap() == content);
    }
}

/// Parts of two versions side by side in a file are an object that never was.
#[tokio::test]
async fn nothing_is_left_of_an_object_that_changes_meanwhile() {
    for verify in [true, false] {
        let lakefs = lakefs(&pattern(100_000)).await;
        let asked = Arc::new(AtomicUsize::new(0));
        let client = Client::new(service_fn(move |request: Request<Body>| {
            let (lakefs, asked) = (lakefs.clone(), Arc::clone(&asked));
            async move {
                if request.uri().path().ends_with("/objects")
                    && asked.fetch_add(1, Ordering::Relaxed) == 20
                {
                    put(&Client::new(lakefs.clone()), &pattern(100_001).slice(1..)).await;
                }
                lakefs.oneshot(request).await.map_err(BoxError::from)
            }
        }));
        let transfer = client.transfer().mode(Mode::Direct).part_size(1000);
        let directory = Directory::new();

        let error = transfer
            .download("lake", "main", "a")
            .verify(verify)
            .to_file(directory.0.join("copy"))
            .await
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
        assert_eq!(directory.names(), [""; 0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens on the way: a file with the very bytes, or an error and no file.
    #[test]
    fn a_file_is_identical_or_there_is_none(
        size in prop_oneof![0..3000_usize, 0..200_000_usize],
        part in prop_oneof![500..5000_u64, 5000..100_000_u64],
        concurrency in 1..6_usize,
        presign in any::<bool>(),
        verify in any::<bool>(),
        calm in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let content = pattern(size);
        let directory = Directory::new();
        let path = directory.0.join("copy");
        let outcome = runtime.block_on(async {
            let worse = if calm { 0.0 } else { 1.0 };
            let faults = FaultLayer::new(seed)
                .chance(0.08, Fault::cut_body())
                .chance(0.05, Fault::status(503))
                .chance(0.05, Fault::ResetAfter)
                .chance(0.01 * worse, Fault::status(404))
                // Only a checksum finds it.
                .chance(if verify { 0.02 * worse } else { 0.0 }, Fault::corrupt_body())
                .chance(0.02, Fault::StallBody { after: 0..=700 });
            let client = Client::builder()
                .transport(faults.layer(lakefs(&content).await))
                .idle_timeout(Duration::from_secs(10))
                .build()
                .unwrap();
            let mode = if presign { Mode::Presigned } else { Mode::Direct };
            let transfer = client.transfer().mode(mode).part_size(part).concurrency(concurrency);
            transfer.download("lake", "main", "a").verify(verify).to_file(&path).await
        });
        match outcome {
            Ok(done) => {
                prop_assert_eq!(done.size_bytes, size as u64);
                prop_assert!(fs::read(&path).unwrap() == content);
                prop_assert_eq!(directory.names(), ["copy"]);
            }
            Err(_) => prop_assert_eq!(directory.names(), [""; 0]),
        }
    }
}
