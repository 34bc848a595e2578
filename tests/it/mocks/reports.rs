//! What a mock says of what did not come true.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Request;
use lakefs_sdk::{
    Body, Client,
    api::{
        auth::Login,
        branches::{CreateBranch, GetBranch, ListBranches},
        objects::UploadObject,
    },
    models::{BranchCreation, LoginInformation, Ref},
    testing::MockTransport,
};
use tower::ServiceExt as _;

use super::complaint;

fn branch() -> Ref {
    Ref::new("main", "c0ffee")
}

/// O26: "matched 0 of 1" sends people into the debugger; the operation, the field and both values do not.
#[tokio::test]
async fn a_call_that_differs_is_reported_field_by_field() {
    let lakefs = MockTransport::new();
    let line = line!() + 1;
    lakefs.expect(CreateBranch::new("lake", BranchCreation::new("a", "main")));
    let client = Client::new(lakefs.clone());

    let body = BranchCreation::new("b", "main");
    let error = client.create_branch("lake", body).await.unwrap_err();

    assert!(error.is_invalid_input(), "{error:?}");
    assert_eq!((error.attempts(), error.status()), (1, None));
    let text = error.to_string();
    assert!(
        text.contains(r#"body.name: expected "a", got "b""#),
        "{text}"
    );
    let report = complaint(lakefs).unwrap();
    let place = format!("{}:{line}:", file!());
    for said in [
        "call 1 was not expected: createBranch, POST /api/v1/repositories/lake/branches",
        r#"sent: body.name: "b", body.source: "main", repository: "lake""#,
        "nearest expectation: createBranch, expected at least 1 time at",
        "called 0 times: createBranch, expected at least 1 time at",
        "nearest call: 1",
        r#"        body.name: expected "a", got "b""#,
        &place,
    ] {
        assert!(report.contains(said), "{said}\nis not in\n{report}");
    }
    assert!(!report.contains("body.source: expected"), "{report}");
}

/// Where several could be meant, the one that differs least is.
#[tokio::test]
async fn the_nearest_expectation_is_the_one_with_the_fewest_differences() {
    let lakefs = MockTransport::new();
    lakefs.expect(GetBranch::new("pond", "main")).at_most(1);
    lakefs
        .on::<GetBranch>()
        .field("repository", "lake")
        .field("branch", "dev")
        .at_most(1);
    lakefs.on::<ListBranches>().at_most(1);
    let client = Client::new(lakefs.clone());

    let error = client.get_branch("lake", "draft").await.unwrap_err();

    let said = r#": branch: expected "dev", got "draft""#;
    assert!(error.message().ends_with(said), "{error}");
    complaint(lakefs).unwrap();
}

/// A closure that answers with a reason is as good as a field.
#[tokio::test]
async fn a_closure_says_why_a_call_is_not_meant() {
    let lakefs = MockTransport::new();
    let check = |op: &ListBranches| match op.amount {
        Some(1..=100) => Ok(()),
        amount => Err(format!("an amount of {amount:?}")),
    };
    lakefs.on::<ListBranches>().matching(check).at_most(1);
    lakefs
        .on::<GetBranch>()
        .matching(|op| op.branch != "main")
        .at_most(1);
    let client = Client::new(lakefs.clone());

    let error = client.list_branches("lake").amount(500).await.unwrap_err();
    assert!(
        error.message().contains("got \"an amount of Some(500)\""),
        "{error}"
    );
    let error = client.get_branch("lake", "main").await.unwrap_err();
    assert!(error.message().contains("got \"it says no\""), "{error}");
    assert!(
        error.message().contains("tests/it/mocks/reports.rs"),
        "{error}"
    );
    complaint(lakefs).unwrap();
}

/// A call too many is how a missing cache shows.
#[tokio::test]
async fn a_call_too_many_and_one_too_few_are_reported() {
    let lakefs = MockTransport::new();
    lakefs.on::<GetBranch>().reply(branch()).times(1);
    lakefs.on::<ListBranches>().never();
    let client = Client::new(lakefs.clone());
    client.get_branch("lake", "main").await.unwrap();
    let error = client.get_branch("lake", "main").await.unwrap_err();
    assert!(
        error.message().ends_with("it was called 1 time already"),
        "{error}"
    );
    let error = client.list_branches("lake").await.unwrap_err();
    assert!(error.message().contains("expected never"), "{error}");
    let report = complaint(lakefs).unwrap();
    assert!(
        report.contains("call 2 was not expected") && report.contains("call 3"),
        "{report}"
    );

    let lakefs = MockTransport::new();
    lakefs.on::<GetBranch>().reply(branch()).times(2);
    Client::new(lakefs.clone())
        .get_branch("lake", "main")
        .await
        .unwrap();
    let report = complaint(lakefs).unwrap();
    assert!(
        report.contains("called 1 time: getBranch, expected 2 times"),
        "{report}"
    );
}

/// An error that the code under test swallows must not make the test pass.
#[tokio::test]
async fn a_call_without_any_expectation_is_reported_though_its_error_is_swallowed() {
    let lakefs = MockTransport::new();
    let client = Client::new(lakefs.clone());
    drop(client.get_branch("lake", "main").await);
    let raw = Request::get("/repositories/lake/tags/v1").body(Body::empty());
    drop(client.oneshot(raw.unwrap()).await);

    let verified = catch_unwind(AssertUnwindSafe(|| lakefs.verify()));
    assert!(verified.is_err());
    let report = complaint(lakefs).unwrap();
    assert!(
        report.contains("call 1 was not expected: getBranch"),
        "{report}"
    );
    assert!(
        report.contains("call 2 was not expected: getTag"),
        "{report}"
    );
    assert!(report.contains("there is no expectation"), "{report}");
}

/// O26: a panic during a panic ends the process, and the reason of the first one is gone.
#[test]
fn an_unmet_expectation_does_not_panic_during_another_panic() {
    let panic = catch_unwind(|| {
        let lakefs = MockTransport::new();
        lakefs.on::<GetBranch>().reply(branch());
        panic!("the first one");
    });
    let message = panic.unwrap_err();
    assert_eq!(message.downcast_ref::<&str>(), Some(&"the first one"));
}

/// The copy in a client goes out of scope before the test is over, or never, in a task.
#[tokio::test]
async fn only_the_mock_that_new_made_checks() {
    let lakefs = MockTransport::new();
    lakefs.on::<GetBranch>().reply(branch());
    drop(lakefs.clone());
    let client = Client::new(lakefs.clone());
    drop(client.clone());
    client.get_branch("lake", "main").await.unwrap();
    std::mem::forget(client);
    assert_eq!(complaint(lakefs), None);
}

/// Reports end up in the logs of a CI.
#[tokio::test]
async fn no_secret_is_in_a_report() {
    let lakefs = MockTransport::new();
    let expected = LoginInformation::new("AKIA", "planted-1");
    let mut login = Login::default();
    login.body = Some(expected);
    lakefs.expect(login).at_most(1);
    let client = Client::new(lakefs.clone());

    let login = client
        .login()
        .body(LoginInformation::new("AKIB", "planted-2"));
    let error = login
        .header("authorization", "planted-3")
        .await
        .unwrap_err();
    let shown = format!("{error:?} {error:#} {:?} {lakefs:?}", lakefs.requests());
    let report = complaint(lakefs).unwrap();
    for text in [shown, report] {
        assert!(!text.contains("planted"), "{text}");
        assert!(text.contains("AKIB") || !text.contains("AKIA"), "{text}");
    }
}

/// Upload bodies are what is compared, not just their being there.
#[tokio::test]
async fn an_uploads_contents_headers_and_metadata_are_compared() {
    let lakefs = MockTransport::new();
    lakefs
        .on::<UploadObject>()
        .field("body", "1,2\n")
        .field("x-lakefs-meta-owner", "etl")
        .at_most(1);
    let client = Client::new(lakefs.clone());
    let upload = client.upload_object("lake", "main", "a.csv").body("1,3\n");
    let error = upload.metadata([("owner", "ops")]).await.unwrap_err();
    let said =
        r#"body: expected "1,2\n", got "1,3\n"; x-lakefs-meta-owner: expected "etl", got "ops""#;
    assert!(error.message().ends_with(said), "{error}");
    complaint(lakefs).unwrap();
}
