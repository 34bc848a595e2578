//! A download beside other tasks of the same thread.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::stream;
use http::Request;
use lakefs_sdk::{Body, BoxError, Client, testing::MemoryLakeFs, transfer::Mode};
use tokio::task::yield_now;
use tower::{ServiceExt as _, service_fn};

use super::{
    download::with_object,
    lake::{MIB, data},
};

/// A part that is here in many chunks was hashed in one go: meanwhile no other task of the thread went on.
#[tokio::test]
async fn others_have_their_turn_while_a_part_is_hashed() {
    let content = data(24 * MIB);
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", &content).await;
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let lakefs = lakefs.clone();
        async move {
            let (head, body) = lakefs.oneshot(request).await?.into_parts();
            let mut bytes = body.bytes().await?;
            let size = bytes.len();
            let mut chunks = Vec::new();
            while !bytes.is_empty() {
                chunks.push(Ok::<_, BoxError>(
                    bytes.split_to(bytes.len().min(64 * 1024)),
                ));
            }
            let body = Body::from_sized_stream(size as u64, stream::iter(chunks));
            Ok::<_, BoxError>(http::Response::from_parts(head, body))
        }
    }));
    let turns = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counting.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    });

    let transfer = client.transfer().mode(Mode::Direct);
    let download = transfer.download("lake", "main", "a");
    let mut body = download.stream().await.unwrap();
    let (mut last, mut run, mut longest) = (0, 0, 0);
    while let Some(chunk) = body.chunk().await.unwrap() {
        let now = turns.load(Ordering::Relaxed);
        run = chunk.len() + if now == last { run } else { 0 };
        last = now;
        longest = longest.max(run);
    }
    other.abort();

    assert!(longest <= MIB, "{longest} bytes without a turn");
}
