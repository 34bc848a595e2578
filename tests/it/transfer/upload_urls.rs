//! URLs that grow old while an upload goes on.

use std::time::Duration;

use lakefs_sdk::{Body, BoxError};

use super::lake::{Fate, Lake, PART, data, refusal};

/// O20: what is sent to a URL that was signed 15 minutes ago is sent for nothing.
#[tokio::test(start_paused = true)]
async fn old_urls_are_replaced_before_anything_is_sent() {
    const PARTS: usize = 8;
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    // A source that takes four minutes for each part; all URLs come with the beginning, as the size is known.
    let chunks = futures_util::stream::unfold(0, |at| async move {
        tokio::time::sleep(Duration::from_secs(240)).await;
        (at < PARTS).then(|| (Ok::<_, BoxError>(data(PART)), at + 1))
    });
    let body = Body::from_sized_stream((PARTS * PART) as u64, chunks);
    let transfer = client.transfer().part_size(PART as u64);

    let upload = transfer.upload("lake", "main", "a").body(body);
    upload.await.unwrap();

    assert_eq!(lake.count("presignedPut"), PARTS);
    // Those of the first three were good for long enough.
    assert_eq!(lake.count("uploadPart"), PARTS - 3);
}

/// Ceph and MinIO say of a URL that is too old only that it is refused.
#[tokio::test(start_paused = true)]
async fn a_bare_refusal_of_an_old_url_is_about_its_age() {
    for (seconds, puts) in [(1_000, 2), (100, 1)] {
        let mut refused = false;
        let (lake, client) = Lake::new(move |sent| match sent.operation {
            "presignedPut" if !std::mem::replace(&mut refused, true) => {
                refusal(403, "AccessDenied", "Access Denied")
            }
            _ => Fate::Arrives,
        })
        .await;
        // A source that takes its time.
        let body = Body::replayable(move || {
            let chunks = futures_util::stream::once(async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok::<_, BoxError>(data(2 * PART))
            });
            Body::from_sized_stream(2 * PART as u64, chunks)
        });
        let transfer = client.transfer().part_size(PART as u64);

        // A condition keeps it in one piece.
        let upload = transfer.upload("lake", "main", "a").if_none_match("*");
        let outcome = upload.body(body).await;

        assert_eq!(outcome.is_ok(), puts == 2, "{outcome:?}");
        assert_eq!(lake.count("presignedPut"), puts);
        assert_eq!(lake.count("getPhysicalAddress"), puts);
    }
}
