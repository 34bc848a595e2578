//! A server that speaks HTTP/1.1 by hand, for what no well-behaved server does.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The largest head of a request that is read.
const MAX_HEAD: usize = 64 * 1024;

/// Gives every connection to a function. Dropping it stops the listening.
pub(crate) struct TcpServer {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
    accepting: JoinHandle<()>,
}

/// A connection that a client made.
pub(crate) struct Connection {
    /// From 0.
    pub(crate) number: usize,
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
    log: Arc<Mutex<Log>>,
}

/// A request as it came, its body whole.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct Log {
    connections: usize,
    requests: Vec<Received>,
}

// ===== impl TcpServer =====

impl TcpServer {
    pub(crate) async fn serve<F, Fut>(converse: F) -> io::Result<Self>
    where
        F: Fn(Connection) -> Fut + Send + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let log = Arc::new(Mutex::new(Log::default()));
        let kept = Arc::clone(&log);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut log = lock(&kept);
                    log.connections += 1;
                    log.connections - 1
                };
                // What a client does to its connection is no fault of the server.
                tokio::spawn(converse(Connection {
                    number,
                    stream,
                    read: Vec::new(),
                    log: Arc::clone(&kept),
                }));
            }
        });
        Ok(Self {
            address,
            log,
            accepting,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.log).connections
    }

    /// The requests that were read whole.
    pub(crate) fn requests(&self) -> Vec<Received> {
        lock(&self.log).requests.clone()
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

// ===== impl Connection =====

impl Connection {
    /// The next request; `None` when the client closes instead.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Received>> {
        let Some(head) = self.head().await? else {
            return Ok(None);
        };
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        let body = match length {
            Some(length) => self.take(length).await?,
            None if header(&head, "transfer-encoding").is_some() => self.chunks().await?,
            None => Vec::new(),
        };
        let request = Received { head, body };
        lock(&self.log).requests.push(request.clone());
        Ok(Some(request))
    }

    /// The head of the next request, leaving its body unread.
    pub(crate) async fn head(&mut self) -> io::Result<Option<String>> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.read.len() > MAX_HEAD || !self.more().await? {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        Ok(Some(String::from_utf8_lossy(&head).into_owned()))
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Answers with a document, and keeps the connection.
    pub(crate) async fn answer(&mut self, status: u16, body: &str) -> io::Result<()> {
        let length = body.len();
        self.write(format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// Reads on until `buffer` has something, and gives how many bytes.
    pub(crate) async fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.is_empty() {
            return self.stream.read(buffer).await;
        }
        let count = self.read.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.read[..count]);
        self.read.drain(..count);
        Ok(count)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = self.take(size + 2).await?;
            chunk.truncate(size);
            if size == 0 {
                return Ok(body);
            }
            body.append(&mut chunk);
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < count {
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.read.drain(..count).collect())
    }

    async fn more(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }
}

// ===== impl Received =====

impl Received {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
