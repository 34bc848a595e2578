//! What a URI takes in, and what it may stand for: branches, tags and commits, prefixes and their boundaries.

use http::{Request, Response, StatusCode};
use lakefs_sdk::{
    Body, BoxError, Client, Result,
    models::{BranchCreation, CommitCreation, TagCreation},
    operation::OperationMeta,
    testing::MemoryLakeFs,
    transfer::directory::{Action, Reason},
};
use tower::{ServiceExt, service_fn};

use super::{
    lake::{Fate, Lake, response},
    tree::{HERE, done, failed, lake, memory, objects, tree, write},
};

async fn quiet() -> (Lake, Client) {
    Lake::over(MemoryLakeFs::new(), "mem://lake", |_| Fate::Arrives).await
}

async fn commit(client: &Client) -> Result<String> {
    let commit = client.commit("lake", "main", CommitCreation::new("step"));
    Ok(commit.await?.id)
}

/// Who asks for a tag must not get what came after it, and who asks for a branch gets what nobody committed yet.
#[tokio::test]
async fn every_kind_of_ref_is_a_source() {
    let client = memory().await.unwrap();
    write(&client, "data/a", "old").await;
    let first = commit(&client).await.unwrap();
    let tag = client.create_tag("lake", TagCreation::new("v1", "main"));
    tag.await.unwrap();
    write(&client, "data/a", "newer").await;
    commit(&client).await.unwrap();
    write(&client, "data/a", "uncommitted").await;

    for (reference, expected) in [
        (&*first, "old"),
        ("v1", "old"),
        ("main~1", "old"),
        ("main@", "newer"),
        ("main", "uncommitted"),
    ] {
        let root = tree(&[]).unwrap();
        let from = format!("lakefs://lake/{reference}/data");
        let download = client.transfer().download_directory(&*from, root.path());
        assert!(download.await.unwrap().is_complete());
        let found = std::fs::read_to_string(root.path().join("a")).unwrap();
        assert_eq!(found, expected, "{reference}");
    }
}

/// Ten thousand files would each be sent and refused; and to delete nothing would be told as success.
#[tokio::test]
async fn a_destination_that_is_no_branch_is_refused_before_anything_is_sent() {
    let (lake, client) = quiet().await;
    write(&client, "data/a", "x").await;
    commit(&client).await.unwrap();
    let tag = client.create_tag("lake", TagCreation::new("v1", "main"));
    tag.await.unwrap();
    let root = tree(&[("b", "x")]).unwrap();
    let transfer = client.transfer();
    let before = lake.operations().len();

    let mirror = || {
        let upload = transfer.upload_directory(root.path(), "lakefs://lake/v1/data");
        upload.delete_extraneous(true)
    };
    let errors = [
        mirror().plan().await.unwrap_err(),
        mirror().await.unwrap_err(),
        transfer
            .copy_recursive(HERE, "lakefs://lake/v1/copy")
            .await
            .unwrap_err(),
        transfer
            .delete_recursive("lakefs://lake/v1/data")
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_not_found());
        assert_eq!(
            error.to_string(),
            r#""v1" is no branch of "lake", and only branches can be changed"#
        );
    }
    let sent = lake.operations().split_off(before);
    assert!(sent.iter().all(|&sent| sent == "getBranch"), "{sent:?}");
}

