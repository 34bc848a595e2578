//! The trace context that is sent with requests: `traceparent` and `tracestate`.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{str::FromStr as _, time::Duration};

use lakefs_sdk::{Client, middleware::retry::RetryPolicy};
use opentelemetry::{
    Context, global,
    propagation::{
        Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
        text_map_propagator::FieldIter,
    },
    trace::{
        SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceState,
        TracerProvider as _,
    },
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{InMemorySpanExporter, SdkTracerProvider},
};
use serde_json::{Value, json};
use tracing::{Instrument as _, subscriber::DefaultGuard};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::support::scripted::Scripted;

fn repository() -> Value {
    json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" })
}

fn client(transport: &Scripted) -> Client {
    Client::builder()
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .transport(transport.clone())
        .propagate_trace_context()
        .build()
        .unwrap()
}

/// What a program does to export its spans, with memory in the place of the exporter's server.
fn exporting() -> (InMemorySpanExporter, SdkTracerProvider, DefaultGuard) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let guard = tracing_subscriber::registry().with(layer).set_default();
    (exporter, provider, guard)
}

fn parent(flags: TraceFlags, state: &str) -> Context {
    let state = TraceState::from_str(state).unwrap();
    let span = SpanContext::new(0xabc_u128.into(), 0xdef_u64.into(), flags, true, state);
    Context::new().with_remote_span_context(span)
}

/// The server's spans hang below the attempt that caused them, so that a retry is seen for what it is.
#[tokio::test]
async fn every_attempt_is_the_parent_of_what_the_server_does_for_it() {
    let (exporter, _provider, _listening) = exporting();
    let transport = Scripted::new().status(503, "busy").json(&repository());

    let job = async { client(&transport).get_repository("lake").await };
    job.instrument(tracing::info_span!("job")).await.unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    let attempt = "GET /repositories/{repository}";
    assert_eq!(names, [attempt, attempt, "lakefs.getRepository", "job"]);
    let [first, second, call, job] = &spans[..] else {
        panic!("{names:?}")
    };
    for (sent, attempt) in transport.sent().iter().zip([first, second]) {
        let context = &attempt.span_context;
        assert_eq!(context.trace_id(), job.span_context.trace_id());
        assert_eq!(attempt.parent_span_id, call.span_context.span_id());
        assert_eq!(attempt.span_kind, SpanKind::Client);
        assert_eq!(
            sent.headers["traceparent"],
            format!("00-{}-{}-01", context.trace_id(), context.span_id())
        );
        assert!(!sent.headers.contains_key("tracestate"));
    }
    assert_eq!(call.parent_span_id, job.span_context.span_id());
    assert!(matches!(first.status, Status::Error { .. }));
    assert_eq!(second.status, Status::Unset);
}

/// A program that uses OpenTelemetry without `tracing` has a trace too.
#[tokio::test]
async fn the_current_context_is_sent_where_no_span_of_tracing_has_one() {
    for (flags, state) in [
        (TraceFlags::SAMPLED, "vendor=opaque,other=1"),
        (TraceFlags::default(), ""),
    ] {
        let transport = Scripted::new().json(&repository());
        let _current = parent(flags, state).attach();

        client(&transport).get_repository("lake").await.unwrap();

        let headers = &transport.sent()[0].headers;
        assert_eq!(
            headers["traceparent"],
            format!("00-{:032x}-{:016x}-{:02x}", 0xabc, 0xdef, flags.to_u8())
        );
        let sent = headers
            .get("tracestate")
            .map(|value| value.to_str().unwrap());
        assert_eq!(sent.unwrap_or_default(), state);
    }
}

/// A header that names no trace would make servers begin traces that lead nowhere.
#[tokio::test]
async fn nothing_is_sent_outside_of_a_trace_or_unasked() {
    let transport = Scripted::new().json(&repository()).json(&repository());

    client(&transport).get_repository("lake").await.unwrap();
    let _current = parent(TraceFlags::SAMPLED, "a=b").attach();
    let unasked = Client::new(transport.clone());
    unasked.get_repository("lake").await.unwrap();

    for sent in transport.sent() {
        assert!(!sent.headers.contains_key("traceparent"));
        assert!(!sent.headers.contains_key("tracestate"));
    }
}

/// Who writes the header by hand means it.
#[tokio::test]
async fn a_header_of_the_callers_own_is_left_as_it_is() {
    let transport = Scripted::new().json(&repository());
    let _current = parent(TraceFlags::SAMPLED, "a=b").attach();
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    let call = client(&transport).get_repository("lake");
    call.header("traceparent", own).await.unwrap();

    let headers = &transport.sent()[0].headers;
    assert_eq!(headers.get_all("traceparent").iter().count(), 1);
    assert_eq!(headers["traceparent"], own);
    assert!(!headers.contains_key("tracestate"), "of another trace");
}

/// One header beside those of the W3C, as vendors have them.
#[derive(Debug)]
struct Vendor([String; 1]);

impl TextMapPropagator for Vendor {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let trace = context.span().span_context().trace_id();
        injector.set("x-vendor-trace", trace.to_string());
        injector.set("x-vendor-broken", "line\nbreak".to_owned());
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}

/// A program whose servers understand other headers has said so already, to OpenTelemetry.
#[tokio::test]
async fn the_programs_own_propagator_is_used_where_it_has_set_one() {
    // For the whole process: to the other tests here it does the same as none.
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(Vendor(["x-vendor-trace".to_owned()])),
    ]));
    let transport = Scripted::new().json(&repository());
    let _current = parent(TraceFlags::SAMPLED, "").attach();

    client(&transport).get_repository("lake").await.unwrap();

    let headers = &transport.sent()[0].headers;
    assert_eq!(headers["x-vendor-trace"], format!("{:032x}", 0xabc));
    assert!(headers.contains_key("traceparent"));
    assert!(!headers.contains_key("x-vendor-broken"));
    assert!(!headers.contains_key("tracestate"), "it would be empty");
}
