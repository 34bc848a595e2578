//! What the benches share: a server that costs little, and the same call by this crate and by bare hyper-util.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot run has nothing to report"
)]
#![allow(dead_code, unreachable_pub, reason = "each bench uses a part")]

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use lakefs_sdk::{
    Client, Credentials,
    models::{ObjectStatsList, Repository},
};
use tokio::net::TcpListener;

pub const REPOSITORY: &str = r#"{"creation_date":1700000000,"default_branch":"main","id":"lake","read_only":false,"storage_id":"","storage_namespace":"s3://bucket/lake"}
"#;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// One page of a listing, as the server writes it.
pub fn listing(entries: usize) -> String {
    let results: Vec<_> = (0..entries)
        .map(|at| {
            format!(
                r#"{{"checksum":"{at:032x}","content_type":"application/octet-stream","metadata":{{}},"mtime":1700000000,"path":"tables/events/day=2026-11-25/part-{at:05}.parquet","path_type":"object","physical_address":"s3://bucket/lake/data/gbqk0p3c1h1s72sgf1vg/d0c2k4jc1h1s72sgf{at:04}","size_bytes":{}}}"#,
                at * 1021
            )
        })
        .collect();
    format!(
        "{{\"pagination\":{{\"has_more\":false,\"max_per_page\":1000,\"next_offset\":\"\",\"results\":{entries}}},\"results\":[{}]}}\n",
        results.join(",")
    )
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Serves canned answers until the process ends.
pub async fn serve(listener: TcpListener) {
    let page = Bytes::from(listing(1000));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let page = page.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let body = match request.uri().path() {
                    "/api/v1/repositories/lake" => Bytes::from_static(REPOSITORY.as_bytes()),
                    "/api/v1/repositories/lake/refs/main/objects/ls" => page.clone(),
                    other => panic!("{other} is not served"),
                };
                let response = Response::builder()
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("x-request-id", "6c2c04b5-9b2b-4b0e-8b3c-1f1d7a0f5f3c")
                    .body(Full::new(body));
                async move { Ok::<_, Infallible>(response.unwrap()) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// This crate, everything on.
pub fn sdk(server: SocketAddr) -> Client {
    let credentials = Credentials::access_key(KEY, SECRET);
    Client::builder()
        .endpoint(format!("http://{server}"))
        .credentials(credentials)
        .build()
        .unwrap()
}

/// Bare hyper-util, with the same connection settings.
pub struct Raw {
    client: HyperClient<HttpConnector, Empty<Bytes>>,
    authorization: HeaderValue,
    server: SocketAddr,
}

impl Raw {
    pub fn new(server: SocketAddr) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        let client = HyperClient::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .build(http);
        let pair = BASE64.encode(format!("{KEY}:{SECRET}"));
        Self {
            client,
            authorization: HeaderValue::try_from(format!("Basic {pair}")).unwrap(),
            server,
        }
    }

    async fn get(&self, path: &str) -> Bytes {
        // The same request as the crate sends.
        let request = Request::get(format!("http://{}/api/v1{path}", self.server))
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .header(
                header::USER_AGENT,
                HeaderValue::from_static("lakefs-rust-sdk/0.1.0"),
            )
            .header(
                "x-lakefs-client",
                HeaderValue::from_static("lakefs-rust-sdk/0.1.0"),
            )
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(
                "x-request-id",
                HeaderValue::from_static("0123456789abcdef0123456789abcdef"),
            )
            .body(Empty::new())
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap().to_bytes()
    }

    pub async fn repository(&self) -> Repository {
        serde_json::from_slice(&self.get("/repositories/lake").await).unwrap()
    }

    pub async fn listing(&self) -> ObjectStatsList {
        serde_json::from_slice(
            &self
                .get("/repositories/lake/refs/main/objects/ls?amount=1000")
                .await,
        )
        .unwrap()
    }
}
