//! Checksums that look like an MD5 of the data and are none: good data is read, and damage is found all the same.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{fs, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request};
use lakefs_sdk::{
    Body, BoxError, Client, Error,
    models::ObjectStageCreation,
    testing::{Fault, FaultLayer},
    transfer::{Mode, Transfer, progress::Meter},
};
use md5::{Digest as _, Md5};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{
    download::md5,
    download_file::Directory,
    lake::{Fate, Lake, MIB, PART, data, response},
};
use crate::support::planted::{Log, listen};

/// A checksum of nothing.
const OTHER: &str = "0123456789abcdef0123456789abcdef";

/// Where the bytes go.
const WAYS: [&str; 4] = ["file", "bytes", "writer", "stream"];

/// A lakeFS with the object `a` of these bytes, which has this checksum; `None` is the one that lakeFS's S3 gateway gives to
/// what was written in parts.
#[expect(deprecated, reason = "it gives an object any checksum")]
async fn with_checksum(content: &Bytes, checksum: Option<String>) -> (Lake, Client) {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client
        .transfer()
        .mode(Mode::Presigned)
        .part_size(PART as u64);
    let written = transfer.upload("lake", "main", "written");
    written.body(content.clone()).await.unwrap();
    let written = client.stat_object("lake", "main", "written").await.unwrap();
    let checksum = checksum.unwrap_or_else(|| {
        let (sum, parts) = written.checksum.split_once('-').unwrap();
        assert!(parts.parse::<usize>().unwrap() > 1);
        sum.to_owned()
    });
    let size = content.len().try_into().unwrap();
    let staged = ObjectStageCreation::new(written.physical_address, checksum, size);
    client
        .stage_object("lake", "main", "a", staged)
        .await
        .unwrap();
    (lake, client)
}

/// Reads the object that way: its bytes, and whether they were verified, where that is said.
async fn read(transfer: &Transfer, way: &str) -> Result<(Bytes, Option<bool>), Error> {
    let download = transfer.download("lake", "main", "a");
    match way {
        "file" => {
            let directory = Directory::new();
            let path = directory.0.join("copy");
            let done = download.to_file(&path).await;
            assert_eq!(directory.names().len(), usize::from(done.is_ok()));
            Ok((
                fs::read(&path).unwrap_or_default().into(),
                Some(done?.verified),
            ))
        }
        "bytes" => Ok((download.to_bytes().await?, None)),
        "writer" => {
            let mut copy = Vec::new();
            let done = download.to_writer(&mut copy).await?;
            Ok((copy.into(), Some(done.verified)))
        }
        _ => Ok((download.stream().await?.bytes().await?, None)),
    }
}

/// How often the data was asked for, in the first byte.
fn readings(lake: &Lake) -> usize {
    let sent = lake.sent();
    let first = sent.iter().filter(|sent| {
        let range = sent.headers.get("range");
        matches!(sent.operation, "getObject" | "presignedGet")
            && range.is_none_or(|range| range.as_bytes().starts_with(b"bytes=0-"))
    });
    first.count()
}

/// What Spark, boto3 and the AWS command line wrote through the gateway could not be read at all.
#[tokio::test]
async fn what_the_gateway_wrote_in_parts_is_read() {
    let content = data(2 * PART + 1000);
    for mode in [Mode::Direct, Mode::Presigned] {
        let (lake, client) = with_checksum(&content, None).await;
        let transfer = client.transfer().mode(mode).part_size(3 * MIB as u64);
        for (times, way) in WAYS.into_iter().enumerate() {
            let (all, verified) = read(&transfer, way).await.unwrap();
            assert!(all == content, "{mode:?} {way}");
            assert_ne!(verified, Some(true), "{mode:?} {way}");
            // The store says it itself; otherwise it is known when the bytes came twice.
            let each = if mode == Mode::Presigned { 1 } else { 2 };
            assert_eq!(readings(&lake), each * (times + 1), "{mode:?} {way}");
        }
    }
}

/// Of small objects too, on both routes, and with one connection.
#[tokio::test]
async fn a_checksum_that_is_none_fails_nothing() {
    for size in [0, 1, 1000, MIB + 1] {
        let content = data(size);
        let (_, client) = with_checksum(&content, Some(OTHER.to_owned())).await;
        for mode in [Mode::Direct, Mode::Presigned] {
            for concurrency in [1, 4] {
                let transfer = client.transfer().mode(mode).concurrency(concurrency);
                for way in WAYS {
                    let (all, verified) = read(&transfer, way).await.unwrap();
                    assert!(all == content, "{size} {mode:?} {way}");
                    assert_ne!(verified, Some(true), "{size} {mode:?} {way}");
                }
            }
        }
    }
}

/// Objects that were written in parts and had only one are compared as well as any.
#[tokio::test]
async fn one_part_is_verified_without_a_second_reading() {
    let content = data(1000);
    let checksum = md5(&Md5::digest(&content));
    let (lake, client) = with_checksum(&content, Some(checksum)).await;
    let transfer = client.transfer().mode(Mode::Direct);

    let (all, verified) = read(&transfer, "file").await.unwrap();

    assert_eq!((all, verified), (content, Some(true)));
    assert_eq!(readings(&lake), 1);
}

