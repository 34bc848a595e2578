//! Objects that are written bit by bit.

use std::future::IntoFuture as _;

use tokio::io::AsyncWriteExt as _;

use super::lake::{Fate, Lake, PART, data, refusal};

async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// What is written in small bits must arrive whole, whether it fits into one request or not.
#[tokio::test]
async fn what_is_written_arrives() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer().part_size(PART as u64);
    for size in [0, 100, 3 * PART + 1] {
        let mut writer = transfer
            .upload("lake", "main", "a")
            .content_type("text/csv")
            .writer();
        for chunk in data(size).chunks(70_000) {
            writer.write_all(chunk).await.unwrap();
        }
        writer.shutdown().await.unwrap();
        let stats = writer.finish().await.unwrap();
        assert_eq!(stats.content_type.as_deref(), Some("text/csv"));
        assert!(lake.object("a").await == data(size), "{size}");
    }
    assert_eq!(lake.count("completePresignMultipartUpload"), 1);
}

/// A program that fails half way must not leave half an object that looks whole.
#[tokio::test]
async fn a_writer_that_is_dropped_makes_no_object() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer().part_size(PART as u64);
    for size in [100, 3 * PART] {
        for shutdown in [false, true] {
            let mut writer = transfer.writer("lake", "main", "a");
            writer.write_all(&data(size)).await.unwrap();
            if shutdown {
                writer.shutdown().await.unwrap();
            }
            drop(writer);
            settle().await;
            assert!(
                client
                    .stat_object("lake", "main", "a")
                    .await
                    .unwrap_err()
                    .is_not_found()
            );
            assert_eq!(lake.memory.pending_uploads(), []);
        }
    }
    assert_eq!(lake.count("completePresignMultipartUpload"), 0);
}

/// A writer whose upload failed must say so, and why, to whoever goes on writing.
#[tokio::test]
async fn a_write_after_a_failure_tells_why() {
    let (lake, client) = Lake::new(|sent| match sent.operation {
        "presignedPut" => refusal(403, "AccessDenied", "Access Denied"),
        _ => Fate::Arrives,
    })
    .await;
    let mut writer = client
        .transfer()
        .part_size(PART as u64)
        .writer("lake", "main", "a");
    let error = loop {
        if let Err(error) = writer.write_all(&data(PART)).await {
            break error;
        }
    };
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    assert!(writer.finish().await.is_err());
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// A panic of the runtime's would be no answer for whoever polls on another one.
#[test]
fn without_a_runtime_there_is_an_error() {
    let client = lakefs_sdk::Client::new(lakefs_sdk::testing::MemoryLakeFs::new());
    let transfer = client.transfer();
    let upload = transfer.upload("lake", "main", "a").body("x").into_future();
    let error = futures_util::FutureExt::now_or_never(upload)
        .unwrap()
        .unwrap_err();
    assert!(
        error.is_invalid_input() && error.to_string().contains("tokio"),
        "{error}"
    );

    let mut writer = transfer.writer("lake", "main", "a");
    let written = futures_util::FutureExt::now_or_never(writer.write_all(b"x")).unwrap();
    assert!(written.unwrap_err().to_string().contains("tokio"));
}
