//! Metrics: what is counted of calls and requests, and that nothing is lost of it.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{collections::BTreeMap, time::Duration};

use futures_util::stream;
use http::Response;
use lakefs_sdk::{Body, BoxError, Client, middleware::retry::RetryPolicy};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use serde_json::{Value, json};

use crate::support::scripted::Scripted;

const SERVER: &str = "server.address=lakefs.example.com,server.port=443";

fn repository() -> Value {
    json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" })
}

fn client(transport: &Scripted) -> Client {
    Client::builder()
        .endpoint("https://lakefs.example.com")
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .transport(transport.clone())
        .metrics()
        .build()
        .unwrap()
}

/// What was told since the last time, by name and labels: of a gauge its change, of a histogram its values, of a duration
/// how many.
fn numbers(snapshotter: &Snapshotter) -> BTreeMap<String, Vec<f64>> {
    let mut numbers = BTreeMap::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        let labels: Vec<_> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let values = match value {
            DebugValue::Counter(count) => vec![count as f64],
            DebugValue::Gauge(value) => vec![*value],
            DebugValue::Histogram(values) if key.name().ends_with("duration") => {
                vec![values.len() as f64]
            }
            DebugValue::Histogram(values) => values.iter().map(|value| **value).collect(),
        };
        numbers.insert(format!("{}{{{}}}", key.name(), labels.join(",")), values);
    }
    numbers
}

fn expect<const N: usize>(numbers: &BTreeMap<String, Vec<f64>>, expected: [(String, Vec<f64>); N]) {
    assert_eq!(*numbers, BTreeMap::from(expected));
}

/// Alerts and dashboards are built on names and labels: they stay as they are written down.
#[tokio::test]
async fn a_retried_call_counts_once_and_each_of_its_attempts() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let transport = Scripted::new()
        .status(503, "busy")
        .refused()
        .json(&repository());

    client(&transport).get_repository("lake").await.unwrap();

    let size = repository().to_string().len() as f64;
    let request = format!("http.request.method=GET,{SERVER}");
    let operation = "lakefs.operation=getRepository";
    let labels = format!("{request},{operation},url.template=/repositories/{{repository}}");
    let status = "http.response.status_code";
    expect(
        &numbers(&recorder.snapshotter()),
        [
            (
                format!("http.client.request.duration{{{labels},{status}=503,error.type=503}}"),
                vec![1.],
            ),
            (
                format!("http.client.request.duration{{{labels},error.type=connect}}"),
                vec![1.],
            ),
            (
                format!("http.client.request.duration{{{labels},{status}=200}}"),
                vec![1.],
            ),
            (
                format!("http.client.response.body.size{{{labels},{status}=503}}"),
                vec![4.],
            ),
            (
                format!("http.client.response.body.size{{{labels},{status}=200}}"),
                vec![size],
            ),
            (
                format!("http.client.active_requests{{{request}}}"),
                vec![0.],
            ),
            (
                format!("lakefs.client.call.duration{{{operation}}}"),
                vec![1.],
            ),
            (
                format!("lakefs.client.call.attempts{{{operation}}}"),
                vec![3.],
            ),
            (format!("lakefs.client.retries{{{operation}}}"), vec![2.]),
            (
                format!("lakefs.client.active_calls{{{operation}}}"),
                vec![0.],
            ),
        ],
    );
}

/// An upload that is cut after gigabytes has used the network all the same.
#[tokio::test]
async fn the_bytes_of_bodies_are_counted_as_they_pass_both_ways() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let chunks = || {
        let chunks = ["abc", "de", "f"].map(Ok::<_, BoxError>);
        Body::from_stream(stream::iter(chunks))
    };
    let cut = stream::iter([Ok("abcd"), Err(BoxError::from("cut"))]);
    let transport = Scripted::new()
        .status(201, "{}")
        .answer(Response::new(chunks()))
        .answer(Response::new(chunks()))
        .answer(Response::new(Body::from_stream(cut)));
    let client = client(&transport);
    let sizes = |direction: &str| {
        let numbers = numbers(&recorder.snapshotter());
        let name = format!("http.client.{direction}.body.size");
        let found = numbers.iter().filter(|(key, _)| key.starts_with(&name));
        found
            .flat_map(|(_, values)| values.clone())
            .collect::<Vec<_>>()
    };
    let active = || {
        let numbers = numbers(&recorder.snapshotter());
        let name = "http.client.active_requests{http.request.method=GET";
        let found = numbers.iter().find(|(key, _)| key.starts_with(name));
        found.map(|(_, values)| values[0])
    };

    let upload = client.upload_object("lake", "main", "a").body(chunks());
    let _ = upload.await;
    assert_eq!(sizes("request"), [6.]);

    let whole = client.get_object("lake", "main", "a").await.unwrap();
    assert_eq!(active(), Some(1.), "its body is still on its way");
    assert_eq!(whole.text().await.unwrap(), "abcdef");
    assert_eq!(active(), Some(-1.));

    let object = client.get_object("lake", "main", "a").await.unwrap();
    let mut body = object.into_body().unwrap();
    assert_eq!(body.chunk().await.unwrap().unwrap(), "abc");
    assert_eq!(active(), Some(1.));
    drop(body);
    assert_eq!(active(), Some(-1.));

    let object = client.get_object("lake", "main", "a").await.unwrap();
    object.text().await.unwrap_err();
    assert_eq!(active(), Some(0.));
}

