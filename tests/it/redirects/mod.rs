//! Redirects: a presigned read is followed to the object store, which learns nothing but what it must.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{io, time::Duration};

use futures_util::stream;
use http::{HeaderMap, Method, Request};
use lakefs_sdk::{
    Body, BoxError, Client, Credentials, ErrorKind,
    middleware::{redirect::RedirectLayer, retry::RetryPolicy},
    models::Answer,
};
use tower::{Service, ServiceBuilder, ServiceExt as _, limit::ConcurrencyLimitLayer};

use crate::support::{
    scripted::Scripted,
    tcp::{Connection, TcpServer},
};

mod errors;

/// A path and query as object stores sign them: every byte counts.
const SIGNED: &str =
    "/bucket/data/a%2Fb?X-Amz-Credential=c%2F1&X-Amz-Signature=PLANTED%2bsignature";

/// lakeFS: answers every request with a redirect to there.
async fn lakefs(location: String) -> io::Result<TcpServer> {
    TcpServer::serve(move |mut connection: Connection| {
        let location = location.clone();
        async move {
            while connection.request().await?.is_some() {
                connection
                    .write(format!(
                        "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
                    ))
                    .await?;
            }
            Ok(())
        }
    })
    .await
}

/// An object store: answers every request with that.
async fn store(head: &'static str, body: &'static str) -> io::Result<TcpServer> {
    TcpServer::serve(move |mut connection: Connection| async move {
        while connection.request().await?.is_some() {
            let length = body.len();
            connection
                .write(format!(
                    "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}"
                ))
                .await?;
        }
        Ok(())
    })
    .await
}

fn impatient(endpoint: String) -> Client {
    Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::access_key("id", "secret"))
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|name| name.as_str()).collect()
}

/// O17: a store refuses what carries both a signature and credentials of lakeFS, and must not learn them either.
#[tokio::test]
async fn a_store_on_another_port_or_host_gets_the_range_and_no_credentials() {
    let store = store(
        "206 Partial Content\r\netag: \"e\"\r\ncontent-range: bytes 2-4/10",
        "234",
    )
    .await
    .unwrap();
    let port = store.url().rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost"] {
        let lakefs = lakefs(format!("http://{host}:{port}{SIGNED}"))
            .await
            .unwrap();
        for credentials in [
            Credentials::access_key("id", "secret"),
            Credentials::bearer_token("secret"),
            Credentials::session_cookie("internal_auth_session", "secret"),
        ] {
            let client = Client::builder()
                .endpoint(lakefs.url())
                .credentials(credentials)
                .user_agent("etl/2.1")
                .build()
                .unwrap();

            let object = client
                .get_object("lake", "main", "a")
                .range("bytes=2-4")
                .presign(true)
                .header("x-tenant-token", "secret")
                .await
                .unwrap();

            assert_eq!(object.answer, Answer::Partial);
            assert_eq!(object.bytes().await.unwrap(), "234");
            let asked = lakefs.requests().pop().unwrap();
            assert!(
                asked
                    .header("authorization")
                    .or(asked.header("cookie"))
                    .is_some()
            );
            assert_eq!(asked.header("x-tenant-token"), Some("secret"));
            let sent = store.requests().pop().unwrap();
            assert!(
                sent.head.starts_with(&format!("GET {SIGNED} HTTP/1.1\r\n")),
                "{}",
                sent.head
            );
            let mut names: Vec<_> = sent
                .head
                .lines()
                .skip(1)
                .filter_map(|line| Some(line.split_once(':')?.0))
                .collect();
            names.sort_unstable();
            assert_eq!(names, ["host", "range", "user-agent"]);
            assert_eq!(sent.header("host"), Some(&*format!("{host}:{port}")));
            assert_eq!(sent.header("range"), Some("bytes=2-4"));
        }
    }
}

