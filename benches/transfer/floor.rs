//! The floor: the same work by bare hyper-util, with the same connection settings and the same headers, and nothing else.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Take, Write as _},
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
use md5::{Digest as _, Md5};

use crate::{
    CONCURRENCY, FILE_SIZE, FILES, Failure, KEY, PART, READ, SECRET, SIZE, file_name,
    stub::Repeated,
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
    pub(crate) async fn down(
        &self,
        mut each: impl FnMut(&Bytes) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let request = self
            .read(&format!("plain-{SIZE}"))
            .body(Empty::<Bytes>::new())?;
        let mut body = ok(self.client().request(request).await?)?.into_body();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                size += data.len() as u64;
                each(&data)?;
            }
        }
        Ok(size)
    }

    pub(crate) async fn down_hashed(&self) -> Result<u64, Failure> {
        let mut md5 = Md5::new();
        let size = self
            .down(|chunk| {
                md5.update(chunk);
                Ok(())
            })
            .await?;
        std::hint::black_box(md5.finalize());
        Ok(size)
    }

    pub(crate) async fn down_to_file(&self, target: &Path) -> Result<u64, Failure> {
        let mut file = File::create(target)?;
        self.down(|chunk| Ok(file.write_all(chunk)?)).await
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

    /// Sends it from a file to the store in parts, some side by side.
    pub(crate) async fn up_in_parts_from_file(&self, source: &Path) -> Result<u64, Failure> {
        let client = self.client();
        let parts = stream::iter(0..SIZE / PART).map(|part| {
            let client = &client;
            async move {
                let mut file = File::open(source)?;
                file.seek(SeekFrom::Start(part * PART))?;
                let request = Request::put(format!("http://{}/store", self.server))
                    .header(header::CONTENT_LENGTH, PART)
                    .body(StreamBody::new(read(file.take(PART))));
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
        let files = stream::iter(0..FILES).map(|at| {
            let path = format!("many%2F{}", file_name(at));
            let request = self.write(&path).body(Full::new(content.clone()));
            let client = &client;
            async move { finish(client.request(request?).await?).await }
        });
        files
            .buffer_unordered(CONCURRENCY)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        Ok((FILES * FILE_SIZE) as u64)
    }

    /// Reads them into memory.
    pub(crate) async fn many_down(&self) -> Result<u64, Failure> {
        let client = self.client();
        let sizes =
            stream::iter(0..FILES).map(|at| {
                let client = &client;
                async move {
                    Ok::<_, Failure>(self.one_down(client, &file_name(at)).await?.len() as u64)
                }
            });
        sizes
            .buffer_unordered(CONCURRENCY)
            .try_fold(0, |total, size| async move { Ok(total + size) })
            .await
    }

    /// Sends many small files.
    pub(crate) async fn directory_up(&self, source: &Path) -> Result<u64, Failure> {
        let client = self.client();
        let files = stream::iter(0..FILES).map(|at| {
            let client = &client;
            async move {
                let name = file_name(at);
                let content = tokio::fs::read(source.join(&name)).await?;
                let request = self
                    .write(&format!("many%2F{name}"))
                    .body(Full::new(Bytes::from(content)))?;
                finish(client.request(request).await?).await
            }
        });
        files
            .buffer_unordered(CONCURRENCY)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        Ok((FILES * FILE_SIZE) as u64)
    }

    /// Reads them into files.
    pub(crate) async fn directory_down(&self, target: &Path) -> Result<u64, Failure> {
        std::fs::create_dir_all(target)?;
        let client = self.client();
        let sizes = stream::iter(0..FILES).map(|at| {
            let (client, target) = (&client, target);
            async move {
                let name = file_name(at);
                let content = self.one_down(client, &name).await?;
                let size = content.len() as u64;
                tokio::fs::write(target.join(name), content).await?;
                Ok::<_, Failure>(size)
            }
        });
        sizes
            .buffer_unordered(CONCURRENCY)
            .try_fold(0, |total, size| async move { Ok(total + size) })
            .await
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
