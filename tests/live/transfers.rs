//! Transfers: objects in and out by every way that the server offers.

use bytes::Bytes;
use futures_util::stream;
use lakefs_sdk::{
    Body, Error,
    transfer::{Mode, Transfer},
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::{Outcome, lake::Lake, scenario};

const MIB: usize = 1024 * 1024;
/// The smallest part that stores take.
const PART: usize = 5 * MIB;

/// The ways that this server can be tried on.
fn ways(lake: &Lake) -> Vec<(&'static str, Transfer)> {
    // Of streams it takes more than a part only in parts.
    let presigned = lake.server.storage.pre_sign_multipart_upload == Some(true);
    [
        ("auto", Mode::Auto),
        ("direct", Mode::Direct),
        ("presigned", Mode::Presigned),
    ]
    .into_iter()
    .filter(|(_, mode)| presigned || *mode != Mode::Presigned)
    .map(|(name, mode)| {
        let transfer = lake.client.transfer().mode(mode);
        (name, transfer.part_size(PART as u64))
    })
    .collect()
}

/// Bytes that differ from place to place.
fn data(size: usize) -> Bytes {
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(size as u64).fill(&mut bytes);
    bytes.into()
}

/// Of a length that nobody knows before its end.
fn streamed(bytes: &Bytes) -> Body {
    let chunks: Vec<_> = bytes.chunks(100_000).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, Error>)))
}

/// Which way the data takes is the library's business: the object must be the same.
#[tokio::test]
async fn an_object_is_the_same_by_every_way() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        for (way, transfer) in ways(lake) {
            for size in [0, 1, 64 * 1024 + 1, PART, 2 * PART + 1] {
                let content = data(size);
                let path = format!("a b/ü+%2F=~/{way}-{size}.bin");
                let bodies = [Body::from(content.clone()), streamed(&content)];
                for body in bodies {
                    let upload = transfer.upload(name, "main", &path).body(body);
                    let written = upload
                        .content_type("application/x-test")
                        .metadata("origin", "wört")
                        .await?;

                    let found = client.stat_object(name, "main", &path).await?;
                    assert_eq!(found.checksum, written.checksum, "{path}");
                    assert_eq!(found.size_bytes, i64::try_from(size).ok(), "{path}");
                    assert_eq!(found.content_type.as_deref(), Some("application/x-test"));
                    let metadata = found.metadata.unwrap_or_default();
                    assert_eq!(metadata.get("origin").map(String::as_str), Some("wört"));
                    let read = client.get_object(name, "main", &path).await?;
                    assert!(read.bytes().await? == content, "{path}: other bytes");
                    let read = transfer.download(name, "main", &path).to_bytes().await?;
                    assert!(read == content, "{path}: other bytes");
                }
            }
        }
        Ok(())
    })
    .await
}

/// What is written bit by bit must be there as a whole when its writer says so, and not before.
#[tokio::test]
async fn an_object_appears_when_its_writer_is_finished() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let content = data(2 * PART + 1);
        for (way, transfer) in ways(lake) {
            let mut dropped = transfer.writer(name, "main", way);
            dropped.write_all(&content).await?;
            drop(dropped);

            let mut writer = transfer.writer(name, "main", way);
            writer.write_all(&content).await?;
            let missing = client.stat_object(name, "main", way).await.unwrap_err();
            assert!(missing.is_not_found(), "{way}: {missing}");
            writer.finish().await?;
            let read = transfer.download(name, "main", way).to_bytes().await?;
            assert!(read == content, "{way}: other bytes");
        }
        Ok(())
    })
    .await
}

/// Two writers that both think they are the first lose one another's work, by whichever way it comes.
#[tokio::test]
async fn a_condition_holds_by_every_way() -> Outcome {
    scenario(async |lake| {
        for (way, transfer) in ways(lake) {
            for size in [1, PART + 1] {
                let path = format!("{way}-{size}");
                let put = |body: Bytes| {
                    let upload = transfer.upload(&lake.name, "main", &path);
                    upload.if_none_match("*").body(body)
                };
                let first = put(data(size)).await?;
                for second in [data(size), Bytes::from_static(b"second")] {
                    let refused = put(second).await.unwrap_err();
                    assert!(refused.is_precondition_failed(), "{path}: {refused}");
                }
                let found = lake.client.stat_object(&lake.name, "main", &path).await?;
                assert_eq!(found.checksum, first.checksum, "{path}");
            }
        }
        Ok(())
    })
    .await
}

/// Columnar files are read here and there: what is off by one is garbage.
#[tokio::test]
async fn parts_are_read_from_where_they_are() -> Outcome {
    scenario(async |lake| {
        let name = &lake.name;
        let content = data(2 * PART + 1);
        let ways = ways(lake);
        let (_, auto) = &ways[0];
        auto.upload(name, "main", "a").body(content.clone()).await?;
        for (way, transfer) in ways {
            let part = transfer.download(name, "main", "a").range(7..PART as u64);
            assert!(part.to_bytes().await? == content[7..PART], "{way}");
            let beyond = transfer.download(name, "main", "a").range(u64::MAX / 2..);
            let beyond = beyond.to_bytes().await.unwrap_err();
            assert!(beyond.is_bad_request(), "{way}: {beyond}");

            let mut reader = transfer.reader(name, "main", "a").await?;
            assert_eq!(reader.size(), content.len() as u64);
            let mut footer = [0; 8];
            reader.seek(std::io::SeekFrom::End(-8)).await?;
            reader.read_exact(&mut footer).await?;
            assert_eq!(footer, content[content.len() - 8..], "{way}");
            let ranges = [3..9, 2_000_000..2_000_001, 5..5, 4..8];
            let read = reader.read_ranges(&ranges).await?;
            for (bytes, range) in read.iter().zip(ranges) {
                let (start, end) = (range.start as usize, range.end as usize);
                assert_eq!(bytes, &content[start..end], "{way}");
            }
        }
        Ok(())
    })
    .await
}

/// Pieces of two objects that are joined are neither, and nobody notices.
#[tokio::test]
async fn an_object_that_changes_while_it_is_read_is_never_mixed() -> Outcome {
    scenario(async |lake| {
        let name = &lake.name;
        let (old, new) = (data(3 * PART), data(3 * PART + 1));
        for (way, transfer) in ways(lake) {
            transfer.upload(name, "main", way).body(old.clone()).await?;
            let mut reader = transfer.reader(name, "main", way).await?;
            let mut read = vec![0; 10];
            reader.read_exact(&mut read).await?;
            transfer.upload(name, "main", way).body(new.clone()).await?;
            // The store may still have the old one: then it is that, to its end.
            match reader.read_to_end(&mut read).await {
                Ok(_) => assert!(read == old, "{way}: other bytes"),
                Err(error) => {
                    let error = error
                        .get_ref()
                        .and_then(|error| error.downcast_ref::<Error>());
                    assert!(
                        error.is_some_and(Error::is_precondition_failed),
                        "{error:?}"
                    );
                }
            }
        }
        Ok(())
    })
    .await
}
