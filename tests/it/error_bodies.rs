//! What an error says when the answer's body is not the document that the API promises.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use lakefs_sdk::{
    Body, Client, Credentials, Error, ErrorKind,
    middleware::retry::RetryPolicy,
    models::{CommitCreation, MergeResult, PathList},
};
use serde_json::json;

use crate::support::scripted::Scripted;

const BAD_GATEWAY: &str =
    "<html>\r\n<head><title>502 Bad\r\n Gateway</title></head>\r\n<body>nginx</body></html>";
const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message><RequestId>42</RequestId></Error>";

/// The error of one attempt that is answered so.
async fn error_of(status: u16, content_type: &str, body: impl Into<Body>) -> Error {
    let transport = Scripted::new().status_with(status, &[("content-type", content_type)], body);
    Client::new(transport)
        .get_repository("lake")
        .retry(RetryPolicy::none())
        .await
        .unwrap_err()
}

/// Everything that an error says, whatever way it is printed.
fn all_text(error: &Error) -> String {
    let mut text = format!("{error} {error:#} {error:?} {error:#?} {}", error.message());
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next} {next:?}"));
        cause = next.source();
    }
    text
}

/// O9: behind a proxy, the last answer says what is wrong; a JSON parse error in its place says nothing.
#[tokio::test(start_paused = true)]
async fn the_last_answer_is_told_after_several_of_different_kinds() {
    let transport = Scripted::new()
        .status_with(503, &[("content-type", "text/html")], BAD_GATEWAY)
        .status(503, "")
        .status_with(503, &[("content-type", "application/xml")], SLOW_DOWN);
    let client = Client::new(transport.clone());

    let error = client.get_repository("lake").await.unwrap_err();

    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(error.attempts(), 3);
    assert_eq!(
        error.message(),
        "SlowDown: Please reduce your request rate."
    );
    assert_eq!(
        error.to_string(),
        "getRepository: SlowDown: Please reduce your request rate. (503 Service Unavailable), after 3 attempts"
    );
    assert_eq!(error.body().map(Bytes::as_ref), Some(SLOW_DOWN.as_bytes()));
    assert!(error.is_server() && error.retryable());
    assert_eq!(transport.sent().len(), 3);
}

/// O9: a job that asks too fast goes on when it is told to wait, as every client promises and some do not.
#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_tried_again() {
    let transport = Scripted::new()
        .status(429, "")
        .status(429, r#"{"message":"Too many attempts, try again later"}"#)
        .status(204, "");

    Client::new(transport.clone())
        .delete_branch("lake", "draft")
        .await
        .unwrap();

    assert_eq!(transport.sent().len(), 3);
}

/// O9: an error page of any size must neither fill memory nor hold up the caller.
#[tokio::test]
async fn the_body_of_an_error_is_read_to_a_bound() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let chunks = (0..5 * 1024).map(move |_| {
        counter.fetch_add(1024, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1024]))
    });
    let mut response = Response::new(Body::from_stream(futures_util::stream::iter(chunks)));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let transport = Scripted::new().answer(response);

    let error = Client::new(transport.clone())
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert_eq!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(error.body().map(Bytes::len), Some(64 * 1024));
    assert!(read.load(Ordering::Relaxed) <= 65 * 1024, "{read:?}");
    assert!(error.to_string().chars().count() < 400, "{error}");
    assert_eq!(transport.sent().len(), 1);
}