/// Bytes that were damaged on the way must not pass because the checksum may be none.
#[tokio::test]
async fn damage_is_found_whatever_the_checksum_is() {
    let large = data(2 * PART + 1000);
    for (content, checksum) in [
        (data(1000), md5(&data(1000))),
        (data(1000), OTHER.to_owned()),
        (large.clone(), md5(&large)),
        (large, OTHER.to_owned()),
    ] {
        let (lake, _) = with_checksum(&content, Some(checksum.clone())).await;
        for (mode, operation) in [
            (Mode::Direct, "getObject"),
            (Mode::Presigned, "presignedGet"),
        ] {
            for way in WAYS {
                let damaged = Fault::CorruptBody { at: 7..=7 };
                let faults = FaultLayer::new(1).script_on(operation, [Some(damaged)]);
                let client = Client::new(faults.layer(lake.clone()));
                let error = read(&client.transfer().mode(mode), way).await.unwrap_err();
                let message = error.to_string();
                assert!(
                    error.is_body() && message.contains("damaged on the way"),
                    "{checksum} {mode:?} {way}: {message}"
                );
            }
        }
    }
}

/// A second reading that cannot be made says nothing about the first: that is no reason to take it for good.
#[tokio::test]
async fn a_second_reading_that_fails_is_an_error_that_says_so() {
    for way in WAYS {
        let (lake, _) = with_checksum(&data(1000), Some(OTHER.to_owned())).await;
        let client = Client::new(service_fn(move |request: Request<Body>| {
            let lake = lake.clone();
            async move {
                match request.uri().path().ends_with("/objects") && readings(&lake) > 0 {
                    true => Ok(response(403, Body::empty())),
                    false => lake.oneshot(request).await,
                }
            }
        }));
        let error = read(&client.transfer().mode(Mode::Direct), way).await;
        let error = error.unwrap_err();
        assert!(error.to_string().contains("reading it again"), "{error}");
    }
}

/// Objects of a bucket that is encrypted with a key of yours have an ETag that is no MD5: lakeFS takes it over at an import.
#[tokio::test]
async fn what_the_store_encrypts_is_read_once() {
    let content = data(1000);
    let (lake, _) = with_checksum(&content, Some(OTHER.to_owned())).await;
    let counted = lake.clone();
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let lake = lake.clone();
        async move {
            let mut response = lake.oneshot(request).await?;
            response.headers_mut().insert(
                "x-amz-server-side-encryption",
                HeaderValue::from_static("aws:kms"),
            );
            Ok::<_, BoxError>(response)
        }
    }));

    let (all, verified) = read(&client.transfer().mode(Mode::Presigned), "file")
        .await
        .unwrap();

    assert_eq!((all, verified), (content, Some(false)));
    assert_eq!(readings(&counted), 1);
}

/// A reading that nobody sees would look like a download that hangs, and one that is counted like an object of twice the size.
#[tokio::test]
async fn the_second_reading_is_logged_with_a_way_out_and_counts_no_bytes() {
    let (_, client) = with_checksum(&data(1000), Some(OTHER.to_owned())).await;
    let meter = Arc::new(Meter::new());
    let counting = Arc::clone(&meter);
    let transfer = client.transfer().mode(Mode::Direct);
    let transfer = transfer.progress(move |event| counting.record(event));
    let log = Log::default();
    let guard = listen(&log);

    read(&transfer, "file").await.unwrap();

    drop(guard);
    assert_eq!(meter.totals().bytes, 1000);
    let text = log.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains(" WARN")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    assert!(warnings[0].contains("`verify(false)`"), "{warnings:?}");
}

/// Directories of such objects are downloaded like any.
#[tokio::test]
async fn directories_have_them_too() {
    let content = data(2 * PART + 1000);
    let (_, client) = with_checksum(&content, None).await;
    let directory = Directory::new();

    let transfer = client.transfer().mode(Mode::Direct);
    let report = transfer
        .download_directory("lakefs://lake/main/", &directory.0)
        .await
        .unwrap();

    report.check().unwrap();
    assert!(fs::read(directory.0.join("a")).unwrap() == content);
}

/// HTTP clients stop reading a body when they have its length: what is checked after that is never checked.
#[tokio::test]
async fn a_reader_that_stops_at_the_length_hears_of_damage() {
    for size in [1000, 2 * PART + 1000] {
        let content = data(size);
        let (lake, _) = with_checksum(&content, Some(md5(&content))).await;
        let damaged = Fault::CorruptBody { at: 7..=7 };
        let faults = FaultLayer::new(1).script_on("getObject", [Some(damaged)]);
        let client = Client::new(faults.layer(lake));
        let transfer = client.transfer().mode(Mode::Direct).part_size(MIB as u64);
        let mut body = transfer
            .download("lake", "main", "a")
            .stream()
            .await
            .unwrap();

        let mut left = size;
        let error = loop {
            match body.chunk().await {
                Ok(chunk) => left -= chunk.unwrap().len(),
                Err(error) => break error,
            }
            assert!(left > 0, "all of it was handed out");
        };

        assert!(error.is_body(), "{error}");
    }
}
