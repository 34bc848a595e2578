//! The endpoint: what may be written for it, and where requests then go.

use std::error::Error as _;

use lakefs_sdk::{Client, Credentials, config::Endpoint};
use serde_json::json;

use crate::support::scripted::Scripted;

const REPOSITORY: &str = "/api/v1/repositories/r";

fn repository() -> serde_json::Value {
    json!({ "id": "r", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" })
}

/// Everything that an error says, whatever way it is printed.
fn all_text(error: &lakefs_sdk::Error) -> String {
    let mut text = format!("{error} {error:#} {error:?}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next} {next:?}"));
        cause = next.source();
    }
    text
}

/// O1: whoever pastes an endpoint with a base path or a slash gets answers, not a web page that is no JSON.
#[tokio::test]
async fn a_request_goes_below_the_base_path_whatever_the_slashes() {
    for (endpoint, origin, path) in [
        ("http://h:8000", "http://h:8000", REPOSITORY),
        ("http://h:8000/", "http://h:8000", REPOSITORY),
        ("http://h:8000//", "http://h:8000", REPOSITORY),
        ("  http://h:8000\n", "http://h:8000", REPOSITORY),
        (
            "http://h:8000/lakefs",
            "http://h:8000",
            "/lakefs/api/v1/repositories/r",
        ),
        (
            "http://h:8000/lakefs/",
            "http://h:8000",
            "/lakefs/api/v1/repositories/r",
        ),
        (
            "http://h:8000/lakefs/api/v1",
            "http://h:8000",
            "/lakefs/api/v1/repositories/r",
        ),
        (
            "http://h:8000/lakefs/api/v1/",
            "http://h:8000",
            "/lakefs/api/v1/repositories/r",
        ),
        ("http://h:8000/api/v1", "http://h:8000", REPOSITORY),
        ("http://h:8000/api/v1/", "http://h:8000", REPOSITORY),
        (
            "http://h/myapi/v1",
            "http://h",
            "/myapi/v1/api/v1/repositories/r",
        ),
        ("https://[::1]:8000", "https://[::1]:8000", REPOSITORY),
        (
            "HTTPS://Lakefs.Example.com",
            "https://Lakefs.Example.com",
            REPOSITORY,
        ),
    ] {
        let transport = Scripted::new().json(&repository());
        let client = Client::builder()
            .endpoint(endpoint)
            .transport(transport.clone())
            .build()
            .unwrap();

        client.get_repository("r").await.unwrap();

        let sent = transport.sent();
        assert_eq!(sent.len(), 1, "{endpoint}");
        assert_eq!(sent[0].uri.path(), path, "{endpoint}");
        assert_eq!(sent[0].uri.query(), None, "{endpoint}");
        assert_eq!(
            sent[0].uri.to_string(),
            format!("{origin}{path}"),
            "{endpoint}"
        );
    }
}

/// A query of an operation must not be lost behind a base path.
#[tokio::test]
async fn a_query_is_kept_behind_a_base_path() {
    let page = json!({ "pagination": { "has_more": false, "next_offset": "", "results": 0, "max_per_page": 1000 }, "results": [] });
    let transport = Scripted::new().json(&page);
    let client = Client::builder()
        .endpoint("http://h/lakefs/")
        .transport(transport.clone())
        .build()
        .unwrap();

    client.list_repositories().amount(7).await.unwrap();

    let uri = transport.sent()[0].uri.to_string();
    assert_eq!(uri, "http://h/lakefs/api/v1/repositories?amount=7");
}

/// O1: a mistake in the endpoint is told when the client is built, by name, and not as a puzzling answer of the first call.
#[test]
fn a_wrong_endpoint_is_refused_with_the_field_and_the_way_out() {
    for (endpoint, advice) in [
        ("", "is empty"),
        ("   ", "is empty"),
        ("h:8000", "lacks http:// or https://"),
        ("localhost", "lacks http:// or https://"),
        ("lakefs.example.com/api/v1", "lacks http:// or https://"),
        ("ftp://h:8000", "must start with http:// or https://"),
        ("s3://bucket", "must start with http:// or https://"),
        ("lakefs://repo/main", "must start with http:// or https://"),
        ("http://", "is not a valid URL"),
        ("http:///api/v1", ""),
        ("http://:8000", ""),
        ("http://h:", "port"),
        ("http://h:99999", ""),
        ("http://h:port", ""),
        ("http://h h", "is not a valid URL"),
        ("http://h:8000/?x=1", "query"),
        ("http://h:8000?x=1", "query"),
        ("http://h:8000/#top", "fragment"),
        ("http://h:8000#top", "fragment"),
    ] {
        let error = Client::builder().endpoint(endpoint).build().unwrap_err();

        assert!(error.is_invalid_input(), "{endpoint}: {error:?}");
        let message = error.to_string();
        assert!(message.starts_with("`endpoint` "), "{endpoint}: {message}");
        assert!(message.contains(advice), "{endpoint}: {message}");
        assert_eq!(error.attempts(), 0);
        assert!(!error.may_have_taken_effect());
    }
}

/// A client with no endpoint would send requests to nowhere.
#[test]
fn a_client_over_the_network_needs_an_endpoint() {
    let error = Client::builder().build().unwrap_err();

    assert!(error.is_invalid_input());
    assert!(
        error.to_string().contains("`endpoint` is missing"),
        "{error}"
    );
}

/// O1: a password in an endpoint ends in logs and crash reports.
#[test]
fn a_password_in_an_endpoint_is_refused_and_never_shown() {
    for endpoint in [
        "http://user:hunter2secret@h:8000",
        "https://hunter2secret@h",
        "user:hunter2secret@h:8000/api/v1",
        "ftp://user:hunter2secret@h",
        "http://user:hunter2secret@h:99999",
        "http://user:hunter2secret@",
        "http://user:hunter2secret@h?x=1#y",
        "http:user:hunter2secret@h",
        "http:/user:hunter2secret@h",
        "http:///user:hunter2secret@h",
        "http://user:hunter2secret/@h",
        "http://user:hunter2secret?@h",
        "http://user:hunter2secret#@h",
        "http://user:hunter2secret\\@h",
    ] {
        let builder = Client::builder().endpoint(endpoint);
        let shown = format!("{builder:?}");

        let error = builder.build().unwrap_err();

        assert!(error.is_invalid_input(), "{endpoint}");
        for text in [
            shown,
            all_text(&error),
            all_text(&Endpoint::parse(endpoint).unwrap_err()),
        ] {
            assert!(!text.contains("hunter2secret"), "{endpoint}: {text}");
        }
        assert!(
            error.to_string().starts_with("`endpoint` "),
            "{endpoint}: {error}"
        );
    }
}

/// A request of the user's own that names a host would carry the credentials to that host.
#[tokio::test]
async fn a_raw_request_with_a_host_is_refused_before_it_is_sent() {
    use tower::ServiceExt as _;

    let transport = Scripted::new();
    let client = Client::builder()
        .endpoint("http://h:8000")
        .credentials(Credentials::access_key("AKIA", "secret"))
        .transport(transport.clone())
        .build()
        .unwrap();
    let request = http::Request::get("http://elsewhere/healthcheck")
        .body(lakefs_sdk::Body::empty())
        .unwrap();

    let error = client.oneshot(request).await.unwrap_err();

    assert!(error.is_invalid_input(), "{error}");
    assert!(error.to_string().contains("elsewhere"), "{error}");
    assert!(transport.sent().is_empty());
}