/// What the server said must not get lost because the connection broke behind it.
#[tokio::test]
async fn an_error_whose_body_was_cut_is_still_that_error() {
    let chunks = [
        Ok(r#"{"message":"branch not found"}"#),
        Err(std::io::Error::other("cut")),
    ];
    let mut response = Response::new(Body::from_stream(futures_util::stream::iter(chunks)));
    *response.status_mut() = StatusCode::NOT_FOUND;

    let error = Client::new(Scripted::new().answer(response))
        .get_branch("lake", "draft")
        .await
        .unwrap_err();

    assert!(error.is_not_found());
    assert_eq!(error.message(), "branch not found");
}

/// Whoever reads a log sees one line that says what is wrong, whatever the server or a proxy sent.
#[tokio::test]
async fn a_message_is_one_line_made_from_any_body() {
    let long = "ä".repeat(10_000);
    let quoted = format!("{}…", "ä".repeat(300));
    for (status, content_type, body, kind, message) in [
        (
            404,
            "application/json",
            r#"{"message":"repository not found"}"#,
            ErrorKind::NotFound,
            "repository not found",
        ),
        (
            404,
            "application/json",
            r#"{"message":"invalid API endpoint"}"#,
            ErrorKind::Endpoint,
            "invalid API endpoint",
        ),
        (
            400,
            "application/json",
            "{\"message\":\"first line\\nSchema:\\n  {}\"}",
            ErrorKind::BadRequest,
            "first line",
        ),
        (
            400,
            "application/json",
            r#"{"error":"no message here"}"#,
            ErrorKind::BadRequest,
            r#"{"error":"no message here"}"#,
        ),
        (
            400,
            "application/json",
            r#"{"message":null}"#,
            ErrorKind::BadRequest,
            r#"{"message":null}"#,
        ),
        (
            400,
            "application/json",
            r#"{"message":""}"#,
            ErrorKind::BadRequest,
            "the answer has no message",
        ),
        (
            400,
            "application/json",
            r#"{"message":"cut"#,
            ErrorKind::BadRequest,
            r#"{"message":"cut"#,
        ),
        (
            401,
            "application/json",
            r#"{"message":"error authenticating request"}"#,
            ErrorKind::Unauthenticated,
            "error authenticating request",
        ),
        (
            401,
            "application/json",
            r#"{"message":"insufficient permissions"}"#,
            ErrorKind::PermissionDenied,
            "insufficient permissions",
        ),
        (
            401,
            "application/json",
            r#"{"message":"insufficient permissions for arn:lakefs:fs:::repository/lake (fs:ReadRepository)"}"#,
            ErrorKind::PermissionDenied,
            "insufficient permissions for arn:lakefs:fs:::repository/lake (fs:ReadRepository)",
        ),
        (
            401,
            "application/json",
            "{\"message\":\"insufficient permissions\"}\n{\"errors\":[]}\n",
            ErrorKind::PermissionDenied,
            "insufficient permissions",
        ),
        (
            500,
            "application/json",
            "{\"errors\":[]}{\"message\":\"second\"}{\"message\":\"third\"}",
            ErrorKind::Server,
            "second",
        ),
        (
            403,
            "application/json",
            r#"{"message":"cannot write to protected branch"}"#,
            ErrorKind::PermissionDenied,
            "cannot write to protected branch",
        ),
        (
            412,
            "application/json",
            r#"{"message":"pre-commit hook aborted"}"#,
            ErrorKind::PreconditionFailed,
            "pre-commit hook aborted",
        ),
        (
            420,
            "application/json",
            r#"{"message":"Too many requests"}"#,
            ErrorKind::Throttled,
            "Too many requests",
        ),
        (
            501,
            "application/json",
            r#"{"message":"not implemented"}"#,
            ErrorKind::NotImplemented,
            "not implemented",
        ),
        (
            500,
            "text/plain",
            "pq: deadlock detected\n",
            ErrorKind::Server,
            "pq: deadlock detected",
        ),
        (
            500,
            "text/plain",
            "\n\n  second line is the first that says anything\nthird",
            ErrorKind::Server,
            "second line is the first that says anything",
        ),
        (500, "text/plain", &long, ErrorKind::Server, &quoted),
        (500, "", "", ErrorKind::Server, "the answer has no message"),
        (
            503,
            "application/xml",
            SLOW_DOWN,
            ErrorKind::Server,
            "SlowDown: Please reduce your request rate.",
        ),
        (
            503,
            "application/xml",
            "\u{feff}<?xml version=\"1.0\"?><Error><Code>ServerBusy</Code><Message>The server is busy.\nRequestId:1\nTime:2</Message></Error>",
            ErrorKind::Server,
            "ServerBusy: The server is busy.",
        ),
        (
            403,
            "application/xml",
            "<Error><Code>AccessDenied</Code></Error>",
            ErrorKind::PermissionDenied,
            "AccessDenied",
        ),
        (
            502,
            "text/html",
            BAD_GATEWAY,
            ErrorKind::Server,
            "a web page titled \"502 Bad Gateway\"",
        ),
        (
            502,
            "text/html; charset=utf-8",
            "<html><body>oops</body></html>",
            ErrorKind::Server,
            "a web page",
        ),
        (
            502,
            "",
            "<!DOCTYPE html><title>Oops</title>",
            ErrorKind::Server,
            "a web page titled \"Oops\"",
        ),
        (
            404,
            "text/html",
            "<html><title>404</title></html>",
            ErrorKind::Endpoint,
            "this is a web page, not the lakeFS API: is the endpoint right, and does it end in /api/v1?",
        ),
    ] {
        let error = error_of(status, content_type, body.to_owned()).await;

        assert_eq!(error.message(), message, "{status} {body}");
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.body().map(Bytes::as_ref), Some(body.as_bytes()));
        assert!(!format!("{error:#}").contains('\n'), "{error}");
    }
}

