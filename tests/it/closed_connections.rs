//! Connections that the server closes while they are idle: the first call after a pause.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use lakefs_sdk::{Client, middleware::retry::RetryPolicy, models::CommitCreation};

use crate::support::tcp::{Connection, TcpServer};

const REPOSITORY: &str =
    r#"{"id":"lake","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}"#;
const COMMIT: &str = r#"{"id":"c0ffee","parents":[],"committer":"me","message":"m","creation_date":0,"meta_range_id":"","metadata":{}}"#;

/// With the usual attempts, and no waits between them.
fn client(endpoint: String) -> Client {
    Client::builder()
        .endpoint(endpoint)
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap()
}

fn creation() -> CommitCreation {
    CommitCreation::new("m")
}

fn answer_to(head: &str) -> &'static str {
    match head.starts_with("POST ") {
        true => COMMIT,
        false => REPOSITORY,
    }
}

/// O10: whether a request that the server read had its effect nobody knows: a read is replayed on a new connection, a commit
/// is sent once, and its error says that the outcome is not known.
#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_replaced_only_for_reads() {
    for commits in [false, true] {
        let server = TcpServer::serve(async |mut connection: Connection| {
            let first = connection.number == 0;
            while let Some(request) = connection.request().await? {
                connection.answer(200, answer_to(&request.head)).await?;
                if first {
                    connection.request().await?;
                    return Ok(());
                }
            }
            Ok(())
        })
        .await
        .unwrap();
        let client = client(server.url());
        client.get_repository("lake").await.unwrap();

        if commits {
            let error = client.commit("lake", "main", creation()).await.unwrap_err();

            assert!(error.is_transport(), "{error:?}");
            assert!(error.may_have_taken_effect());
            assert_eq!(error.attempts(), 1);
            assert_eq!(server.requests().len(), 2, "one of them the commit");
        } else {
            client.get_repository("lake").await.unwrap();

            assert_eq!(server.requests().len(), 3);
            assert_eq!(server.connections(), 2);
        }
    }
}

/// O10, variant: servers close what is idle, and nothing was sent on it: also a commit is sent on a new connection.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        if let Some(request) = connection.request().await? {
            connection.answer(200, answer_to(&request.head)).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let client = client(server.url());
    client.get_repository("lake").await.unwrap();
    settle().await;

    client.get_repository("lake").await.unwrap();
    settle().await;
    let commit = client.commit("lake", "main", creation()).await.unwrap();

    assert_eq!(commit.id, "c0ffee");
    assert_eq!(server.connections(), 3);
    assert_eq!(server.requests().len(), 3);
}

/// O10, variant: the runtime was busy, or frozen, when the connection closed, so the client may write to it before it looks.
/// A read goes on; a commit does or is in doubt, and is never made twice.
#[tokio::test]
async fn a_connection_that_closed_behind_the_clients_back_costs_a_commit_at_most_its_certainty() {
    for commits in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = client(format!("http://{}", listener.local_addr().unwrap()));
        let (close, closing) = mpsc::channel();
        let (closed, is_closed) = mpsc::channel();
        let server = thread::spawn(move || {
            let (mut first, _) = listener.accept()?;
            answer(&mut first)?;
            closing.recv().map_err(io::Error::other)?;
            drop(first);
            closed.send(()).map_err(io::Error::other)?;
            let (mut second, _) = listener.accept()?;
            answer(&mut second)
        });
        client.get_repository("lake").await.unwrap();

        close.send(()).unwrap();
        // Blocks the thread that drives the client's connections.
        is_closed.recv().unwrap();
        let mut committed = false;
        if commits {
            match client.commit("lake", "main", creation()).await {
                Ok(_) => committed = true,
                Err(error) => {
                    assert!(error.is_transport(), "{error:?}");
                    assert!(error.may_have_taken_effect());
                    assert_eq!(error.attempts(), 1);
                }
            }
        }
        if !committed {
            client.get_repository("lake").await.unwrap();
        }

        let second = server.join().unwrap().unwrap();
        assert_eq!(second.starts_with("POST "), committed, "{second}");
    }
}

/// Answers one request, and gives it.
fn answer(stream: &mut TcpStream) -> io::Result<String> {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    // A head ends with an empty line, and the body of a commit with its document.
    let whole = |read: &[u8]| {
        read.ends_with(b"\r\n\r\n") && read.starts_with(b"GET ") || read.ends_with(b"}")
    };
    while !whole(&read) {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
    let request = String::from_utf8_lossy(&read).into_owned();
    let body = answer_to(&request);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    Ok(request)
}

/// Lets what the server did arrive at the client's connections, which run on the same thread.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}
