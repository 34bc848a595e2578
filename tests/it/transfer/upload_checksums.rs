//! What an upload is kept with as its checksum, by which readers compare it for good.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail them")]

use http::Response;
use lakefs_sdk::{
    Body, Client,
    transfer::{Mode, Transfer},
};

use super::lake::{Fate, Lake, MIB, PART, Sent, data, response};

/// Looks like an MD5, and is none.
const OPAQUE: &str = "900150983cd24fb0d6963f7d28e17f72";

fn taken(headers: &[(&'static str, &str)]) -> Response<Body> {
    let mut taken = response(200, "");
    for (name, value) in headers {
        taken.headers_mut().append(*name, value.parse().unwrap());
    }
    taken
}

fn kms(sent: &Sent) -> Fate {
    let encrypted = ("x-amz-server-side-encryption", "aws:kms");
    match sent.operation {
        "presignedPut" => Fate::Replaced(taken(&[("etag", OPAQUE), encrypted])),
        _ => Fate::Arrives,
    }
}

async fn checksum(transfer: Transfer, size: usize) -> String {
    let upload = transfer.upload("lake", "main", "a").body(data(size));
    upload.await.unwrap().checksum
}

/// The MD5 of data, as a server takes it.
async fn md5(client: &Client, size: usize) -> String {
    checksum(client.transfer().mode(Mode::Direct), size).await
}

/// Every reader would take the data of a bucket with a key of its own for damaged, and throw it away.
#[tokio::test]
async fn an_etag_that_is_no_md5_is_not_kept_where_the_md5_is_known() {
    let (_, client) = Lake::new(kms).await;
    let expected = md5(&client, MIB).await;
    assert_eq!(checksum(client.transfer(), MIB).await, expected);

    let download = client.transfer().download("lake", "main", "a");
    assert!(download.to_bytes().await.unwrap() == data(MIB));

    // Other stores' need not even look like one.
    let (_, client) = Lake::new(|sent| match sent.operation {
        "presignedPut" => Fate::Replaced(taken(&[("etag", "\"0x8DBEEF\"")])),
        _ => Fate::Arrives,
    })
    .await;
    assert_eq!(checksum(client.transfer(), MIB).await, expected);
}

/// What nobody computed cannot be kept.
#[tokio::test]
async fn without_verification_the_etag_is_all_there_is() {
    let (_, client) = Lake::new(kms).await;
    let transfer = client.transfer().verify(false);
    assert_eq!(checksum(transfer, MIB).await, OPAQUE);
}

/// A proxy that marks ETags as weak made uploads in parts fail, and checksums that nothing matches.
#[tokio::test]
async fn weak_etags_are_those_of_the_store() {
    let part = {
        let (_, client) = Lake::new(|_| Fate::Arrives).await;
        md5(&client, PART).await
    };
    let weak = format!("W/\"{part}\"");
    let (lake, client) = Lake::new(move |sent| match sent.operation {
        "presignedPut" => Fate::Replaced(taken(&[("etag", &weak)])),
        _ => Fate::Arrives,
    })
    .await;
    let transfer = client.transfer().part_size(PART as u64).verify(false);
    assert_eq!(checksum(transfer.clone(), PART).await, part);

    // Both parts have the same bytes.
    let twice = [data(PART), data(PART)].concat();
    let upload = transfer.upload("lake", "main", "b").body(twice.clone());
    upload.await.unwrap();
    assert_eq!(lake.count("completePresignMultipartUpload"), 1);
    assert!(lake.object("b").await == twice);
}

/// A proxy that says 200 before it has all of a part has not stored it, whoever does not compare MD5s.
#[tokio::test]
async fn an_answer_that_comes_too_early_is_no_success() {
    for (verify, size, part) in [(false, MIB, 0), (true, 3 * PART, 2), (false, 3 * PART, 2)] {
        let (lake, client) = Lake::new(move |sent| match (sent.operation, sent.part) {
            ("presignedPut", found) if found == part => {
                Fate::Early(taken(&[("etag", "\"opaque\"")]))
            }
            _ => Fate::Arrives,
        })
        .await;
        let transfer = client.transfer().part_size(PART as u64).verify(verify);
        let upload = transfer.upload("lake", "main", "a").body(data(size));
        let error = upload.await.unwrap_err();

        let message = error.to_string();
        assert!(
            error.is_body() && message.contains("before it had all data"),
            "{message}"
        );
        assert_eq!(lake.memory.pending_uploads(), []);
        assert_eq!(lake.count("linkPhysicalAddress"), 0);
    }
}

/// A stream that was cut on the way to lakeFS is a short object, and its size alone tells.
#[tokio::test]
async fn the_size_of_a_stream_is_compared_without_verification() {
    const SHORT: &str = r#"{"path":"a","path_type":"object","physical_address":"mem://x","checksum":"x","size_bytes":7,"mtime":1}"#;
    let (_, client) = Lake::new(|sent| match sent.operation {
        "uploadObject" => Fate::Replaced(response(201, SHORT)),
        _ => Fate::Arrives,
    })
    .await;
    let chunks = (0..10).map(|_| Ok::<_, lakefs_sdk::BoxError>(data(MIB)));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let transfer = client.transfer().mode(Mode::Direct).verify(false);

    let error = transfer.upload("lake", "main", "a").body(body).await;

    let error = error.unwrap_err();
    assert!(error.to_string().contains("7 bytes instead of"), "{error}");
}
