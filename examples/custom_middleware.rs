//! Middleware of your own around a client, and a client inside of a web service.
//!
//! A tower layer that works for any HTTP client works here: added with `layer` it sees a call once, with `attempt_layer` it
//! sees every attempt. The service is axum's, holds the client in its state, and is called without a socket; lakeFS is played
//! by a closure that fails once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use lakefs_sdk::{Body, BoxError, Client};
use tower::{Layer, Service, ServiceExt};

/// Sends the name of a tenant with every request, and counts them.
#[derive(Clone)]
struct TenantLayer {
    tenant: HeaderValue,
    seen: Arc<AtomicU32>,
}

#[derive(Clone)]
struct Tenant<S> {
    inner: S,
    layer: TenantLayer,
}

impl TenantLayer {
    fn new(tenant: &'static str) -> Self {
        Self {
            tenant: HeaderValue::from_static(tenant),
            seen: Arc::default(),
        }
    }
}

impl<S> Layer<S> for TenantLayer {
    type Service = Tenant<S>;

    fn layer(&self, inner: S) -> Tenant<S> {
        Tenant {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Tenant<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.layer.seen.fetch_add(1, Ordering::Relaxed);
        let tenant = self.layer.tenant.clone();
        request.headers_mut().insert("x-tenant", tenant);
        self.inner.call(request)
    }
}

/// `GET /head/{branch}` of our service: the commit that a branch of `lake` is at.
async fn head(State(lakefs): State<Client>, Path(branch): Path<String>) -> (StatusCode, String) {
    match lakefs.get_branch("lake", branch).await {
        Ok(branch) => (StatusCode::OK, branch.commit_id),
        Err(error) if error.is_not_found() => (StatusCode::NOT_FOUND, error.to_string()),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let calls = TenantLayer::new("analytics");
    let attempts = TenantLayer::new("analytics");
    let client = Client::builder()
        .transport(tower::service_fn(flaky_lakefs()))
        .layer(calls.clone())
        .attempt_layer(attempts.clone())
        .build()?;
    let service = Router::new()
        .route("/head/{branch}", get(head))
        .with_state(client);

    for (branch, status, answer) in [
        ("main", StatusCode::OK, "c0ffee"),
        (
            "nope",
            StatusCode::NOT_FOUND,
            "getBranch: branch not found (404 Not Found)",
        ),
    ] {
        let request = Request::get(format!("/head/{branch}")).body(axum::body::Body::empty())?;
        let response = service.clone().oneshot(request).await?;
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await?.to_bytes();
        println!("GET /head/{branch}: {status}, {}", body.escape_ascii());
        assert_eq!(body, answer);
    }

    let (calls, attempts) = (&calls.seen, &attempts.seen);
    println!("{calls:?} calls in {attempts:?} attempts");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    Ok(())
}

/// Answers the first request with 503, and later ones as lakeFS does.
fn flaky_lakefs()
-> impl FnMut(Request<Body>) -> std::future::Ready<http::Result<http::Response<Body>>> + Clone {
    let requests = Arc::new(AtomicU32::new(0));
    move |request| {
        assert_eq!(request.headers()["x-tenant"], "analytics");
        let first = requests.fetch_add(1, Ordering::Relaxed) == 0;
        let (status, body) = match request.uri().path().rsplit('/').next() {
            _ if first => (503, ""),
            Some("main") => (200, r#"{"id":"main","commit_id":"c0ffee"}"#),
            _ => (404, r#"{"message":"branch not found"}"#),
        };
        let response = http::Response::builder().status(status);
        std::future::ready(response.body(Body::from(body)))
    }
}
