//! The tower stack that a program has already, under and over a client.
//!
//! Under it, any `tower::Service` carries the requests: here an axum `Router` that plays lakeFS, with a layer of tower around
//! it that does what this crate does not write again. Over it, layers see each call once. No socket is opened.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Path, routing::get};
use futures_util::future::join_all;
use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client, Result,
    middleware::retry::RetryPolicy,
    transport::{BoxTransport, HttpTransport},
};
use tokio::time::{Instant, sleep};
use tower::{
    Service as _, ServiceBuilder, ServiceExt as _, buffer::BufferLayer, hedge::Hedge,
    layer::layer_fn, limit::RateLimitLayer, load_shed::LoadShedLayer, timeout::TimeoutLayer,
    util::BoxCloneSyncService,
};

const MS: Duration = Duration::from_millis(1);

/// A service as a program has it, here without its long type.
type Existing = BoxCloneSyncService<Request<Body>, Response<axum::body::Body>, Infallible>;

/// lakeFS, as a router that takes a while for each branch: `slow-once` does so the first time only.
fn lakefs(requests: &Arc<AtomicU32>) -> Existing {
    let counter = Arc::clone(requests);
    let branch = async move |Path(branch): Path<String>| {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        if branch == "slow" || (branch == "slow-once" && number == 0) {
            sleep(1000 * MS).await;
        }
        format!(r#"{{"id":"{branch}","commit_id":"c{number}"}}"#)
    };
    let router = Router::new().route("/api/v1/repositories/lake/branches/{branch}", get(branch));
    let stack = ServiceBuilder::new()
        .map_request(|request: Request<Body>| request.map(axum::body::Body::new))
        .service(router);
    BoxCloneSyncService::new(stack)
}

fn client(transport: impl HttpTransport) -> Result<Client> {
    let once = RetryPolicy::none(); // what fails shows, instead of being tried again
    Client::builder().transport(transport).retry(once).build()
}

// The clock is stopped, and jumps where everybody waits: the times below are exact.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    tokio::time::pause();
    let requests = Arc::new(AtomicU32::new(0));

    // A rate limit, under the client: each attempt takes its turn. `Buffer` makes the service `Clone`.
    let limited = ServiceBuilder::new()
        .layer(BufferLayer::new(16))
        .layer(RateLimitLayer::new(2, 100 * MS))
        .service(lakefs(&requests));
    let (limited, begun) = (client(limited)?, Instant::now());
    for call in join_all((0..5).map(|_| limited.get_branch("lake", "main").send())).await {
        call?;
    }
    println!("rate limit: 5 calls, 2 in 100 ms: {:?}", begun.elapsed());
    assert!(begun.elapsed() >= 200 * MS);

    // Load shedding, under the client: what finds no room fails at once instead of waiting for its turn.
    let shedding = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .concurrency_limit(2)
        .service(lakefs(&requests));
    let shedding = client(shedding)?;
    let calls = join_all((0..5).map(|_| shedding.get_branch("lake", "slow").send())).await;
    let shed = calls.iter().filter(|call| call.is_err()).count();
    println!("load shed: {shed} of {} calls found no room", calls.len());
    assert_eq!(shed, 3);

    // Hedging, over the client, which is a service itself: a read that takes long is sent a second time, and the first answer
    // counts. Only for requests that change nothing.
    let mut hedged = Hedge::new(client(lakefs(&requests))?, Read, 1, 0.9, 1000 * MS);
    for branch in ["main", "slow-once"] {
        // How long is too long it learns from the second before.
        sleep(1000 * MS).await;
        requests.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let path = format!("/repositories/lake/branches/{branch}");
        let request = Request::get(path).body(Body::empty())?;
        let response = hedged.ready().await?.call(request).await?;
        let document = response.into_body().text().await?;
        println!(
            "hedge: {document} after {:?}, {requests:?} requests",
            begun.elapsed()
        );
        assert!(begun.elapsed() < 1000 * MS);
    }
    assert_eq!(
        requests.load(Ordering::Relaxed),
        2,
        "the slow one was sent twice"
    );

    // A buffer and a time limit, over the client: layers of its own, outside of the retries.
    let layered = Client::builder()
        .transport(lakefs(&requests))
        .layer(layer_fn(|inner: BoxTransport| {
            ServiceBuilder::new().buffer(16).service(inner)
        }))
        .layer(TimeoutLayer::new(500 * MS))
        .build()?;
    layered.get_branch("lake", "main").await?;
    let answer = layered
        .get_branch("lake", "slow")
        .await
        .map_err(|error| format!("{error:#}"));
    println!("timeout and buffer: {answer:?}");
    assert!(answer.is_err_and(|error| error.contains("request timed out")));
    Ok(())
}

/// What may be sent twice.
#[derive(Clone)]
struct Read;

impl tower::hedge::Policy<Request<Body>> for Read {
    fn clone_request(&self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut again = Request::new(request.body().try_clone()?);
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        Some(again)
    }

    fn can_retry(&self, request: &Request<Body>) -> bool {
        request.method().is_safe()
    }
}
