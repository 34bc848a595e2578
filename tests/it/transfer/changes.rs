//! Deleting and copying all that is below a path.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::BodyExt;
use lakefs_sdk::{
    Body, BoxError, Client, Credentials, Result,
    models::{
        BranchCreation, BranchProtectionRule, CommitCreation, RepositoryCreation, TagCreation,
    },
    testing::{AccessControl, MemoryLakeFs, MemoryUser, MockTransport},
    transfer::directory::{Action, Reason},
};
use tower::{ServiceExt, service_fn};

async fn lake(lakefs: &MemoryLakeFs) -> Result<Client> {
    let client = Client::new(lakefs.clone());
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await?;
    Ok(client)
}

async fn fill(client: &Client, count: usize) -> Result<()> {
    for number in 0..count {
        client
            .upload_object("lake", "main", format!("tmp/{number:05}"))
            .body("x")
            .await?;
    }
    Ok(())
}

async fn paths(client: &Client, reference: &str) -> Result<Vec<String>> {
    let objects = client
        .list_objects("lake", reference)
        .items()
        .collect()
        .await?;
    Ok(objects.into_iter().map(|object| object.path).collect())
}

/// The server takes a thousand paths at once: the others would stay.
#[tokio::test]
async fn more_than_a_thousand_objects_are_deleted() {
    let client = lake(&MemoryLakeFs::new()).await.unwrap();
    fill(&client, 2001).await.unwrap();
    client
        .upload_object("lake", "main", "tmpfile")
        .body("x")
        .await
        .unwrap();

    let report = client
        .transfer()
        .delete_recursive("lakefs://lake/main/tmp")
        .exclude("00007")
        .await
        .unwrap();
    assert_eq!(report.count(Action::Delete), 2000);
    assert!(report.is_complete());
    assert_eq!(
        paths(&client, "main").await.unwrap(),
        ["tmp/00007", "tmpfile"]
    );
}

/// A status of 200 with refusals in it was taken for success: the data was still there.
#[tokio::test]
async fn refusals_inside_a_200_are_told_by_path() {
    let client = lake(&MemoryLakeFs::new()).await.unwrap();
    fill(&client, 1500).await.unwrap();
    let rule = vec![BranchProtectionRule::new("main")];
    client
        .set_branch_protection_rules("lake", rule)
        .await
        .unwrap();

    let report = client
        .transfer()
        .delete_recursive("lakefs://lake/main/")
        .await
        .unwrap();
    assert_eq!((report.done.len(), report.failed.len()), (0, 1500));
    let last = &report.failed[1499];
    assert_eq!((&*last.path, last.action), ("tmp/01499", Action::Delete));
    assert!(last.error.is_permission_denied());
    assert!(
        last.error.to_string().starts_with("deleteObjects: "),
        "{}",
        last.error
    );
    assert_eq!(paths(&client, "main").await.unwrap().len(), 1500);
}

