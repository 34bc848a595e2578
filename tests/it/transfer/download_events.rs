//! What a download of one object tells.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::sync::{Arc, Mutex};

use lakefs_sdk::{
    Client,
    testing::{Fault, FaultLayer, MemoryLakeFs},
    transfer::{Transfer, progress::Event},
};
use tower::Layer as _;

use super::{
    download::{pattern, with_object},
    download_file::Directory,
};

/// What was told, in order, with the bytes added up.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn listen(&self, transfer: Transfer) -> Transfer {
        let told = Arc::clone(&self.0);
        let sum = Mutex::new(0);
        transfer.progress(move |event| {
            let text = match event {
                Event::ObjectStarted { path, bytes } => format!("{path} has {}", bytes.unwrap()),
                Event::ObjectDone { path, bytes } => format!("{path} done: {bytes}"),
                Event::ObjectFailed { path, error } => {
                    format!("{path} failed: {}", error.message())
                }
                Event::Bytes { bytes, .. } => {
                    *sum.lock().unwrap() += bytes;
                    return;
                }
                other => format!("{other:?}"),
            };
            let bytes = std::mem::take(&mut *sum.lock().unwrap());
            if bytes > 0 {
                told.lock().unwrap().push(format!("{bytes} bytes"));
            }
            told.lock().unwrap().push(text);
        })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

async fn lakefs() -> MemoryLakeFs {
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", &pattern(1000)).await;
    lakefs
}

/// A bar that is not told how much is ahead cannot be drawn, and one that is not told the end stays.
#[tokio::test]
async fn beginning_and_end_are_told_wherever_the_bytes_go() {
    let told = Told::default();
    let transfer = Client::new(lakefs().await).transfer().part_size(300);
    let transfer = told.listen(transfer);
    let directory = Directory::new();
    let whole = ["a has 1000", "1000 bytes", "a done: 1000"];
    let download = || transfer.download("lake", "main", "a");

    download().to_file(directory.0.join("a")).await.unwrap();
    assert_eq!(told.take(), whole);
    download().to_bytes().await.unwrap();
    assert_eq!(told.take(), whole);
    download().to_writer(Vec::new()).await.unwrap();
    assert_eq!(told.take(), whole);

    let stream = download().stream().await.unwrap();
    assert_eq!(told.take(), ["a has 1000"]);
    stream.bytes().await.unwrap();
    assert_eq!(told.take(), ["1000 bytes", "a done: 1000"]);

    // Who knows the length stops there.
    let mut stream = download().stream().await.unwrap();
    let mut left = 1000;
    while left > 0 {
        left -= stream.chunk().await.unwrap().unwrap().len();
    }
    assert_eq!(told.take(), whole);
    drop(stream);
    assert!(told.take().is_empty());

    // Of a part, what is read of it.
    download().range(990..2000).to_bytes().await.unwrap();
    assert_eq!(told.take(), ["a has 10", "10 bytes", "a done: 10"]);
}

/// An end that is told of what was given up would be taken for the object.
#[tokio::test(start_paused = true)]
async fn failures_are_told_and_what_is_dropped_has_no_end() {
    let told = Told::default();
    let damaged = Fault::CorruptBody { at: 7..=7 };
    let faults = FaultLayer::new(1).script_on(
        "getObject",
        [Some(damaged.clone()), None, Some(damaged), None],
    );
    let client = Client::new(faults.layer(lakefs().await));
    let transfer = told.listen(client.transfer());
    let directory = Directory::new();
    let download = || transfer.download("lake", "main", "a");

    let error = download().to_file(directory.0.join("a")).await.unwrap_err();
    let failed = format!("a failed: {}", error.message());
    assert_eq!(told.take(), ["a has 1000", "1000 bytes", &failed]);

    let stream = download().stream().await.unwrap();
    stream.bytes().await.unwrap_err();
    assert_eq!(told.take(), ["a has 1000", "1000 bytes", &failed]);

    let error = transfer.download("lake", "main", "b").to_bytes().await;
    let missing = told.take();
    assert_eq!(missing.len(), 1);
    assert!(error.unwrap_err().is_not_found() && missing[0].starts_with("b failed: "));

    let parts = told.listen(client.transfer().part_size(300));
    let dropped = parts.download("lake", "main", "a").stream();
    let mut dropped = dropped.await.unwrap();
    dropped.chunk().await.unwrap();
    drop(dropped);
    assert_eq!(told.take(), ["a has 1000"]);
}