/// Bytes that are no text must not become a panic on the way into a log.
#[tokio::test]
async fn a_body_that_is_not_utf_8_is_still_an_error_with_its_status() {
    let error = error_of(
        500,
        "application/octet-stream",
        vec![0xff, 0xfe, b'o', b'h', 0x00],
    )
    .await;

    assert!(error.is_server());
    assert!(error.to_string().contains("oh"), "{error}");
}

/// A wrong endpoint serves its web page with 200: that is what must be said, not that some JSON is invalid.
#[tokio::test]
async fn a_web_page_in_place_of_an_answer_names_the_endpoint() {
    let page = "<!DOCTYPE html><html><title>lakeFS</title></html>";
    let html =
        || Scripted::new().status_with(200, &[("content-type", "text/html; charset=utf-8")], page);

    let error = Client::new(html())
        .get_repository("lake")
        .await
        .unwrap_err();
    assert!(error.is_endpoint(), "{error:?}");
    assert!(
        error.message().contains("does it end in /api/v1?"),
        "{error}"
    );
    assert_eq!(error.attempts(), 1);
    assert!(!error.retryable());

    let error = Client::new(html())
        .delete_branch("lake", "draft")
        .await
        .unwrap_err();
    assert!(error.is_endpoint(), "{error:?}");

    let error = Client::new(html())
        .get_object("lake", "main", "a")
        .await
        .unwrap_err();
    assert!(error.is_endpoint(), "{error:?}");

    let creation = lakefs_sdk::models::BranchCreation::new("draft", "main");
    let error = Client::new(html())
        .create_branch("lake", creation)
        .await
        .unwrap_err();
    assert!(error.is_endpoint(), "{error:?}");
}

/// An object that is a web page is an object.
#[tokio::test]
async fn a_stored_web_page_is_no_error() {
    let transport = Scripted::new().status_with(
        200,
        &[("content-type", "text/html"), ("etag", "\"e\"")],
        "<html></html>",
    );

    let object = Client::new(transport)
        .get_object("lake", "main", "index.html")
        .await
        .unwrap();

    assert_eq!(object.text().await.unwrap(), "<html></html>");
}

