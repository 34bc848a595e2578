//! How much of a large object is in memory at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use lakefs_sdk::{Body, BoxError, Client, transfer::Mode};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tower::service_fn;

use super::{download::md5, download_file::Directory};

const MIB: u64 = 1024 * 1024;
const CHUNK: u64 = 64 * 1024;

/// Bytes that are in memory now, and were at most.
#[derive(Clone, Default)]
struct Memory {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// A chunk of a body, which is counted while it is held.
struct Counted {
    bytes: Vec<u8>,
    memory: Memory,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.memory
            .now
            .fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Memory {
    fn chunk(&self, bytes: Vec<u8>) -> Bytes {
        let now = self.now.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        self.most.fetch_max(now, Ordering::Relaxed);
        let memory = self.clone();
        Bytes::from_owner(Counted { bytes, memory })
    }
}

fn byte(at: u64) -> u8 {
    (at ^ (at >> 8) ^ (at >> 17) ^ (at >> 31)) as u8
}

/// A server of an object that is made as it is read.
fn client(size: u64, memory: Memory) -> Client {
    client_of(size, "v-1", memory)
}

/// The same with a checksum. The beginning takes longer than all parts behind it.
fn client_of(size: u64, checksum: &str, memory: Memory) -> Client {
    let checksum = checksum.to_owned();
    Client::new(service_fn(move |request: Request<Body>| {
        let (memory, checksum) = (memory.clone(), checksum.clone());
        async move {
            if request.uri().path().ends_with("/stat") {
                let stats = format!(
                    r#"{{"path":"a","path_type":"object","physical_address":"","checksum":"{checksum}","size_bytes":{size},"mtime":0}}"#
                );
                let response = Response::builder().header("content-type", "application/json");
                return Ok::<_, BoxError>(response.body(Body::from(stats))?);
            }
            let range = request.headers().get("range");
            let status = if range.is_some() { 206 } else { 200 };
            let range = range.map_or(Ok("bytes=0-"), |range| range.to_str())?;
            let (first, last) = range["bytes=".len()..].split_once('-').unwrap_or_default();
            let first: u64 = first.parse()?;
            let end = last.parse().map_or(size, |last: u64| size.min(last + 1));
            let chunks = stream::unfold(first, move |at| {
                let memory = memory.clone();
                async move {
                    let pauses = if first == 0 && at > 0 { 100 } else { 1 };
                    for _ in 0..pauses {
                        tokio::task::yield_now().await; // as a network would
                    }
                    let next = end.min(at + CHUNK);
                    let chunk = (at < next).then(|| memory.chunk((at..next).map(byte).collect()));
                    chunk.map(|chunk| (Ok::<_, BoxError>(chunk), next))
                }
            });
            let body = Body::from_sized_stream(end - first, chunks);
            Ok(Response::builder()
                .status(status)
                .header("etag", format!("\"{checksum}\""))
                .header("content-range", format!("bytes {first}-{}/{size}", end - 1))
                .header("content-length", end - first)
                .body(body)?)
        }
    }))
}

/// O22: an 8 GB file killed the process; and a consumer that is slow must not let the parts pile up.
#[tokio::test]
async fn memory_is_bounded_by_the_parts_under_way() {
    let memory = Memory::default();
    let transfer = client(64 * MIB, memory.clone())
        .transfer()
        .concurrency(4)
        .mode(Mode::Direct);
    let download = transfer
        .clone()
        .part_size(MIB)
        .download("lake", "main", "a");

    let (writer, mut reader) = tokio::io::duplex(1000);
    let slow = tokio::spawn(async move {
        let mut at = 0;
        let mut buffer = [0; 1000];
        loop {
            let count = reader.read(&mut buffer).await.unwrap();
            assert!(
                buffer[..count]
                    .iter()
                    .zip(at..)
                    .all(|(found, at)| *found == byte(at))
            );
            at += count as u64;
            if count == 0 {
                return at;
            }
        }
    });
    let mut writer = writer;
    download.to_writer(&mut writer).await.unwrap();
    writer.shutdown().await.unwrap();
    drop(writer);
    assert_eq!(slow.await.unwrap(), 64 * MIB);

    let most = memory.most.load(Ordering::Relaxed) as u64;
    assert!(most <= (4 + 2) * MIB, "{most}");
    assert!(most > 2 * MIB, "{most}"); // or it was not parallel
    assert_eq!(memory.now.load(Ordering::Relaxed), 0);
}

/// O22: parts that arrive before their turn to be hashed must not pile up, and without a checksum none has to wait.
#[tokio::test]
async fn a_file_takes_no_more_memory_than_the_parts_under_way() {
    let size = 16 * MIB;
    let content: Vec<u8> = (0..size).map(byte).collect();
    let checksum = md5(&content);
    let directory = Directory::new();
    let path = directory.0.join("copy");
    // What may be held, as a multiple of a part.
    let cases = [
        (MIB / 4, 4, true, 2.0..=6.0),
        (MIB / 4, 4, false, 2.0..=6.0),
        (MIB / 4, 1, true, 1.0..=3.0),
        (MIB / 4, 1, false, 1.0..=3.0),
        (4 * MIB, 4, true, 2.0..=4.0),
        // A batch that is written and one that arrives, of each part.
        (4 * MIB, 4, false, 0.5..=2.2),
    ];
    for (part, concurrency, verify, expected) in cases {
        let memory = Memory::default();
        let transfer = client_of(size, &checksum, memory.clone()).transfer();
        let transfer = transfer.mode(Mode::Direct).concurrency(concurrency);
        let download = transfer.part_size(part).download("lake", "main", "a");

        let done = download.verify(verify).to_file(&path).await.unwrap();

        assert_eq!((done.size_bytes, done.verified), (size, verify));
        assert!(std::fs::read(&path).unwrap() == content);
        let most = memory.most.load(Ordering::Relaxed) as f64 / part as f64;
        let case = format!("{part} {concurrency} {verify}: {most}");
        assert!(expected.contains(&most), "{case}");
        assert_eq!(memory.now.load(Ordering::Relaxed), 0, "{case}");
    }
}

/// Offsets beyond 4 GiB, and memory that does not grow with the object.
#[tokio::test]
async fn the_end_of_a_large_object_is_read_alone() {
    let memory = Memory::default();
    let size = 5 * 1024 * MIB;
    let client = client(size, memory.clone());
    let transfer = client.transfer().mode(Mode::Direct);

    let end = transfer
        .download("lake", "main", "a")
        .range(size - 10..)
        .to_bytes()
        .await
        .unwrap();
    assert_eq!(end, (size - 10..size).map(byte).collect::<Vec<_>>());

    let directory = Directory::new();
    let path = directory.0.join("end");
    let file = transfer
        .download("lake", "main", "a")
        .range(size - 10..)
        .to_file(&path);
    assert_eq!(file.await.unwrap().size_bytes, 10);
    assert_eq!(std::fs::read(&path).unwrap(), end);

    let mut object = transfer.reader("lake", "main", "a").await.unwrap();
    object.seek(std::io::SeekFrom::End(-10)).await.unwrap();
    let mut read = Vec::new();
    object.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, end);
    assert!(memory.most.load(Ordering::Relaxed) < 2 * MIB as usize);
}
