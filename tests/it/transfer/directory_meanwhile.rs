//! What changes, vanishes, hides or is left behind while directories are copied.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use http::Request;
use lakefs_sdk::{
    Body, BoxError, Client,
    operation::OperationMeta,
    testing::{BlockStore, MemoryLakeFs},
    transfer::{
        Transfer,
        directory::{Action, Reason},
        progress::Event,
    },
};
use tower::{ServiceExt, service_fn};

use super::{
    lake::{Fate, Lake},
    tree::{HERE, done, failed, lake, memory, objects, put, skipped, tree, write},
};

/// Does something once, when all is planned and nothing is done yet.
fn after_planning(client: &Client, act: impl FnOnce() + Send + 'static) -> Transfer {
    let act = Mutex::new(Some(act));
    client.transfer().progress(move |event| {
        if matches!(event, Event::Planned { .. }) {
            let act = act.lock().unwrap_or_else(PoisonError::into_inner).take();
            act.into_iter().for_each(|act| act());
        }
    })
}

/// A file that was there a moment ago: the others go up, it is told, and the next run has nothing to complain of.
#[tokio::test]
async fn a_file_that_vanishes_is_told_and_stops_no_other() {
    let client = memory().await.unwrap();
    let root = tree(&[("gone", "1"), ("kept", "2")]).unwrap();
    let gone = root.path().join("gone");
    let transfer = after_planning(&client, move || fs::remove_file(gone).unwrap());

    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(done(&report), [("kept", Action::Upload, Reason::New)]);
    assert_eq!(failed(&report), ["gone"]);
    let message = report.failed[0].to_string();
    assert!(message.contains("cannot be opened"), "{message}");

    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(done(&report), []);
}

/// A link that is put in a file's place must not send what is elsewhere.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_becomes_a_link_is_not_followed() {
    let client = memory().await.unwrap();
    let root = tree(&[("a", "1"), ("b", "2")]).unwrap();
    let secret = tree(&[("key", "secret")]).unwrap();
    let (link, key) = (root.path().join("a"), secret.path().join("key"));
    let transfer = after_planning(&client, move || {
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(key, link).unwrap();
    });

    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(done(&report), [("b", Action::Upload, Reason::New)]);
    assert_eq!(failed(&report), ["a"]);
    assert_eq!(objects(&client, "main").await, ["data/b"]);
}

/// The time that is kept with an object is never later than its bytes: what changed meanwhile is seen by the next run.
#[tokio::test]
async fn a_file_that_changes_meanwhile_goes_up_again() {
    let client = memory().await.unwrap();
    let root = tree(&[("a", "before")]).unwrap();
    let path = root.path().to_owned();
    let transfer = after_planning(&client, move || {
        put(&path, "a", "after!", 1_600_000_001).unwrap();
    });
    for _ in 0..2 {
        let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
        assert_eq!(report.count(Action::Upload), 1);
    }
    let found = client.get_object("lake", "main", "data/a").await.unwrap();
    assert_eq!(found.bytes().await.unwrap(), "after!");
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(done(&report), []);
}

/// An object that goes or changes after the listing: no file with the time of one and the bytes of another stays so.
#[tokio::test]
async fn objects_that_vanish_or_change_meanwhile_are_told_or_come_again() {
    let lakefs = MemoryLakeFs::new();
    let plain = Client::new(lakefs.clone());
    lake(&plain, "mem://lake").await.unwrap();
    for path in ["data/changed", "data/gone", "data/kept"] {
        write(&plain, path, "before").await;
    }
    let (other, first) = (plain.clone(), Arc::new(Mutex::new(true)));
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let (lakefs, other, first) = (lakefs.clone(), other.clone(), first.clone());
        async move {
            let reads = OperationMeta::of(&request).map(|meta| meta.id) == Some("getObject");
            let first = reads && std::mem::take(&mut *first.lock().unwrap());
            if first {
                other.delete_object("lake", "main", "data/gone").await?;
                let transfer = other.transfer();
                let upload = transfer.upload("lake", "main", "data/changed");
                let upload = upload.metadata("::lakefs::client-mtime", "1700000000");
                upload.body("after!").await?;
            }
            Ok::<_, BoxError>(lakefs.oneshot(request).await?)
        }
    }));
    let root = tree(&[]).unwrap();
    let download = client.transfer().download_directory(HERE, root.path());

    let report = download.clone().await.unwrap();
    assert_eq!(failed(&report), ["gone"]);
    assert!(report.failed[0].error.is_not_found());
    assert_eq!(report.count(Action::Download), 2);

    let report = download.clone().await.unwrap();
    assert!(report.is_complete());
    let change = [("changed", Action::Download, Reason::TimeDiffers)];
    assert_eq!(done(&report), change);
    assert_eq!(fs::read(root.path().join("changed")).unwrap(), b"after!");
    assert!(download.plan().await.unwrap().is_empty());
}