/// O17: what makes another origin, and what does not, decides who sees the credentials.
#[tokio::test]
async fn credentials_go_along_within_the_origin_only() {
    const FOREIGN: [&str; 2] = ["if-none-match", "user-agent"];
    for (location, keeps_all) in [
        ("/elsewhere", true),
        ("https://lakefs.example.com/elsewhere", true),
        ("https://LAKEFS.example.com:443/elsewhere", true),
        ("//lakefs.example.com/elsewhere", true),
        ("http://lakefs.example.com/elsewhere", false),
        ("http://lakefs.example.com:443/elsewhere", false),
        ("https://lakefs.example.com:8443/elsewhere", false),
        ("https://s3.example.com/elsewhere", false),
        ("//s3.example.com/elsewhere", false),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let transport = Scripted::new()
                .status_with(status, &[("location", location)], "")
                .status_with(200, &[("etag", "\"e\"")], "data");
            let client = Client::builder()
                .endpoint("https://lakefs.example.com")
                .credentials(Credentials::access_key("id", "secret"))
                .transport(transport.clone())
                .build()
                .unwrap();

            let object = client
                .get_object("lake", "main", "a")
                .if_none_match("\"old\"")
                .presign(true)
                .header("x-mine", "m")
                .await
                .unwrap();

            assert_eq!(object.text().await.unwrap(), "data");
            let sent = transport.sent();
            assert_eq!(sent.len(), 2);
            assert_eq!(sent[1].method, Method::GET);
            assert_eq!(sent[1].operation, Some("getObject"));
            assert_eq!(sent[1].uri.path(), "/elsewhere");
            let mut second = names(&sent[1].headers);
            second.sort_unstable();
            let mut first = names(&sent[0].headers);
            first.sort_unstable();
            assert_eq!(
                second,
                if keeps_all { first } else { FOREIGN.to_vec() },
                "{status} {location}"
            );
        }
    }
}

/// A header that is allowed along, and that the user has marked as secret, stays a secret.
#[tokio::test]
async fn a_header_that_is_marked_as_sensitive_goes_nowhere_else() {
    let transport = Scripted::new()
        .status_with(302, &[("location", "https://s3.example.com/a")], "")
        .status(200, "data");
    let service = ServiceBuilder::new()
        .layer(RedirectLayer::new())
        .service(transport.clone());
    let mut secret = http::HeaderValue::from_static("secret/1");
    secret.set_sensitive(true);
    let request = Request::get("https://lakefs.example.com/a?x=1")
        .header("user-agent", secret)
        .header("accept", "*/*")
        .body(Body::empty())
        .unwrap();

    service.oneshot(request).await.unwrap();

    assert_eq!(names(&transport.sent()[1].headers), ["accept"]);
}

/// A store that sends the reader back must not get the credentials to be sent along after all.
#[tokio::test]
async fn credentials_stay_away_after_a_detour_over_another_origin() {
    let transport = Scripted::new()
        .status_with(302, &[("location", "https://s3.example.com/a")], "")
        .status_with(302, &[("location", "https://lakefs.example.com/b")], "")
        .status_with(200, &[("etag", "\"e\"")], "data");
    let client = Client::builder()
        .endpoint("https://lakefs.example.com")
        .credentials(Credentials::bearer_token("secret"))
        .transport(transport.clone())
        .build()
        .unwrap();

    client.get_object("lake", "main", "a").await.unwrap();

    let sent = transport.sent();
    assert!(sent[0].headers.contains_key("authorization"));
    assert_eq!(names(&sent[1].headers), ["user-agent"]);
    assert_eq!(names(&sent[2].headers), ["user-agent"]);
}

/// A server that redirects in a circle must not keep a program busy for ever.
#[tokio::test]
async fn redirects_without_end_end() {
    for location in ["/a?sig=secret", "https://s3.example.com/a?sig=secret"] {
        let transport = (0..20).fold(Scripted::new(), |transport, _| {
            transport.status_with(302, &[("location", location)], "")
        });

        let error = Client::new(transport.clone())
            .get_object("lake", "main", "a")
            .await
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(
            error
                .message()
                .starts_with("redirected more than 10 times, at last to "),
            "{error}"
        );
        assert!(!format!("{error:#} {error:?}").contains("secret"));
        assert_eq!(transport.sent().len(), 11);
    }
}