/// JSON of another shape says which type was expected, and keeps the answer to look at.
#[tokio::test]
async fn an_answer_of_another_shape_is_a_decode_error_that_may_have_taken_effect() {
    let transport = Scripted::new().json(&json!({ "id": 7 }));

    let error = Client::new(transport.clone())
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert!(error.is_decode());
    assert!(error.message().contains("`Commit`"), "{error}");
    assert!(error.source().is_some());
    assert_eq!(
        error.body().map(Bytes::as_ref),
        Some(br#"{"id":7}"#.as_slice())
    );
    assert!(error.may_have_taken_effect());
    assert_eq!(transport.sent().len(), 1);
}

/// A refused merge carries what it found; without it, the caller cannot tell which side to mend.
#[tokio::test]
async fn the_document_of_a_refused_merge_can_be_read() {
    let body = r#"{"reference":"","summary":{"added":0,"removed":0,"changed":0,"conflict":2},"message":"merge: conflict found"}"#;
    let transport = Scripted::new().status_with(409, &[("content-type", "application/json")], body);

    let error = Client::new(transport)
        .merge_into_branch("lake", "draft", "main")
        .await
        .unwrap_err();

    assert!(error.is_conflict());
    assert!(error.body_as::<MergeResult>().is_some());
    assert!(
        error
            .body_as::<PathList>()
            .is_none_or(|list| list.paths.is_empty())
    );
    assert!(!error.may_have_taken_effect());
}

/// How long to wait, and which request it was, is what an operator needs.
#[tokio::test]
async fn an_error_tells_retry_after_and_the_request_id() {
    for (value, expected) in [
        ("120", Some(120)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("soon", None),
    ] {
        let headers = [("retry-after", value), ("x-request-id", "r-42")];
        let transport = Scripted::new().status_with(503, &headers, "");

        let error = Client::new(transport)
            .get_repository("lake")
            .retry(RetryPolicy::none())
            .await
            .unwrap_err();

        assert_eq!(
            error.retry_after(),
            expected.map(Duration::from_secs),
            "{value}"
        );
        assert_eq!(error.request_id(), Some("r-42"));
        assert_eq!(
            error.headers().unwrap().get("x-request-id").unwrap(),
            "r-42"
        );
    }
}

/// A signature in a log is a key to the data until it expires; the host and path must stay, to know what failed.
#[tokio::test]
async fn a_signature_in_a_message_is_redacted_and_the_rest_stays() {
    let amazon = "https://bucket.s3.amazonaws.com/data/a.parquet?X-Amz-Date=20260101&X-Amz-Credential=AKIAPLANTED%2F1&X-Amz-Security-Token=PLANTED&X-Amz-Signature=PLANTED";
    let azure = "https://acct.blob.core.windows.net/c/data/a.parquet?sv=2024&sig=PLANTED%3D";
    let google = "https://storage.googleapis.com/b/data/a.parquet?X-Goog-Credential=PLANTED&X-Goog-Signature=PLANTED";
    let older = "https://b.s3.amazonaws.com/data/a.parquet?AWSAccessKeyId=AKIAPLANTED&Signature=PLANTED&Expires=1";
    for url in [amazon, azure, google, older] {
        let escaped = url.replace('&', "&amp;");
        let unicode = url.replace('&', "\\u0026");
        for (content_type, body) in [
            ("text/plain", format!("put failed: {url} said no")),
            (
                "text/plain",
                format!("Put \"{url}\": dial tcp: lookup failed"),
            ),
            ("text/plain", format!("{{\"url\":\"{unicode}\"")),
            (
                "application/json",
                json!({ "message": format!("Get {url}: EOF") }).to_string(),
            ),
            (
                "application/json",
                format!("{{\"message\":\"Get {unicode}: EOF\"}}"),
            ),
            (
                "application/xml",
                format!("<Error><Code>X</Code><Message>{escaped}</Message></Error>"),
            ),
            (
                "text/html",
                format!("<html><title>{escaped}</title></html>"),
            ),
            ("text/plain", format!("{}{url}", "x".repeat(200))),
        ] {
            let error = error_of(500, content_type, body.clone()).await;

            let text = all_text(&error);
            assert!(!text.contains("PLANTED"), "{body}\n{text}");
            assert!(text.contains("data/a.parquet"), "{body}\n{text}");
        }
    }
}

/// A secret that a failing call prints is a secret in every log.
#[tokio::test(start_paused = true)]
async fn no_error_shows_the_credentials() {
    for credentials in [
        Credentials::access_key("AKIAPLANTED", "hunter2secret"),
        Credentials::bearer_token("hunter2secret"),
        Credentials::session_cookie("internal_auth_session", "hunter2secret"),
    ] {
        let transport = Scripted::new()
            .status_with(401, &[], r#"{"message":"error authenticating request"}"#)
            .reset()
            .reset()
            .reset()
            .refused()
            .refused()
            .refused()
            .hang()
            .json(&json!("not a repository"));
        let client = Client::builder()
            .endpoint("http://h")
            .credentials(credentials)
            .transport(transport.clone())
            .build()
            .unwrap();

        for _ in 0..3 {
            let text = all_text(&client.get_repository("lake").await.unwrap_err());
            assert!(
                !text.contains("hunter2secret") && !text.contains("aHVudGVyMnNlY3JldA"),
                "{text}"
            );
        }
        let call = client
            .get_repository("lake")
            .timeout(Duration::from_secs(1));
        let text = all_text(&call.await.unwrap_err());
        assert!(!text.contains("hunter2secret"), "{text}");
        let text = all_text(&client.get_repository("lake").await.unwrap_err());
        assert!(!text.contains("hunter2secret"), "{text}");
        assert_eq!(transport.sent().len(), 9);
    }
}
