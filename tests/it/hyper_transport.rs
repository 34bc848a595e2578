//! The built-in transport over real sockets.

use std::{io, net::TcpListener, time::Duration};

use futures_util::stream;
use lakefs_sdk::{
    Body, BoxError, Client, ClientBuilder, Credentials, middleware::retry::RetryPolicy,
    models::CommitCreation,
};
use tower::ServiceExt as _;

use crate::support::tcp::{Connection, TcpServer};

const REPOSITORY: &str =
    r#"{"id":"lake","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}"#;
const STATS: &str =
    r#"{"path":"a","path_type":"object","physical_address":"mem://a","checksum":"","mtime":0}"#;

fn builder(server: &TcpServer) -> ClientBuilder {
    Client::builder().endpoint(server.url()).retry(impatient())
}

/// The standard, without the waits.
fn impatient() -> RetryPolicy {
    RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO)
}

fn creation() -> CommitCreation {
    CommitCreation::new("m")
}

/// Answers everything, for as long as the client likes.
async fn keep_alive(mut connection: Connection) -> io::Result<()> {
    while connection.request().await?.is_some() {
        connection.answer(200, REPOSITORY).await?;
    }
    Ok(())
}

/// Lets what the server did arrive at the client's connections, which run on the same thread.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

// ===== connections =====

/// A new connection for every call costs a handshake each, and with TLS more than the call itself.
#[tokio::test]
async fn a_connection_is_used_again() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let client = builder(&server).build().unwrap();

    client.get_repository("lake").await.unwrap();
    settle().await;
    client.get_repository("lake").await.unwrap();
    settle().await;
    client.clone().get_repository("lake").await.unwrap();

    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests().len(), 3);
}

/// Servers and proxies answer 411 to a request that could have a body and does not say that it has none (RFC 9110, 8.6).
#[tokio::test]
async fn a_request_that_may_have_a_body_says_that_it_has_none() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let client = builder(&server).build().unwrap();
    for (method, expected) in [
        ("POST", Some("0")),
        ("PUT", Some("0")),
        ("PATCH", Some("0")),
        ("GET", None),
        ("DELETE", None),
    ] {
        for body in [
            Body::empty(),
            Body::from_sized_stream(0, stream::empty::<Result<&str, BoxError>>()),
        ] {
            let is_stream = body.as_bytes().is_none();
            if is_stream && expected.is_none() {
                continue;
            }
            let request = http::Request::builder().method(method).uri("/x");
            let request = request.body(body).unwrap();
            client.clone().oneshot(request).await.unwrap();
            let sent = server.requests().pop().unwrap();
            assert_eq!(sent.header("content-length"), expected, "{}", sent.head);
            assert_eq!(sent.header("transfer-encoding"), None, "{}", sent.head);
        }
    }
}

/// Errors are answers too: a service that asks whether things exist would otherwise reconnect each time.
#[tokio::test]
async fn a_connection_is_used_again_after_an_error_and_between_attempts() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        for (status, body) in [
            (404, r#"{"message":"no"}"#),
            (503, "busy"),
            (503, ""),
            (200, REPOSITORY),
        ] {
            connection.request().await?;
            connection.answer(status, body).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let client = builder(&server).build().unwrap();

    assert!(
        client
            .get_repository("lake")
            .await
            .unwrap_err()
            .is_not_found()
    );
    client.get_repository("lake").await.unwrap();

    assert_eq!(server.connections(), 1);
}

/// While the server is down nothing was sent, so even a commit is tried again, and is certainly not made.
#[tokio::test]
async fn a_refused_connection_is_a_connect_error_without_effect() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Client::builder()
        .endpoint(format!("http://{address}"))
        .retry(impatient())
        .build()
        .unwrap();

    let error = client.commit("lake", "main", creation()).await.unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert_eq!(error.attempts(), 3);
    assert!(!error.may_have_taken_effect());
    assert!(error.retryable());
    assert_eq!(
        error.to_string(),
        "commit: could not connect to the server, after 3 attempts"
    );
    assert!(
        format!("{error:#}").to_lowercase().contains("refused"),
        "{error:#}"
    );
}

