//! Spans: what a trace tells of a call and of its attempts.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::time::Duration;

use http::{Method, Request, Response, Uri};
use lakefs_sdk::{
    Body, BoxError, Client,
    middleware::{retry::AttemptNumber, retry::RetryPolicy, trace::TraceLayer},
};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{scripted::Scripted, spans::Spans};

fn repository() -> Value {
    json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" })
}

fn client(transport: &Scripted) -> Client {
    Client::builder()
        .endpoint("https://lakefs.example.com:8443/base")
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .transport(transport.clone())
        .build()
        .unwrap()
}

/// A slow or failing call can be taken apart in a trace only when each attempt is seen, and all are seen to be one call.
#[tokio::test(start_paused = true)]
async fn a_call_is_one_span_around_a_span_for_every_attempt() {
    let (spans, _listening) = Spans::listen();
    let transport = Scripted::new()
        .status_with(503, &[("retry-after", "2")], "busy")
        .status_with(200, &[("x-request-id", "r-2")], repository().to_string());

    let call = client(&transport).get_repository("lake");
    call.header("x-request-id", "sent-1").await.unwrap();

    let [call] = &spans.named("call")[..] else {
        panic!("{:?}", spans.named("call"))
    };
    let expected = [
        ("http.response.status_code", "200"),
        ("lakefs.attempts", "2"),
        ("lakefs.operation", "getRepository"),
        ("lakefs.request_id", "r-2"),
        ("lakefs.retry.wait", "2.0"),
        ("otel.name", "lakefs.getRepository"),
    ];
    assert_eq!(call.pairs(), expected);
    assert!(call.closed);

    let attempts = spans.named("HTTP");
    let same = [
        ("http.request.body.size", "0"),
        ("http.request.header.x_request_id", "sent-1"),
        ("http.request.method", "GET"),
        ("lakefs.operation", "getRepository"),
        ("network.protocol.version", "1.1"),
        ("otel.kind", "client"),
        ("otel.name", "GET /repositories/{repository}"),
        ("server.address", "lakefs.example.com"),
        ("server.port", "8443"),
        (
            "url.full",
            "https://lakefs.example.com:8443/base/api/v1/repositories/lake",
        ),
        ("url.scheme", "https"),
        ("url.template", "/repositories/{repository}"),
    ];
    let size = repository().to_string().len().to_string();
    let own: [&[_]; 2] = [
        &[
            ("error.type", "503"),
            ("http.response.body.size", "4"),
            ("http.response.status_code", "503"),
            ("otel.status_code", "ERROR"),
        ],
        &[
            ("http.response.body.size", &size),
            ("http.response.status_code", "200"),
            ("http.request.resend_count", "1"),
            ("lakefs.request_id", "r-2"),
        ],
    ];
    assert_eq!(attempts.len(), 2);
    for (attempt, own) in attempts.iter().zip(own) {
        let mut expected = [&same[..], own].concat();
        expected.sort_unstable();
        assert_eq!(attempt.pairs(), expected);
        assert_eq!(attempt.parent, "call");
        assert!(attempt.closed);
    }
}

/// Why a call took long is told by what it waited for, which must not float about outside of it.
#[tokio::test]
async fn the_events_of_retries_and_of_layers_are_inside_of_the_call() {
    let (spans, _listening) = Spans::listen();
    let transport = Scripted::new().status(503, "busy").json(&repository());
    let told = tower::layer::layer_fn(|inner: lakefs_sdk::transport::BoxTransport| {
        service_fn(move |request: Request<Body>| {
            tracing::info!(target: "lakefs_sdk_test", "a layer's own");
            inner.clone().oneshot(request)
        })
    });
    let client = Client::builder()
        .transport(transport)
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .layer(told)
        .build()
        .unwrap();

    client.get_repository("lake").await.unwrap();

    let events = spans.events();
    let expected = ["a layer's own", "trying again after an answer"];
    assert_eq!(events.len(), expected.len(), "{events:?}");
    for ((span, message), expected) in events.iter().zip(expected) {
        assert_eq!((&**span, &**message), ("call", expected));
    }
}

