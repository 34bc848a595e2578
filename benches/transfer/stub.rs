//! A lakeFS and an object store that cost little: canned answers, bytes that lie in memory. An object is as large as the last
//! part of its path says.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{CHUNK, FILE_SIZE, FILES, Failure};

/// The same chunk again and again.
#[derive(Clone)]
pub(crate) struct Repeated {
    chunk: Bytes,
    left: u64,
}

/// What has come in parts since the last upload of that kind was begun: there is one at a time.
static STORED: AtomicU64 = AtomicU64::new(0);

type Answer = Response<Either<Repeated, Full<Bytes>>>;

// ===== impl Repeated =====

impl Repeated {
    pub(crate) fn new(chunk: Bytes, size: u64) -> Self {
        Self { chunk, left: size }
    }
}

impl http_body::Body for Repeated {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.left.min(CHUNK as u64);
        self.left -= size;
        let chunk = match usize::try_from(size) {
            Ok(size) if size < self.chunk.len() => self.chunk.slice(..size),
            _ => self.chunk.clone(),
        };
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Serves until the process ends. `md5` is that of the large object.
pub(crate) async fn serve(listener: TcpListener, md5: String) {
    let chunk = crate::chunk();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (chunk, md5) = (chunk.clone(), md5.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, chunk.clone(), md5.clone()));
            let _ = hyper::server::conn::http1::Builder::new()
                .max_buf_size(512 * 1024)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, chunk: Bytes, md5: String) -> Result<Answer, Failure> {
    let answer = try_answer(request, chunk, &md5).await;
    answer.inspect_err(|problem| eprintln!("the stub cannot answer: {problem}"))
}

async fn try_answer(
    request: Request<Incoming>,
    chunk: Bytes,
    md5: &str,
) -> Result<Answer, Failure> {
    let (parts, mut body) = request.into_parts();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        received += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    let query = parts.uri.query().unwrap_or_default();
    let object = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("path="))
        .unwrap_or_default()
        .replace("%2F", "/");
    let size = object
        .rsplit('-')
        .next()
        .and_then(|size| size.parse::<u64>().ok());
    // One that is to be verified has a checksum that can be.
    let checksum = if object.starts_with("verified") {
        md5
    } else {
        "stub"
    };
    let (base, path) = match parts.uri.path().split_once("/api/v1/") {
        Some(("/presigned", path)) => ("presigned", path),
        Some((_, path)) => ("", path),
        None => ("", parts.uri.path()),
    };
    let stats = |size: u64| {
        let object = &object;
        format!(
            r#"{{"checksum":"{checksum}","mtime":1700000000,"path":"{object}","path_type":"object","physical_address":"s3://bucket/lake/data/1","size_bytes":{size}}}"#
        )
    };
    let host = parts.headers.get(header::HOST).ok_or("no host")?.to_str()?;
    match (&parts.method, path) {
        (&Method::GET, "config") => {
            let presign = base == "presigned";
            json(
                StatusCode::OK,
                format!(
                    r#"{{"storage_config":{{"blockstore_type":"s3","blockstore_namespace_example":"s3://bucket/","blockstore_namespace_ValidityRegex":"^s3://","pre_sign_support":{presign},"pre_sign_support_ui":false,"pre_sign_multipart_upload":{presign},"import_support":false,"import_validity_regex":""}},"version_config":{{}}}}"#
                ),
            )
        }
        (&Method::GET, "repositories/lake/refs/main/objects") => {
            get(&parts.headers, size.ok_or("no size")?, chunk, checksum)
        }
        (&Method::GET, "repositories/lake/refs/main/objects/stat") => {
            json(StatusCode::OK, stats(size.ok_or("no size")?))
        }
        (&Method::GET, "repositories/lake/refs/main/objects/ls") => {
            json(StatusCode::OK, listing(query))
        }
        (&Method::GET, "repositories/lake/branches/main") => json(
            StatusCode::OK,
            r#"{"id":"main","commit_id":"0123456789abcdef"}"#.to_owned(),
        ),
        (&Method::POST, "repositories/lake/branches/main/objects") => {
            expect(size, received)?;
            json(StatusCode::CREATED, stats(size.ok_or("no size")?))
        }
        (&Method::POST, "repositories/lake/branches/main/staging/pmpu") => {
            STORED.store(0, Relaxed);
            let url = format!("\"http://{host}/store\"");
            json(
                StatusCode::CREATED,
                format!(
                    r#"{{"upload_id":"upload","physical_address":"s3://bucket/lake/data/1","presigned_urls":[{}]}}"#,
                    vec![url; 200].join(",")
                ),
            )
        }
        (&Method::PUT, path) if path.contains("/parts/") => json(
            StatusCode::OK,
            format!(r#"{{"presigned_url":"http://{host}/store"}}"#),
        ),
        (&Method::PUT, "repositories/lake/branches/main/staging/pmpu/upload") => {
            expect(size, STORED.load(Relaxed))?;
            json(StatusCode::OK, stats(size.ok_or("no size")?))
        }
        (&Method::PUT, "/store") => {
            STORED.fetch_add(received, Relaxed);
            Ok(Response::builder()
                .header(header::ETAG, "\"stub\"")
                .body(Either::Right(Full::default()))?)
        }
        (method, path) => Err(format!("{method} {path}").into()),
    }
}

