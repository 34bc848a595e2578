//! Servers and middle boxes that do what HTTP allows, or what it does not.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{io, time::Duration};

use lakefs_sdk::{
    Client,
    middleware::retry::RetryPolicy,
    models::CommitCreation,
    transport::{Http2, Hyper},
};
use tokio::io::AsyncReadExt as _;

use crate::support::tcp::{Connection, TcpServer};

const REPOSITORY: &str =
    r#"{"id":"lake","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}"#;

fn impatient() -> RetryPolicy {
    RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO)
}

/// Writes `answer` once to each connection, and closes it.
async fn answering(answer: impl Into<Vec<u8>>) -> (TcpServer, Client) {
    let answer = answer.into();
    let server = TcpServer::serve(move |mut connection: Connection| {
        let answer = answer.clone();
        async move {
            connection.request().await?;
            connection.write(&answer).await
        }
    })
    .await
    .unwrap();
    let client = Client::builder()
        .endpoint(server.url())
        .retry(impatient())
        .build()
        .unwrap();
    (server, client)
}

fn whole(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

// ===== HTTP/1.1 =====

/// A web server before lakeFS sends hints, or `100 Continue` that nobody asked for: they are not the answer.
#[tokio::test]
async fn what_comes_before_the_answer_is_not_the_answer() {
    for before in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n",
    ] {
        let (server, client) = answering(before.to_owned() + &whole(REPOSITORY)).await;

        assert_eq!(
            client.get_repository("lake").await.unwrap().id,
            "lake",
            "{before}"
        );
        assert_eq!(server.requests().len(), 1);

        let (_server, client) = answering(before.to_owned() + &whole("mem")).await;
        let object = client.get_object("lake", "main", "a").await.unwrap();
        assert_eq!(object.text().await.unwrap(), "mem", "{before}");
    }
}

/// A crash in the middle of the headers: a read is repeated, a commit is not, and is in doubt.
#[tokio::test]
async fn headers_that_are_cut_are_a_lost_connection() {
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 20",
        "H",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
    ] {
        let (server, client) = answering(cut).await;

        let error = client.get_repository("lake").await.unwrap_err();
        assert!(error.is_transport(), "{cut}: {error:?}");
        assert_eq!(server.requests().len(), 3, "{cut}");

        let error = client
            .commit("lake", "main", CommitCreation::new("m"))
            .await
            .unwrap_err();
        assert!(error.is_transport(), "{cut}: {error:?}");
        assert!(error.may_have_taken_effect());
        assert_eq!(server.requests().len(), 4, "{cut}");
    }
}

/// Garbage after a good answer belongs to nobody's next call.
#[tokio::test]
async fn what_comes_after_the_answer_is_not_the_next_answer() {
    let stale = REPOSITORY.replace("lake", "stale");
    let (server, client) = answering(whole(REPOSITORY) + &whole(&stale)).await;

    for _ in 0..3 {
        assert_eq!(client.get_repository("lake").await.unwrap().id, "lake");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    assert_eq!(server.connections(), 3);
}

/// Headers without an end must not fill the memory.
#[tokio::test]
async fn endless_headers_are_an_error() {
    let (_server, client) = answering({
        let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
        for number in 0..100_000 {
            head.extend(format!("x-{number}: padding padding padding\r\n").as_bytes());
        }
        head
    })
    .await;

    let error = client.get_repository("lake").await.unwrap_err();

    assert!(error.is_transport(), "{error:?}");
}

// ===== HTTP/2 =====

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const DATA: u8 = 0;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// "No more than stream `last`, and there was no error."
fn go_away(last: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[&last.to_be_bytes()[..], &[0; 4]].concat())
}

fn answer(stream: u32) -> Vec<u8> {
    // The first entry of HPACK's static table that is a status: 200.
    let mut frames = frame(HEADERS, END_HEADERS, stream, &[0x88]);
    frames.extend(frame(DATA, END_STREAM, stream, REPOSITORY.as_bytes()));
    frames
}

/// Begins to speak HTTP/2.
async fn greet(connection: &mut Connection) -> io::Result<()> {
    connection.stream.read_exact(&mut [0; 24]).await?;
    connection.write(frame(SETTINGS, 0, 0, &[])).await?;
    connection.write(frame(SETTINGS, 1, 0, &[])).await
}

/// The stream of the next request; `None` when the client closes.
async fn next_request(connection: &mut Connection) -> io::Result<Option<u32>> {
    loop {
        let mut head = [0; 9];
        if connection.stream.read_exact(&mut head).await.is_err() {
            return Ok(None);
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        connection.stream.read_exact(&mut payload).await?;
        if head[3] == HEADERS {
            return Ok(Some(u32::from_be_bytes([
                head[5], head[6], head[7], head[8],
            ])));
        }
    }
}

fn http2(server: &TcpServer, hyper: lakefs_sdk::transport::HyperBuilder) -> Client {
    Client::builder()
        .endpoint(server.url())
        .transport(hyper.http2(Http2::PriorKnowledge).build().unwrap())
        .retry(impatient())
        .build()
        .unwrap()
}

/// A server that is being replaced says GOAWAY: what is under way is finished, and the next call goes to the new one.
#[tokio::test]
async fn after_goaway_the_next_call_takes_a_new_connection() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        greet(&mut connection).await?;
        while let Some(stream) = next_request(&mut connection).await? {
            let mut frames = go_away(stream);
            frames.extend(answer(stream));
            connection.write(frames).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let client = http2(&server, Hyper::builder());

    for _ in 0..3 {
        assert_eq!(client.get_repository("lake").await.unwrap().id, "lake");
    }

    assert_eq!(server.connections(), 3);
}

/// A GOAWAY that a request crosses on the way leaves it unanswered: a read is sent again, on a new connection.
#[tokio::test]
async fn a_read_that_met_goaway_is_sent_again() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        greet(&mut connection).await?;
        while let Some(stream) = next_request(&mut connection).await? {
            if connection.number == 0 {
                connection.write(go_away(0)).await?;
            } else {
                connection.write(answer(stream)).await?;
            }
        }
        Ok(())
    })
    .await
    .unwrap();
    let client = http2(&server, Hyper::builder());

    assert_eq!(client.get_repository("lake").await.unwrap().id, "lake");

    assert_eq!(server.connections(), 2);
}

/// A server that vanished without a word is noticed by its missing answers to pings, long before a call's own limit.
#[tokio::test]
async fn a_silent_http2_server_is_noticed_by_pings() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        greet(&mut connection).await?;
        while next_request(&mut connection).await?.is_some() {}
        Ok(())
    })
    .await
    .unwrap();
    let (interval, limit) = (Duration::from_millis(10), Duration::from_millis(20));
    let client = http2(
        &server,
        Hyper::builder()
            .http2_keep_alive(interval, limit)
            .http2_keep_alive_while_idle(true),
    );

    let error = client
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert!(error.is_transport(), "{error:?}");
    assert!(error.may_have_taken_effect());
    assert!(format!("{error:#}").contains("keep-alive"), "{error:#}");
}
