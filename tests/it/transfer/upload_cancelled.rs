//! What an upload leaves behind that was dropped or failed: nothing.

use std::{
    future::IntoFuture as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

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

/// A future that is dropped where no runtime is entered, though its own is still there, would leave its parts behind.
#[test]
fn an_upload_that_is_dropped_outside_of_its_runtime_is_aborted() {
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
    drop(upload);
    runtime.block_on(settle());
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// Without a runtime nothing can be sent: then the log must say that parts stay behind, and nothing may panic.
#[test]
fn an_upload_that_outlives_its_runtime_does_not_panic() {
    let (spans, _guard) = Spans::listen();
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
    drop(runtime);
    drop(upload);
    assert_eq!(lake.memory.pending_uploads().len(), 1);
    let told = format!("{:?}", spans.events());
    assert!(told.contains("could not be aborted"), "{told}");
}
