//! Directories up and down: only what differs moves, what cannot is told, a second run does the rest.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Request, Response, StatusCode};
use lakefs_sdk::{
    Body, BoxError, Client,
    testing::{BlockStore, Fault, FaultLayer, MemoryLakeFs},
    transfer::{
        Transfer,
        directory::{Action, Compare, Reason},
        progress::{Event, Meter},
    },
};
use tower::{Layer, ServiceExt, service_fn};

use super::tree::{HERE, done, lake, memory, modified, put, tree};

const FILES: &[(&str, &str)] = &[
    ("a.csv", "1"),
    ("deep/er/b.csv", "22"),
    ("deep/empty", ""),
    ("ü b%2F.txt", "333"),
];

/// Every run of a nightly copy would send everything again, and files would come back with the time of the copy.
#[tokio::test]
async fn a_tree_goes_up_and_comes_down_as_it_was_and_only_changes_move() {
    let client = memory().await.unwrap();
    let transfer = client.transfer();
    let root = tree(FILES).unwrap();

    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(report.count(Action::Upload), 4);
    assert_eq!(report.bytes(), 6);
    let stats = client
        .stat_object("lake", "main", "data/a.csv")
        .await
        .unwrap();
    let metadata = stats.metadata.unwrap();
    assert_eq!(metadata["::lakefs::client-mtime"], "1600000000");

    // Again: nothing.
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(done(&report), []);
    assert_eq!(report.to_string(), "4 skipped, 0 failed");

    // A change of the same size is seen by its time.
    put(root.path(), "a.csv", "9", 1_600_000_001).unwrap();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    let change = [("a.csv", Action::Upload, Reason::TimeDiffers)];
    assert_eq!(done(&report), change);

    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("not/there/yet");
    let report = transfer.download_directory(HERE, &target).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    for (path, _) in FILES {
        let (from, to) = (root.path().join(path), target.join(path));
        assert_eq!(fs::read(&from).unwrap(), fs::read(&to).unwrap(), "{path}");
        assert_eq!(modified(&from).unwrap(), modified(&to).unwrap(), "{path}");
    }
    let report = transfer.download_directory(HERE, &target).await.unwrap();
    assert_eq!(done(&report), []);
    let report = transfer.upload_directory(&target, HERE).await.unwrap();
    assert_eq!(done(&report), []);
}

/// What was removed here would come back with the next download.
#[tokio::test]
async fn what_the_source_lacks_is_deleted_only_when_told() {
    let client = memory().await.unwrap();
    let transfer = client.transfer();
    let root = tree(FILES).unwrap();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    client
        .upload_object("lake", "main", "database")
        .body("x")
        .await
        .unwrap();
    let copy = tree(&[("old/er/file", "x"), ("kept.tmp", "x")]).unwrap();

    fs::remove_dir_all(root.path().join("deep")).unwrap();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(done(&report), []);
    let mirror = transfer
        .upload_directory(root.path(), HERE)
        .delete_extraneous(true);
    let plan = mirror.plan().await.unwrap();
    assert_eq!(plan.changes().count(), 2);
    let report = mirror.await.unwrap();
    assert_eq!(
        done(&report),
        [
            ("deep/empty", Action::Delete, Reason::Extraneous),
            ("deep/er/b.csv", Action::Delete, Reason::Extraneous)
        ]
    );
    // A name that begins alike is not below it.
    client
        .stat_object("lake", "main", "database")
        .await
        .unwrap();

    let report = transfer
        .download_directory(HERE, copy.path())
        .exclude("*.tmp")
        .delete_extraneous(true)
        .await
        .unwrap();
    assert_eq!(report.count(Action::Delete), 1);
    assert!(
        !copy.path().join("old").exists(),
        "directories that became empty go too"
    );
    assert!(copy.path().join("kept.tmp").exists());
    assert!(copy.path().join("a.csv").exists());
}

