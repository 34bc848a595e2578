//! `MemoryLakeFs` as a server: over TCP, under many writers, and twice the same.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;

use futures_util::{StreamExt as _, stream};
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use lakefs_sdk::middleware::retry::RetryPolicy;
use lakefs_sdk::testing::MemoryLakeFs;
use lakefs_sdk::transport::{Http2, Hyper};
use lakefs_sdk::{Body, Client};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn call(
    lakefs: &MemoryLakeFs,
    method: Method,
    path: &str,
    body: Value,
) -> Result<(StatusCode, Value), BoxError> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"));
    let body = match body {
        Value::Null => Body::empty(),
        Value::String(text) => Body::from(text),
        json => {
            request = request.header("content-type", "application/json");
            Body::from(json.to_string())
        }
    };
    let response = lakefs.clone().oneshot(request.body(body)?).await?;
    let status = response.status();
    let body = response.into_body().bytes().await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

async fn with_repository(lakefs: MemoryLakeFs) -> Result<MemoryLakeFs, BoxError> {
    let repository = json!({ "name": "lake", "storage_namespace": "mem://lake" });
    let (status, _) = call(&lakefs, Method::POST, "/repositories", repository).await?;
    assert_eq!(status, StatusCode::CREATED);
    Ok(lakefs)
}

async fn speak(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A client in another language, or another process, sees the same state.
#[tokio::test]
async fn the_same_state_is_served_over_tcp() -> Result<(), BoxError> {
    let lakefs = with_repository(MemoryLakeFs::new()).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    assert_eq!(served.url(), format!("http://{}", served.local_addr()));

    let path = "/repositories/lake/branches/main/objects?path=x";
    call(&lakefs, Method::POST, path, json!("data")).await?;
    let request = "HEAD /api/v1/repositories/lake/refs/main/objects?path=x HTTP/1.1\r\nhost: h\r\n\r\n\
        GET /api/v1/repositories/lake HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let answer = speak(served.local_addr(), request).await?;

    let (head, rest) = answer.split_once("\r\n\r\n").ok_or("no end of headers")?;
    assert!(
        head.to_ascii_lowercase().contains("content-length: 4"),
        "{answer}"
    );
    // A HEAD has no body: the next answer follows at once.
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\"id\":\"lake\""), "{answer}");
    Ok(())
}

/// A test that ends must not leave a port behind.
#[tokio::test]
async fn after_shutdown_nobody_listens() -> Result<(), BoxError> {
    let served = MemoryLakeFs::new().serve("127.0.0.1:0").await?;
    let address = served.local_addr();
    // An idle connection does not keep the server from stopping.
    let _idle = TcpStream::connect(address).await?;
    served.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
    Ok(())
}

/// A connection over which an upload has begun: its head was read, and its body is waited for.
async fn begin_upload(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let head = "POST /api/v1/repositories/lake/branches/main/objects?path=b HTTP/1.1\r\nhost: h\r\n\
        content-length: 4\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    Ok(stream)
}

