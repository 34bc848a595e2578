//! The transport over a `reqwest::Client`: the same bytes, the same errors, and nothing that the client does on its own.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{error::Error as StdError, io, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::{HeaderMap, HeaderValue, Request};
use lakefs_sdk::{
    Body, Client, Error,
    middleware::retry::RetryPolicy,
    models::{Answer, CommitCreation, RepositoryCreation},
    testing::MemoryLakeFs,
    transport::Reqwest,
};
use reqwest::redirect;
use tower::ServiceExt as _;

use crate::support::tcp::{Connection, TcpServer};

/// `hello`, compressed by gzip.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";

/// A client over a reqwest client as it comes, but for decompression.
fn client(endpoint: &str) -> Client {
    over(endpoint, reqwest::Client::builder().no_gzip())
}

fn over(endpoint: &str, builder: reqwest::ClientBuilder) -> Client {
    let transport = Reqwest::new(builder.build().unwrap()).unwrap();
    Client::builder()
        .endpoint(endpoint)
        .transport(transport)
        .build()
        .unwrap()
}

/// An address that nobody listens on.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// An object that is stored compressed, sent chunked.
async fn stored_compressed(mut connection: Connection) -> io::Result<()> {
    while connection.request().await?.is_some() {
        connection
            .write("HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n")
            .await?;
        connection.write(format!("{:x}\r\n", GZIP.len())).await?;
        connection.write(GZIP).await?;
        connection.write("\r\n0\r\n\r\n").await?;
    }
    Ok(())
}

// ===== bytes =====

/// O8: a feature that another crate of the workspace switches on would change what every object stored compressed reads as.
#[tokio::test]
async fn a_client_that_decompresses_is_refused() {
    let server = TcpServer::serve(stored_compressed).await.unwrap();
    let decompressing = reqwest::Client::new();
    let read = decompressing.get(server.url()).send().await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), "hello", "the case is real");

    let error = Reqwest::new(decompressing.clone()).unwrap_err();

    assert!(error.is_invalid_input(), "{error:?}");
    for way_out in ["no_gzip()", "Reqwest::from_builder"] {
        assert!(error.message().contains(way_out), "{error}");
    }
    assert!(Reqwest::try_from(decompressing).is_err());
}

/// O8: what is stored is what arrives; its size is not known, which is no error.
#[tokio::test]
async fn an_object_stored_compressed_arrives_as_it_is_stored() {
    let server = TcpServer::serve(stored_compressed).await.unwrap();
    let built = Reqwest::from_builder(reqwest::Client::builder().gzip(true)).unwrap();
    let switched_off = Reqwest::new(reqwest::Client::builder().no_gzip().build().unwrap()).unwrap();

    for transport in [built, switched_off] {
        let client = Client::builder()
            .endpoint(server.url())
            .transport(transport)
            .build()
            .unwrap();
        let object = client.get_object("lake", "main", "a.gz").await.unwrap();

        assert_eq!(object.body.size(), None);
        assert_eq!(object.bytes().await.unwrap(), GZIP);
    }
    for request in server.requests() {
        assert_eq!(request.header("accept-encoding"), None);
    }
}