/// Whoever asks what would happen must not make it happen.
#[tokio::test]
async fn a_plan_changes_nothing() {
    let client = memory().await.unwrap();
    let root = tree(FILES).unwrap();
    let upload = client
        .transfer()
        .upload_directory(root.path(), HERE)
        .include("*.csv")
        .exclude("deep");
    let plan = upload.plan().await.unwrap();
    assert_eq!(plan.to_string(), "upload   a.csv (new)\n");
    assert_eq!(plan.bytes(), 1);
    let objects = client
        .list_objects("lake", "main")
        .items()
        .collect()
        .await
        .unwrap();
    assert_eq!(objects, []);
}

/// Tools that touch files without changing them would cause everything to be sent.
#[tokio::test]
async fn by_checksum_a_touched_file_is_the_same_and_a_hidden_change_is_seen() {
    let client = memory().await.unwrap();
    let transfer = client.transfer();
    let root = tree(&[("touched", "one"), ("changed", "two")]).unwrap();
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    put(root.path(), "touched", "one", 1_700_000_000).unwrap();
    put(root.path(), "changed", "owt", 1_600_000_000).unwrap();

    let by_time = transfer
        .upload_directory(root.path(), HERE)
        .plan()
        .await
        .unwrap();
    let changes: Vec<_> = by_time.changes().map(|step| &*step.path).collect();
    assert_eq!(changes, ["touched"]);

    let by_sum = transfer
        .upload_directory(root.path(), HERE)
        .compare(Compare::Checksum);
    let report = by_sum.await.unwrap();
    let change = [("changed", Action::Upload, Reason::ContentDiffers)];
    assert_eq!(done(&report), change);
}

/// Large files are sent in parts, and have a checksum of another kind: they would be sent again with every run.
#[tokio::test]
async fn by_checksum_what_was_sent_in_parts_is_the_same() {
    const MIB: usize = 1024 * 1024;
    let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    let client = Client::new(lakefs);
    lake(&client, "s3://bucket/lake").await.unwrap();
    let content = "0123456789abcde\n".repeat(11 * MIB / 16);
    let root = tree(&[("large", &content)]).unwrap();
    let transfer = client.transfer().part_size(5 * MIB as u64);
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    let stats = client.stat_object("lake", "main", "data/large").await;
    assert!(stats.unwrap().checksum.ends_with("-3"));

    let by_sum = |transfer: &Transfer| {
        let upload = transfer.upload_directory(root.path(), HERE);
        upload.compare(Compare::Checksum)
    };
    put(root.path(), "large", &content, 1_700_000_000).unwrap();
    // Another transfer has other parts.
    for transfer in [&transfer, &client.transfer()] {
        let plan = by_sum(transfer).plan().await.unwrap();
        assert_eq!(plan.changes().count(), 0, "{plan}");
    }
    let changed = content.replacen('a', "b", 1);
    put(root.path(), "large", &changed, 1_700_000_000).unwrap();
    let plan = by_sum(&transfer).plan().await.unwrap();
    assert_eq!(plan.steps[0].reason, Reason::ContentDiffers);
}

