//! Files appear under their names when they are whole, and nothing else is left behind.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use lakefs_sdk::{
    Client,
    testing::{Fault, FaultLayer, MemoryLakeFs, fault::Rule},
};
use tower::Layer as _;

use super::download::{pattern, with_object};

/// A directory that goes away.
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("lakefs-sdk-{:016x}", fastrand::u64(..)));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn lakefs(content: &Bytes) -> MemoryLakeFs {
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", content).await;
    lakefs
}

/// Parts side by side must come to lie in their places.
#[tokio::test]
async fn a_file_has_the_objects_bytes_and_nothing_is_beside_it() {
    let content = pattern(5 * 1024 * 1024 + 17);
    let transfer = Client::new(lakefs(&content).await)
        .transfer()
        .concurrency(4);
    let directory = Directory::new();
    let path = directory.0.join("copy");
    fs::write(&path, "an older one").unwrap();
    for fsync in [false, true] {
        let download = transfer
            .clone()
            .part_size(300_000)
            .download("lake", "main", "a")
            .fsync(fsync);

        let done = download.to_file(&path).await.unwrap();

        assert_eq!(
            (done.size_bytes, done.verified),
            (content.len() as u64, true)
        );
        assert!(fs::read(&path).unwrap() == content);
        assert_eq!(directory.names(), ["copy"]);
    }
}

/// An empty object is an empty file, not none.
#[tokio::test]
async fn an_empty_object_is_an_empty_file() {
    let transfer = Client::new(lakefs(&Bytes::new()).await).transfer();
    let directory = Directory::new();
    let path = directory.0.join("copy");
    transfer
        .download("lake", "main", "a")
        .to_file(&path)
        .await
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert_eq!(directory.names(), ["copy"]);
}

/// Whoever finds the file takes it for the object.
#[tokio::test(start_paused = true)]
async fn no_file_is_left_of_a_download_that_fails() {
    let content = pattern(3 * 1024 * 1024);
    let lakefs = lakefs(&content).await;
    let directory = Directory::new();
    let path = directory.0.join("copy");
    fs::write(&path, "an older one").unwrap();
    let damaged = Fault::CorruptBody { at: 7..=7 };
    let cut = Fault::CutBody { after: 0..=0 };
    for (fault, after) in [(damaged, 1), (cut, 2)] {
        // The beginning arrives and is written; then it goes wrong, and goes on to.
        let script = std::iter::repeat_n(None, after).chain(std::iter::repeat_n(Some(fault), 100));
        let faults = FaultLayer::new(1).script_on("getObject", script);
        let transfer = Client::new(faults.layer(lakefs.clone())).transfer();
        let download = transfer
            .clone()
            .part_size(1024 * 1024 + 1)
            .download("lake", "main", "a");

        let error = download.to_file(&path).await.unwrap_err();

        assert!(error.is_body(), "{error}");
        assert_eq!(directory.names(), ["copy"]);
        assert_eq!(fs::read(&path).unwrap(), b"an older one");
    }
}

/// A download that nobody waits for any more must not fill the disk.
#[tokio::test]
async fn no_file_is_left_of_a_download_that_is_dropped() {
    let content = pattern(3 * 1024 * 1024);
    let script = [None, None, Some(Fault::StallBody { after: 5..=5 })];
    let faults = FaultLayer::new(1).script_on("getObject", script);
    let transfer = Client::new(faults.layer(lakefs(&content).await)).transfer();
    let directory = Directory::new();
    let path = directory.0.join("copy");
    let download = transfer
        .clone()
        .part_size(1024 * 1024)
        .download("lake", "main", "a");
    let mut download = Box::pin(download.to_file(&path));
    // Polled until the file is there.
    while directory.names().is_empty() {
        let _ = tokio::time::timeout(Duration::from_millis(1), &mut download).await;
    }
    assert!(directory.names()[0].ends_with(".part"));

    drop(download);

    // What a thread was writing just then, it removes when it is done.
    for _ in 0..10_000 {
        if directory.names().is_empty() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{:?} is left", directory.names());
}

/// A disk that cannot be written must be said to be that, with the file's name.
#[tokio::test]
async fn files_that_cannot_be_written_are_named() {
    let transfer = Client::new(lakefs(&pattern(10)).await).transfer();
    let directory = Directory::new();
    let inside = directory.0.join("folder");
    fs::create_dir(&inside).unwrap();
    fs::write(directory.0.join("file"), "").unwrap();
    let cases: [&Path; 3] = [
        &inside,
        &directory.0.join("nowhere/copy"),
        &directory.0.join("file/copy"),
    ];
    for path in cases {
        let error = transfer
            .download("lake", "main", "a")
            .to_file(path)
            .await
            .unwrap_err();
        assert!(error.is_io() && !error.retryable(), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert!(
            std::error::Error::source(&error).is_some_and(|cause| cause.is::<std::io::Error>())
        );
    }
    let mut names = directory.names();
    names.sort();
    assert_eq!(names, ["file", "folder"]);
}

/// A full disk, as Linux pretends it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_writer_that_fails_is_told_from_the_server() {
    let transfer = Client::new(lakefs(&pattern(10)).await).transfer();
    let full = tokio::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .await
        .unwrap();
    let error = transfer
        .download("lake", "main", "a")
        .to_writer(full)
        .await
        .unwrap_err();
    assert!(error.is_io(), "{error}");
    assert!(format!("{error:#}").contains("No space left"), "{error:#}");
}

/// What fails for good is not asked for again by the parts that were to come.
#[tokio::test(start_paused = true)]
async fn no_part_goes_on_after_an_error() {
    let content = pattern(1000);
    let refuse = Rule::new(Fault::status(403)).only(["getObject"]);
    let faults = FaultLayer::new(1)
        .script_on("getObject", [None])
        .rule(refuse);
    let transfer = Client::new(faults.layer(lakefs(&content).await))
        .transfer()
        .concurrency(2);
    let error = transfer
        .clone()
        .part_size(10)
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap_err();
    assert!(error.is_permission_denied(), "{error}");
    let asked = faults.injected().len();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(faults.injected().len(), asked);
    assert!(asked <= 2, "{asked}");
}