/// A key that may write objects and nothing else is how a careful team lets a job upload.
#[tokio::test]
async fn who_may_not_look_at_branches_uploads_all_the_same() {
    let refuse = |sent: &super::lake::Sent| match sent.operation {
        "getBranch" => Fate::Early(response(403, r#"{"message":"no"}"#)),
        _ => Fate::Arrives,
    };
    let (_, client) = Lake::over(MemoryLakeFs::new(), "mem://lake", refuse).await;
    let root = tree(&[("a", "x")]).unwrap();
    let upload = client.transfer().upload_directory(root.path(), HERE);

    let report = upload.clone().await.unwrap();
    assert_eq!(done(&report), [("a", Action::Upload, Reason::New)]);
    // Nobody knows what it is that would be deleted from.
    let error = upload.delete_extraneous(true).await.unwrap_err();
    assert!(error.is_permission_denied());
}

/// `data` is not `data2`: a copy would take too much, and a deletion too.
#[tokio::test]
async fn a_prefix_ends_at_its_slash() {
    let client = memory().await.unwrap();
    for path in ["data", "data/in", "data.csv", "data2/out", "dat"] {
        write(&client, path, "x").await;
    }
    let transfer = client.transfer();
    let root = tree(&[("old", "x")]).unwrap();

    for from in [HERE, "lakefs://lake/main/data/"] {
        let download = transfer.download_directory(from, root.path());
        let report = download.delete_extraneous(true).await.unwrap();
        assert!(report.is_complete());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }
    let copy = transfer.copy_recursive(HERE, "lakefs://lake/main/copy");
    assert_eq!(done(&copy.await.unwrap()).len(), 1);
    let delete = transfer.delete_recursive(HERE);
    assert_eq!(done(&delete.await.unwrap()).len(), 1);
    assert_eq!(
        objects(&client, "main").await,
        ["copy/in", "dat", "data", "data.csv", "data2/out"]
    );
}

#[tokio::test]
async fn the_root_of_a_branch_is_a_place_like_any_other() {
    let client = memory().await.unwrap();
    let transfer = client.transfer();
    let root = tree(&[("a", "1"), ("b/c", "2")]).unwrap();
    let copy = tree(&[("extraneous", "3")]).unwrap();

    let upload = transfer.upload_directory(root.path(), "lakefs://lake/main");
    assert!(upload.await.unwrap().is_complete());
    assert_eq!(objects(&client, "main").await, ["a", "b/c"]);
    let report = transfer
        .download_directory("lakefs://lake/main/", copy.path())
        .delete_extraneous(true)
        .await
        .unwrap();
    assert_eq!(
        report.to_string(),
        "2 downloaded, 1 deleted, 0 skipped, 0 failed"
    );
    let branch = client.create_branch("lake", BranchCreation::new("other", "main"));
    branch.await.unwrap();
    let report = transfer
        .copy_recursive("lakefs://lake/main/", "lakefs://lake/other/")
        .await
        .unwrap();
    // Neither the one nor the other has anything committed: the branch was empty.
    assert_eq!(report.count(Action::Copy), 2);
    let report = transfer.delete_recursive("lakefs://lake/main/").await;
    assert_eq!(report.unwrap().count(Action::Delete), 2);
    // An empty branch is there, and has nothing.
    let mirror = transfer.download_directory("lakefs://lake/main/", copy.path());
    assert_eq!(mirror.plan().await.unwrap().changes().count(), 0);
}

/// With a slip of the pen in the URI, a mirror deleted all that was here.
#[tokio::test]
async fn a_source_that_is_not_there_is_an_error_and_deletes_nothing() {
    let client = memory().await.unwrap();
    write(&client, "data/a", "x").await;
    write(&client, "single", "x").await;
    write(&client, "empty/", "").await;
    let transfer = client.transfer();
    let root = tree(&[("kept", "x")]).unwrap();
    let mirror = |from: &'static str| {
        let download = transfer.download_directory(from, root.path());
        download.delete_extraneous(true)
    };

    let error = mirror("lakefs://lake/main/dta").await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        r#"there is no object below the path "dta/""#
    );
    let error = mirror("lakefs://lake/main/single").await.unwrap_err();
    assert!(error.is_invalid_input());
    assert!(
        error.to_string().contains("`Transfer::download`"),
        "{error}"
    );
    let copy = transfer.copy_recursive("lakefs://lake/main/dta", "lakefs://lake/main/x");
    assert!(copy.await.unwrap_err().is_not_found());
    assert!(root.path().join("kept").exists());

    // What is filtered out is there, and so is a directory that has a marker.
    let report = mirror(HERE).include("*.csv").await.unwrap();
    assert_eq!(done(&report), []);
    let report = mirror("lakefs://lake/main/empty").await.unwrap();
    assert_eq!(report.count(Action::Delete), 1);
}

/// What a mirror leaves out must survive it on the other side too.
#[tokio::test]
async fn what_is_excluded_is_not_deleted_either() {
    let client = memory().await.unwrap();
    for path in [
        "data/_SUCCESS",
        "data/tmp/x",
        "data/old.csv",
        "data/old.txt",
    ] {
        write(&client, path, "x").await;
    }
    let root = tree(&[("new.csv", "x")]).unwrap();
    let report = client
        .transfer()
        .upload_directory(root.path(), HERE)
        .include("*.csv")
        .include("_SUCCESS")
        .exclude("_*")
        .exclude("tmp/")
        .delete_extraneous(true)
        .await
        .unwrap();
    assert_eq!(
        done(&report),
        [
            ("new.csv", Action::Upload, Reason::New),
            ("old.csv", Action::Delete, Reason::Extraneous)
        ]
    );
    assert!(failed(&report).is_empty());
}

/// A server that refuses a path under another name than it was asked for has refused one all the same.
#[tokio::test]
async fn a_refusal_of_a_path_that_was_not_asked_for_is_not_lost() {
    let lakefs = MemoryLakeFs::new();
    let plain = Client::new(lakefs.clone());
    lake(&plain, "mem://lake").await.unwrap();
    write(&plain, "data/a", "x").await;
    let client = Client::new(service_fn(move |request: Request<Body>| {
        let lakefs = lakefs.clone();
        async move {
            if OperationMeta::of(&request).map(|meta| meta.id) != Some("deleteObjects") {
                return Ok::<_, BoxError>(lakefs.oneshot(request).await?);
            }
            let list = r#"{"errors":[{"path":"/data/a","status_code":403,"message":"no"}]}"#;
            let mut response = Response::new(Body::from(list));
            *response.status_mut() = StatusCode::OK;
            Ok(response)
        }
    }));
    let report = client.transfer().delete_recursive(HERE).await.unwrap();
    assert_eq!((done(&report), failed(&report)), (vec![], vec!["a"]));
    assert!(report.check().unwrap_err().is_permission_denied());
}