/// Who hands the URL to another program, a browser for instance, needs the URL and not the data.
#[tokio::test]
async fn redirects_are_the_answer_where_they_are_not_followed() {
    let url = "https://s3.example.com/a?sig=1";
    for (client_follows, call_follows, followed) in [
        (true, None, true),
        (false, None, false),
        (true, Some(false), false),
        (false, Some(true), true),
    ] {
        let transport = Scripted::new()
            .status_with(302, &[("location", url)], "")
            .status_with(200, &[("etag", "\"e\"")], "data");
        let client = Client::builder()
            .transport(transport.clone())
            .follow_redirects(client_follows)
            .build()
            .unwrap();
        let mut call = client.get_object("lake", "main", "a").presign(true);
        if let Some(follow) = call_follows {
            call = call.follow_redirects(follow);
        }

        let answer = call.await.unwrap().answer;

        if followed {
            assert_eq!(answer, Answer::Full);
        } else {
            assert_eq!(answer, Answer::Redirect(url.to_owned()));
            assert_eq!(transport.sent().len(), 1);
        }
    }
}

/// A write that is repeated elsewhere, or empty, does something else than what was asked for.
#[tokio::test]
async fn a_write_is_followed_within_the_origin_and_whole_or_not_at_all() {
    let once = || Body::from_stream(stream::iter([Ok::<_, io::Error>("data")]));
    let again = || Body::from("data");
    type MakeBody = fn() -> Body;
    let cases: [(u16, &str, MakeBody, bool); 6] = [
        (307, "/there", again, true),
        (308, "/there", again, true),
        (302, "/there", again, false),
        (303, "/there", again, false),
        (307, "https://s3.example.com/there", again, false),
        (307, "/there", once, false),
    ];
    for (status, location, body, followed) in cases {
        let transport = Scripted::new()
            .status_with(status, &[("location", location)], "")
            .status(200, "done");
        let request = Request::post("/here").body(body()).unwrap();

        let response = Client::new(transport.clone())
            .oneshot(request)
            .await
            .unwrap();

        let sent = transport.sent();
        if followed {
            assert_eq!(response.status(), 200, "{status} {location}");
            assert_eq!(sent[1].method, Method::POST);
            assert_eq!(sent[1].uri.path(), "/there");
            assert_eq!(sent[1].body.as_deref(), Some(&b"data"[..]));
        } else {
            assert_eq!(response.status(), status, "{status} {location}");
            assert_eq!(sent.len(), 1);
        }
    }
}

/// A status that is no redirect, or one that says not where to, is for the caller to read.
#[tokio::test]
async fn what_is_no_redirect_is_left_as_it_is() {
    for (status, headers) in [
        (300, &[("location", "/b")][..]),
        (304, &[("location", "/b")]),
        (302, &[]),
        (201, &[("location", "/b")]),
    ] {
        let transport = Scripted::new().status_with(status, headers, "");
        let request = Request::get("/a").body(Body::empty()).unwrap();

        let response = Client::new(transport.clone())
            .oneshot(request)
            .await
            .unwrap();

        assert_eq!(response.status(), status);
        assert_eq!(transport.sent().len(), 1);
    }
}

/// A permit that the first answer holds while the second request waits for it is a call that hangs.
#[tokio::test]
async fn following_needs_no_second_permit() {
    let script = || {
        let page = Body::from_stream(stream::iter([Ok::<_, io::Error>("<a>Found</a>")]));
        Scripted::new()
            .status_with(302, &[("location", "https://s3.example.com/a")], page)
            .status_with(200, &[("etag", "\"e\"")], "data")
    };
    let request = || Request::get("/a").body(Body::empty()).unwrap();
    // tower's limit keeps its permit in the future.
    let mut service = ServiceBuilder::new()
        .layer(RedirectLayer::new())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(script());
    let ready: Result<_, BoxError> = service.ready().await;
    let response = ready.unwrap().call(request()).await.unwrap();
    assert_eq!(response.into_body().text().await.unwrap(), "data");
    // Ours keeps it in the body.
    let client = Client::builder()
        .transport(script())
        .concurrency_limit(1)
        .build()
        .unwrap();
    let object = client.get_object("lake", "main", "a").await.unwrap();
    assert_eq!(object.text().await.unwrap(), "data");
}