/// An object store refuses a chunked upload of what it was told the size of, and a stream must not be gathered in memory.
#[tokio::test]
async fn bytes_are_sent_with_their_length_and_streams_as_they_come() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        while connection.request().await?.is_some() {
            connection.answer(201, r#"{"path":"a","path_type":"object","physical_address":"mem://a","checksum":"c","mtime":0}"#).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let client = client(&server.url());
    let pieces = || stream::iter([Ok::<_, io::Error>("01234"), Ok("56789")]);

    for body in [
        Body::from("0123456789"),
        Body::from_sized_stream(10, pieces()),
        Body::from_stream(pieces()),
        Body::empty(),
        Body::from_sized_stream(0, stream::empty::<io::Result<Bytes>>()),
    ] {
        client
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();
    }

    let requests = server.requests();
    let lengths: Vec<_> = requests
        .iter()
        .map(|request| request.header("content-length"))
        .collect();
    assert_eq!(lengths[..3], [Some("10"), Some("10"), None]);
    assert_eq!(requests[2].header("transfer-encoding"), Some("chunked"));
    for request in &requests[..3] {
        assert_eq!(request.body, b"0123456789");
    }
    for request in &requests[3..] {
        assert_eq!(
            request.header("transfer-encoding"),
            None,
            "{}",
            request.head
        );
        assert_eq!(request.body, b"");
    }
}

/// Both ways, more than any buffer holds.
#[tokio::test]
async fn large_objects_stream_both_ways() {
    let served = MemoryLakeFs::new().serve("127.0.0.1:0").await.unwrap();
    let client = client(&served.url());
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await
        .unwrap();
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let pieces = stream::iter((0..64).map(move |_| Ok::<_, io::Error>(piece.clone())));

    client
        .upload_object("lake", "main", "large")
        .body(Body::from_stream(pieces))
        .await
        .unwrap();
    let object = client.get_object("lake", "main", "large").await.unwrap();

    assert_eq!(object.head.content_length, Some(64 * 64 * 1024));
    let mut body = object.into_body().unwrap();
    let (mut chunks, mut read) = (0, 0);
    while let Some(chunk) = body.chunk().await.unwrap() {
        assert!(chunk.iter().all(|&byte| byte == 7));
        chunks += 1;
        read += chunk.len();
    }
    assert_eq!(read, 64 * 64 * 1024);
    assert!(chunks > 1, "it came in one piece");
}

/// A download that was cut and looks whole is data lost.
#[tokio::test]
async fn a_download_that_is_cut_ends_in_an_error() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 10\r\n\r\n01234")
            .await
    })
    .await
    .unwrap();

    let object = client(&server.url()).get_object("lake", "main", "a").await;
    let error = object.unwrap().bytes().await.unwrap_err();

    assert!(error.is_body(), "{error:?}");
    assert!(error.message().contains("after 5 bytes"), "{error}");
}

// ===== failures =====

/// Where nothing was sent even a commit can be tried again, and must be, or every restart of the server is an incident.
#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_retried_for_every_operation() {
    let client = client(&closed());

    let error = client
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert!(error.attempts() > 1, "{error:?}");
    assert!(!error.may_have_taken_effect());
}

/// After a lost connection the commit may have been made: a second one must not be.
#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_not_taken_for_a_refused_one() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        Ok(())
    })
    .await
    .unwrap();

    let error = client(&server.url())
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert!(error.is_transport(), "{error:?}");
    assert!(error.may_have_taken_effect());
    assert_eq!(server.requests().len(), 1);
}

/// What fails in the caller's own stream must not be called a failure of the network.
#[tokio::test]
async fn an_upload_whose_stream_fails_says_so() {
    let server =
        TcpServer::serve(async |mut connection: Connection| connection.request().await.map(drop))
            .await
            .unwrap();
    let broken = stream::iter([Ok("01234"), Err(io::Error::other("the disk is gone"))]);

    let error = client(&server.url())
        .upload_object("lake", "main", "a")
        .body(Body::from_stream(broken))
        .await
        .unwrap_err();

    assert!(error.is_body(), "{error:?}");
    assert!(
        format!("{error:#}").contains("the disk is gone"),
        "{error:#}"
    );
}

/// reqwest panics outside of a runtime.
#[test]
fn a_call_outside_of_a_runtime_is_a_clear_error() {
    let call = client("http://127.0.0.1:9").get_repository("lake").send();

    let error = call.now_or_never().unwrap().unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert!(
        format!("{error:#}").contains("needs a tokio runtime"),
        "{error:#}"
    );
}

/// A program that forgets the endpoint, or joins paths from its users, learns what is wrong before anything is sent.
#[tokio::test]
async fn what_reqwest_would_send_elsewhere_is_refused() {
    let server = TcpServer::serve(stored_compressed).await.unwrap();
    let transport = Reqwest::from_builder(reqwest::Client::builder()).unwrap();

    let error = Client::new(transport.clone())
        .get_repository("lake")
        .await
        .unwrap_err();
    assert!(error.is_invalid_input(), "{error:?}");
    assert!(error.message().contains("`endpoint`"), "{error}");

    for path in ["/a/%2e%2e/secret", "/a/./b", "/a/../b?sig=PLANTED"] {
        let request = Request::get(format!("{}{path}", server.url()))
            .body(Body::empty())
            .unwrap();
        let error = transport.clone().oneshot(request).await.unwrap_err();
        let error = error.downcast::<Error>().unwrap();
        assert!(error.is_invalid_input(), "{error:?}");
        assert!(!format!("{error:?}").contains("PLANTED"), "{error:?}");
    }
    // What merely is encoded further means the same.
    let request = Request::get(format!("{}/a?x='y'", server.url()))
        .body(Body::empty())
        .unwrap();
    transport.oneshot(request).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

// ===== redirects =====

/// A server that redirects everything, and the one that it redirects to.
async fn redirecting(status: &'static str) -> (TcpServer, TcpServer) {
    let other = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection.answer(200, "{}").await
    })
    .await
    .unwrap();
    let location = format!("{}/elsewhere?X-Amz-Signature=PLANTED", other.url());
    let server = TcpServer::serve(move |mut connection: Connection| {
        let location = location.clone();
        async move {
            while connection.request().await?.is_some() {
                connection
                    .write(format!(
                        "HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
                    ))
                    .await?;
            }
            Ok(())
        }
    })
    .await
    .unwrap();
    (server, other)
}

