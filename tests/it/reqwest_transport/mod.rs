//! The transport over a `reqwest::Client`: the same bytes, the same errors, and nothing that the client does on its own.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod redirects;
mod secrets;

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