/// A name that does not exist is told as such, and not as a lost connection.
#[tokio::test]
async fn a_host_that_does_not_exist_is_a_connect_error() {
    let client = Client::builder()
        .endpoint("http://lakefs.invalid")
        .retry(RetryPolicy::none())
        .build()
        .unwrap();

    let error = client.commit("lake", "main", creation()).await.unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert!(!error.may_have_taken_effect());
}

/// A server that accepts and says nothing must not hold a caller for ever.
#[tokio::test]
async fn headers_that_do_not_come_are_a_timeout() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        while connection.request().await?.is_some() {}
        Ok(())
    })
    .await
    .unwrap();
    let client = builder(&server)
        .attempt_timeout(Duration::from_millis(50))
        .build()
        .unwrap();

    let error = client.commit("lake", "main", creation()).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(error.may_have_taken_effect());
    assert_eq!(error.attempts(), 1);

    let error = client.get_repository("lake").await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.attempts(), 3);
}

/// Garbage on the wire is an error of the call, never a panic.
#[tokio::test]
async fn an_answer_that_is_not_http_is_a_transport_error() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "\0\0\0",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        let server = TcpServer::serve(move |mut connection: Connection| async move {
            connection.request().await?;
            connection.write(garbage).await
        })
        .await
        .unwrap();

        let error = builder(&server)
            .build()
            .unwrap()
            .commit("lake", "main", creation())
            .await
            .unwrap_err();

        assert!(error.is_transport(), "{garbage:?}: {error:?}");
        assert!(error.may_have_taken_effect());
    }
}

// ===== bodies =====

/// Half an object that looks whole is silent corruption.
#[tokio::test]
async fn an_object_that_is_cut_ends_in_an_error_with_the_byte_count() {
    for (head, sent, message) in [
        ("content-length: 100", "0123456789", "after 10 bytes"),
        (
            "transfer-encoding: chunked",
            "5\r\nhello\r\n",
            "after 5 bytes",
        ),
        ("transfer-encoding: chunked", "ff\r\nhello", "after 5 bytes"),
        ("content-length: 100", "", "after 0 bytes"),
    ] {
        let server = TcpServer::serve(move |mut connection: Connection| async move {
            connection.request().await?;
            connection
                .write(format!(
                    "HTTP/1.1 200 OK\r\netag: \"e\"\r\n{head}\r\n\r\n{sent}"
                ))
                .await
        })
        .await
        .unwrap();
        let client = builder(&server).build().unwrap();

        let mut body = client
            .get_object("lake", "main", "a")
            .await
            .unwrap()
            .into_body()
            .unwrap();
        let mut read = Vec::new();
        let error = loop {
            match body.chunk().await {
                Ok(Some(chunk)) => read.extend_from_slice(&chunk),
                Ok(None) => panic!("{head}: it ended as if it were whole"),
                Err(error) => break error,
            }
        };

        assert!(error.is_body(), "{head}: {error:?}");
        assert!(
            error.to_string().contains(message),
            "{head}, {sent:?}: {error}"
        );
        assert!(sent.contains(std::str::from_utf8(&read).unwrap()));
        assert_eq!(
            server.requests().len(),
            1,
            "a stream is not replayed behind the caller's back"
        );
    }
}

