//! Time: build and decode of a small call, a listing of 1,000 entries, and whole calls over loopback against bare
//! hyper-util with the same request and the same parse. These machines are noisy: compare within a run, and see
//! `instructions` for counts.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run has nothing to report"
)]
#![expect(
    missing_docs,
    reason = "criterion's macro makes a public function without any"
)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::Response;
use lakefs_sdk::{
    Operation,
    api::{objects::ListObjects, repositories::GetRepository},
    models::ObjectStatsList,
};
use tokio::net::TcpListener;

mod support;

fn without_io(c: &mut Criterion) {
    let document = Bytes::from_static(support::REPOSITORY.as_bytes());
    c.bench_function("small call, build and decode", |b| {
        b.iter(|| {
            black_box(GetRepository::new("lake").into_request().unwrap());
            let (parts, ()) = Response::new(()).into_parts();
            GetRepository::decode(parts, document.clone()).unwrap()
        });
    });

    let page = Bytes::from(support::listing(1000));
    let mut group = c.benchmark_group("listing of 1,000, decode");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("ListObjects::decode", |b| {
        b.iter(|| {
            let (parts, ()) = Response::new(()).into_parts();
            ListObjects::decode(parts, page.clone()).unwrap()
        });
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| serde_json::from_slice::<ObjectStatsList>(&page).unwrap())
    });
    group.finish();
}

fn over_loopback(c: &mut Criterion) {
    let runtime = support::runtime();
    // The server has a thread and a runtime of its own, so that the client's runtime has the client alone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        support::runtime()
            .block_on(async { support::serve(TcpListener::from_std(listener).unwrap()).await });
    });
    let (sdk, raw) = (support::sdk(server), support::Raw::new(server));

    let mut group = c.benchmark_group("small call over loopback");
    group.bench_function("lakefs-sdk", |b| {
        b.iter(|| runtime.block_on(async { sdk.get_repository("lake").await.unwrap() }))
    });
    group.bench_function("hyper-util", |b| {
        b.iter(|| runtime.block_on(raw.repository()))
    });
    group.finish();

    let mut group = c.benchmark_group("listing of 1,000 over loopback");
    group.bench_function("lakefs-sdk", |b| {
        b.iter(|| {
            runtime.block_on(async { sdk.list_objects("lake", "main").amount(1000).await.unwrap() })
        });
    });
    group.bench_function("hyper-util", |b| b.iter(|| runtime.block_on(raw.listing())));
    group.finish();
}

criterion_group!(benches, without_io, over_loopback);
criterion_main!(benches);
