//! What an error says when hooks have refused the call: the reason, not only that there was one.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use http::StatusCode;
use lakefs_sdk::{
    Client, Error,
    models::{self, CommitCreation},
};
use serde_json::json;

use crate::support::scripted::Scripted;

/// The error of a commit that is answered so.
async fn refusal(status: u16, message: &str) -> Error {
    let body = json!({ "message": message }).to_string();
    let transport = Scripted::new().status(status, body);
    Client::new(transport)
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err()
}

/// Who reads the log of a job whose commit was refused must see why; the whole text stays in the body.
#[tokio::test]
async fn a_refusal_tells_the_reason_and_leaves_out_the_stack() {
    let told = "pre-commit hook aborted, run id '7bgf0s3bgvq0000007o0': 1 error occurred:\n\t* hook run id '0000_0000' failed on action 'gate' hook 'look': action failed: runtime error: [string \"lua\"]:1: refused by policy\nstack traceback:\n\t[Go]: in ?\n\n";

    let error = refusal(412, told).await;

    assert!(error.is_precondition_failed());
    assert_eq!(
        error.to_string(),
        "commit: pre-commit hook aborted, run id '7bgf0s3bgvq0000007o0': 1 error occurred: hook run id '0000_0000' failed on action 'gate' hook 'look': action failed: runtime error: [string \"lua\"]:1: refused by policy (412 Precondition Failed)"
    );
    assert_eq!(error.body_as::<models::Error>().unwrap().message, told);
}

/// Two broken action files are two things to mend.
#[tokio::test]
async fn all_reasons_of_a_refusal_are_told() {
    let error = refusal(
        500,
        "2 errors occurred:\n\t* parsing file a.yaml: no hooks\n\t* parsing file b.yaml: no name\n\n",
    )
    .await;

    assert_eq!(
        error.message(),
        "2 errors occurred: parsing file a.yaml: no hooks; parsing file b.yaml: no name"
    );
}

/// A hundred failed hooks must not fill a log line, and their URLs must not leak what they are signed with.
#[tokio::test]
async fn the_reasons_of_a_refusal_are_short_and_without_secrets() {
    let reason = "\t* Post \"http://gate.example.com/look?token=hunter2\": refused\n";
    let told = format!("100 errors occurred:\n{}\n", reason.repeat(100));

    let error = refusal(412, &told).await;

    let message = error.message();
    assert!(message.contains("token=[redacted]"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
    assert_eq!(message.chars().count(), 301, "{message}");
}

/// What quotes a schema says what is wrong in its first line, even if a later one looks like a list.
#[tokio::test]
async fn other_messages_are_still_told_by_their_first_line() {
    let told = "request body has an error: doesn't match schema: Error at \"/message\": minimum string length is 1\nSchema:\n  * {}\n";

    let error = refusal(400, told).await;

    assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
    assert_eq!(
        error.message(),
        "request body has an error: doesn't match schema: Error at \"/message\": minimum string length is 1"
    );
}

/// A count without a list, as of a body that was cut, is all there is to tell.
#[tokio::test]
async fn a_count_without_reasons_is_told_alone() {
    assert_eq!(
        refusal(412, "aborted: 1 error occurred:\n\n")
            .await
            .message(),
        "aborted: 1 error occurred:"
    );
}