/// What a dropped body has carried is counted with what it carried.
#[tokio::test]
async fn a_body_that_is_dropped_or_cut_counts_with_what_passed() {
    for (cut, read, expected) in [
        (false, 1, 3.),
        (false, 3, 6.),
        (true, 2, 3.),
        (false, 0, 0.),
    ] {
        let recorder = DebuggingRecorder::new();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let second = if cut {
            Err(BoxError::from("cut"))
        } else {
            Ok("de")
        };
        let chunks = stream::iter([Ok("abc"), second, Ok("f")]);
        let transport = Scripted::new().answer(Response::new(Body::from_stream(chunks)));

        let object = client(&transport).get_object("lake", "main", "a").await;
        let mut body = object.unwrap().into_body().unwrap();
        for _ in 0..read {
            let _ = body.chunk().await;
        }
        drop(body);

        let numbers = numbers(&recorder.snapshotter());
        let name = "http.client.response.body.size";
        let (_, sizes) = numbers
            .iter()
            .find(|(key, _)| key.starts_with(name))
            .unwrap();
        assert_eq!(*sizes, [expected], "cut: {cut}, read: {read}");
    }
}

/// A gauge that a cancelled call does not leave shows load that is not there, for ever.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaves_every_gauge_and_counts_as_cancelled() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = client(&Scripted::new().hang());
    let snapshotter = recorder.snapshotter();
    let active = |numbers: &BTreeMap<String, Vec<f64>>| {
        let gauges = numbers.iter().filter(|(key, _)| key.contains(".active_"));
        gauges.map(|(_, values)| values[0]).collect::<Vec<_>>()
    };

    let mut call = client.get_repository("lake").send();
    let over = tokio::time::timeout(Duration::from_secs(1), &mut call).await;

    assert!(over.is_err());
    assert_eq!(active(&numbers(&snapshotter)), [1., 1.]);
    drop(call);
    let numbers = numbers(&snapshotter);
    assert_eq!(active(&numbers), [-1., -1.]);
    let durations = numbers
        .iter()
        .filter(|(key, _)| key.contains(".duration{") && key.ends_with("error.type=cancelled}"))
        .map(|(_, values)| values[0]);
    assert_eq!(durations.collect::<Vec<_>>(), [1., 1.]);
    assert!(!numbers.keys().any(|key| key.contains("attempts")));
}

/// What nobody asked for costs nothing, and appears on no dashboard.
#[tokio::test]
async fn a_client_counts_nothing_unless_it_is_asked_to() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let transport = Scripted::new().json(&repository());

    Client::new(transport).get_repository("lake").await.unwrap();

    expect(&numbers(&recorder.snapshotter()), []);
}

/// A dashboard shows seconds as seconds only when it is told that they are.
#[tokio::test]
async fn every_metric_is_described_with_its_unit() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let transport = Scripted::new().status(503, "").json(&json!({}));
    let client = client(&transport);

    let _ = client.upload_object("lake", "main", "a").body("x").await;
    let retried = Scripted::new().status(503, "").json(&repository());
    let _ = self::client(&retried).get_repository("lake").await;

    let numbers = recorder.snapshotter().snapshot().into_vec();
    let mut names: Vec<_> = numbers
        .iter()
        .map(|(key, unit, description, _)| {
            assert!(unit.is_some() && description.is_some(), "{key:?}");
            key.key().name()
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 8, "{names:?}");
}
