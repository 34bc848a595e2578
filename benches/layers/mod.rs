//! A small call through one layer, over a service that answers at once.

use std::{cell::RefCell, hint::black_box, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use lakefs_sdk::{
    Body, BoxError, Credentials, Operation,
    api::repositories::GetRepository,
    config::Endpoint,
    middleware::{
        authenticate::AuthenticateLayer,
        collect::CollectLayer,
        concurrency::ConcurrencyLimitLayer,
        identity::IdentityLayer,
        idle::IdleLayer,
        metrics::MetricsLayer,
        propagate::PropagateLayer,
        redirect::RedirectLayer,
        request_id::RequestIdLayer,
        retry::{RetryLayer, RetryPolicy},
        throttle::ThrottleLayer,
        timeout::AttemptTimeoutLayer,
        trace::TraceLayer,
    },
    timer::TokioTimer,
};
use tower::{Layer, ServiceExt as _, service_fn, util::BoxCloneSyncService};

use crate::support::REPOSITORY;

type Boxed = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// No layer.
pub(crate) const BARE: &str = "bare";

pub(crate) const ALL: [&str; 13] = [
    "identity",
    "request_id",
    "retry",
    "timeout",
    "authenticate",
    "collect",
    "redirect",
    "idle",
    "trace, nobody listens",
    "concurrency, off by default",
    "throttle, off by default",
    "metrics, off by default, no recorder",
    "propagate, off by default, no trace",
];

thread_local! {
    /// The services, made once.
    static SERVICE: RefCell<Option<Boxed>> = const { RefCell::new(None) };
}

pub(crate) async fn call(layer: &str) {
    let service =
        SERVICE.with_borrow_mut(|service| service.get_or_insert_with(|| build(layer)).clone());
    let mut request = GetRepository::new("lake").into_request().unwrap();
    *request.uri_mut() = http::Uri::from_static("http://localhost:8000/api/v1/repositories/lake");
    request.extensions_mut().insert(GetRepository::META);
    drop(black_box(service.oneshot(request).await.unwrap()));
}

fn build(layer: &str) -> Boxed {
    let bare = service_fn(|request: Request<Body>| async move {
        drop(black_box(request));
        Ok::<_, BoxError>(Response::new(Body::from(Bytes::from_static(
            REPOSITORY.as_bytes(),
        ))))
    });
    let timer = TokioTimer::default();
    let credentials = Credentials::access_key("AKIAIOSFODNN7EXAMPLE", "secret");
    let endpoint = Endpoint::parse("http://localhost:8000").unwrap();
    // Each in one box, as the bare one.
    match layer {
        BARE => Boxed::new(bare),
        "identity" => {
            Boxed::new(IdentityLayer::new(HeaderValue::from_static("bench/1")).layer(bare))
        }
        "request_id" => Boxed::new(RequestIdLayer::new().layer(bare)),
        "retry" => Boxed::new(RetryLayer::new(RetryPolicy::standard(), timer).layer(bare)),
        "timeout" => {
            Boxed::new(AttemptTimeoutLayer::new(Duration::from_secs(30), timer).layer(bare))
        }
        "authenticate" => Boxed::new(
            AuthenticateLayer::new(&credentials, &endpoint)
                .unwrap()
                .layer(bare),
        ),
        "collect" => Boxed::new(CollectLayer::new().layer(bare)),
        "redirect" => Boxed::new(RedirectLayer::new().layer(bare)),
        "idle" => Boxed::new(IdleLayer::new(timer).layer(bare)),
        "trace, nobody listens" => Boxed::new(TraceLayer::new().layer(bare)),
        "concurrency, off by default" => Boxed::new(ConcurrencyLimitLayer::new(64).layer(bare)),
        "throttle, off by default" => Boxed::new(ThrottleLayer::new(64).layer(bare)),
        "metrics, off by default, no recorder" => Boxed::new(
            MetricsLayer::new()
                .layer(bare)
                .map_response(|response| response.map(Body::new)),
        ),
        "propagate, off by default, no trace" => Boxed::new(PropagateLayer::new().layer(bare)),
        other => unreachable!("{other} is no scenario"),
    }
}