/// Whoever follows a presigned redirect must know what not to send there; reqwest knows only some headers.
#[tokio::test]
async fn a_redirect_comes_back_whatever_the_policy_of_the_client() {
    let bodies = [Body::empty, || Body::from("data")];
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let (server, other) = redirecting(status).await;
        let following = reqwest::Client::builder().no_gzip().build().unwrap();
        let transport = Reqwest::new(following).unwrap();
        for (method, body) in [("GET", bodies[0]), ("HEAD", bodies[0]), ("PUT", bodies[1])] {
            let request = Request::builder()
                .method(method)
                .uri(format!("{}/a", server.url()))
                .body(body())
                .unwrap();
            let response = transport.clone().oneshot(request).await.unwrap();
            assert!(response.status().is_redirection(), "{method} {status}");
            assert!(response.headers().contains_key("location"));
        }
        assert_eq!(other.connections(), 0, "{status}");
    }
    let (server, other) = redirecting("302 Found").await;

    let object = client(&server.url())
        .get_object("lake", "main", "a")
        .presign(true)
        .follow_redirects(false)
        .await
        .unwrap();

    assert!(matches!(object.answer, Answer::Redirect(_)), "{object:?}");
    assert_eq!(other.connections(), 0);
}

/// What was answered by who knows whom is not an answer of lakeFS's.
#[tokio::test]
async fn a_redirect_that_the_client_followed_is_an_error() {
    for status in ["302 Found", "303 See Other"] {
        let (server, other) = redirecting(status).await;

        let error = client(&server.url())
            .commit("lake", "main", CommitCreation::new("m"))
            .await
            .unwrap_err();

        assert!(error.message().contains("followed a redirect"), "{error}");
        assert!(error.message().contains("Policy::none()"), "{error}");
        assert!(error.may_have_taken_effect());
        assert_eq!(error.attempts(), 1);
        assert!(!everything(&error).contains("PLANTED"), "{error:?}");
        assert_eq!(other.requests().len(), 1, "the case is real");
    }
}

/// O19: the error of a redirect holds others that carry URLs of their own.
#[tokio::test]
async fn no_error_of_a_redirect_policy_shows_a_signature() {
    let (server, _other) = redirecting("303 See Other").await;
    let nested = redirect::Policy::custom(|attempt| {
        let url = attempt.url().clone();
        let error = reqwest::Client::new().get("http://[").build().unwrap_err();
        attempt.error(error.with_url(url))
    });
    for policy in [redirect::Policy::limited(0), nested] {
        let client = over(
            &server.url(),
            reqwest::Client::builder().no_gzip().redirect(policy),
        );

        let request = Request::post(format!("/a?{SIGNED}"))
            .body(Body::empty())
            .unwrap();
        let error = client.oneshot(request).await.unwrap_err();

        assert!(error.message().contains("redirect"), "{error}");
        let shown = everything(&error);
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}

/// `from_builder` follows none at all.
#[tokio::test]
async fn a_client_that_was_built_here_follows_no_redirect() {
    let (server, other) = redirecting("303 See Other").await;
    let transport = Reqwest::from_builder(reqwest::Client::builder()).unwrap();
    let client = Client::builder()
        .endpoint(server.url())
        .transport(transport);

    let error = client
        .build()
        .unwrap()
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert_eq!(error.status().unwrap(), 303, "{error:?}");
    assert_eq!(other.connections(), 0);
}

// ===== secrets =====

const SIGNED: &str = "X-Amz-Credential=PLANTEDcredential&X-Amz-Security-Token=PLANTEDtoken&X-Amz-Signature=PLANTEDsignature&sig=PLANTEDsig";

/// All that an error shows, and all that is beneath it.
fn everything(error: &(dyn StdError + 'static)) -> String {
    let mut text = format!("{error} {error:#} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next} {next:?} {next:#?}"));
        cause = next.source();
    }
    text
}