async fn nobody_listens(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// An upload that is under way when a server is told to stop is not cut off.
#[tokio::test]
async fn a_shutdown_finishes_what_is_under_way() -> Result<(), BoxError> {
    let lakefs = with_repository(MemoryLakeFs::new()).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    let address = served.local_addr();
    let mut upload = begin_upload(address).await?;
    let stopping = tokio::spawn(served.shutdown());
    nobody_listens(address).await;
    assert!(!stopping.is_finished());
    upload.write_all(b"data").await?;
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await?;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    stopping.await?;
    Ok(())
}

/// The same over one connection of HTTP/2, where others have their answers already.
#[tokio::test]
async fn a_shutdown_finishes_what_is_under_way_over_http2() -> Result<(), BoxError> {
    let lakefs = with_repository(MemoryLakeFs::new()).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    let address = served.local_addr();
    let client = Client::builder()
        .endpoint(served.url())
        .transport(Hyper::builder().http2(Http2::PriorKnowledge).build()?)
        .retry(RetryPolicy::none())
        .build()?;
    let (rest, mut chunks) = tokio::sync::mpsc::channel::<&'static str>(1);
    let body = stream::poll_fn(move |context| chunks.poll_recv(context));
    let upload = client.upload_object("lake", "main", "b");
    let upload = upload.body(Body::from_stream(body.map(Ok::<_, Infallible>)));
    let upload = tokio::spawn(async move { upload.await });
    rest.send("da").await?;
    // There is room for the rest when the connection has taken the beginning.
    rest.send("ta").await?;
    // On one connection, what comes later has begun later.
    client.get_repository("lake").await?;
    let stopping = tokio::spawn(served.shutdown());
    nobody_listens(address).await;
    drop(rest);
    assert_eq!(upload.await??.size_bytes, Some(4));
    stopping.await?;
    let refused = client.get_repository("lake").await.unwrap_err();
    assert!(refused.is_connect(), "{refused:#}");
    Ok(())
}

/// A test that fails half-way must not wait for a client that waits for the test.
#[tokio::test]
async fn a_dropped_server_cuts_its_connections() -> Result<(), BoxError> {
    let lakefs = with_repository(MemoryLakeFs::new()).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    let address = served.local_addr();
    let mut upload = begin_upload(address).await?;
    drop(served);
    let mut answer = Vec::new();
    // The end, or a reset.
    let _ = upload.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
    assert!(TcpStream::connect(address).await.is_err());
    Ok(())
}

/// Writers of one branch never undo each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_lose_nothing() -> Result<(), BoxError> {
    let lakefs = with_repository(MemoryLakeFs::new()).await?;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let lakefs = lakefs.clone();
        writers.spawn(async move {
            for number in 0..20 {
                let path =
                    format!("/repositories/lake/branches/main/objects?path=w{writer}%2F{number}");
                let (status, _) = call(&lakefs, Method::POST, &path, json!("data")).await?;
                assert_eq!(status, StatusCode::CREATED);
                let commit =
                    json!({ "message": format!("{writer} {number}"), "allow_empty": true });
                let (status, _) = call(
                    &lakefs,
                    Method::POST,
                    "/repositories/lake/branches/main/commits",
                    commit,
                )
                .await?;
                assert_eq!(status, StatusCode::CREATED);
            }
            Ok::<_, BoxError>(())
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    let list = "/repositories/lake/refs/main@/objects/ls?amount=1000";
    let (_, objects) = call(&lakefs, Method::GET, list, Value::Null).await?;
    assert_eq!(objects["pagination"]["results"], 320);
    let log = "/repositories/lake/refs/main/commits?amount=1000";
    let (_, commits) = call(&lakefs, Method::GET, log, Value::Null).await?;
    assert_eq!(commits["pagination"]["results"], 321);
    Ok(())
}

/// With a seed and a fixed clock a test can compare ids with what it saw yesterday.
#[tokio::test]
async fn a_seeded_server_repeats_itself() -> Result<(), BoxError> {
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let lakefs = MemoryLakeFs::builder()
            .seed(7)
            .clock(|| Timestamp::UNIX_EPOCH)
            .build();
        let lakefs = with_repository(lakefs).await?;
        let upload = "/repositories/lake/branches/main/objects?path=a";
        let (_, object) = call(&lakefs, Method::POST, upload, json!("data")).await?;
        let commit = json!({ "message": "first" });
        let (_, commit) = call(
            &lakefs,
            Method::POST,
            "/repositories/lake/branches/main/commits",
            commit,
        )
        .await?;
        seen.insert(format!("{} {}", object["physical_address"], commit["id"]));
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    Ok(())
}

/// Nobody who forgot a secret should find it in a log.
#[test]
fn secrets_are_not_in_debug() {
    let builder = MemoryLakeFs::builder().access_key("AKIAKEY", "very-secret");
    let shown = format!("{builder:?} {:?}", builder.clone().build());
    assert!(
        shown.contains("AKIAKEY") && !shown.contains("very-secret"),
        "{shown}"
    );
}
