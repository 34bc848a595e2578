//! What is in the way: files where directories have to be, names that are none, times that are none.

use std::{fs, time::UNIX_EPOCH};

use lakefs_sdk::{
    testing::MemoryLakeFs,
    transfer::directory::{Action, Reason},
};

use super::{
    lake::{Fate, Lake},
    tree::{HERE, done, failed, memory, modified, objects, put, skipped, tree, write},
};

/// A table that became a directory of tables, and the reverse: the mirror of it never got there.
#[tokio::test]
async fn a_file_becomes_a_directory_and_the_reverse() {
    let client = memory().await.unwrap();
    write(&client, "data/a/b/c", "1").await;
    write(&client, "data/d", "2").await;
    let root = tree(&[("a", "x"), ("d/e/f", "x"), ("d/g", "x")]).unwrap();
    fs::create_dir_all(root.path().join("d/empty/too")).unwrap();
    let download = client.transfer().download_directory(HERE, root.path());

    let report = download.clone().await.unwrap();
    assert_eq!(done(&report), []);
    assert_eq!(
        skipped(&report),
        [("a/b/c", Reason::InTheWay), ("d", Reason::InTheWay)]
    );
    assert!(!report.is_complete());

    let report = download.clone().delete_extraneous(true).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(
        done(&report),
        [
            ("a", Action::Delete, Reason::InTheWay),
            ("a/b/c", Action::Download, Reason::New),
            ("d", Action::Download, Reason::New),
            ("d/e/f", Action::Delete, Reason::InTheWay),
            ("d/g", Action::Delete, Reason::InTheWay),
        ]
    );
    assert_eq!(fs::read(root.path().join("d")).unwrap(), b"2");
    assert!(download.plan().await.unwrap().is_empty());

    // Up, there is nothing in the way: lakeFS has no directories.
    let back = tree(&[("a", "x"), ("d/e", "x")]).unwrap();
    let upload = client.transfer().upload_directory(back.path(), HERE);
    let report = upload.delete_extraneous(true).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(objects(&client, "main").await, ["data/a", "data/d/e"]);
}

/// What was left out of the comparison is not to be deleted for an object's sake.
#[tokio::test]
async fn a_directory_with_something_excluded_in_it_stays() {
    let client = memory().await.unwrap();
    write(&client, "data/a", "1").await;
    write(&client, "data/b", "2").await;
    let root = tree(&[("a/mine.txt", "x")]).unwrap();
    let download = client.transfer().download_directory(HERE, root.path());

    let report = download
        .exclude("*.txt")
        .delete_extraneous(true)
        .await
        .unwrap();
    assert_eq!(failed(&report), ["a"]);
    let message = report.failed[0].to_string();
    assert!(
        message.contains("is a directory, and not empty"),
        "{message}"
    );
    assert_eq!(done(&report), [("b", Action::Download, Reason::New)]);
    assert!(root.path().join("a/mine.txt").exists());
}

/// lakectl, the console and Hadoop mark directories; a marker is no file, and data under such a name is not nothing.
#[tokio::test]
async fn markers_of_directories_are_passed_over_and_data_is_not() {
    let client = memory().await.unwrap();
    for (path, content) in [("data/", ""), ("data/m/", ""), ("data/f/", "x")] {
        write(&client, path, content).await;
    }
    let root = tree(&[]).unwrap();
    let transfer = client.transfer();

    let download = transfer.download_directory(HERE, root.path());
    let report = download.await.unwrap();
    assert_eq!(
        skipped(&report),
        [
            ("f/", Reason::UnsafeName("ends in a slash")),
            ("m/", Reason::DirectoryMarker),
        ]
    );
    let problems: Vec<_> = report.problems().map(|step| &*step.path).collect();
    assert_eq!(problems, ["f/"]);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);

    let mirror = transfer.upload_directory(root.path(), HERE);
    let report = mirror.delete_extraneous(true).await.unwrap();
    assert_eq!(done(&report), [("f/", Action::Delete, Reason::Extraneous)]);
    assert_eq!(objects(&client, "main").await, ["data/", "data/m/"]);
}

