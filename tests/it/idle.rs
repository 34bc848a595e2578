//! Bodies that stall are noticed, both ways; those that move, and those whose reader or writer takes his time, are not.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use lakefs_sdk::{Body, BoxError, Client, ClientBuilder, middleware::retry::RetryPolicy};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt as _, service_fn};

use crate::support::tcp::{Connection, TcpServer};

const IDLE: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(7);

fn builder() -> ClientBuilder {
    Client::builder()
        .idle_timeout(IDLE)
        .attempt_timeout(ATTEMPT)
        .timeout(Duration::from_secs(8))
        .retry(RetryPolicy::none())
}

fn stored() -> Response<Body> {
    let stats = json!({
        "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "c", "mtime": 1
    });
    let mut response = Response::new(Body::from(stats.to_string()));
    *response.status_mut() = http::StatusCode::CREATED;
    response
}

/// Chunks of ten bytes, each after a wait.
fn chunks(
    count: u32,
    wait: Duration,
) -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
    stream::iter(0..count).then(move |_| async move {
        sleep(wait).await;
        Ok(Bytes::from_static(b"0123456789"))
    })
}

/// Answers every download with a body.
fn download(
    body: impl Fn() -> Body + Clone + Send + Sync + 'static,
) -> impl lakefs_sdk::transport::HttpTransport {
    service_fn(move |_: Request<Body>| {
        let body = body();
        async { Ok::<_, BoxError>(Response::new(body)) }
    })
}

/// Takes a chunk of an upload every `wait`, up to so many bytes, and then no more.
#[derive(Clone)]
struct Slow {
    wait: Duration,
    most: u64,
    taken: Arc<AtomicU64>,
}

impl Slow {
    fn new(wait: Duration, most: u64) -> Self {
        Self {
            wait,
            most,
            taken: Arc::default(),
        }
    }
}

impl Service<Request<Body>> for Slow {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let mut body = request.into_body();
            while let Some(chunk) = body.chunk().await? {
                let taken = this.taken.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                if taken + chunk.len() as u64 >= this.most {
                    std::future::pending::<()>().await;
                }
                sleep(this.wait).await;
            }
            Ok(stored())
        })
    }
}

/// O14: a stream that moves lives for as long as it likes, whatever the limits of calls and attempts.
#[tokio::test(start_paused = true)]
async fn a_download_that_moves_is_never_cut_off() {
    let transport = download(|| Body::from_stream(chunks(28, IDLE / 2)));
    let client = builder().transport(transport).build().unwrap();
    let begun = Instant::now();

    let object = client.get_object("lake", "main", "a").await.unwrap();

    assert_eq!(object.bytes().await.unwrap().len(), 280);
    assert!(begun.elapsed() >= 20 * ATTEMPT);
}

/// O14: a server that stalls half way would hang the reader for ever.
#[tokio::test(start_paused = true)]
async fn a_download_that_stalls_is_a_timeout_that_tells_how_far_it_got() {
    for length in [None, Some(1_000)] {
        let transport = service_fn(move |_: Request<Body>| async move {
            let stalled = chunks(3, IDLE / 2).chain(stream::pending());
            let mut response = Response::new(Body::from_stream(stalled));
            if let Some(length) = length {
                response
                    .headers_mut()
                    .insert("content-length", length.into());
            }
            Ok::<_, BoxError>(response)
        });
        let client = builder().transport(transport).build().unwrap();
        let mut body = client.get_object("lake", "main", "a").await.unwrap().body;
        for _ in 0..3 {
            assert_eq!(body.chunk().await.unwrap().unwrap().len(), 10);
        }
        let begun = Instant::now();

        let error = body.chunk().await.unwrap_err();

        assert!(error.is_timeout(), "{error}");
        assert_eq!(
            error.to_string(),
            "the download stalled: the server sent too little for 10s, after 30 bytes"
        );
        let waited = begun.elapsed();
        assert!(IDLE <= waited && waited < IDLE + IDLE / 10, "{waited:?}");
    }
}

