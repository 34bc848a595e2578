//! What an upload leaves behind that was dropped or failed: nothing.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    future::{IntoFuture, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use futures_util::StreamExt as _;
use lakefs_sdk::{
    Body, BoxError, Client,
    transfer::{Mode, Upload},
};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::support::spans::Spans;

use super::lake::{Fate, Lake, PART, Sent, data, refusal, response};

/// Polls until nothing moves any more.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Only the first two parts arrive.
fn stuck_after_two(sent: &Sent) -> Fate {
    match (sent.operation, sent.part) {
        ("presignedPut", 3..) => Fate::Hangs,
        _ => Fate::Arrives,
    }
}

/// O21: parts of an upload that was dropped stayed, billed and invisible.
#[tokio::test]
async fn a_dropped_upload_is_aborted() {
    let (lake, client) = Lake::new(stuck_after_two).await;
    let transfer = client
        .transfer()
        .part_size(PART as u64)
        .verify(false)
        .concurrency(2);
    let upload = transfer
        .upload("lake", "main", "a")
        .body(data(5 * PART))
        .into_future();
    let upload = tokio::spawn(upload);
    while lake.count("presignedPut") < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lake.memory.pending_uploads()[0].parts, 2);

    upload.abort();
    settle().await;

    assert_eq!(lake.memory.pending_uploads(), []);
    let sent = lake.sent();
    let abort = sent.last().unwrap();
    assert_eq!(abort.operation, "abortPresignMultipartUpload");
    assert_eq!(abort.headers["content-type"], "application/json");
    assert_eq!(lake.count("abortPresignMultipartUpload"), 1);
    assert_eq!(lake.count("completePresignMultipartUpload"), 0);
}

/// O21: whoever gives up while the upload begins knows no id to abort it with.
#[tokio::test]
async fn an_upload_that_is_dropped_as_it_begins_is_aborted() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer().part_size(PART as u64);
    let mut upload = transfer
        .upload("lake", "main", "a")
        .body(data(2 * PART))
        .into_future();
    while lake.count("getConfig") == 0 || lake.count("createPresignMultipartUpload") == 0 {
        assert!(futures_util::poll!(&mut upload).is_pending());
        tokio::task::yield_now().await;
    }
    drop(upload);
    settle().await;

    assert_eq!(lake.memory.pending_uploads(), []);
    assert_eq!(lake.count("abortPresignMultipartUpload"), 1);
}

