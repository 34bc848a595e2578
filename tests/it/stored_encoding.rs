//! Objects that are stored compressed: what is stored is what arrives.

use std::io;

use lakefs_sdk::{Client, models::Answer};

use crate::support::tcp::{Connection, TcpServer};

/// `hello`, compressed by gzip.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";

async fn serve(head: &'static str, body: Vec<u8>) -> io::Result<(TcpServer, Client)> {
    let server = TcpServer::serve(move |mut connection: Connection| {
        let body = body.clone();
        async move {
            while connection.request().await?.is_some() {
                connection
                    .write(format!(
                        "HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-encoding: gzip\r\n{head}\r\n\r\n"
                    ))
                    .await?;
                connection.write(&body).await?;
            }
            Ok(())
        }
    })
    .await?;
    let client = Client::builder()
        .endpoint(server.url())
        .build()
        .map_err(io::Error::other)?;
    Ok((server, client))
}

/// The body in chunks of a few bytes each.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in body.chunks(7) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

/// O8: a client that decompresses gives other bytes than those that were stored; one that wants a length gives none.
#[tokio::test]
async fn an_object_stored_compressed_arrives_as_it_is_stored_also_without_a_length() {
    let (server, client) = serve("transfer-encoding: chunked", chunked(GZIP))
        .await
        .unwrap();

    let object = client.get_object("lake", "main", "a.gz").await.unwrap();

    assert_eq!(object.answer, Answer::Full);
    assert_eq!(object.head.content_length, None, "not known is no error");
    assert_eq!(object.body.size(), None);
    assert_eq!(object.bytes().await.unwrap(), GZIP);
    let requests = server.requests();
    assert_eq!(requests[0].header("accept-encoding"), None);
}

/// With a length, it is the length of what is stored.
#[tokio::test]
async fn the_length_of_an_object_stored_compressed_is_that_of_its_bytes() {
    let (server, client) = serve("content-length: 25", GZIP.to_vec()).await.unwrap();

    let object = client.get_object("lake", "main", "a.gz").await.unwrap();

    assert_eq!(object.head.content_length, Some(25));
    assert_eq!(object.body.size(), Some(25));
    assert_eq!(object.bytes().await.unwrap(), GZIP);
    assert_eq!(server.requests()[0].header("accept-encoding"), None);
}

/// A part of compressed bytes cannot be decompressed, so whoever reads ranges depends on it most.
#[tokio::test]
async fn a_range_of_an_object_stored_compressed_is_of_its_bytes() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 206 Partial Content\r\netag: \"e\"\r\ncontent-encoding: gzip\r\ncontent-range: bytes 2-4/25\r\ncontent-length: 3\r\n\r\n")
            .await?;
        connection.write(&GZIP[2..5]).await
    })
    .await
    .unwrap();
    let client = Client::builder().endpoint(server.url()).build().unwrap();

    let object = client
        .get_object("lake", "main", "a.gz")
        .range("bytes=2-4")
        .await
        .unwrap();

    assert_eq!(object.answer, Answer::Partial);
    assert_eq!(object.head.content_range.as_deref(), Some("bytes 2-4/25"));
    assert_eq!(object.bytes().await.unwrap(), &GZIP[2..5]);
    assert_eq!(server.requests()[0].header("range"), Some("bytes=2-4"));
}

/// A document is not asked for compressed either: nothing here could read it.
#[tokio::test]
async fn no_operation_asks_for_compression_unless_the_caller_does() {
    let (server, client) = serve("content-length: 0", Vec::new()).await.unwrap();

    let _ = client.get_repository("lake").await;
    let _ = client
        .get_object("lake", "main", "a")
        .header("accept-encoding", "gzip")
        .await;

    let requests = server.requests();
    assert_eq!(requests[0].header("accept-encoding"), None);
    assert_eq!(requests[1].header("accept-encoding"), Some("gzip"));
}