/// A document that was cut is fetched again; the caller never sees the half of it.
#[tokio::test]
async fn a_document_that_is_cut_is_fetched_again() {
    for head in ["content-length: 85", "transfer-encoding: chunked"] {
        let server = TcpServer::serve(move |mut connection: Connection| async move {
            while connection.request().await?.is_some() {
                if connection.number == 0 {
                    return connection
                        .write(format!(
                            "HTTP/1.1 200 OK\r\n{head}\r\n\r\n6\r\n{{\"id\":\r\n"
                        ))
                        .await;
                }
                connection.answer(200, REPOSITORY).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
        let client = builder(&server).build().unwrap();

        let repository = client.get_repository("lake").await.unwrap();

        assert_eq!(repository.id, "lake");
        assert_eq!(server.requests().len(), 2);
    }
}

/// A commit whose answer was cut was most likely made.
#[tokio::test]
async fn a_commit_whose_answer_is_cut_is_not_sent_again() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{")
            .await
    })
    .await
    .unwrap();

    let error = builder(&server)
        .build()
        .unwrap()
        .commit("lake", "main", creation())
        .await
        .unwrap_err();

    assert!(error.is_body(), "{error:?}");
    assert!(error.may_have_taken_effect());
    assert_eq!(error.attempts(), 1);
    assert_eq!(server.requests().len(), 1);
}

/// An upload is on the wire as it was given: its length where it is known, chunked where not, and nothing is lost.
#[tokio::test]
async fn an_upload_arrives_whole() {
    let chunks = || stream::iter(["one,", "", "two"].map(Ok::<_, io::Error>));
    for (body, length) in [
        (Body::from("one,two"), Some("7")),
        (Body::from_sized_stream(7, chunks()), Some("7")),
        (Body::from_stream(chunks()), None),
    ] {
        let server = TcpServer::serve(async |mut connection: Connection| {
            connection.request().await?;
            connection.answer(201, STATS).await
        })
        .await
        .unwrap();

        builder(&server)
            .build()
            .unwrap()
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();

        let request = &server.requests()[0];
        assert_eq!(request.body, b"one,two");
        assert_eq!(request.header("content-length"), length);
        assert_eq!(
            request.header("transfer-encoding").is_some(),
            length.is_none()
        );
    }
}

/// A stream of another size than was declared must not become an object.
#[tokio::test]
async fn an_upload_of_a_wrong_size_fails() {
    for declared in [5, 9] {
        let server = TcpServer::serve(async |mut connection: Connection| {
            connection.request().await?;
            connection.answer(201, STATS).await
        })
        .await
        .unwrap();
        let body = Body::from_sized_stream(
            declared,
            stream::iter(["one,", "two"].map(Ok::<_, io::Error>)),
        );

        let call = builder(&server)
            .build()
            .unwrap()
            .upload_object("lake", "main", "a")
            .body(body);
        let error = call.await.unwrap_err();

        assert!(error.is_body(), "{declared}: {error:?}");
        assert!(format!("{error:#}").contains("declared size"), "{error:#}");
        assert!(
            server.requests().is_empty(),
            "{declared}: the request was never whole"
        );
    }
}

// ===== headers =====

/// Credentials go where they are wanted, and a caller's own come first.
#[tokio::test]
async fn credentials_go_only_to_operations_that_want_them() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let client = builder(&server)
        .credentials(Credentials::access_key("AKIA", "secret"))
        .build()
        .unwrap();

    client.health_check().await.unwrap();
    client.get_repository("lake").await.unwrap();
    client
        .get_repository("lake")
        .header("authorization", "Bearer mine")
        .await
        .unwrap();

    let requests = server.requests();
    let sent: Vec<_> = requests
        .iter()
        .map(|request| request.header("authorization"))
        .collect();
    assert_eq!(
        sent,
        [None, Some("Basic QUtJQTpzZWNyZXQ="), Some("Bearer mine")]
    );
    for request in &requests {
        let count = request
            .head
            .to_lowercase()
            .matches("authorization:")
            .count();
        assert!(count <= 1, "{}", request.head);
    }
}

/// An operator who sees a strange call must be able to tell who makes it.
#[tokio::test]
async fn every_request_says_what_sends_it() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let client = builder(&server).build().unwrap();
    client.get_repository("lake").await.unwrap();
    let client = builder(&server).user_agent("etl/2.1").build().unwrap();
    client.get_repository("lake").await.unwrap();
    client
        .get_repository("lake")
        .header("user-agent", "mine/1")
        .await
        .unwrap();

    let requests = server.requests();
    let own = concat!("lakefs-rust-sdk/", env!("CARGO_PKG_VERSION"));
    let agents: Vec<_> = requests
        .iter()
        .map(|request| request.header("user-agent"))
        .collect();
    assert_eq!(agents, [Some(own), Some("etl/2.1"), Some("mine/1")]);
    assert!(
        requests
            .iter()
            .all(|request| request.header("x-lakefs-client") == Some(own))
    );
    let host = server.url();
    assert_eq!(requests[0].header("host"), host.strip_prefix("http://"));
    assert!(
        requests[0]
            .head
            .starts_with("GET /api/v1/repositories/lake HTTP/1.1\r\n")
    );
}
