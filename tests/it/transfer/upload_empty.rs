//! Objects of no bytes, which have ways of their own to go wrong.

use bytes::Bytes;
use lakefs_sdk::{
    Body, BoxError, Client,
    testing::MemoryLakeFs,
    transfer::{Mode, Upload, progress::Meter},
};

use super::lake::{Fate, Lake};
use crate::support::tcp::TcpServer;

/// The ways to say that there is nothing.
const WAYS: usize = 6;

fn nothing(upload: Upload, way: usize, file: &std::path::Path) -> Upload {
    match way {
        0 => upload,
        1 => upload.body(Bytes::new()),
        2 => upload.file(file),
        3 => upload.body(Body::from_sized_stream(0, stream())),
        4 => upload.body(Body::from_stream(stream())),
        _ => upload.reader(tokio::io::empty()),
    }
}

fn stream() -> impl futures_util::Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
    futures_util::stream::iter([Ok(Bytes::new())])
}

/// Markers such as `_SUCCESS` are empty, and what waits for them waits for ever where they do not arrive.
#[tokio::test]
async fn nothing_arrives_as_nothing_by_every_way() {
    let (presigning, client) = Lake::new(|_| Fate::Arrives).await;
    let memory = MemoryLakeFs::builder().presign(false).build();
    let (plain, direct) = Lake::over(memory, "mem://lake", |_| Fate::Arrives).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let cases = [
        (&presigning, &client, Mode::Auto, "uploadObject"),
        (&presigning, &client, Mode::Direct, "uploadObject"),
        (&presigning, &client, Mode::Presigned, "linkPhysicalAddress"),
        (&plain, &direct, Mode::Auto, "uploadObject"),
    ];
    for (lake, client, mode, last) in cases {
        for heard in [false, true] {
            let transfer = client.transfer().mode(mode);
            let transfer = match heard {
                true => {
                    let meter = Meter::new();
                    transfer.progress(move |event| meter.record(event))
                }
                false => transfer,
            };
            for way in 0..WAYS {
                let upload = transfer.upload("lake", "main", "_SUCCESS");
                let upload = nothing(upload, way, file.path());
                // With a condition it would go to the store.
                let upload = match mode {
                    Mode::Auto => upload,
                    _ => upload.if_none_match("*"),
                };
                let stats = upload.await.unwrap();
                assert_eq!(stats.size_bytes, Some(0));
                assert_eq!(lake.operations().last(), Some(&last), "way {way}");
                assert_eq!(lake.object("_SUCCESS").await, "");
                client
                    .delete_object("lake", "main", "_SUCCESS")
                    .await
                    .unwrap();
            }
            let writer = transfer.writer("lake", "main", "_SUCCESS");
            assert_eq!(writer.finish().await.unwrap().size_bytes, Some(0));
            assert_eq!(lake.operations().last(), Some(&last));
            client
                .delete_object("lake", "main", "_SUCCESS")
                .await
                .unwrap();
        }
    }
    assert_eq!(presigning.count("createPresignMultipartUpload"), 0);
}

/// Stores answer 411 or 501 to a PUT that does not say how long it is.
#[tokio::test]
async fn a_store_is_told_that_there_are_no_bytes() {
    let store = TcpServer::serve(|mut connection| async move {
        while connection.request().await?.is_some() {
            let taken = "HTTP/1.1 200 OK\r\netag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\ncontent-length: 0\r\n\r\n";
            connection.write(taken).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let url = store.url();
    let lakefs = TcpServer::serve(move |mut connection| {
        let url = url.clone();
        async move {
            while let Some(request) = connection.request().await? {
                let answer = if request.head.starts_with("PUT") {
                    r#"{"path":"a","path_type":"object","physical_address":"s3://b/x","checksum":"x","size_bytes":0,"mtime":1}"#
                        .to_owned()
                } else if request.head.contains("/staging/backing") {
                    format!(r#"{{"physical_address":"s3://b/x","presigned_url":"{url}/b/x?sig=s","presigned_url_expiry":1}}"#)
                } else {
                    r#"{"storage_config":{"blockstore_type":"s3","pre_sign_support":true}}"#.to_owned()
                };
                connection.answer(200, &answer).await?;
            }
            Ok(())
        }
    })
    .await
    .unwrap();
    let client = Client::builder().endpoint(lakefs.url()).build().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    for way in 0..WAYS {
        let transfer = client.transfer().mode(Mode::Presigned);
        let upload = transfer.upload("lake", "main", "a");
        nothing(upload, way, file.path()).await.unwrap();
    }
    let sent = store.requests();
    assert_eq!(sent.len(), WAYS);
    for put in sent {
        assert_eq!(put.header("content-length"), Some("0"), "{}", put.head);
        assert_eq!(put.header("transfer-encoding"), None, "{}", put.head);
    }
}
