//! What a mock replies, and what it keeps.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use lakefs_sdk::{
    Body, Client,
    api::{
        branches::{CreateBranch, DeleteBranch, GetBranch, ListBranches},
        commits::Commit as MakeCommit,
        objects::{GetObject, UploadObject},
        refs::MergeIntoBranch,
    },
    models::{
        BranchCreation, CommitCreation, MergeResult, ObjectContent, ObjectStats, Pagination,
        PathType, Ref, RefList,
    },
    testing::{MockTransport, mock::Reply},
};
use tokio::time::Instant;

fn branch(commit: &str) -> Ref {
    Ref::new("main", commit)
}

/// A mock that answers unlike the server hides bugs: createBranch answers 201 and bare text, a deletion 204 and nothing.
#[tokio::test]
async fn answers_have_the_servers_status_and_form() {
    let lakefs = MockTransport::new();
    lakefs.on::<CreateBranch>().reply("c0ffee".to_owned());
    lakefs.on::<DeleteBranch>().reply(());
    lakefs.on::<GetBranch>().reply(branch("c0ffee"));
    let client = Client::new(lakefs.clone());

    let created = client.create_branch("lake", BranchCreation::new("a", "main"));
    let created = created.send_response().await.unwrap();
    assert_eq!(
        (created.status, &*created.data),
        (StatusCode::CREATED, "c0ffee")
    );
    let deleted = client.delete_branch("lake", "a").send_response().await;
    assert_eq!(deleted.unwrap().status, StatusCode::NO_CONTENT);
    let got = client
        .get_branch("lake", "main")
        .send_response()
        .await
        .unwrap();
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.headers["content-type"], "application/json");
}

/// Failing twice and then not is what a retry is tested with.
#[tokio::test(start_paused = true)]
async fn several_replies_are_a_script_for_the_attempts() {
    let lakefs = MockTransport::new();
    let expected = lakefs.on::<GetBranch>();
    let expected = expected.reply_status(503).refuse().reply(branch("c0ffee"));
    let client = Client::new(lakefs.clone());

    let got = client
        .get_branch("lake", "main")
        .send_response()
        .await
        .unwrap();

    assert_eq!((got.attempts, expected.calls()), (3, 3));
    assert_eq!(lakefs.calls::<GetBranch>().len(), 3);
}

/// A listing is pages, one after the other, asked for with the cursor of the one before.
#[tokio::test]
async fn a_sequence_answers_a_listing_page_by_page() {
    let page = |names: &[&str], next: &str| {
        let refs = names.iter().map(|name| Ref::new(*name, "c"));
        let pagination = Pagination::new(!next.is_empty(), next, names.len() as i64, 1000);
        RefList::new(pagination, refs)
    };
    let lakefs = MockTransport::new();
    lakefs
        .on::<ListBranches>()
        .reply_seq([page(&["a", "b"], "b"), page(&["c"], "")]);
    let client = Client::new(lakefs.clone());

    let items = client.list_branches("lake").items();
    let names: Vec<_> = futures_util::TryStreamExt::try_collect::<Vec<Ref>>(items)
        .await
        .unwrap();
    assert_eq!(names.len(), 3);
    let cursors: Vec<_> = lakefs
        .calls::<ListBranches>()
        .into_iter()
        .map(|call| call.after)
        .collect();
    assert_eq!(cursors, [None, Some("b".to_owned())]);
}

/// Errors are the server's documents, so that the code under test sees what it will see.
#[tokio::test(start_paused = true)]
async fn errors_are_lakefs_own() {
    let lakefs = MockTransport::new();
    lakefs
        .on::<GetBranch>()
        .reply_error(404, "branch not found");
    let conflict = MergeResult::new("");
    let body = serde_json::to_string(&conflict).unwrap();
    let raw = Response::builder()
        .status(409)
        .header("content-type", "application/json");
    lakefs
        .on::<MergeIntoBranch>()
        .reply_raw(raw.body(body).unwrap());
    lakefs.on::<MakeCommit>().reset();
    let client = Client::new(lakefs.clone());

    let error = client.get_branch("lake", "a").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "getBranch: branch not found (404 Not Found)"
    );
    let error = client
        .merge_into_branch("lake", "a", "main")
        .await
        .unwrap_err();
    assert_eq!(error.body_as::<MergeResult>(), Some(conflict));
    let error = client
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();
    assert!(error.is_transport() && error.may_have_taken_effect());
}