/// A stub that took anything would hide an upload that is empty.
fn expect(size: Option<u64>, received: u64) -> Result<(), Failure> {
    match size {
        Some(size) if size == received => Ok(()),
        _ => Err(format!("{received} bytes came, not {size:?}").into()),
    }
}

fn get(headers: &HeaderMap, size: u64, chunk: Bytes, checksum: &str) -> Result<Answer, Failure> {
    let range = match headers.get(header::RANGE) {
        Some(range) => {
            let range = range.to_str()?.strip_prefix("bytes=").ok_or("a range")?;
            let (first, last) = range.split_once('-').ok_or("a range")?;
            let last = last
                .parse()
                .map_or(size - 1, |last: u64| last.min(size - 1));
            Some((first.parse::<u64>()?, last))
        }
        None => None,
    };
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ETAG, format!("\"{checksum}\""));
    let answer = match range {
        Some((first, last)) => answer
            .status(StatusCode::PARTIAL_CONTENT)
            .header(
                header::CONTENT_RANGE,
                format!("bytes {first}-{last}/{size}"),
            )
            .body(Either::Left(Repeated::new(chunk, last + 1 - first))),
        None => answer.body(Either::Left(Repeated::new(chunk, size))),
    };
    Ok(answer?)
}

fn json(status: StatusCode, document: String) -> Result<Answer, Failure> {
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Either::Right(Full::from(document)))?)
}

/// The files below `many/`, page by page; nothing elsewhere.
fn listing(query: &str) -> String {
    let field = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let prefix = field("prefix").unwrap_or_default().replace("%2F", "/");
    let after = field("after").unwrap_or_default().replace("%2F", "/");
    let amount = field("amount")
        .and_then(|amount| amount.parse().ok())
        .unwrap_or(1000);
    let names = (0..FILES)
        .map(crate::file_name)
        .map(|name| format!("many/{name}"))
        .filter(|path| prefix == "many/" && *path > after);
    let page: Vec<String> = names.take(amount).collect();
    let last = page.last().cloned().unwrap_or_default();
    let more = page.len() == amount && last != format!("many/{}", crate::file_name(FILES - 1));
    let results: Vec<String> = page
        .iter()
        .map(|path| {
            format!(
                r#"{{"checksum":"stub","mtime":1700000000,"path":"{path}","path_type":"object","physical_address":"s3://bucket/lake/data/1","size_bytes":{FILE_SIZE}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"pagination":{{"has_more":{more},"max_per_page":1000,"next_offset":"{}","results":{}}},"results":[{}]}}"#,
        if more { &last } else { "" },
        results.len(),
        results.join(",")
    )
}