/// One bad object must not keep the other thousands from moving, nor be forgotten.
#[tokio::test]
async fn a_path_that_fails_stops_no_other_and_the_next_run_does_the_rest() {
    let lakefs = MemoryLakeFs::new();
    lake(&Client::new(lakefs.clone()), "mem://lake")
        .await
        .unwrap();
    let refusing = Arc::new(Mutex::new(true));
    let refuses = refusing.clone();
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let lakefs = lakefs.clone();
        let refused = *refuses.lock().unwrap()
            && request.method() == http::Method::POST
            && request
                .uri()
                .query()
                .is_some_and(|query| query.contains("b.csv"));
        async move {
            if refused {
                let mut response = Response::new(Body::from(r#"{"message":"no more of this"}"#));
                *response.status_mut() = StatusCode::FORBIDDEN;
                return Ok::<_, BoxError>(response);
            }
            Ok(lakefs.oneshot(request).await?)
        }
    }));
    let root = tree(FILES).unwrap();
    client
        .upload_object("lake", "main", "data/extraneous")
        .body("x")
        .await
        .unwrap();
    let mirror = client
        .transfer()
        .upload_directory(root.path(), HERE)
        .delete_extraneous(true);

    let report = mirror.clone().await.unwrap();
    assert_eq!(report.count(Action::Upload), 3);
    let [failure] = &report.failed[..] else {
        panic!("{report:?}");
    };
    assert_eq!(
        (&*failure.path, failure.action),
        ("deep/er/b.csv", Action::Upload)
    );
    assert!(failure.error.is_permission_denied());
    // Deleting is for runs that succeed.
    let [withheld] = &report.skipped[..] else {
        panic!("{report:?}");
    };
    assert_eq!(
        (&*withheld.path, withheld.reason),
        ("extraneous", Reason::Withheld)
    );
    let error = report.check().unwrap_err();
    assert!(error.is_permission_denied());
    assert_eq!(
        error.to_string(),
        r#"1 of 4 paths failed, the first is "deep/er/b.csv""#
    );

    *refusing.lock().unwrap() = false;
    let report = mirror.await.unwrap();
    assert!(report.is_complete());
    assert_eq!(
        done(&report),
        [
            ("deep/er/b.csv", Action::Upload, Reason::New),
            ("extraneous", Action::Delete, Reason::Extraneous)
        ]
    );
}

/// An object named `../../.ssh/authorized_keys` must not be written there, nor through a link that points there.
#[cfg(unix)]
#[tokio::test]
async fn objects_never_leave_the_directory_and_links_are_not_followed() {
    let client = memory().await.unwrap();
    let outside = tree(&[]).unwrap();
    let root = tree(&[]).unwrap();
    for path in ["../out", "a//b", "link/x", "link2", "dir/", "full/", "good"] {
        let path = format!("data/{path}");
        client
            .upload_object("lake", "main", &*path)
            .body(if path.ends_with("dir/") { "" } else { "x" })
            .await
            .unwrap();
    }
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    let target = outside.path().join("target");
    std::os::unix::fs::symlink(&target, root.path().join("link2")).unwrap();

    let report = client
        .transfer()
        .download_directory(HERE, root.path())
        .await
        .unwrap();
    assert_eq!(done(&report), [("good", Action::Download, Reason::New)]);
    let problems: Vec<_> = report.problems().map(|step| &*step.path).collect();
    assert_eq!(problems, ["../out", "a//b", "full/", "link/x", "link2"]);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);

    // And back: the links are told, not followed, and what is behind them is not taken for deleted.
    let report = client
        .transfer()
        .upload_directory(root.path(), HERE)
        .delete_extraneous(true)
        .await
        .unwrap();
    let deleted: Vec<_> = report.done.iter().map(|step| &*step.path).collect();
    assert_eq!(deleted, ["../out", "a//b", "full/"]);
    let problems: Vec<_> = report.problems().map(|step| &*step.path).collect();
    assert_eq!(problems, ["link", "link2"]);
}