/// A killed download leaves a file that is no one's data: the next upload must not send it, and a mirror clears it away.
#[tokio::test]
async fn what_a_killed_download_left_does_not_travel() {
    let memory = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    let fates = |sent: &super::lake::Sent| match sent.headers.get("range") {
        // The second part of the object never comes.
        Some(range) if range != "bytes=0-4194303" => Fate::Hangs,
        _ => Fate::Arrives,
    };
    let (_, client) = Lake::over(memory, "s3://bucket/lake", fates).await;
    let large = super::lake::data(9 * super::lake::MIB);
    let upload = client
        .transfer()
        .upload("lake", "main", "data/large")
        .body(large);
    upload.await.unwrap();
    let root = tree(&[]).unwrap();

    // Its name, as it is while the download is under way.
    let transfer = client.transfer().part_size(4 << 20);
    let file = root.path().join("large");
    let download = transfer.download("lake", "main", "data/large");
    let task = tokio::spawn(async move { download.to_file(&file).await });
    let name = loop {
        if let Some(entry) = fs::read_dir(root.path()).unwrap().next() {
            break entry.unwrap().file_name().into_string().unwrap();
        }
        tokio::task::yield_now().await;
    };
    task.abort();
    drop(task.await);
    // It is removed where it was being written.
    while fs::read_dir(root.path()).unwrap().next().is_some() {
        tokio::task::yield_now().await;
    }

    put(root.path(), &name, "half of it", 1).unwrap();
    put(root.path(), "mine", "x", 1).unwrap();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(done(&report), [("mine", Action::Upload, Reason::New)]);
    assert_eq!(skipped(&report), [(&*name, Reason::Leftover)]);

    let client = Client::new(MemoryLakeFs::new());
    lake(&client, "mem://lake").await.unwrap();
    write(&client, "data/other", "x").await;
    let mirror = client.transfer().download_directory(HERE, root.path());
    let report = mirror.delete_extraneous(true).await.unwrap();
    assert_eq!(report.count(Action::Delete), 2);
    assert!(!root.path().join(name).exists());
}

/// A file whose name cannot be sent is told, and nothing is deleted for it; but it is no matter to a download.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_looked_at_withholds_deletions() {
    use std::os::unix::ffi::OsStrExt;

    let client = memory().await.unwrap();
    write(&client, "data/a", "x").await;
    write(&client, "data/extraneous", "x").await;
    let root = tree(&[("b", "x")]).unwrap();
    let strange = root.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    fs::write(strange, "x").unwrap();
    let transfer = client.transfer();

    let mirror = transfer.upload_directory(root.path(), HERE);
    let report = mirror.delete_extraneous(true).await.unwrap();
    assert_eq!(done(&report), [("b", Action::Upload, Reason::New)]);
    let [failure] = &report.failed[..] else {
        panic!("{report:?}");
    };
    assert_eq!(failure.action, Action::Skip);
    assert!(failure.to_string().contains("not UTF-8"), "{failure}");
    assert_eq!(report.problems().count(), 2);
    assert_eq!(objects(&client, "main").await.len(), 3);

    let download = transfer.download_directory(HERE, root.path());
    let report = download.clone().await.unwrap();
    assert!(report.is_complete());
    let report = download.exclude("extraneous").delete_extraneous(true).await;
    assert_eq!(report.unwrap().failed.len(), 1);
}

/// A directory without the permission to read it has files, and nobody knows which.
#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_cannot_be_read_withholds_deletions() {
    use std::os::unix::fs::PermissionsExt;

    let client = memory().await.unwrap();
    write(&client, "data/closed/a", "x").await;
    let root = tree(&[("closed/a", "x"), ("b", "x")]).unwrap();
    let closed = root.path().join("closed");
    let set = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap()
    };
    set(&closed, 0o000);
    if fs::read_dir(&closed).is_ok() {
        // Root reads everything.
        return;
    }
    let mirror = client.transfer().upload_directory(root.path(), HERE);
    let mirror = mirror.delete_extraneous(true);
    let report = mirror.clone().await;
    set(root.path(), 0o000);
    let whole = mirror.await;
    set(root.path(), 0o700);
    set(&closed, 0o700);

    let report = report.unwrap();
    assert_eq!(failed(&report), ["closed"]);
    assert_eq!(skipped(&report), [("closed/a", Reason::Withheld)]);
    assert!(whole.unwrap_err().is_io());
}