/// O21: the error of the clean-up hid why the upload failed.
#[tokio::test(start_paused = true)]
async fn the_caller_gets_the_error_of_the_part() {
    let aborted = Arc::new(AtomicUsize::new(0));
    let (lake, client) = Lake::new(move |sent| match (sent.operation, sent.part) {
        ("abortPresignMultipartUpload", _) => {
            aborted.fetch_add(1, Ordering::Relaxed);
            Fate::Answered(response(500, r#"{"message":"the store is on fire"}"#))
        }
        ("presignedPut", 3) => refusal(403, "AccessDenied", "Access Denied"),
        ("presignedPut", 4..) => Fate::Hangs,
        _ => Fate::Arrives,
    })
    .await;
    let transfer = client.transfer().part_size(PART as u64).concurrency(2);

    let error = transfer
        .upload("lake", "main", "a")
        .body(data(9 * PART))
        .await
        .unwrap_err();

    assert!(error.to_string().contains("AccessDenied"), "{error}");
    let operations = lake.operations();
    let abort = operations
        .iter()
        .position(|id| *id == "abortPresignMultipartUpload");
    let after = &operations[abort.unwrap()..];
    assert!(
        after.iter().all(|id| *id == "abortPresignMultipartUpload"),
        "{after:?}"
    );
    assert_eq!(lake.count("completePresignMultipartUpload"), 0);
}

/// An upload that has sent two parts and waits, and the runtime that it was polled on.
fn under_way() -> (Runtime, Lake, <Upload as IntoFuture>::IntoFuture) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (lake, upload) = runtime.block_on(async {
        let (lake, client) = Lake::new(stuck_after_two).await;
        let transfer = client.transfer().part_size(PART as u64).verify(false);
        let mut upload = transfer
            .upload("lake", "main", "a")
            .body(data(5 * PART))
            .into_future();
        while lake.count("presignedPut") < 4 {
            assert!(futures_util::poll!(&mut upload).is_pending());
            tokio::task::yield_now().await;
        }
        (lake, upload)
    });
    (runtime, lake, upload)
}

/// A future that is dropped where no runtime is entered, though its own is still there, would leave its parts behind.
#[test]
fn an_upload_that_is_dropped_outside_of_its_runtime_is_aborted() {
    let (runtime, lake, upload) = under_way();
    drop(upload);
    runtime.block_on(settle());
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// Every request of it takes a while, so that there is something to drop between any two.
fn slow(lake: &Lake) -> (Client, UnderWay) {
    let under_way = UnderWay::default();
    let (held, lake) = (under_way.clone(), lake.clone());
    let client = Client::new(tower::service_fn(move |request: http::Request<Body>| {
        let (held, lake) = (held.clone(), lake.clone());
        async move {
            let _held = held.take();
            tokio::task::yield_now().await;
            let answer = lake.oneshot(request).await;
            tokio::task::yield_now().await;
            answer
        }
    }));
    (client, under_way)
}

/// Counts the requests that are under way: what each holds of a connection.
#[derive(Clone, Default)]
struct UnderWay(Arc<AtomicUsize>);

struct Held(UnderWay);

impl UnderWay {
    fn take(&self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// O21: wherever it is that somebody gives up, nothing may stay behind: no parts, no request, and no half an object.
#[tokio::test]
async fn an_upload_may_be_dropped_at_any_await() {
    const MOST: usize = 300;
    let content = data(2 * PART + 1);
    let chunks: Vec<_> = content
        .chunks(PART / 2)
        .map(bytes::Bytes::copy_from_slice)
        .collect();
    let mut completed = 0;
    for (mode, size, stream) in [
        (Mode::Auto, 2 * PART + 1, false),
        (Mode::Auto, 2 * PART + 1, true),
        (Mode::Presigned, 10, false),
        (Mode::Direct, 10, false),
    ] {
        for polls in 0..MOST {
            let (lake, _) = Lake::new(|_| Fate::Arrives).await;
            let (client, held) = slow(&lake);
            let transfer = client.transfer().part_size(PART as u64);
            let transfer = transfer.verify(false).concurrency(2).mode(mode);
            let upload = transfer.upload("lake", "main", "a");
            let mut upload = match stream {
                true => {
                    let chunks = chunks.clone().into_iter().map(Ok::<_, BoxError>);
                    let chunks = futures_util::stream::iter(chunks).then(|chunk| async {
                        tokio::task::yield_now().await;
                        chunk
                    });
                    upload.body(Body::from_stream(chunks))
                }
                false => upload.body(content.slice(..size)),
            }
            .into_future();
            // Polled when it is woken, so that what takes its time elsewhere costs no polls.
            let mut left = polls;
            let outcome = poll_fn(|cx| match left.checked_sub(1) {
                None => Poll::Ready(None),
                Some(fewer) => {
                    left = fewer;
                    match upload.as_mut().poll(cx) {
                        Poll::Pending if left == 0 => Poll::Ready(None),
                        done => done.map(Some),
                    }
                }
            })
            .await;
            drop(upload);
            settle().await;

            assert_eq!(lake.memory.pending_uploads(), [], "after {polls} polls");
            assert_eq!(held.count(), 0, "after {polls} polls");
            let begun = lake.count("createPresignMultipartUpload");
            let aborted = lake.count("abortPresignMultipartUpload");
            let found = client.stat_object("lake", "main", "a").await;
            match outcome {
                Some(done) => {
                    done.unwrap();
                    assert_eq!(aborted, 0);
                    completed += 1;
                    break;
                }
                None => {
                    // It may be tried again, where all was put together before it came.
                    assert!(aborted == 0 || begun == 1);
                    // The last request may have done it, and its answer was not waited for.
                    let size = i64::try_from(size).ok();
                    assert!(found.is_err() || found.unwrap().size_bytes == size);
                }
            }
        }
    }
    assert_eq!(completed, 4, "more polls are needed");
}

/// Without a runtime nothing can be sent: then the log must say that parts stay behind, and nothing may panic.
#[test]
fn an_upload_that_outlives_its_runtime_does_not_panic() {
    let (spans, _guard) = Spans::listen();
    let (runtime, lake, upload) = under_way();
    drop(runtime);
    // Another test may have met this warning for the first time as this one began to listen, and then it is not heard here.
    tracing::callsite::rebuild_interest_cache();
    drop(upload);
    assert_eq!(lake.memory.pending_uploads().len(), 1);
    let told = format!("{:?}", spans.events());
    assert!(told.contains("could not be aborted"), "{told}");
}
