//! The floor: the same work by bare hyper-util, with the same connection settings and the same headers, and nothing else.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Take},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use lakefs_sdk::models::ObjectStats;
use md5::{Digest as _, Md5};
use tokio::io::AsyncWriteExt as _;

use crate::{
    CONCURRENCY, FILES, Failure, KEY, PART, READ, SECRET, SIZE, file_name, stub::Repeated,
};

pub(crate) struct Floor {
    server: SocketAddr,
    authorization: String,
}

// ===== impl Floor =====

impl Floor {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let pair = BASE64.encode(format!("{KEY}:{SECRET}"));
        Self {
            server,
            authorization: format!("Basic {pair}"),
        }
    }

    fn client<B>(&self) -> Client<HttpConnector, B>
    where
        B: http_body::Body + Send,
        B::Data: Send,
    {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .build(http)
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.server))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "lakefs-rust-sdk/0.1.0")
            .header("x-lakefs-client", "lakefs-rust-sdk/0.1.0")
            .header("x-request-id", "0123456789abcdef0123456789abcdef")
            .header(header::AUTHORIZATION, &self.authorization)
    }

    fn read(&self, path: &str) -> http::request::Builder {
        self.request(
            "GET",
            &format!("/api/v1/repositories/lake/refs/main/objects?path={path}"),
        )
    }

    fn write(&self, path: &str) -> http::request::Builder {
        self.request(
            "POST",
            &format!("/api/v1/repositories/lake/branches/main/objects?path={path}"),
        )
        .header(header::CONTENT_TYPE, "application/octet-stream")
    }

    /// Reads the large object, chunk by chunk.
    async fn chunks(&self) -> Result<Incoming, Failure> {
        let request = self
            .read(&format!("plain-{SIZE}"))
            .body(Empty::<Bytes>::new())?;
        Ok(ok(self.client().request(request).await?)?.into_body())
    }

    pub(crate) async fn down(&self, mut each: impl FnMut(&Bytes)) -> Result<u64, Failure> {
        let mut body = self.chunks().await?;
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                size += data.len() as u64;
                each(&data);
            }
        }
        Ok(size)
    }

    pub(crate) async fn down_hashed(&self) -> Result<u64, Failure> {
        let mut md5 = Md5::new();
        let size = self.down(|chunk| md5.update(chunk)).await?;
        std::hint::black_box(md5.finalize());
        Ok(size)
    }

    /// Reads it into a file, which may not be written on the thread of the runtime.
    pub(crate) async fn down_to_file(&self, target: &Path) -> Result<u64, Failure> {
        let mut file = tokio::fs::File::create(target).await?;
        let mut body = self.chunks().await?;
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                size += data.len() as u64;
                file.write_all(&data).await?;
            }
        }
        file.flush().await?;
        Ok(size)
    }

    /// Sends the large object from memory.
    pub(crate) async fn up(&self, chunk: Bytes) -> Result<u64, Failure> {
        let request = self
            .write(&format!("plain-{SIZE}"))
            .body(Repeated::new(chunk, SIZE))?;
        finish(self.client().request(request).await?).await?;
        Ok(SIZE)
    }

    /// Sends it from memory, and takes its MD5 on the way.
    pub(crate) async fn up_hashed(&self, chunk: Bytes) -> Result<u64, Failure> {
        let md5 = std::sync::Arc::new(std::sync::Mutex::new(Md5::new()));
        let body = Repeated::new(chunk, SIZE).map_frame(move |frame| {
            if let (Some(data), Ok(mut md5)) = (frame.data_ref(), md5.lock()) {
                md5.update(data);
            }
            frame
        });
        let request = self.write(&format!("plain-{SIZE}")).body(body)?;
        finish(self.client().request(request).await?).await?;
        Ok(SIZE)
    }

    /// Sends it from a file.
    pub(crate) async fn up_from_file(&self, source: &Path) -> Result<u64, Failure> {
        let request = self
            .write(&format!("plain-{SIZE}"))
            .header(header::CONTENT_LENGTH, SIZE)
            .body(StreamBody::new(read(File::open(source)?.take(SIZE))))?;
        finish(self.client().request(request).await?).await?;
        Ok(SIZE)
    }

    /// Sends it from a file to the store in parts, some side by side, and takes the MD5 of each where that is wanted.
    pub(crate) async fn up_in_parts_from_file(
        &self,
        source: &Path,
        hashed: bool,
    ) -> Result<u64, Failure> {
        let client = self.client();
        let parts = stream::iter(0..SIZE / PART).map(|part| {
            let client = &client;
            async move {
                let mut file = File::open(source)?;
                file.seek(SeekFrom::Start(part * PART))?;
                let mut md5 = hashed.then(Md5::new);
                let chunks = read(file.take(PART)).inspect_ok(move |frame| {
                    if let (Some(md5), Some(data)) = (&mut md5, frame.data_ref()) {
                        md5.update(data);
                    }
                });
                let request = Request::put(format!("http://{}/store", self.server))
                    .header(header::CONTENT_LENGTH, PART)
                    .body(StreamBody::new(chunks));
                finish(client.request(request?).await?).await
            }
        });
        parts
            .buffer_unordered(4)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        Ok(SIZE)
    }

    /// Sends it to the store in parts, some side by side.
    pub(crate) async fn up_in_parts(&self, chunk: Bytes) -> Result<u64, Failure> {
        let client = self.client();
        let parts = stream::iter(0..SIZE / PART).map(|_| {
            let request = Request::put(format!("http://{}/store", self.server))
                .body(Repeated::new(chunk.clone(), PART));
            let client = &client;
            async move { finish(client.request(request?).await?).await }
        });
        parts
            .buffer_unordered(4)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        Ok(SIZE)
    }

    /// Sends many small objects from memory.
    pub(crate) async fn many_up(&self, content: Bytes) -> Result<u64, Failure> {
        let client = self.client();
        let sizes = stream::iter(0..FILES).map(|at| {
            let (client, content) = (&client, content.clone());
            async move { self.one_up(client, &file_name(at), content).await }
        });
        total(sizes.buffer_unordered(CONCURRENCY)).await
    }

    /// Reads them into memory.
    pub(crate) async fn many_down(&self) -> Result<u64, Failure> {
        let client = self.client();
        let sizes = stream::iter(0..FILES).map(|at| {
            let client = &client;
            async move { Ok(self.one_down(client, &file_name(at)).await?.len() as u64) }
        });
        total(sizes.buffer_unordered(CONCURRENCY)).await
    }

    /// Sends many small files.
    pub(crate) async fn directory_up(&self, source: &Path) -> Result<u64, Failure> {
        let client = self.client();
        let sizes = stream::iter(0..FILES).map(|at| {
            let client = &client;
            async move {
                let name = file_name(at);
                let content = tokio::fs::read(source.join(&name)).await?;
                self.one_up(client, &name, content.into()).await
            }
        });
        total(sizes.buffer_unordered(CONCURRENCY)).await
    }

    /// Reads them into files, which appear under their names when they are whole.
    pub(crate) async fn directory_down(&self, target: &Path) -> Result<u64, Failure> {
        std::fs::create_dir_all(target)?;
        let client = self.client();
        let sizes = stream::iter(0..FILES).map(|at| {
            let (client, target) = (&client, target);
            async move {
                let name = file_name(at);
                let content = self.one_down(client, &name).await?;
                let size = content.len() as u64;
                let part = target.join(format!(".{name}"));
                tokio::fs::write(&part, content).await?;
                tokio::fs::rename(part, target.join(name)).await?;
                Ok::<_, Failure>(size)
            }
        });
        total(sizes.buffer_unordered(CONCURRENCY)).await
    }

    /// Sends one, and reads what the server says of it.
    async fn one_up(
        &self,
        client: &Client<HttpConnector, Full<Bytes>>,
        name: &str,
        content: Bytes,
    ) -> Result<u64, Failure> {
        let request = self
            .write(&format!("many%2F{name}"))
            .body(Full::new(content))?;
        let body = ok(client.request(request).await?)?.into_body();
        let stats: ObjectStats = serde_json::from_slice(&body.collect().await?.to_bytes())?;
        Ok(stats.size_bytes.ok_or("no size")?.try_into()?)
    }

    async fn one_down(
        &self,
        client: &Client<HttpConnector, Empty<Bytes>>,
        name: &str,
    ) -> Result<Bytes, Failure> {
        let request = self.read(&format!("many%2F{name}")).body(Empty::new())?;
        let body = ok(client.request(request).await?)?.into_body();
        Ok(body.collect().await?.to_bytes())
    }
}

/// Chunks of a file.
fn read(file: Take<File>) -> impl Stream<Item = std::io::Result<Frame<Bytes>>> + Send + Unpin {
    Box::pin(stream::try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::zeroed(READ);
        let size = file.read(&mut chunk)?;
        chunk.truncate(size);
        Ok((size > 0).then(|| (Frame::data(chunk.freeze()), file)))
    }))
}

async fn total(sizes: impl Stream<Item = Result<u64, Failure>>) -> Result<u64, Failure> {
    sizes
        .try_fold(0, |total, size| async move { Ok(total + size) })
        .await
}

fn ok(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    match answer.status().is_success() {
        true => Ok(answer),
        false => Err(format!("the stub answered {}", answer.status()).into()),
    }
}

async fn finish(answer: Response<Incoming>) -> Result<(), Failure> {
    ok(answer)?.into_body().collect().await?;
    Ok(())
}
