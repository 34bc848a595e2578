//! Objects without bytes, of which there is no first one to ask for.

use bytes::Bytes;
use lakefs_sdk::{
    Client,
    testing::{BlockStore, MemoryLakeFs},
    transfer::Mode,
};

use super::{download::with_object, download_file::Directory};

/// Markers such as `_SUCCESS` are empty: what reads them must find them, not fail.
#[tokio::test]
async fn an_empty_object_is_read_into_everything_by_both_ways() {
    let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    with_object(&lakefs, "s3://bucket/lake", &Bytes::new()).await;
    for mode in [Mode::Direct, Mode::Presigned] {
        for concurrency in [1, 4] {
            let transfer = Client::new(lakefs.clone()).transfer();
            let transfer = transfer.mode(mode).concurrency(concurrency);
            let download = || transfer.download("lake", "main", "a");

            let directory = Directory::new();
            let path = directory.0.join("copy");
            let file = download().to_file(&path).await.unwrap();
            assert_eq!((file.size_bytes, file.verified), (0, true));
            assert_eq!(std::fs::read(&path).unwrap(), b"");
            assert_eq!(directory.names(), ["copy"]);

            let mut copy = Vec::new();
            let written = download().to_writer(&mut copy).await.unwrap();
            assert_eq!((copy.len(), written), (0, file));

            assert_eq!(download().to_bytes().await.unwrap(), "");
            let stream = download().stream().await.unwrap();
            assert_eq!(stream.size(), Some(0));
            assert_eq!(stream.bytes().await.unwrap(), "");
        }
    }
}