/// A name that is no file's is told before gigabytes are fetched for it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn names_that_are_too_long_are_told_before_anything_is_fetched() {
    let (lake, client) = Lake::over(MemoryLakeFs::new(), "mem://lake", |_| Fate::Arrives).await;
    let fits = "f".repeat(255);
    let long = "l".repeat(256);
    for name in [&fits, &long] {
        write(&client, &format!("data/{name}"), "x").await;
    }
    let root = tree(&[]).unwrap();
    let report = client.transfer().download_directory(HERE, root.path());
    let report = report.await.unwrap();
    assert_eq!(done(&report), [(&*fits, Action::Download, Reason::New)]);
    assert_eq!(
        skipped(&report),
        [(
            &*long,
            Reason::UnsafeName("has a part that is too long for a name")
        )]
    );
    assert_eq!(lake.count("getObject"), 1);

    // Up: a path that lakeFS does not take. The others go.
    let deep: Vec<_> = (0..5).map(|_| "d".repeat(250)).collect();
    put(root.path(), &deep.join("/"), "x", 1).unwrap();
    let upload = client.transfer().upload_directory(root.path(), HERE);
    let report = upload.await.unwrap();
    assert_eq!(failed(&report), [deep.join("/")]);
    assert!(report.failed[0].error.is_invalid_input());
}

/// Names that only a careless program takes for something else: all of them are files here, and come back as they were.
#[cfg(unix)]
#[tokio::test]
async fn names_of_all_kinds_go_up_and_come_down() {
    let client = memory().await.unwrap();
    let names = [
        "a b",
        " a",
        "a ",
        "a.",
        ".a",
        "..a",
        "100%",
        "%2F",
        "a+b",
        "a#b",
        "a?b=c&d",
        "a\\b",
        "C:",
        "con",
        "~",
        "-rf",
        "*",
        "[x]",
        "\"'`$(x)",
        "a\nb",
        "\u{1b}[2J",
        "ü",
        "u\u{308}",
        "日本/é",
        "😀",
        "Abc",
        "%41bc",
    ];
    let files: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    let root = tree(&files).unwrap();
    let copy = tree(&[]).unwrap();
    let transfer = client.transfer();

    let upload = transfer.upload_directory(root.path(), HERE);
    assert!(upload.await.unwrap().is_complete());
    let download = transfer.download_directory(HERE, copy.path());
    let report = download.await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.count(Action::Download), names.len());
    for name in names {
        let found = fs::read_to_string(copy.path().join(name)).unwrap();
        assert_eq!(found, name);
    }
}

/// Anybody can write anything into an object's metadata. A file's time is no reason to fail, nor to copy every night.
#[tokio::test]
async fn times_that_are_none_give_way_to_the_objects_own() {
    let client = memory().await.unwrap();
    let times = [
        ("before", Some("-86401"), Some(-86_401)),
        ("epoch", Some("0"), Some(0)),
        ("absent", None, None),
        ("garbage", Some("yesterday"), None),
        ("fraction", Some("1600000000.5"), None),
        ("empty", Some(""), None),
        ("absurd", Some("9223372036854775807"), None),
        ("beyond", Some("99999999999999999999"), None),
    ];
    for (path, time, _) in times {
        let transfer = client.transfer();
        let upload = transfer.upload("lake", "main", format!("data/{path}"));
        let upload = upload.body("x");
        match time {
            Some(time) => upload.metadata("::lakefs::client-mtime", time).await,
            None => upload.await,
        }
        .unwrap();
    }
    let root = tree(&[]).unwrap();
    let download = client.transfer().download_directory(HERE, root.path());

    let report = download.clone().await.unwrap();
    report.check().unwrap();
    for (path, _, expected) in times {
        let stats = client.stat_object("lake", "main", format!("data/{path}"));
        let expected = expected.unwrap_or(stats.await.unwrap().mtime.as_second());
        let found = modified(&root.path().join(path)).unwrap();
        let found = match found.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_secs() as i64,
            Err(before) => -(before.duration().as_secs() as i64),
        };
        assert_eq!(found, expected, "{path}");
    }
    assert!(download.plan().await.unwrap().is_empty());
}

/// What is behind a link is not known: it was taken for deleted where the link itself was not asked for.
#[cfg(unix)]
#[tokio::test]
async fn a_link_hides_what_is_behind_it_whatever_is_included() {
    let client = memory().await.unwrap();
    write(&client, "data/link/a.csv", "x").await;
    write(&client, "data/b.csv", "x").await;
    let (root, outside) = (tree(&[]).unwrap(), tree(&[("a.csv", "x")]).unwrap());
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    let transfer = client.transfer();

    let mirror = transfer.upload_directory(root.path(), HERE);
    let mirror = mirror.include("*.csv").delete_extraneous(true);
    let report = mirror.await.unwrap();
    assert_eq!(
        done(&report),
        [("b.csv", Action::Delete, Reason::Extraneous)]
    );

    let download = transfer.download_directory(HERE, root.path());
    let report = download.include("*.csv").await.unwrap();
    assert_eq!(skipped(&report), [("link/a.csv", Reason::SymbolicLink)]);
}