/// One refused path in the midst: the others are deleted, and it alone is told.
#[tokio::test]
async fn a_single_refusal_is_told_whatever_the_status() {
    for status in [200, 401] {
        let lakefs = MemoryLakeFs::new();
        let plain = lake(&lakefs).await.unwrap();
        fill(&plain, 3).await.unwrap();
        let client = Client::new(service_fn(move |request: Request<Body>| {
            let lakefs = lakefs.clone();
            async move {
                if !request.uri().path().ends_with("/objects/delete") {
                    return Ok::<_, BoxError>(lakefs.oneshot(request).await?);
                }
                let (parts, body) = request.into_parts();
                let sent = body.collect().await?.to_bytes();
                let kept = String::from_utf8(sent.to_vec())?.replace(r#""tmp/00001","#, "");
                let request = Request::from_parts(parts, Body::from(kept));
                let (mut parts, _) = lakefs.oneshot(request).await?.into_parts();
                parts.status = status.try_into()?;
                parts.headers.remove("content-length");
                let list = r#"{"errors":[{"path":"tmp/00001","status_code":401,"message":"insufficient permissions"}]}"#;
                let text = match status {
                    200 => list.to_owned(),
                    _ => format!("{{\"message\":\"insufficient permissions\"}}\n{list}\n"),
                };
                Ok(Response::from_parts(parts, Body::from(text)))
            }
        }));

        let report = client
            .transfer()
            .delete_recursive("lakefs://lake/main/tmp")
            .await
            .unwrap();
        let [failure] = &report.failed[..] else {
            panic!("{report:?}");
        };
        assert_eq!(failure.path, "00001");
        assert!(failure.error.is_permission_denied(), "{}", failure.error);
        assert_eq!(report.done.len(), 2);
        assert_eq!(paths(&plain, "main").await.unwrap(), ["tmp/00001"]);
    }
}

/// The answer names each of the refused twice, and what is kept of an answer ends before it says which: all were told as
/// failed, also those that were gone.
#[tokio::test]
async fn refusals_beyond_the_end_of_an_answer_are_told_by_path() {
    const ADMIN: &str = "AKIAIOSFODNN7EXAMPLE";
    let ann = MemoryUser::new("ann")
        .access_key("ANN", "secret")
        .group("Admins")
        .deny(
            "fs:DeleteObject",
            "arn:lakefs:fs:::repository/lake/object/tmp/*1",
        );
    let lakefs = MemoryLakeFs::builder()
        .access_control(AccessControl::Internal)
        .access_key(ADMIN, "secret")
        .user(ann);
    let lakefs = lakefs.build();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let transport = service_fn(move |request: Request<Body>| {
        let (lakefs, count) = (lakefs.clone(), count.clone());
        async move {
            if request.uri().path().ends_with("/objects/delete") {
                count.fetch_add(1, Ordering::SeqCst);
            }
            let (parts, body) = lakefs.oneshot(request).await?.into_parts();
            // In pieces, as a network brings it.
            let bytes = body.collect().await?.to_bytes();
            let pieces: Vec<_> = bytes
                .chunks(4096)
                .map(|piece| Ok::<_, BoxError>(Bytes::copy_from_slice(piece)))
                .collect();
            Ok::<_, BoxError>(Response::from_parts(
                parts,
                Body::from_stream(stream::iter(pieces)),
            ))
        }
    });
    let client = |id: &str| {
        let client = Client::builder().transport(transport.clone());
        client
            .credentials(Credentials::access_key(id, "secret"))
            .build()
            .unwrap()
    };
    let admin = client(ADMIN);
    admin
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await
        .unwrap();
    for number in 0..1000 {
        // Half of them end in 1.
        let path = format!("tmp/{}/{number:04}/{}", "long".repeat(20), number % 2);
        admin
            .upload_object("lake", "main", path)
            .body("x")
            .await
            .unwrap();
    }

    let report = client("ANN")
        .transfer()
        .delete_recursive("lakefs://lake/main/tmp")
        .await
        .unwrap();
    assert_eq!((report.done.len(), report.failed.len()), (500, 500));
    assert!(report.done.iter().all(|step| step.path.ends_with("/0")));
    assert!(
        report
            .failed
            .iter()
            .all(|failure| failure.error.is_permission_denied())
    );
    assert_eq!(paths(&admin, "main").await.unwrap().len(), 500);
    assert_eq!(sent.load(Ordering::SeqCst), 3);
}

/// On a tag the server deletes nothing and says that it did.
#[tokio::test]
async fn what_is_no_branch_is_refused_before_anything_is_deleted() {
    let client = lake(&MemoryLakeFs::new()).await.unwrap();
    fill(&client, 1).await.unwrap();
    client
        .commit("lake", "main", CommitCreation::new("add"))
        .await
        .unwrap();
    client
        .create_tag("lake", TagCreation::new("v1", "main"))
        .await
        .unwrap();

    let error = client
        .transfer()
        .delete_recursive("lakefs://lake/v1/tmp")
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

/// A copy that was cut off must not begin anew.
#[tokio::test]
async fn a_copy_takes_what_is_missing_with_its_metadata() {
    let client = lake(&MemoryLakeFs::new()).await.unwrap();
    fill(&client, 30).await.unwrap();
    client
        .upload_object("lake", "main", "tmp/typed")
        .body("x")
        .content_type("text/csv")
        .metadata([("origin", "web")])
        .await
        .unwrap();
    client
        .create_branch("lake", BranchCreation::new("other", "main"))
        .await
        .unwrap();
    let transfer = client.transfer();
    let copy =
        || transfer.copy_recursive("lakefs://lake/main/tmp", "lakefs://lake/other/kept/tmp/");

    let report = copy().await.unwrap();
    assert_eq!(report.count(Action::Copy), 31);
    let stats = client
        .stat_object("lake", "other", "kept/tmp/typed")
        .await
        .unwrap();
    assert_eq!(stats.content_type.as_deref(), Some("text/csv"));
    assert_eq!(stats.metadata.unwrap()["origin"], "web");

    client
        .delete_object("lake", "other", "kept/tmp/00003")
        .await
        .unwrap();
    client
        .upload_object("lake", "main", "tmp/00004")
        .body("y")
        .await
        .unwrap();
    let report = copy().await.unwrap();
    let done: Vec<_> = report
        .done
        .iter()
        .map(|step| (&*step.path, step.reason))
        .collect();
    assert_eq!(
        done,
        [("00003", Reason::New), ("00004", Reason::ContentDiffers)]
    );

    // Into itself: what is copied is what was there before.
    let report = transfer
        .copy_recursive("lakefs://lake/main/tmp", "lakefs://lake/main/tmp/again")
        .await
        .unwrap();
    assert_eq!(report.count(Action::Copy), 31);
}

/// lakeFS copies within a repository: the answer to anything else would be about a path that does not exist.
#[tokio::test]
async fn copies_that_make_no_sense_are_refused_before_sending() {
    let transfer = Client::new(MockTransport::new()).transfer();
    for (from, to, message) in [
        (
            "lakefs://lake/main/a",
            "lakefs://pond/main/a",
            "stays in its repository",
        ),
        ("lakefs://lake/main/a", "lakefs://lake/main/a/", "are both"),
        ("lakefs://lake", "lakefs://lake/main/a", "has no ref"),
    ] {
        let error = transfer.copy_recursive(from, to).await.unwrap_err();
        assert!(error.is_invalid_input());
        assert!(error.to_string().contains(message), "{error}");
    }
}
