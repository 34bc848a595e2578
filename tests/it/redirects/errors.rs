//! What a redirect that leads nowhere good looks like to the caller.

use std::{net::TcpListener, time::Duration};

use lakefs_sdk::{Client, ErrorKind, middleware::retry::RetryPolicy, models::CommitCreation};

use super::{SIGNED, impatient, lakefs, store};
use crate::support::scripted::Scripted;

/// O17: a refusal of the store says nothing of lakeFS's credentials: asking again would not help, and "log in" is wrong.
#[tokio::test]
async fn a_refusal_of_the_store_is_one_of_the_store() {
    const XML: &str = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    for (head, status, kind) in [
        ("401 Unauthorized", 401, ErrorKind::PermissionDenied),
        ("403 Forbidden", 403, ErrorKind::PermissionDenied),
        ("404 Not Found", 404, ErrorKind::Gone),
    ] {
        let store = store(head, XML).await.unwrap();
        let lakefs = lakefs(format!("{}{SIGNED}", store.url())).await.unwrap();

        let error = impatient(lakefs.url())
            .get_object("lake", "main", "a")
            .presign(true)
            .await
            .unwrap_err();

        let host = store.url().replace("http://", "");
        assert_eq!(error.kind(), kind);
        assert_eq!(error.status().unwrap(), status);
        assert_eq!(
            error.message(),
            format!("the object store {host} said: AccessDenied: Request has expired")
        );
        assert_eq!((lakefs.requests().len(), store.requests().len()), (1, 1));
    }
}

/// A store that is busy for a moment would otherwise fail a read; the signature may have run out meanwhile.
#[tokio::test]
async fn a_busy_store_is_tried_again_from_lakefs_on() {
    let transport = Scripted::new()
        .status_with(302, &[("location", "https://s3.example.com/a?sig=1")], "")
        .status(503, "<Error><Code>SlowDown</Code></Error>")
        .status_with(302, &[("location", "https://s3.example.com/a?sig=2")], "")
        .status_with(200, &[("etag", "\"e\"")], "data");
    let client = Client::builder()
        .transport(transport.clone())
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap();

    let object = client
        .get_object("lake", "main", "a")
        .presign(true)
        .await
        .unwrap();

    assert_eq!(object.text().await.unwrap(), "data");
    assert_eq!(transport.sent()[3].uri, "https://s3.example.com/a?sig=2");
}

/// O23: "could not connect to the server" would send everybody looking at lakeFS, which is well.
#[tokio::test]
async fn a_store_that_cannot_be_reached_is_named_without_the_signature() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let lakefs = lakefs(format!("http://{closed}{SIGNED}")).await.unwrap();

    let error = impatient(lakefs.url())
        .get_object("lake", "main", "a")
        .presign(true)
        .await
        .unwrap_err();

    assert!(error.is_connect());
    assert_eq!(error.attempts(), 3);
    assert_eq!(
        error.message(),
        format!(
            "lakeFS answered with a redirect, but the object store {closed} could not be reached from here; without `presign` the data comes through lakeFS"
        )
    );
    assert!(!format!("{error:#} {error:?}").contains("PLANTED"));
    // lakeFS itself not being there is another matter.
    let error = impatient(format!("http://{closed}"))
        .get_object("lake", "main", "a")
        .await
        .unwrap_err();
    assert_eq!(error.message(), "could not connect to the server");
}

/// A web page in place of an object, because a login stands in between, must not be taken for its contents.
#[tokio::test]
async fn a_login_page_behind_a_redirect_is_no_object() {
    let transport = Scripted::new()
        .status_with(
            302,
            &[(
                "location",
                "https://login.example.com/authorize?state=secret",
            )],
            "",
        )
        .status_with(200, &[("content-type", "text/html")], "<html>");

    let error = Client::new(transport)
        .get_object("lake", "main", "a")
        .await
        .unwrap_err();

    assert!(error.is_endpoint());
    assert!(
        error
            .message()
            .starts_with("after a redirect to login.example.com: "),
        "{error}"
    );
}

/// A document is never redirected by lakeFS: who redirects is a load balancer or a login, and the way out is to know where.
#[tokio::test]
async fn an_operation_that_answers_a_document_says_where_it_was_sent() {
    for status in [301, 302, 303, 307, 308] {
        let location =
            "https://user:secret@lakefs.example.com/api/v1/repositories/lake?token=secret";
        let transport = Scripted::new().status_with(status, &[("location", location)], "<html>");

        let error = Client::new(transport.clone())
            .get_repository("lake")
            .await
            .unwrap_err();

        assert!(error.is_endpoint());
        assert_eq!(error.status().unwrap(), status);
        let place = "redirects to [redacted]@lakefs.example.com/api/v1/repositories/lake; if that is lakeFS, make it the `endpoint`";
        assert!(error.message().contains(place), "{error}");
        assert!(!format!("{error:#} {error:?}").contains("secret"));
        assert_eq!(transport.sent().len(), 1);
    }
    let transport = Scripted::new().status_with(307, &[("location", "/elsewhere")], "");
    let commit = Client::new(transport.clone()).commit("lake", "main", CommitCreation::new("m"));
    assert!(commit.await.unwrap_err().is_endpoint());
    assert_eq!(transport.sent().len(), 1);
}

/// http where https is meant: followed, the read would arrive without credentials, and fail as if they were wrong.
#[tokio::test]
async fn a_read_that_is_sent_to_another_address_of_lakefs_says_so() {
    let path = "/api/v1/repositories/lake/refs/main/objects?path=a";
    let transport = Scripted::new().status_with(
        301,
        &[("location", &format!("https://lakefs.example.com{path}"))],
        "",
    );
    let client = Client::builder()
        .endpoint("http://lakefs.example.com")
        .transport(transport.clone())
        .build()
        .unwrap();

    let error = client.get_object("lake", "main", "a").await.unwrap_err();

    assert!(error.is_endpoint());
    assert!(
        error.message().contains("make it the `endpoint`"),
        "{error}"
    );
    assert_eq!(transport.sent().len(), 1);
}