/// O22: a directory of large files must take no more memory than one of them would.
#[tokio::test]
async fn a_directory_has_no_more_under_way_than_one_object_would() {
    let lakefs = MemoryLakeFs::new();
    lake(&Client::new(lakefs.clone()), "mem://lake")
        .await
        .unwrap();
    let now = Arc::new(AtomicUsize::new(0));
    let peak = Arc::new(AtomicUsize::new(0));
    let (under_way, highest) = (now.clone(), peak.clone());
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let (lakefs, now, peak) = (lakefs.clone(), under_way.clone(), highest.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let answer = lakefs.oneshot(request).await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer
        }
    }));
    let names: Vec<_> = (0..40).map(|number| format!("{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let root = tree(&files).unwrap();

    let transfer = client.transfer().concurrency(3);
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert_eq!(report.count(Action::Upload), 40);
    assert_eq!(peak.load(Ordering::SeqCst), 3);

    // Files of two parts each: one and a half of them fit, so it is one at a time.
    let large = tree(&[]).unwrap();
    for name in ["a", "b", "c"] {
        let file = fs::File::create(large.path().join(name)).unwrap();
        file.set_len(6 * 1024 * 1024).unwrap();
    }
    peak.store(0, Ordering::SeqCst);
    let transfer = transfer.part_size(5 * 1024 * 1024);
    let report = transfer.upload_directory(large.path(), HERE).await.unwrap();
    assert_eq!(report.count(Action::Upload), 3);
    assert_eq!(peak.load(Ordering::SeqCst), 1);
}

/// A bar that never reaches its end, or passes it, is worse than none.
#[tokio::test]
async fn events_add_up_to_what_was_planned() {
    let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
    let client = Client::new(lakefs);
    lake(&client, "s3://bucket/lake").await.unwrap();
    let root = tree(FILES).unwrap();
    let large = fs::File::create(root.path().join("large")).unwrap();
    large.set_len(11 * 1024 * 1024).unwrap();
    let copy = tree(&[]).unwrap();

    for down in [false, true] {
        let meter = Arc::new(Meter::new());
        let started = Arc::new(Mutex::new(Vec::new()));
        let (counting, starts) = (meter.clone(), started.clone());
        let transfer = client
            .transfer()
            .part_size(5 * 1024 * 1024)
            .progress(move |event| {
                counting.record(event);
                if let Event::ObjectStarted { path, bytes } = event {
                    starts.lock().unwrap().push(((*path).to_owned(), *bytes));
                }
            });
        let report = match down {
            false => transfer.upload_directory(root.path(), HERE).await,
            true => transfer.download_directory(HERE, copy.path()).await,
        };
        assert!(report.unwrap().is_complete());

        let totals = meter.totals();
        assert_eq!(
            (totals.planned_objects, totals.done, totals.failed),
            (5, 5, 0)
        );
        assert_eq!(totals.bytes, totals.planned_bytes, "down: {down}");
        assert_eq!(totals.fraction(), Some(1.0));
        let started = started.lock().unwrap();
        assert_eq!(started.len(), 5);
        assert!(started.contains(&("data/a.csv".to_owned(), Some(1))));
    }
    // What went up by presigned URLs and in parts has kept its time as well.
    let again = client.transfer().upload_directory(root.path(), HERE);
    assert!(again.plan().await.unwrap().is_empty());
}

/// Bytes that were sent in vain would carry a bar beyond its end.
#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_told_and_counted_once() {
    let faults =
        FaultLayer::new(1).script_on("uploadObject", [Some(Fault::StatusAfter { status: 503 })]);
    let client = Client::new(faults.layer(MemoryLakeFs::new()));
    lake(&client, "mem://lake").await.unwrap();
    let root = tree(&[]).unwrap();
    let file = fs::File::create(root.path().join("large")).unwrap();
    file.set_len(1_000_000).unwrap();

    let meter = Arc::new(Meter::new());
    let counting = meter.clone();
    let transfer = client
        .transfer()
        .progress(move |event| counting.record(event));
    let report = transfer.upload_directory(root.path(), HERE).await.unwrap();
    assert!(report.is_complete());
    let totals = meter.totals();
    assert_eq!((totals.bytes, totals.retries), (1_000_000, 1));
}

/// A typo must be told before anything is sent.
#[tokio::test]
async fn what_is_wrong_for_all_is_an_error() {
    let client = memory().await.unwrap();
    let transfer = client.transfer();
    let root = tree(&[]).unwrap();
    for (wrong, message) in [
        (
            transfer.upload_directory(root.path(), "s3://lake/main"),
            "lakefs://",
        ),
        (
            transfer.upload_directory(root.path(), HERE).include("a["),
            "`include`",
        ),
        (
            transfer.upload_directory(root.path().join("absent"), HERE),
            "cannot be read",
        ),
    ] {
        let error = wrong.await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let error = transfer
        .download_directory("lakefs://lake/absent/", root.path())
        .await
        .unwrap_err();
    assert!(error.is_not_found());
}
