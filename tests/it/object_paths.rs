//! Object paths: every one arrives as it was given, and no two become one.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::collections::BTreeSet;

use lakefs_sdk::{
    Client,
    models::RepositoryCreation,
    testing::{MemoryLakeFs, ServedLakeFs},
};

/// Paths that somebody's client has encoded twice, not at all, or normalised.
fn paths() -> Vec<String> {
    let listed = [
        "mäggi.png",
        "a%20b",
        "a b",
        "100%",
        "a+b c",
        "[x]",
        "q?x=1&y#z",
        "%41bc",
        "Abc",
        "abc",
        "日本/\u{e9}",
        "日本/e\u{301}",
        "/leading",
        "trailing/",
        "double//slash",
        "dots/./and/../more",
        "..",
        ".",
        " ",
        "%2F",
        "%",
        "%zz",
        "back\\slash",
        "quo\"te'`",
        "semi;colon,comma=equals",
        "tab\tnew\nline",
        "{path}",
        "~tilde*star!$()",
        "🦆",
        "lakefs://repo/main/a",
    ];
    let mut paths: Vec<_> = listed.map(str::to_owned).into();
    paths.push("x".repeat(1_024));
    // As long, and longer on the wire: three bytes a byte.
    paths.push("é".repeat(512));
    paths
}

async fn lake() -> (ServedLakeFs, Client) {
    let served = MemoryLakeFs::new().serve("127.0.0.1:0").await.unwrap();
    let client = Client::builder().endpoint(served.url()).build().unwrap();
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await
        .unwrap();
    (served, client)
}

/// O5: `ä` stored as `%25C3%25A4`, or `%41bc` and `Abc` stored as one object, is data that nobody finds again.
#[tokio::test]
async fn every_path_is_put_found_listed_read_and_deleted_as_it_was_given() {
    let (_served, client) = lake().await;
    let paths = paths();

    for path in &paths {
        let stats = client
            .upload_object("lake", "main", path)
            .body(format!("contents of {path}"))
            .await
            .unwrap();
        assert_eq!(stats.path, *path);
    }

    let listed: Vec<_> = client
        .list_objects("lake", "main")
        .amount(7)
        .items()
        .collect()
        .await
        .unwrap();
    let listed: Vec<_> = listed.into_iter().map(|object| object.path).collect();
    let expected: BTreeSet<_> = paths.iter().cloned().collect();
    assert_eq!(expected.len(), paths.len(), "the test's own paths differ");
    assert_eq!(
        listed,
        Vec::from_iter(expected),
        "all of them, in the order of their bytes"
    );

    for path in &paths {
        let stats = client.stat_object("lake", "main", path).await.unwrap();
        assert_eq!(stats.path, *path);
        client.head_object("lake", "main", path).await.unwrap();
        let contents = client
            .get_object("lake", "main", path)
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(contents, format!("contents of {path}"));
        let found = client
            .list_objects("lake", "main")
            .prefix(path)
            .items()
            .collect()
            .await
            .unwrap();
        assert!(found.iter().any(|object| object.path == *path), "{path:?}");
        assert!(
            found
                .iter()
                .all(|object| object.path.starts_with(path.as_str())),
            "{path:?}"
        );
    }

    for (deleted, path) in paths.iter().enumerate() {
        client.delete_object("lake", "main", path).await.unwrap();
        assert!(
            client
                .stat_object("lake", "main", path)
                .await
                .unwrap_err()
                .is_not_found(),
            "{path:?}"
        );
        let left = client
            .list_objects("lake", "main")
            .amount(1_000)
            .await
            .unwrap();
        assert_eq!(
            left.results.len(),
            paths.len() - deleted - 1,
            "only {path:?} is gone"
        );
    }
}

/// O5: two spellings of `é` are two objects: a file system that normalises is no excuse to lose one of them.
#[tokio::test]
async fn composed_and_decomposed_letters_are_two_objects() {
    let (_served, client) = lake().await;
    client
        .upload_object("lake", "main", "\u{e9}")
        .body("composed")
        .await
        .unwrap();
    client
        .upload_object("lake", "main", "e\u{301}")
        .body("decomposed")
        .await
        .unwrap();

    client
        .delete_object("lake", "main", "\u{e9}")
        .await
        .unwrap();

    let left = client.get_object("lake", "main", "e\u{301}").await.unwrap();
    assert_eq!(left.text().await.unwrap(), "decomposed");
}

/// Paths in a document are no less exact than those in a URL.
#[tokio::test]
async fn a_bulk_deletion_takes_paths_as_they_are() {
    let (_served, client) = lake().await;
    let paths = paths();
    for path in &paths {
        client
            .upload_object("lake", "main", path)
            .body("x")
            .await
            .unwrap();
    }
    let (gone, kept) = paths.split_at(paths.len() / 2);

    let errors = client
        .delete_objects("lake", "main", lakefs_sdk::models::PathList::new(gone))
        .await
        .unwrap();

    assert!(errors.errors.is_empty(), "{errors:?}");
    let left = client
        .list_objects("lake", "main")
        .items()
        .collect()
        .await
        .unwrap();
    let left: BTreeSet<_> = left.into_iter().map(|object| object.path).collect();
    assert_eq!(left, kept.iter().cloned().collect());
}

/// A repository, a branch or a tag with odd letters is one path segment, and stays one.
#[tokio::test]
async fn a_name_is_one_segment_whatever_is_in_it() {
    use crate::support::scripted::Scripted;

    for (name, encoded) in [
        ("feat/ünï+x", "feat%2F%C3%BCn%C3%AF%2Bx"),
        ("main~1", "main~1"),
        ("main^2", "main%5E2"),
        ("a%2Fb", "a%252Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b", "a%20b"),
    ] {
        let transport = Scripted::new().status(404, "");
        let _ = Client::new(transport.clone())
            .get_branch("lake", name)
            .await;
        let path = transport.sent()[0].uri.path().to_owned();
        assert_eq!(
            path,
            format!("/api/v1/repositories/lake/branches/{encoded}")
        );
    }
    for name in [".", "..", ""] {
        let transport = Scripted::new();
        let error = Client::new(transport.clone())
            .get_branch("lake", name)
            .await
            .unwrap_err();
        assert!(error.is_invalid_input(), "{name:?}: {error}");
        assert!(error.message().contains("`branch`"), "{error}");
        assert!(transport.sent().is_empty());
    }
}