/// O14: a reader that works on what it has must not be punished for it.
#[tokio::test(start_paused = true)]
async fn a_reader_may_take_its_time() {
    let transport = download(|| Body::from_stream(chunks(4, Duration::ZERO)));
    let client = builder().transport(transport).build().unwrap();
    let mut body = client.get_object("lake", "main", "a").await.unwrap().body;
    let mut read = 0;

    while let Some(chunk) = body.chunk().await.unwrap() {
        read += chunk.len();
        sleep(5 * IDLE).await;
    }

    assert_eq!(read, 40);
}

/// A server that drips a byte before every limit holds a reader for as long as one that sends nothing.
#[tokio::test(start_paused = true)]
async fn a_download_below_the_least_rate_has_stalled() {
    let drip = || download(|| Body::from_stream(chunks(100, IDLE / 2)));
    // 10 bytes in 5 s are 2 a second.
    let patient = builder().transport(drip()).min_bytes_per_second(2);
    let object = patient
        .build()
        .unwrap()
        .get_object("lake", "main", "a")
        .await;
    assert_eq!(object.unwrap().bytes().await.unwrap().len(), 1_000);

    let demanding = builder().transport(drip()).min_bytes_per_second(3);
    let object = demanding
        .build()
        .unwrap()
        .get_object("lake", "main", "a")
        .await;
    let error = object.unwrap().bytes().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

/// A program that knows that its store stalls for minutes can say so.
#[tokio::test(start_paused = true)]
async fn the_limit_can_be_switched_off() {
    let transport = download(|| Body::from_stream(chunks(3, 100 * IDLE)));
    let client = builder()
        .transport(transport)
        .idle_timeout(None)
        .build()
        .unwrap();
    let object = client.get_object("lake", "main", "a").await.unwrap();
    assert_eq!(object.bytes().await.unwrap().len(), 30);

    let slow = Slow::new(100 * IDLE, u64::MAX);
    let client = builder()
        .transport(slow)
        .idle_timeout(None)
        .upload_answer_timeout(None)
        .build()
        .unwrap();
    let upload = client
        .upload_object("lake", "main", "a")
        .body(vec![7; 400_000]);
    upload.await.unwrap();
}

/// A transport of the user's own that ends early must not pass for the whole object, limits or no limits.
#[tokio::test(start_paused = true)]
async fn a_download_that_ends_early_is_an_error_without_limits_too() {
    for limit in [None, Some(IDLE)] {
        let transport = service_fn(|_: Request<Body>| async {
            let mut response = Response::new(Body::from_stream(chunks(3, Duration::ZERO)));
            response.headers_mut().insert("content-length", 31.into());
            Ok::<_, BoxError>(response)
        });
        let client = builder()
            .transport(transport)
            .idle_timeout(limit)
            .build()
            .unwrap();
        let object = client.get_object("lake", "main", "a").await.unwrap();

        let error = object.bytes().await.unwrap_err();

        assert!(error.is_body(), "{error}");
        assert_eq!(error.to_string(), "the body was cut after 30 of 31 bytes");
    }
}

/// A stream of the user's own, by a request without a meta, is watched too.
#[tokio::test(start_paused = true)]
async fn a_raw_download_that_stalls_is_noticed() {
    let transport =
        download(|| Body::from_stream(chunks(1, Duration::ZERO).chain(stream::pending())));
    let client = builder().transport(transport).build().unwrap();
    let request = Request::get("/anything").body(Body::empty()).unwrap();

    let response = client.oneshot(request).await.unwrap();

    let error = response.into_body().bytes().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

/// An upload takes as long as its bytes do, in one piece or in many.
#[tokio::test(start_paused = true)]
async fn an_upload_that_moves_is_never_cut_off() {
    let bodies = [
        Body::from(vec![7; 4_000_000]),
        Body::from_stream(stream::iter(
            (0..30).map(|_| Ok::<_, io::Error>(vec![7; 100_000])),
        )),
    ];
    for body in bodies {
        let slow = Slow::new(IDLE / 2, u64::MAX);
        let client = builder().transport(slow.clone()).build().unwrap();
        let (begun, size) = (Instant::now(), body.size());

        client
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap();

        assert!(begun.elapsed() >= 10 * ATTEMPT);
        let taken = slow.taken.load(Ordering::Relaxed);
        assert_eq!(taken, size.unwrap_or(3_000_000));
    }
}

/// A server that takes half of an upload and no more would hang the writer for ever.
#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_is_a_timeout_that_tells_how_far_it_got() {
    let slow = Slow::new(IDLE / 2, 1_000_000);
    let client = builder().transport(slow).build().unwrap();

    let error = client
        .upload_object("lake", "main", "a")
        .body(vec![7; 4_000_000])
        .await
        .unwrap_err();

    assert!(
        error.is_timeout() && error.may_have_taken_effect(),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.starts_with(
            "uploadObject: the upload stalled: the server took too little for 10s, after 10"
        ),
        "{text}"
    );
}

/// A stream whose producer computes for minutes is no stalled server.
#[tokio::test(start_paused = true)]
async fn a_writer_may_take_its_time() {
    let slow = Slow::new(Duration::ZERO, u64::MAX);
    let client = builder().transport(slow).build().unwrap();
    let body = Body::from_stream(chunks(5, 5 * IDLE));

    client
        .upload_object("lake", "main", "a")
        .body(body)
        .await
        .unwrap();
}

/// A server that took all and says nothing leaves the writer in doubt, but not for ever.
#[tokio::test(start_paused = true)]
async fn an_upload_that_is_not_answered_is_a_timeout() {
    for body in [
        Body::from("small"),
        Body::empty(),
        Body::from(vec![7; 300_000]),
    ] {
        let transport = service_fn(|request: Request<Body>| async {
            request.into_body().bytes().await?;
            std::future::pending::<Result<Response<Body>, BoxError>>().await
        });
        let client = builder()
            .transport(transport)
            .upload_answer_timeout(Duration::from_secs(77))
            .build()
            .unwrap();
        let begun = Instant::now();

        let error = client
            .upload_object("lake", "main", "a")
            .body(body)
            .await
            .unwrap_err();

        assert!(
            error.is_timeout() && error.may_have_taken_effect(),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains("no answer to the upload within 77s"),
            "{error}"
        );
        assert_eq!(begun.elapsed().as_secs(), 77);
    }
}

/// What is in memory is not measured, and a document has the limit of its attempt.
#[tokio::test(start_paused = true)]
async fn a_document_has_the_limit_of_its_attempt() {
    let transport = download(|| Body::from_stream(stream::pending::<Result<Bytes, io::Error>>()));
    let client = builder().transport(transport).build().unwrap();
    let error = client.get_repository("lake").await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("7s"), "{error}");
}

/// Over a real socket, both ways: a full buffer of the kernel's is a server that takes nothing.
#[tokio::test]
async fn a_server_that_stops_is_noticed_over_tcp() {
    let server = TcpServer::serve(|mut connection: Connection| async move {
        let Some(head) = connection.head().await? else {
            return Ok(());
        };
        if head.starts_with("GET") {
            connection
                .write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst bytes")
                .await?;
        }
        std::future::pending().await
    })
    .await
    .unwrap();
    let client = Client::builder()
        .endpoint(server.url())
        .idle_timeout(Duration::from_millis(300))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();

    let object = client.get_object("lake", "main", "a").await.unwrap();
    let error = object.bytes().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("after 11 bytes"), "{error}");

    let upload = client
        .upload_object("lake", "main", "a")
        .body(vec![7; 64_000_000]);
    let error = upload.await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("the upload stalled"), "{error}");
}
