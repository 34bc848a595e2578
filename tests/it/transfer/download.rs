//! Reading one object whole or in part, over lines that break.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::sync::Arc;

use bytes::Bytes;
use lakefs_sdk::{
    Client, ErrorKind,
    models::RepositoryCreation,
    testing::MemoryLakeFs,
    transfer::{Mode, Transfer},
};
use md5::{Digest as _, Md5};

use crate::support::tcp::{Connection, TcpServer};

const MIB: usize = 1024 * 1024;

/// Bytes that are different wherever one looks.
pub(super) fn pattern(size: usize) -> Bytes {
    (0..size as u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect::<Vec<_>>()
        .into()
}

/// A lakeFS with a repository and an object in it.
pub(super) async fn with_object(lakefs: &MemoryLakeFs, namespace: &str, content: &Bytes) {
    let client = Client::new(lakefs.clone());
    client
        .create_repository(RepositoryCreation::new("lake", namespace))
        .await
        .unwrap();
    put(&client, content).await;
}

pub(super) async fn put(client: &Client, content: &Bytes) {
    client
        .upload_object("lake", "main", "a")
        .body(content.clone())
        .await
        .unwrap();
}

pub(super) fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// How a server answers the request for a range that begins at a byte.
#[derive(Clone, Copy)]
enum Answer {
    /// As asked, and no further than to this byte.
    Until(usize),
    /// As asked, with this ETag.
    Etag(&'static str),
    /// The whole object.
    Whole,
    /// As asked, with a first byte that is another.
    Damaged,
}

/// A server that answers one request for the object after the other so; connections are closed after each.
async fn serve(content: Bytes, etag: String, answers: Vec<Answer>) -> TcpServer {
    let answers = Arc::new(answers);
    TcpServer::serve(move |mut connection: Connection| {
        let (content, answers, etag) = (content.clone(), Arc::clone(&answers), etag.clone());
        async move {
            let Some(request) = connection.request().await? else {
                return Ok(());
            };
            let range = request.header("range").unwrap_or("bytes=0-");
            let (first, last) = range["bytes=".len()..].split_once('-').unwrap();
            let first: usize = first.parse().unwrap();
            let end = last.parse().map_or(content.len(), |last: usize| last + 1);
            let end = end.min(content.len());
            let answer = answers[connection.number.min(answers.len() - 1)];
            let (etag, first, end, status, until) =
                match answer {
                    Answer::Until(until) => (etag, first, end, 206, until.min(end)),
                    Answer::Damaged => (etag, first, end, 206, end),
                    Answer::Etag(other) => (other.to_owned(), first, end, 206, end),
                    Answer::Whole => (etag, 0, content.len(), 200, content.len()),
                };
            let place = match status {
                206 => format!("content-range: bytes {first}-{}/{}\r\n", end - 1, content.len()),
                _ => String::new(),
            };
            let length = end - first;
            connection
                .write(format!(
                    "HTTP/1.1 {status} Scripted\r\netag: \"{etag}\"\r\n{place}content-length: {length}\r\n\r\n"
                ))
                .await?;
            let mut sent = content[first..until].to_vec();
            if matches!(answer, Answer::Damaged) {
                sent[0] ^= 1;
            }
            connection.write(&sent).await
        }
    })
    .await
    .unwrap()
}

fn transfer(server: &TcpServer) -> Transfer {
    let client = Client::builder().endpoint(server.url()).build().unwrap();
    client.transfer().mode(Mode::Direct)
}

fn ranges(server: &TcpServer) -> Vec<String> {
    let range = |request: &crate::support::tcp::Received| {
        request.header("range").unwrap_or("none").to_owned()
    };
    server.requests().iter().map(range).collect()
}

/// O13: a stream cut half way failed whole, though all but the rest was there already.
#[tokio::test]
async fn a_cut_download_goes_on_at_the_next_byte() {
    let content = pattern(8 * MIB);
    let cuts = vec![
        Answer::Until(3 * MIB),
        Answer::Until(5 * MIB),
        Answer::Until(usize::MAX),
    ];
    let server = serve(content.clone(), md5(&content), cuts).await;

    let mut copy = Vec::new();
    let done = transfer(&server)
        .download("lake", "main", "a")
        .to_writer(&mut copy)
        .await
        .unwrap();

    assert!(copy == content);
    assert_eq!((done.resumed, done.verified), (2, true));
    assert_eq!(ranges(&server)[1..], ["bytes=3145728-", "bytes=5242880-"]);
    let asks = server.requests();
    assert_eq!(
        asks[1].header("if-range"),
        Some(&*format!("\"{}\"", md5(&content)))
    );
}

/// O13: attempts that were counted from the beginning would end a long download over a bad line.
#[tokio::test]
async fn progress_renews_the_allowance() {
    let content = pattern(64);
    let cuts = (1..64)
        .map(Answer::Until)
        .chain([Answer::Until(64)])
        .collect();
    let server = serve(content.clone(), md5(&content), cuts).await;

    let all = transfer(&server)
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap();

    assert_eq!(all, content);
    assert_eq!(ranges(&server).len(), 64);
}

/// O13: a server that sends nothing more must not be asked for ever, and the error has to say how far it got.
#[tokio::test]
async fn without_progress_it_ends_in_an_error_with_the_byte_count() {
    let content = pattern(64);
    let server = serve(content.clone(), md5(&content), vec![Answer::Until(10)]).await;

    let error = transfer(&server)
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap_err();

    assert!(error.is_body(), "{error}");
    assert!(error.to_string().contains("byte 10 of 64"), "{error}");
    assert!(
        ranges(&server)[1..]
            .iter()
            .all(|range| range == "bytes=10-")
    );
}

/// O13: the beginning of one object and the end of another are nobody's data.
#[tokio::test]
async fn another_etag_is_an_object_that_changed() {
    let content = pattern(8 * MIB);
    let answers = vec![Answer::Until(3 * MIB), Answer::Etag("other")];
    let server = serve(content.clone(), md5(&content), answers).await;

    let error = transfer(&server)
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    let message = error.to_string();
    assert!(
        message.contains("object changed") && message.contains("3145728 of 8388608"),
        "{message}"
    );
}

/// O13: a server that knows no ranges sends all of it again; its beginning must not follow what is there.
#[tokio::test]
async fn a_whole_object_is_never_spliced() {
    let content = pattern(8 * MIB);
    let answers = vec![Answer::Until(3 * MIB), Answer::Whole];
    let server = serve(content.clone(), md5(&content), answers).await;

    let mut copy = Vec::new();
    let error = transfer(&server)
        .download("lake", "main", "a")
        .to_writer(&mut copy)
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert!(error.to_string().contains("200, not 206"), "{error}");
    assert!(copy == content[..3 * MIB]);
}

/// O13: the raw stream of a call does not go on by itself, so it must not look complete.
#[tokio::test]
async fn the_raw_stream_ends_in_an_error_with_the_byte_count() {
    let content = pattern(8 * MIB);
    let server = serve(content.clone(), md5(&content), vec![Answer::Until(3 * MIB)]).await;
    let client = Client::builder().endpoint(server.url()).build().unwrap();

    let object = client.get_object("lake", "main", "a").await.unwrap();
    let error = object.bytes().await.unwrap_err();

    assert!(error.is_body());
    assert!(error.to_string().contains("after 3145728"), "{error}");
}

/// With one connection it is one request, as any client would send it.
#[tokio::test]
async fn one_at_a_time_is_one_request() {
    let content = pattern(20 * MIB);
    let server = serve(content.clone(), md5(&content), vec![Answer::Whole]).await;

    let transfer = transfer(&server).concurrency(1);
    let all = transfer
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap();

    assert!(all == content);
    assert_eq!(ranges(&server), ["none"]);
}

/// A proxy that knows no ranges must not keep an object from being read.
#[tokio::test]
async fn a_server_without_ranges_is_read_in_one_go() {
    let content = pattern(20 * MIB);
    let server = serve(content.clone(), md5(&content), vec![Answer::Whole]).await;

    let all = transfer(&server)
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap();

    assert!(all == content);
    assert_eq!(ranges(&server), ["bytes=0-8388607"]);
}

/// Bytes that were damaged on the way look like any others.
#[tokio::test]
async fn damage_is_found_by_the_checksum() {
    let content = pattern(1000);
    let answers = vec![Answer::Damaged, Answer::Until(usize::MAX)];
    let server = serve(content.clone(), md5(&content), answers).await;
    let transfer = transfer(&server);

    let error = transfer
        .download("lake", "main", "a")
        .to_bytes()
        .await
        .unwrap_err();
    assert!(
        error.is_body() && error.to_string().contains("MD5"),
        "{error}"
    );

    let unverified = transfer.download("lake", "main", "a").verify(false);
    assert_eq!(unverified.to_bytes().await.unwrap(), content);
    // Of a part there is no checksum.
    let part = transfer.download("lake", "main", "a").range(1..);
    assert_eq!(part.to_bytes().await.unwrap(), content.slice(1..));
}

/// The bounds of Rust's ranges, at both ends of an object.
#[tokio::test]
async fn ranges_are_those_of_rust() {
    let lakefs = MemoryLakeFs::new();
    let content = pattern(100);
    with_object(&lakefs, "mem://lake", &content).await;
    let transfer = Client::new(lakefs).transfer();
    let read = |range: (std::ops::Bound<u64>, std::ops::Bound<u64>)| {
        let download = transfer
            .clone()
            .part_size(7)
            .download("lake", "main", "a")
            .range(range);
        async move { download.to_bytes().await }
    };
    use std::ops::Bound::{Excluded, Included, Unbounded};

    let cases = [
        ((Unbounded, Unbounded), 0..100),
        ((Included(3), Excluded(5)), 3..5),
        ((Excluded(3), Included(50)), 4..51),
        ((Included(90), Excluded(1000)), 90..100),
        ((Included(0), Included(u64::MAX)), 0..100),
        ((Included(99), Unbounded), 99..100),
    ];
    for (range, expected) in cases {
        assert_eq!(
            read(range).await.unwrap(),
            content.slice(expected),
            "{range:?}"
        );
    }
    let error = read((Included(5), Excluded(5))).await.unwrap_err();
    assert!(error.is_invalid_input() && error.attempts() == 0, "{error}");
    let error = read((Included(100), Unbounded)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RangeNotSatisfiable, "{error}");
}

/// An empty object has no first byte to ask for.
#[tokio::test]
async fn an_empty_object_is_empty() {
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", &Bytes::new()).await;
    for concurrency in [1, 4] {
        let transfer = Client::new(lakefs.clone())
            .transfer()
            .concurrency(concurrency);
        let done = transfer
            .download("lake", "main", "a")
            .to_writer(Vec::new())
            .await
            .unwrap();
        assert_eq!((done.size_bytes, done.verified), (0, true));
        assert_eq!(
            transfer
                .download("lake", "main", "a")
                .to_bytes()
                .await
                .unwrap(),
            ""
        );
    }
}

/// A stream that is passed on must say how long it is, and be whole.
#[tokio::test]
async fn a_stream_has_its_size() {
    let lakefs = MemoryLakeFs::new();
    let content = pattern(1000);
    with_object(&lakefs, "mem://lake", &content).await;
    let transfer = Client::new(lakefs).transfer();

    let body = transfer
        .clone()
        .part_size(64)
        .download_from("lakefs://lake/main/a")
        .stream()
        .await
        .unwrap();

    assert_eq!(body.size(), Some(1000));
    assert_eq!(body.bytes().await.unwrap(), content);
}

/// A future that is polled elsewhere must say what it lacks, not panic.
#[test]
fn without_a_runtime_it_is_an_error() {
    use futures_util::FutureExt as _;

    let transfer = Client::new(MemoryLakeFs::new()).transfer();
    let download = transfer.download("lake", "main", "a").to_bytes();
    let error = download.now_or_never().unwrap().unwrap_err();
    assert!(
        error.is_invalid_input() && error.to_string().contains("runtime"),
        "{error}"
    );
    let reader = transfer.reader("lake", "main", "a").now_or_never().unwrap();
    assert!(reader.unwrap_err().is_invalid_input());
}