/// A document with a wrong field would fail far from the line that is wrong.
#[test]
fn a_document_that_the_operation_does_not_understand_is_refused_where_it_stands() {
    let lakefs = MockTransport::new();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        lakefs
            .on::<GetBranch>()
            .reply_json(serde_json::json!({ "id": "main" }));
    }));
    let message = panic
        .unwrap_err()
        .downcast_ref::<String>()
        .cloned()
        .unwrap();
    assert!(message.contains("commit_id"), "{message}");
    lakefs.on::<GetBranch>().at_most(1);
    std::mem::forget(lakefs);
}

/// A reply that depends on the call is a closure's.
#[tokio::test]
async fn a_closure_replies_to_what_was_sent() {
    let lakefs = MockTransport::new();
    lakefs
        .on::<GetBranch>()
        .reply_with(|op| match op.branch.as_str() {
            "gone" => Reply::error(404, "not found"),
            name => Reply::of(Ref::new(name, "c0ffee")),
        });
    let client = Client::new(lakefs.clone());
    assert_eq!(client.get_branch("lake", "dev").await.unwrap().id, "dev");
    assert!(
        client
            .get_branch("lake", "gone")
            .await
            .unwrap_err()
            .is_not_found()
    );
}

/// O26: a body that is cut, a connection that is reset and chunks that come slowly pass through the real stack.
#[tokio::test(start_paused = true)]
async fn faults_of_bodies_reach_the_reader() {
    let lakefs = MockTransport::new();
    let object = || ObjectContent::new("0123456789abcdef");
    lakefs
        .on::<GetObject>()
        .field("path", "cut")
        .reply(object())
        .cut_after(10);
    lakefs.on::<GetObject>().field("path", "reset").reset();
    lakefs
        .on::<GetObject>()
        .field("path", "slow")
        .reply(object())
        .chunks(4, Duration::from_secs(1));
    let client = Client::builder().transport(lakefs.clone()).build().unwrap();

    let mut cut = client.get_object("lake", "main", "cut").await.unwrap().body;
    assert_eq!(cut.chunk().await.unwrap(), Some(Bytes::from("0123456789")));
    let error = cut.chunk().await.unwrap_err();
    assert!(error.is_body() && error.message().contains("10"), "{error}");

    let error = client
        .get_object("lake", "main", "reset")
        .await
        .unwrap_err();
    assert!(error.is_transport() && error.attempts() > 1, "{error}");

    let slow = client.get_object("lake", "main", "slow").await.unwrap();
    let started = Instant::now();
    assert_eq!(slow.text().await.unwrap(), "0123456789abcdef");
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

/// A limit is tested without waiting for it.
#[tokio::test(start_paused = true)]
async fn a_delay_or_a_hang_runs_into_the_time_limit() {
    let lakefs = MockTransport::new();
    lakefs
        .on::<GetBranch>()
        .reply(branch("c"))
        .delay(Duration::from_secs(5));
    lakefs.on::<DeleteBranch>().hang();
    let client = Client::new(lakefs.clone());
    let started = Instant::now();
    client.get_branch("lake", "main").await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let limit = Duration::from_secs(2);
    let error = client
        .delete_branch("lake", "main")
        .timeout(limit)
        .await
        .unwrap_err();
    assert!(
        error.is_timeout() && error.may_have_taken_effect(),
        "{error}"
    );
}

/// A stream can be sent again only while nobody has read from it: a refused connection reads nothing, a reset does.
#[tokio::test(start_paused = true)]
async fn a_refused_connection_leaves_a_stream_unread() {
    let stats = || {
        ObjectStats::new(
            "a",
            PathType::Object,
            "mem://a",
            "e",
            jiff::Timestamp::UNIX_EPOCH,
        )
    };
    let stream = || Body::from_stream(stream::iter([Ok::<_, std::io::Error>("a,b")]));
    let lakefs = MockTransport::new();
    lakefs.on::<UploadObject>().refuse().reply(stats());
    let client = Client::new(lakefs.clone());
    let sent = client
        .upload_object("lake", "main", "a")
        .body(stream())
        .send_response()
        .await;
    assert_eq!(sent.unwrap().attempts, 2);
    assert_eq!(lakefs.requests()[1].body(), "a,b");

    let lakefs = MockTransport::new();
    lakefs.on::<UploadObject>().reset();
    let client = Client::new(lakefs.clone());
    let error = client
        .upload_object("lake", "main", "a")
        .body(stream())
        .await
        .unwrap_err();
    assert_eq!(error.attempts(), 1);
}