/// O19: the error of an HTTP library carries the whole URL into logs and crash reports.
#[tokio::test(start_paused = true)]
async fn no_error_of_a_presigned_request_shows_its_signature() {
    let refusing = TcpServer::serve(async |mut connection: Connection| {
        while connection.request().await?.is_some() {
            let echo = format!(r#"{{"message":"denied: http://h/a?{SIGNED}"}}"#);
            connection.answer(403, &echo).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let resetting =
        TcpServer::serve(async |mut connection: Connection| connection.request().await.map(drop))
            .await
            .unwrap();
    let silent = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        std::future::pending().await
    })
    .await
    .unwrap();
    let builder = || reqwest::Client::builder().no_gzip();
    let limited = || builder().timeout(Duration::from_millis(10));
    type Check = fn(&Error) -> bool;
    let cases: [(&str, String, reqwest::ClientBuilder, Check); 5] = [
        ("connect", closed(), builder(), Error::is_connect),
        ("reset", resetting.url(), builder(), Error::is_transport),
        (
            "403",
            refusing.url(),
            builder(),
            Error::is_permission_denied,
        ),
        ("timeout", silent.url(), limited(), Error::is_timeout),
        (
            "scheme",
            closed(),
            builder().https_only(true),
            Error::is_invalid_input,
        ),
    ];

    for (case, endpoint, builder, check) in cases {
        let transport = Reqwest::new(builder.build().unwrap()).unwrap();
        let client = Client::builder()
            .endpoint(&endpoint)
            .transport(transport.clone())
            .retry(RetryPolicy::none())
            .build()
            .unwrap();
        let request = |target: &str| {
            Request::put(format!("{target}/bucket/data?{SIGNED}"))
                .body(Body::from("data"))
                .unwrap()
        };

        // As it is at the transport, and what the client makes of it.
        let sent = transport.clone().call_and_show(request(&endpoint)).await;
        assert!(!sent.contains("PLANTED"), "{case}: {sent}");
        let answer = client.clone().oneshot(request("")).await;
        let error = match answer {
            Ok(response) => {
                assert_eq!((case, response.status().as_u16()), ("403", 403));
                client.get_repository("lake").await.unwrap_err()
            }
            Err(error) => error,
        };
        assert!(check(&error), "{case}: {error:?}");
        let shown = everything(&error) + &format!("{client:?} {transport:?}");
        assert!(!shown.contains("PLANTED"), "{case}: {shown}");
    }
}

/// What the transport itself shows of a request under way and of how it ended.
trait CallAndShow {
    async fn call_and_show(self, request: Request<Body>) -> String;
}

impl CallAndShow for Reqwest {
    async fn call_and_show(mut self, request: Request<Body>) -> String {
        let sent = tower::Service::call(&mut self, request);
        let shown = format!("{sent:?}");
        match sent.await {
            Ok(response) => shown + &format!("{response:?}"),
            Err(error) => shown + &everything(&*error),
        }
    }
}

/// O19: a stream that breaks off does so with an error of the same library.
#[tokio::test(start_paused = true)]
async fn no_error_of_a_presigned_body_shows_its_signature() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234")
            .await?;
        if connection.number == 0 {
            return Ok(());
        }
        std::future::pending().await
    })
    .await
    .unwrap();
    let limited = reqwest::Client::builder().read_timeout(Duration::from_secs(1));
    let transport = Reqwest::from_builder(limited).unwrap();

    for timeout in [false, true] {
        let request = Request::get(format!("{}/a?{SIGNED}", server.url()))
            .body(Body::empty())
            .unwrap();
        let response = transport.clone().oneshot(request).await.unwrap();
        let error = response.into_body().bytes().await.unwrap_err();

        assert_eq!(error.is_timeout(), timeout, "{error:?}");
        assert_eq!(error.is_body(), !timeout, "{error:?}");
        let shown = everything(&error);
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}

/// A program prints what it holds.
#[test]
fn the_transport_does_not_show_the_headers_of_its_client() {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("PLANTED"));
    let builder = reqwest::Client::builder().default_headers(headers);

    let transport = Reqwest::from_builder(builder).unwrap();

    assert_eq!(format!("{transport:?}"), "Reqwest");
}
