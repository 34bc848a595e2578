//! What a store says on a bad day: try again.

use std::collections::BTreeMap;

use lakefs_sdk::{
    Body, Client, Result,
    models::ObjectStats,
    transfer::{Mode, progress::Meter},
    transport::ConnectError,
};

use super::lake::{Fate, Lake, MIB, PART, Sent, data, refusal};

const PARTS: usize = 8;

/// Makes a fate.
type Make = fn() -> Fate;

async fn upload(client: &Client) -> Result<ObjectStats> {
    let transfer = client.transfer().part_size(PART as u64);
    let upload = transfer.upload("lake", "main", "a");
    upload.body(data(PARTS * PART)).await
}

fn slow_down() -> Fate {
    refusal(503, "SlowDown", "Please reduce your request rate.")
}

fn timed_out() -> Fate {
    let why = "Your socket connection to the server was not read from or written to within the timeout period.";
    refusal(400, "RequestTimeout", why)
}

fn unreachable() -> Fate {
    Fate::Fails(ConnectError::new("connection refused").into())
}

/// So many requests of a part go wrong in a way, then it arrives.
fn at_first(mut failures: BTreeMap<u64, (usize, Make)>) -> impl FnMut(&Sent) -> Fate + Send {
    move |sent| match failures.get_mut(&sent.part) {
        Some((left, fate)) if sent.operation == "presignedPut" && *left > 0 => {
            *left -= 1;
            fate()
        }
        _ => Fate::Arrives,
    }
}

/// O20: a store that was busy for some seconds, or a line that stood still, ended an upload of hours.
#[tokio::test(start_paused = true)]
async fn a_part_may_fail_several_calls_long() {
    let failures = BTreeMap::from([
        // A call sends each of these once, as they look final.
        (3, (4, timed_out as Make)),
        // And each of these three times.
        (5, (12, slow_down as Make)),
        (8, (12, unreachable as Make)),
    ]);
    let (lake, client) = Lake::new(at_first(failures)).await;
    let meter = std::sync::Arc::new(Meter::new());
    let heard = std::sync::Arc::clone(&meter);

    let transfer = client.transfer().part_size(PART as u64);
    let transfer = transfer.progress(move |event| heard.record(event));
    let upload = transfer.upload("lake", "main", "a");
    upload.body(data(PARTS * PART)).await.unwrap();

    assert!(lake.object("a").await == data(PARTS * PART));
    for (part, expected) in [(1, 1), (3, 5), (5, 13), (8, 13)] {
        let sent = lake.sent().iter().filter(|sent| sent.part == part).count();
        assert_eq!(sent, expected, "part {part}");
    }
    assert_eq!(lake.count("uploadPart"), 0);
    let totals = meter.totals();
    assert_eq!(totals.bytes, (PARTS * PART) as u64);
    // What could not connect had sent nothing yet.
    assert_eq!(totals.retries, 4 + 12);
}

/// The allowance of a part has an end, and so has the upload.
#[tokio::test(start_paused = true)]
async fn a_part_that_always_fails_ends_the_upload() {
    let failures = BTreeMap::from([(3, (usize::MAX, slow_down as Make))]);
    let (lake, client) = Lake::new(at_first(failures)).await;

    let error = upload(&client).await.unwrap_err();

    assert!(error.to_string().contains("SlowDown"), "{error}");
    let sent = lake.sent().iter().filter(|sent| sent.part == 3).count();
    assert_eq!(sent, 15);
    assert_eq!(lake.memory.pending_uploads(), []);
    assert_eq!(lake.count("completePresignMultipartUpload"), 0);
}

/// The same for an object that goes by one URL, which is asked for once.
#[tokio::test(start_paused = true)]
async fn an_object_by_one_url_may_fail_several_calls_long() {
    let large = 3 * PART;
    let replayable = move || {
        Body::replayable(move || {
            let chunks = [Ok::<_, lakefs_sdk::BoxError>(data(large))];
            Body::from_sized_stream(large as u64, futures_util::stream::iter(chunks))
        })
    };
    for (fate, failures) in [(timed_out as Make, 4), (slow_down, 12), (unreachable, 12)] {
        for (body, size) in [(Body::from(data(MIB)), MIB), (replayable(), large)] {
            let failures = BTreeMap::from([(0, (failures, fate))]);
            let (lake, client) = Lake::new(at_first(failures)).await;
            let transfer = client.transfer().mode(Mode::Presigned);
            let transfer = transfer.part_size(PART as u64);
            // A condition keeps what is large in one piece.
            let upload = transfer.upload("lake", "main", "a").if_none_match("*");
            upload.body(body).await.unwrap();
            assert!(lake.object("a").await == data(size));
            assert_eq!(lake.count("getPhysicalAddress"), 1);
            assert_eq!(lake.count("linkPhysicalAddress"), 1);
        }
    }
}

/// A lakeFS that is started anew for some seconds must not end what has been going on for hours.
#[tokio::test(start_paused = true)]
async fn lakefs_may_be_away_while_urls_and_links_are_asked_for() {
    for (operation, size) in [("uploadPart", PARTS * PART), ("linkPhysicalAddress", MIB)] {
        let mut left = 4;
        let (lake, client) = Lake::new(move |sent| match (sent.operation, sent.part) {
            // So a fresh URL is wanted.
            ("presignedPut", 2) if left == 4 => {
                left -= 1;
                refusal(403, "AccessDenied", "Request has expired")
            }
            (found, _) if found == operation && left > 0 => {
                left -= 1;
                unreachable()
            }
            _ => Fate::Arrives,
        })
        .await;
        let transfer = client.transfer().part_size(PART as u64);

        let upload = transfer.upload("lake", "main", "a").body(data(size));
        upload.await.unwrap();

        assert!(lake.object("a").await == data(size));
        // Three requests are one call.
        assert!(lake.count(operation) > 3, "{operation}");
        assert_eq!(lake.count("uploadObject"), 0);
    }
}
