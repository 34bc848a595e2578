//! Parts whose URLs expire, whose store has a bad day, whose proxy hides things.

use std::collections::BTreeMap;

use bytes::Bytes;
use lakefs_sdk::{
    Body, BoxError, Client, Result,
    models::{ObjectStats, RepositoryCreation},
    testing::{BlockStore, Fault, FaultLayer, MemoryLakeFs},
};
use tower::Layer as _;

use super::lake::{Fate, Lake, PART, Sent, data, refusal, response};

const PARTS: usize = 8;

async fn upload(client: &Client) -> Result<ObjectStats> {
    let transfer = client.transfer().part_size(PART as u64);
    transfer
        .upload("lake", "main", "a")
        .body(data(PARTS * PART - 1))
        .await
}

/// The fate of the first request of some parts.
fn once(mut fates: BTreeMap<u64, Fate>) -> impl FnMut(&Sent) -> Fate + Send {
    move |sent| match sent.operation {
        "presignedPut" => fates.remove(&sent.part).unwrap_or(Fate::Arrives),
        _ => Fate::Arrives,
    }
}

/// O20: URLs that were signed at the start died at 15 minutes, and a store that was busy for a second failed hours of work.
#[tokio::test(start_paused = true)]
async fn expired_urls_are_renewed_and_a_busy_store_is_asked_again() {
    let fates = BTreeMap::from([
        (6, refusal(403, "AccessDenied", "Request has expired")),
        (
            7,
            refusal(400, "ExpiredToken", "The provided token has expired."),
        ),
        (
            8,
            refusal(503, "SlowDown", "Please reduce your request rate."),
        ),
    ]);
    let (lake, client) = Lake::new(once(fates)).await;

    upload(&client).await.unwrap();

    assert!(lake.object("a").await == data(PARTS * PART - 1));
    assert_eq!(lake.count("uploadPart"), 2);
    for part in 1..=8 {
        let sent = lake.sent().iter().filter(|sent| sent.part == part).count();
        assert_eq!(sent, if part < 6 { 1 } else { 2 }, "part {part}");
    }
    assert_eq!(lake.count("completePresignMultipartUpload"), 1);
    assert_eq!(lake.count("abortPresignMultipartUpload"), 0);
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// O20: a refusal is no reason to ask for URLs until the store changes its mind.
#[tokio::test]
async fn a_part_that_is_refused_ends_the_upload() {
    let fates = BTreeMap::from([(3, refusal(403, "AccessDenied", "Access Denied"))]);
    let (lake, client) = Lake::new(once(fates)).await;

    let error = upload(&client).await.unwrap_err();

    assert!(error.is_permission_denied());
    assert!(
        error
            .to_string()
            .contains("mem-object-store.invalid said: AccessDenied"),
        "{error}"
    );
    assert_eq!(lake.count("uploadPart"), 0);
    assert_is_aborted(&lake);
}

/// O20: an empty ETag made an upload that could not be completed, and the message blamed the store.
#[tokio::test]
async fn a_part_without_an_etag_names_the_proxy() {
    let fates = BTreeMap::from([(2, Fate::Replaced(response(200, "")))]);
    let (lake, client) = Lake::new(once(fates)).await;

    let error = upload(&client).await.unwrap_err().to_string();

    for word in ["part 2", "ETag", "proxy", "mem-object-store.invalid"] {
        assert!(error.contains(word), "{error}");
    }
    assert_is_aborted(&lake);
}

/// Bytes that a bad proxy changed would be found by the reader, years later.
#[tokio::test]
async fn a_part_that_was_changed_on_the_way_is_noticed() {
    let mut changed = response(200, "");
    let etag = "\"900150983cd24fb0d6963f7d28e17f72\"".parse().unwrap();
    changed.headers_mut().insert("etag", etag);
    let (lake, client) = Lake::new(once(BTreeMap::from([(2, Fate::Replaced(changed))]))).await;

    let error = upload(&client).await.unwrap_err();

    assert!(
        error.is_body() && error.to_string().contains("part 2"),
        "{error}"
    );
    assert_is_aborted(&lake);
}

/// A URL that is always too old must not keep an upload going for ever.
#[tokio::test]
async fn urls_are_renewed_a_few_times_only() {
    let (lake, client) = Lake::new(|sent| match sent.part {
        4 => refusal(403, "AccessDenied", "Request has expired"),
        _ => Fate::Arrives,
    })
    .await;

    upload(&client).await.unwrap_err();

    assert_eq!(lake.count("uploadPart"), 3);
    assert_is_aborted(&lake);
}

/// O20: a hiccup a part must cost that part again, and no other.
#[tokio::test(start_paused = true)]
async fn every_part_may_be_lost_once() {
    let mut lost = std::collections::BTreeSet::new();
    let (lake, client) =
        Lake::new(
            move |sent| match sent.operation == "presignedPut" && lost.insert(sent.part) {
                true if sent.part % 2 == 0 => Fate::Fails("connection reset by peer".into()),
                true => refusal(503, "SlowDown", "Please reduce your request rate."),
                false => Fate::Arrives,
            },
        )
        .await;

    upload(&client).await.unwrap();

    assert!(lake.object("a").await == data(PARTS * PART - 1));
    for part in 1..=PARTS as u64 {
        let sent = lake.sent().iter().filter(|sent| sent.part == part).count();
        assert_eq!(sent, 2, "part {part}");
    }
    assert_eq!(lake.count("completePresignMultipartUpload"), 1);
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// A part that is there, but whose answer is lost, is sent again: there is nothing to look at.
#[tokio::test(start_paused = true)]
async fn every_answer_of_a_part_may_be_lost_once() {
    let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    let plain = Client::new(lakefs.clone());
    let repository = RepositoryCreation::new("lake", "s3://bucket/lake");
    plain.create_repository(repository).await.unwrap();
    for fault in [Fault::ResetAfter, Fault::ResetBefore] {
        // The parts follow each other, so every other request is lost.
        let script = (0..2 * PARTS).map(|n| (n % 2 == 0).then(|| fault.clone()));
        let faults = FaultLayer::new(1).script_on("presignedPut", script);
        let client = Client::new(faults.layer(lakefs.clone()));
        let transfer = client.transfer().part_size(PART as u64).concurrency(1);
        let content = data(PARTS * PART);

        let upload = transfer.upload("lake", "main", "a").body(content.clone());
        upload.await.unwrap();

        assert_eq!(faults.counts()[fault.name()], PARTS);
        let found = plain.get_object("lake", "main", "a").await.unwrap();
        assert!(found.bytes().await.unwrap() == content);
        assert_eq!(lakefs.pending_uploads(), []);
    }
}

/// A serializer that writes a byte at a time must not make a chunk of each.
#[tokio::test]
async fn one_byte_at_a_time_arrives() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer().part_size(PART as u64);
    for (size, last) in [
        (20 * 1024 + 1, "uploadObject"),
        (6 * 1024 * 1024 + 1, "completePresignMultipartUpload"),
    ] {
        let content = data(size);
        let bytes = (0..size).map({
            let content = content.clone();
            move |at| Ok::<Bytes, BoxError>(content.slice(at..=at))
        });
        let body = Body::from_stream(futures_util::stream::iter(bytes));
        let upload = transfer.upload("lake", "main", "a").body(body);
        upload.await.unwrap();
        assert_eq!(lake.operations().last(), Some(&last));
        assert!(lake.object("a").await == content, "{size}");
    }
    assert_eq!(lake.count("presignedPut"), 2);
}

fn assert_is_aborted(lake: &Lake) {
    assert_eq!(lake.count("abortPresignMultipartUpload"), 1);
    assert_eq!(lake.count("completePresignMultipartUpload"), 0);
    assert_eq!(lake.memory.pending_uploads(), []);
}
