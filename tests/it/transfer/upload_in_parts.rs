//! Parts whose URLs expire, whose store has a bad day, whose proxy hides things.

use std::collections::BTreeMap;

use lakefs_sdk::{Client, Result, models::ObjectStats};

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

fn assert_is_aborted(lake: &Lake) {
    assert_eq!(lake.count("abortPresignMultipartUpload"), 1);
    assert_eq!(lake.count("completePresignMultipartUpload"), 0);
    assert_eq!(lake.memory.pending_uploads(), []);
}
