//! What is answered from the file.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
};

use http::Request;
use lakefs_sdk::{
    Body, Client,
    api::branches::GetBranch,
    models::{CommitCreation, RepositoryCreation},
    testing::{Cassette, MemoryLakeFs, MockTransport, cassette::Mode},
};
use serde_json::json;

use super::{Folder, work};
use crate::support::scripted::Scripted;

/// What is replayed must be what was recorded, or the test tests something else: bytes, lengths, headers, errors.
#[tokio::test]
async fn what_is_replayed_is_what_was_recorded() {
    let folder = Folder::new();
    let client = Client::new(Cassette::record(folder.file(), MemoryLakeFs::new()));
    let recorded = work(&client).await;
    assert!(!folder.file().exists());
    drop(client);

    let cassette = Cassette::replay(folder.file()).unwrap();
    assert_eq!(work(&Client::new(cassette.clone())).await, recorded);
    cassette.verify();
    let loose = Cassette::replay(folder.file()).unwrap().loose();
    let client = Client::new(loose);
    assert_eq!(work(&client).await, recorded);
    assert_eq!(work(&client).await.last(), recorded.last());
}

/// "Not found" sends people to compare two files by eye.
#[tokio::test]
async fn a_request_that_was_not_recorded_is_told_apart_from_the_nearest() {
    let folder = Folder::new();
    let client = Client::new(Cassette::record(folder.file(), MemoryLakeFs::new()));
    work(&client).await;
    drop(client);

    let cassette = Cassette::replay(folder.file()).unwrap();
    let client = Client::new(cassette.clone());
    let body = RepositoryCreation::new("pond", "mem://lake");
    let error = client.create_repository(body).await.unwrap_err();
    assert!(
        error.is_invalid_input() && error.attempts() == 1,
        "{error:?}"
    );
    let said = r#"the next interaction is 1, POST /api/v1/repositories: body.name: expected "lake", got "pond""#;
    assert!(error.message().ends_with(said), "{error}");
    let panic = catch_unwind(AssertUnwindSafe(|| cassette.verify())).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("got \"pond\"")
    );

    let client = Client::new(Cassette::replay(folder.file()).unwrap().loose());
    let error = client
        .get_object("lake", "draft", "a.json")
        .range("bytes=5-")
        .await
        .unwrap_err();
    let said = r#"range: expected "bytes=4-", got "bytes=5-""#;
    assert!(
        error.message().contains("the nearest interaction is")
            && error.message().contains("range: expected"),
        "{error} {said}"
    );
    let cassette = Cassette::replay(folder.file()).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| cassette.verify())).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("never asked for")
    );
}

/// The order of a recording is part of what it says, and concurrent code has none.
#[tokio::test]
async fn strictly_the_order_counts_and_loosely_it_does_not() {
    let folder = Folder::new();
    let lakefs = MemoryLakeFs::new();
    let client = Client::new(lakefs.clone());
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await
        .unwrap();
    let client = Client::new(Cassette::record(folder.file(), lakefs));
    client.get_repository("lake").await.unwrap();
    client.get_branch("lake", "main").await.unwrap();
    drop(client);

    let strict = Client::new(Cassette::replay(folder.file()).unwrap());
    strict.get_branch("lake", "main").await.unwrap_err();
    let loose = Client::new(Cassette::replay(folder.file()).unwrap().loose());
    for _ in 0..2 {
        loose.get_branch("lake", "main").await.unwrap();
    }
    loose.get_repository("lake").await.unwrap();
}

/// Failures and retries are part of what happened.
#[tokio::test(start_paused = true)]
async fn failures_and_retries_are_recorded_and_played() {
    let folder = Folder::new();
    let ok = json!({ "id": "main", "commit_id": "c" });
    let lakefs = Scripted::new()
        .refused()
        .status(503, "busy")
        .json(&ok)
        .reset();
    let run = async |cassette: Cassette| {
        let client = Client::new(cassette);
        let branch = client.get_branch("lake", "main").send_response().await;
        let commit = client.commit("lake", "main", CommitCreation::new("m"));
        let error = commit.await.unwrap_err();
        let branch = branch.unwrap();
        (
            branch.attempts,
            branch.data,
            error.kind(),
            error.may_have_taken_effect(),
        )
    };
    let recorded = run(Cassette::record(folder.file(), lakefs)).await;
    let cassette = Cassette::replay(folder.file()).unwrap();
    assert_eq!(run(cassette.clone()).await, recorded);
    assert_eq!((recorded.0, recorded.3), (3, true));
    cassette.verify();
}

/// One variable decides for all tests, and a typo in it does not silently go to the network.
#[tokio::test]
async fn the_mode_says_what_happens() {
    let mode = |text: &str| Mode::parse(Some(text.as_ref()));
    assert_eq!(Mode::parse(None).unwrap(), Mode::Replay);
    for (text, expected) in [
        ("", Mode::Replay),
        ("replay", Mode::Replay),
        ("record", Mode::Record),
        (" auto", Mode::Auto),
        ("off", Mode::Off),
    ] {
        assert_eq!(mode(text).unwrap(), expected);
    }
    let error = mode("rec").unwrap_err();
    assert!(
        error.message().contains("`LAKEFS_CASSETTE` is \"rec\""),
        "{error}"
    );

    let folder = Folder::new();
    let lakefs = MockTransport::new();
    lakefs
        .on::<GetBranch>()
        .reply_json(json!({ "id": "main", "commit_id": "c" }))
        .times(2);
    let open = |mode| Cassette::open(folder.file(), mode, lakefs.clone());
    let error = open(Mode::Replay).unwrap_err();
    assert!(
        error.is_invalid_input() && error.message().contains("LAKEFS_CASSETTE=record"),
        "{error}"
    );
    for mode in [Mode::Off, Mode::Auto, Mode::Auto, Mode::Replay] {
        let client = Client::new(open(mode).unwrap());
        client.get_branch("lake", "main").await.unwrap();
        drop(client);
        assert_eq!(folder.file().exists(), mode != Mode::Off);
    }
}

/// A file that was edited wrongly is named.
#[test]
fn a_file_that_is_no_cassette_is_refused() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    for (text, said) in [
        ("{", "is not valid"),
        (r#"{"version":2,"interactions":[]}"#, "has version 2"),
    ] {
        fs::write(folder.file(), text).unwrap();
        let error = Cassette::replay(folder.file()).unwrap_err();
        assert!(
            error.message().contains(said) && error.message().contains("tape.json"),
            "{error}"
        );
    }
}

/// A cassette is not only for operations.
#[tokio::test]
async fn a_request_of_no_operation_is_recorded_too() {
    let folder = Folder::new();
    let send = async |cassette: Cassette| {
        let request = Request::post("/elsewhere").header("content-type", "text/plain");
        let request = request.body(Body::from("a\nb")).unwrap();
        tower::ServiceExt::oneshot(cassette, request)
            .await
            .unwrap()
            .status()
    };
    let status = send(Cassette::record(
        folder.file(),
        Scripted::new().status(202, "ok"),
    ))
    .await;
    assert_eq!(send(Cassette::replay(folder.file()).unwrap()).await, status);
}
