//! Objects by what people paste: `lakefs://repository/ref/path`.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Request;
use lakefs_sdk::{Body, Client, Error, LakeFsUri, testing::MemoryLakeFs, transfer::Transfer};
use tokio::io::AsyncReadExt as _;
use tower::{ServiceExt as _, service_fn};

use super::download::{pattern, with_object};

async fn transfer() -> (Transfer, Arc<AtomicUsize>) {
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", &pattern(10)).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let client = Client::new(service_fn(move |request: Request<Body>| {
        counter.fetch_add(1, Ordering::Relaxed);
        lakefs.clone().oneshot(request)
    }));
    (client.transfer(), sent)
}

async fn both<U>(transfer: &Transfer, uri: U) -> (Vec<u8>, Vec<u8>)
where
    U: TryInto<LakeFsUri> + Clone,
    Error: From<U::Error>,
{
    let whole = transfer.download_from(uri.clone()).to_bytes();
    let whole = whole.await.unwrap();
    let mut read = Vec::new();
    let mut reader = transfer.reader_from(uri).await.unwrap();
    reader.read_to_end(&mut read).await.unwrap();
    (whole.into(), read)
}

/// A URI in any form it is held in is a place, without a detour by its pieces.
#[tokio::test]
async fn a_uri_is_taken_as_text_and_as_itself() {
    let (transfer, _) = transfer().await;
    let text = "lakefs://lake/main/a";
    let uri: LakeFsUri = text.parse().unwrap();
    let content = pattern(10).to_vec();
    let expected = (content.clone(), content);
    assert_eq!(both(&transfer, text).await, expected);
    assert_eq!(both(&transfer, text.to_owned()).await, expected);
    assert_eq!(both(&transfer, &uri).await, expected);
    assert_eq!(both(&transfer, uri).await, expected);
}

/// O4: a typo must be told with the form that is expected, before anything is sent.
#[tokio::test]
async fn what_is_no_uri_of_an_object_is_told_before_anything_is_sent() {
    let (transfer, sent) = transfer().await;
    for (wrong, message) in [
        ("s3://lake/main/a", "lakefs://repository/ref/path"),
        ("a.csv", "lakefs://repository/ref/path"),
        ("lakefs://lake", "has no ref"),
        ("lakefs://lake/main/", "`path` is empty"),
    ] {
        let download = transfer.download_from(wrong).clone();
        let errors = [
            download.to_bytes().await.unwrap_err(),
            transfer.reader_from(wrong).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_invalid_input(), "{error}");
            assert!(error.to_string().contains(message), "{error}");
        }
    }
    assert_eq!(sent.load(Ordering::Relaxed), 0);
}
