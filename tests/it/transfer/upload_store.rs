//! An object store that cannot be reached from here.

use lakefs_sdk::{Body, BoxError, testing::MemoryLakeFs, transfer::Mode, transport::ConnectError};

use crate::support::spans::Spans;

use super::lake::{Fate, Lake, MIB, PART, Sent, data};

fn unreachable(sent: &Sent) -> Fate {
    match sent.operation {
        "presignedPut" => Fate::Fails(ConnectError::new("no such host").into()),
        _ => Fate::Arrives,
    }
}

/// O23: the error of a store that only the server can reach looked like one of lakeFS.
#[tokio::test(start_paused = true)]
async fn the_error_tells_lakefs_from_the_store() {
    let (lake, client) = Lake::new(unreachable).await;
    for size in [10, 3 * PART] {
        let transfer = client
            .transfer()
            .part_size(PART as u64)
            .mode(Mode::Presigned);
        let error = transfer
            .upload("lake", "main", "a")
            .body(data(size))
            .await
            .unwrap_err();

        assert!(error.is_connect());
        let message = error.to_string();
        for word in [
            "lakeFS answered",
            "mem-object-store.invalid",
            "presigned",
            "Mode::Direct",
        ] {
            assert!(message.contains(word), "{message}");
        }
        assert!(!format!("{error:?}{error:#}").contains("X-Amz-Signature"));
    }
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// O23: whoever asked for no particular way gets the one that works, and does not wait for the other again.
#[tokio::test(start_paused = true)]
async fn data_goes_through_lakefs_where_the_store_is_out_of_reach() {
    for size in [MIB, 3 * PART] {
        for stream in [false, true] {
            let (spans, _guard) = Spans::listen();
            let (lake, client) = Lake::new(unreachable).await;
            let transfer = client.transfer().part_size(PART as u64);
            let body = || match stream {
                true => {
                    let chunks = [Ok::<_, BoxError>(data(size))];
                    Body::from_stream(futures_util::stream::iter(chunks))
                }
                false => data(size).into(),
            };
            transfer
                .upload("lake", "main", "a")
                .body(body())
                .await
                .unwrap();
            assert!(lake.object("a").await == data(size));
            assert_eq!(lake.memory.pending_uploads(), []);

            let told = format!("{:?}", spans.events());
            assert!(told.contains("cannot be reached from here"), "{told}");

            let before = lake.sent().len();
            transfer
                .upload("lake", "main", "b")
                .body(body())
                .await
                .unwrap();
            assert_eq!(lake.operations()[before..], ["uploadObject"]);
        }
    }
}

/// Whoever insists on presigned URLs must learn that there are none, and what to do.
#[tokio::test]
async fn presigned_mode_without_presigned_urls_is_an_error() {
    let memory = MemoryLakeFs::builder().presign(false).build();
    let (lake, client) = Lake::over(memory, "mem://lake", |_| Fate::Arrives).await;
    let transfer = client.transfer().mode(Mode::Presigned);

    let error = transfer
        .upload("lake", "main", "a")
        .body("x")
        .await
        .unwrap_err();

    assert!(
        error.is_not_implemented() && error.to_string().contains("Mode::Auto"),
        "{error}"
    );
    assert_eq!(lake.operations(), ["getConfig"]);
}

/// A proxy that says 200 before it has the data has not stored it.
#[tokio::test]
async fn an_answer_that_comes_too_early_is_no_success() {
    let (lake, client) = Lake::new(|sent| match sent.operation {
        "presignedPut" => {
            let mut early = super::lake::response(200, "");
            early
                .headers_mut()
                .insert("etag", "\"opaque\"".parse().unwrap());
            Fate::Early(early)
        }
        _ => Fate::Arrives,
    })
    .await;

    let error = client
        .transfer()
        .upload("lake", "main", "a")
        .body(data(MIB))
        .await
        .unwrap_err();

    assert!(
        error.is_body() && error.to_string().contains("before it had all data"),
        "{error}"
    );
    assert_eq!(lake.count("linkPhysicalAddress"), 0);
}

/// Azure refuses a blob that does not say what kind it is.
#[tokio::test]
async fn azure_is_told_the_kind_of_blob() {
    let (lake, client) = Lake::new(|sent| match sent.operation {
        "getPhysicalAddress" => Fate::Answered(super::lake::response(
            200,
            r#"{"physical_address":"https://acc.blob.core.windows.net/c/data/x","presigned_url":"https://acc.blob.core.windows.net/c/data/x?sig=s","presigned_url_expiry":1}"#,
        )),
        "presignedPut" => {
            let mut taken = super::lake::response(201, "");
            taken.headers_mut().insert("etag", "\"0x8D\"".parse().unwrap());
            taken.headers_mut().insert("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap());
            Fate::Answered(taken)
        }
        _ => Fate::Arrives,
    })
    .await;

    let upload = client
        .transfer()
        .upload("lake", "main", "a")
        .body(data(MIB))
        .await;

    // Azure told its MD5, which is another one.
    assert!(upload.unwrap_err().is_body());
    let sent = lake.sent();
    let put = sent
        .iter()
        .find(|sent| sent.operation == "presignedPut")
        .unwrap();
    assert_eq!(put.headers["x-ms-blob-type"], "BlockBlob");
    assert_eq!(put.uri.host(), Some("acc.blob.core.windows.net"));
}
