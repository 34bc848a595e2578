//! Very many: a request for each file and for each thousand of a listing, no more at once than was said.

use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::Request;
use lakefs_sdk::{
    Body, Client,
    testing::MemoryLakeFs,
    transfer::{
        directory::{Action, Compare, Reason},
        progress::Event,
    },
};
use tokio::sync::Notify;
use tower::{ServiceExt, service_fn};

use super::{
    lake::{Fate, Lake, response},
    tree::{HERE, done, failed, lake, memory, tree, write},
};

const MANY: usize = 2_500;

/// A question for each file would take hours, and a listing that ends after a page would send all again.
#[tokio::test]
async fn thousands_of_files_take_a_request_each_and_a_page_a_thousand() {
    let (lake, client) = Lake::over(MemoryLakeFs::new(), "mem://lake", |_| Fate::Arrives).await;
    let names: Vec<_> = (0..MANY)
        .map(|number| format!("{}/{number}", number / 1000))
        .collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let (root, copy) = (tree(&files).unwrap(), tree(&[]).unwrap());
    let transfer = client.transfer().concurrency(32);
    let sent = |start: usize| {
        let mut counts = std::collections::BTreeMap::new();
        for operation in lake.operations().split_off(start) {
            *counts.entry(operation).or_insert(0) += 1;
        }
        Vec::from_iter(counts)
    };

    let start = lake.operations().len();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(report.count(Action::Upload), MANY);
    let expected = [("getBranch", 1), ("listObjects", 1), ("uploadObject", MANY)];
    assert_eq!(sent(start), expected);

    let start = lake.operations().len();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!((report.done.len(), report.skipped.len()), (0, MANY));
    assert_eq!(sent(start), [("getBranch", 1), ("listObjects", 3)]);

    let start = lake.operations().len();
    let report = transfer.download_directory(HERE, copy.path()).await;
    assert_eq!(report.unwrap().count(Action::Download), MANY);
    let expected = [("getConfig", 1), ("getObject", MANY), ("listObjects", 3)];
    assert_eq!(sent(start), expected);

    let start = lake.operations().len();
    let report = transfer.delete_recursive(HERE).await.unwrap();
    assert_eq!(report.count(Action::Delete), MANY);
    let expected = [("deleteObjects", 3), ("getBranch", 1), ("listObjects", 3)];
    assert_eq!(sent(start), expected);
}

/// A server that is asked for everything at once answers nothing.
#[tokio::test]
async fn copies_and_deletions_are_bounded_too() {
    let lakefs = MemoryLakeFs::new();
    let plain = Client::new(lakefs.clone());
    lake(&plain, "mem://lake").await.unwrap();
    let names: Vec<_> = (0..5_000).map(|number| format!("{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let root = tree(&files).unwrap();
    let upload = plain.transfer().upload_directory(root.path(), HERE);
    assert!(upload.await.unwrap().is_complete());

    let peak = Arc::new(AtomicUsize::new(0));
    let (now, highest) = (Arc::new(AtomicUsize::new(0)), peak.clone());
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let (lakefs, now, peak) = (lakefs.clone(), now.clone(), highest.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let answer = lakefs.oneshot(request).await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer
        }
    }));
    let transfer = client.transfer().concurrency(3);
    let copy = transfer.copy_recursive(HERE, "lakefs://lake/main/copy");
    assert_eq!(copy.include("/1*").await.unwrap().count(Action::Copy), 1111);
    assert_eq!(peak.swap(0, Ordering::SeqCst), 3);
    let report = transfer.delete_recursive(HERE).await.unwrap();
    assert_eq!(report.count(Action::Delete), 5_000);
    assert_eq!(peak.load(Ordering::SeqCst), 3);
}

/// Whoever wants no limit says so with the largest number, and got a panic.
#[tokio::test]
async fn no_concurrency_is_too_high() {
    let client = memory().await.unwrap();
    let (root, copy) = (tree(&[("a", "1"), ("b", "2")]).unwrap(), tree(&[]).unwrap());
    let transfer = client.transfer().concurrency(usize::MAX);
    let upload = transfer.upload_directory(root.path(), HERE).await.unwrap();
    let download = transfer.download_directory(HERE, copy.path());
    let download = download.compare(Compare::Checksum).await.unwrap();
    let delete = transfer.delete_recursive(HERE).await.unwrap();
    for report in [upload, download, delete] {
        assert_eq!(report.done.len(), 2);
    }
}

/// Whoever sees that the wrong files go, and stops it, keeps the rest.
#[tokio::test]
async fn a_dropped_transfer_deletes_no_more_files() {
    let client = memory().await.unwrap();
    write(&client, "data/kept", "x").await;
    let names: Vec<_> = (0..2_000).map(|number| format!("{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let root = tree(&files).unwrap();
    let seen = Arc::new(Notify::new());
    let telling = seen.clone();
    let transfer = client.transfer().progress(move |event| {
        if matches!(event, Event::ObjectDone { bytes: 0, .. }) {
            telling.notify_one();
        }
    });
    let mirror = transfer.download_directory(HERE, root.path());
    let mut mirror = mirror.delete_extraneous(true).into_future();

    tokio::select! {
        biased;
        () = seen.notified() => {}
        _ = &mut mirror => panic!("it was not stopped"),
    }
    drop(mirror);
    let left = std::fs::read_dir(root.path()).unwrap().count();
    assert!((1_000..2_000).contains(&left), "{left} are left");
}

/// A copy of a thousand objects of which three fail: the three are told, and the next run makes these three.
#[tokio::test]
async fn a_copy_that_partly_fails_is_completed_by_the_next() {
    let refused = Arc::new(AtomicUsize::new(3));
    let left = refused.clone();
    let fates = move |sent: &super::lake::Sent| {
        let less = |left: usize| left.checked_sub(1);
        match sent.operation {
            "copyObject"
                if left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                    .is_ok() =>
            {
                Fate::Answered(response(403, r#"{"message":"no"}"#))
            }
            _ => Fate::Arrives,
        }
    };
    let (lake, client) = Lake::over(MemoryLakeFs::new(), "mem://lake", fates).await;
    let names: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let root = tree(&files).unwrap();
    let transfer = client.transfer();
    let upload = transfer.upload_directory(root.path(), HERE);
    assert!(upload.await.unwrap().is_complete());
    let copy = || transfer.copy_recursive(HERE, "lakefs://lake/main/copy");

    let report = copy().await.unwrap();
    assert_eq!((report.done.len(), report.failed.len()), (17, 3));
    let missing: Vec<_> = failed(&report).into_iter().map(str::to_owned).collect();
    let error = report.check().unwrap_err();
    assert!(error.is_permission_denied(), "{error}");

    let before = lake.count("copyObject");
    let report = copy().await.unwrap();
    let copied = missing
        .iter()
        .map(|path| (&**path, Action::Copy, Reason::New));
    assert_eq!(done(&report), copied.collect::<Vec<_>>());
    assert_eq!(lake.count("copyObject"), before + 3);
}
