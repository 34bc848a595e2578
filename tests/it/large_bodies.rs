//! Objects larger than memory.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{io, process::Command};

use bytes::Bytes;
use futures_util::stream;
use lakefs_sdk::{Body, Client};

use crate::support::tcp::{Connection, TcpServer};

const STATS: &str =
    r#"{"path":"a","path_type":"object","physical_address":"mem://a","checksum":"","mtime":0}"#;
const CHUNK: usize = 256 * 1024;
const GIBIBYTE: u64 = 1024 * 1024 * 1024;
/// What the memory of the process may grow by while a gibibyte passes through it.
const FLAT: u64 = 64 * 1024 * 1024;

fn client(server: &TcpServer) -> Client {
    Client::builder().endpoint(server.url()).build().unwrap()
}

/// What of the process is in memory, in bytes; `None` where the system does not say.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

/// Runs a test again, by name, in a process of its own: the memory of this one is that of all tests that run meanwhile.
/// False where this is that process.
fn runs_alone(test: &str) -> bool {
    const ALONE: &str = "LAKEFS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("large_bodies::{test}")])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
    true
}

/// How far the memory of the process grew at most.
struct Growth {
    before: Option<u64>,
    most: u64,
    seen: u64,
}

impl Growth {
    fn new() -> Self {
        Self {
            before: resident(),
            most: 0,
            seen: 0,
        }
    }

    fn look(&mut self) {
        self.seen += 1;
        if self.seen % 256 == 0 {
            if let Some((before, now)) = self.before.zip(resident()) {
                self.most = self.most.max(now.saturating_sub(before));
            }
        }
    }
}

/// Objects are larger than memory: reading one must not need more than a few chunks of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_is_read_in_flat_memory() {
    if runs_alone("a_gibibyte_is_read_in_flat_memory") {
        return;
    }
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        let head = format!("HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: {GIBIBYTE}\r\n\r\n");
        connection.write(head).await?;
        let chunk = vec![7; CHUNK];
        for _ in 0..GIBIBYTE / CHUNK as u64 {
            connection.write(&chunk).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let client = client(&server);

    let mut body = client
        .get_object("lake", "main", "a")
        .await
        .unwrap()
        .into_body()
        .unwrap();
    assert_eq!(body.size(), Some(GIBIBYTE));
    let (mut read, mut growth) = (0, Growth::new());
    while let Some(chunk) = body.chunk().await.unwrap() {
        read += chunk.len() as u64;
        growth.look();
    }

    assert_eq!(read, GIBIBYTE);
    assert!(growth.most < FLAT, "grew by {} bytes", growth.most);
}

/// The same for writing one: a stream is sent as fast as the server takes it, and not gathered before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_is_written_in_flat_memory() {
    if runs_alone("a_gibibyte_is_written_in_flat_memory") {
        return;
    }
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.head().await?;
        let (mut read, mut buffer, mut growth) = (0, vec![0; CHUNK], Growth::new());
        while read < GIBIBYTE {
            let count = connection.read_some(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read += count as u64;
            growth.look();
        }
        connection
            .answer(201, &STATS.replace("mem://a", &growth.most.to_string()))
            .await
    })
    .await
    .unwrap();
    // Made anew for each, so that chunks that are kept count.
    let chunks = stream::iter(
        (0..GIBIBYTE / CHUNK as u64).map(|_| Ok::<_, io::Error>(Bytes::from(vec![7; CHUNK]))),
    );
    let client = client(&server);

    let stats = client
        .upload_object("lake", "main", "a")
        .body(Body::from_sized_stream(GIBIBYTE, chunks))
        .await
        .unwrap();

    let growth: u64 = stats.physical_address.parse().unwrap();
    assert!(growth < FLAT, "grew by {growth} bytes");
}