/// Dashboards count failures by their type; one that changes with every address or message is none.
#[tokio::test]
async fn a_failed_call_tells_the_kind_of_the_error_that_the_caller_gets() {
    let none = RetryPolicy::none();
    for (transport, of_call, of_attempt) in [
        (Scripted::new().status(404, "no"), "not_found", "404"),
        (
            Scripted::new().status(401, r#"{"message":"insufficient permissions: no"}"#),
            "permission_denied",
            "401",
        ),
        (Scripted::new().status(500, "oh"), "server", "500"),
        (Scripted::new().refused(), "connect", "connect"),
        (Scripted::new().reset(), "transport", "transport"),
        (Scripted::new().status(200, "{"), "decode", ""),
    ] {
        let (spans, _listening) = Spans::listen();

        let error = client(&transport).get_repository("lake").retry(none).await;

        let error = error.unwrap_err();
        assert_eq!(error.kind().as_str(), of_call);
        let (call, attempt) = (&spans.named("call")[0], &spans.named("HTTP")[0]);
        assert_eq!(call.field("error.type"), of_call);
        assert_eq!(call.field("otel.status_code"), "ERROR");
        assert_eq!(call.field("lakefs.attempts"), "1");
        assert_eq!(attempt.field("error.type"), of_attempt);
        let failed = if of_attempt.is_empty() { "" } else { "ERROR" };
        assert_eq!(attempt.field("otel.status_code"), failed);
    }
}

/// Also what a caller no longer waits for has cost something, and a span that stays open is never exported.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_closes_its_spans_as_cancelled() {
    let (spans, _listening) = Spans::listen();
    let client = client(&Scripted::new().hang());

    let call = client.get_repository("lake").send();
    let over = tokio::time::timeout(Duration::from_secs(1), call).await;

    assert!(over.is_err());
    for name in ["call", "HTTP"] {
        let [span] = &spans.named(name)[..] else {
            panic!("{name}")
        };
        assert!(span.closed, "{name}");
        assert_eq!(span.field("error.type"), "cancelled", "{name}");
        assert_eq!(span.field("otel.status_code"), "ERROR", "{name}");
    }
}

/// A call that ran into its own limit is a timeout to whoever reads the trace, not somebody's change of mind.
#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_is_told_as_a_timeout() {
    let (spans, _listening) = Spans::listen();
    let limit = Duration::from_secs(1);

    let client = client(&Scripted::new().hang());
    let error = client.get_repository("lake").timeout(limit).await;

    assert!(error.unwrap_err().is_timeout());
    assert_eq!(spans.named("call")[0].field("error.type"), "timeout");
    assert_eq!(spans.named("HTTP")[0].field("error.type"), "cancelled");
}

/// A program that sends requests of its own through the client finds them in the trace too.
#[tokio::test]
async fn a_raw_request_has_spans_without_an_operation() {
    let (spans, _listening) = Spans::listen();
    let transport = Scripted::new().status(404, "no");

    let request = Request::get("/license?token=t0p").body(Body::empty());
    let response = client(&transport).oneshot(request.unwrap()).await.unwrap();

    assert_eq!(response.status(), 404);
    let (call, attempt) = (&spans.named("call")[0], &spans.named("HTTP")[0]);
    assert_eq!(call.field("otel.name"), "lakefs.request");
    assert_eq!(call.field("error.type"), "not_found");
    assert_eq!(attempt.field("otel.name"), "GET");
    assert!(!attempt.fields.contains_key("url.template"));
    assert_eq!(
        attempt.field("url.full"),
        "https://lakefs.example.com:8443/base/api/v1/license"
    );
}

async fn attempt(spans: &Spans, request: Request<Body>) -> crate::support::spans::Span {
    let transport = service_fn(async |_: Request<Body>| {
        Ok::<_, BoxError>(Response::new(Body::new(http_body_util::Empty::new())))
    });
    let trace = TraceLayer::new().layer(transport);
    trace.oneshot(request).await.unwrap();
    spans.named("HTTP").pop().unwrap()
}

/// Repeated requests look like a rise in traffic unless they say that they are repeated.
#[tokio::test]
async fn a_repeated_attempt_says_how_often_it_was_sent_before() {
    let (spans, _listening) = Spans::listen();
    for (number, told) in [(1, ""), (2, "1"), (5, "4")] {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(AttemptNumber::new(number));

        let attempt = attempt(&spans, request).await;

        assert_eq!(attempt.field("http.request.resend_count"), told);
    }
}

/// Where it was sent is told the same way for every form of a URL, and never with what is secret in it.
#[tokio::test]
async fn a_url_is_told_by_its_parts_without_user_and_query() {
    let (spans, _listening) = Spans::listen();
    for (url, full, scheme, address, port) in [
        (
            "https://user:planted@h.example/a/b?X-Amz-Signature=planted",
            "https://h.example/a/b",
            "https",
            "h.example",
            "443",
        ),
        ("http://h", "http://h/", "http", "h", "80"),
        (
            "http://[::1]:8000/a?sig=planted",
            "http://[::1]:8000/a",
            "http",
            "::1",
            "8000",
        ),
        ("/a?sig=planted", "/a", "", "", ""),
    ] {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = url.parse::<Uri>().unwrap();

        let attempt = attempt(&spans, request).await;

        assert_eq!(attempt.field("url.full"), full);
        assert_eq!(attempt.field("url.scheme"), scheme);
        assert_eq!(attempt.field("server.address"), address);
        assert_eq!(attempt.field("server.port"), port);
        assert!(!format!("{attempt:?}").contains("planted"));
    }
}

/// A name that a caller can make up at will fills the store of whoever keeps the traces.
#[tokio::test]
async fn a_method_that_nobody_knows_is_one_value() {
    let (spans, _listening) = Spans::listen();
    let mut request = Request::new(Body::from("four"));
    *request.method_mut() = Method::from_bytes(b"PLANTED").unwrap();

    let attempt = attempt(&spans, request).await;

    assert_eq!(attempt.field("http.request.method"), "_OTHER");
    assert_eq!(attempt.field("otel.name"), "HTTP");
    assert_eq!(attempt.field("http.request.body.size"), "4");
}
