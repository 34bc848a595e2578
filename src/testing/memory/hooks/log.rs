//! The output that a real server records of a hook's run: what was sent, what came back, what went wrong.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::Value;

use super::call::{HookCall, HookKind, HookOutcome};

/// What is recorded of a run, and why it failed.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) output: String,
    pub(super) failure: Option<String>,
}

/// Writes down what came of a hook.
pub(super) fn record(call: &HookCall, outcome: HookOutcome, took: Duration) -> Record {
    let (mut output, failure) = match call.kind {
        HookKind::Lua => (outcome.output.clone(), script_failure(&outcome)),
        HookKind::Webhook => {
            let output = webhook_request(call) + &exchange(&outcome, took);
            (
                output,
                request_failure(&outcome, "", |status| {
                    format!("webhook request failed (status code: {status})")
                }),
            )
        }
        HookKind::Airflow => {
            let output = airflow_request(call) + &exchange(&outcome, took);
            (
                output,
                request_failure(&outcome, "failed executing airflow request: ", |status| {
                    format!("status code ({status}): airflow hook request failed")
                }),
            )
        }
    };
    let failure = failure.map(|reason| format!("action failed: {reason}"));
    if let Some(failure) = &failure {
        let _ = writeln!(output, "Error: {failure}");
    }
    Record { output, failure }
}

fn script_failure(outcome: &HookOutcome) -> Option<String> {
    let answered = outcome.answer.as_ref().map(|answer| answer.status());
    let refused = answered.filter(|status| !status.is_success());
    outcome
        .failure
        .clone()
        .or_else(|| refused.map(|status| format!("status code: {}", status.as_u16())))
}

fn request_failure(
    outcome: &HookOutcome,
    doing: &str,
    refused: impl FnOnce(u16) -> String,
) -> Option<String> {
    if let Some(failure) = &outcome.failure {
        return Some(format!("{doing}{failure}"));
    }
    let status = outcome.answer.as_ref()?.status();
    (!status.is_success()).then(|| refused(status.as_u16()))
}

fn webhook_request(call: &HookCall) -> String {
    let property = |name: &str| call.properties.get(name);
    let url = property("url").and_then(Value::as_str).unwrap_or_default();
    let mut text = format!("Request:\nPOST {url}\nQuery Params:\n");
    for (key, value) in property("query_params")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let several = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in several.iter().filter_map(Value::as_str) {
            let _ = writeln!(text, "{key}: {value}");
        }
    }
    text.push_str("Headers:\n");
    let headers = property("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    for (key, value) in headers.filter(|(key, _)| *key != "Content-Type") {
        let _ = writeln!(text, "{key}: {}", value.as_str().unwrap_or_default());
    }
    let body = &call.webhook_body;
    let _ = write!(
        text,
        "Content-Type: application/json\nRequest Body:\n{body}\n\n"
    );
    text
}

fn airflow_request(call: &HookCall) -> String {
    let property = |name: &str| {
        let value = call.properties.get(name).and_then(Value::as_str);
        value.unwrap_or_default()
    };
    let url = format!(
        "{}/api/v1/dags/{}/dagRuns",
        property("url").trim_end_matches('/'),
        property("dag_id")
    );
    let user = property("username");
    let run = format!("lakeFS_hook_{}_{}", call.hook_id, call.run_id);
    let event = &call.webhook_body;
    format!(
        "Request:\nPOST {url}\nUsername: {user}, Password: [SECRET]\n\
         Body: {{\"dag_run_id\":\"{run}\",\"conf\":{{\"lakeFS_event\":{event}}}}}\n\n"
    )
}

/// How long it took and what came back; without an answer, an empty 200.
fn exchange(outcome: &HookOutcome, took: Duration) -> String {
    let mut text = format!("\nRequest duration: {}\n", go_duration(took));
    if outcome.failure.is_none() {
        text.push_str("\nResponse:\n");
        match &outcome.answer {
            Some(answer) => dump(answer, &mut text),
            None => text.push_str("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        }
    }
    text + &outcome.output
}

/// As Go writes a response down.
fn dump(answer: &Response<Bytes>, text: &mut String) {
    let status = answer.status();
    let (code, reason) = (
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
    );
    let _ = write!(text, "{:?} {code} {reason}\r\n", answer.version());
    for (name, value) in headers(answer.headers()) {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "\r\n{}", String::from_utf8_lossy(answer.body()));
}

/// By name, each word with a capital.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    let named = headers.iter().map(|(name, value)| {
        let words: Vec<String> = name.as_str().split('-').map(capital).collect();
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (words.join("-"), value)
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

/// A duration as Go prints it: `1.5ms`.
fn go_duration(took: Duration) -> String {
    let nanoseconds = took.as_nanos();
    let (unit, size) = match nanoseconds {
        0 => return "0s".into(),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    let (whole, fraction) = (nanoseconds / size, nanoseconds % size);
    let digits = size.ilog10() as usize;
    let fraction = format!("{fraction:0digits$}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}{unit}"),
        fraction => format!("{whole}.{fraction}{unit}"),
    }
}

/// What a hook whose program cannot run here is recorded with.
pub(super) fn not_run(kind: HookKind) -> String {
    let kind = kind.as_str();
    format!(
        "MemoryLakeFs runs no {kind} hooks and let this one pass: answer it with MemoryLakeFsBuilder::hooks\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        let text = |nanoseconds| go_duration(Duration::from_nanos(nanoseconds));
        assert_eq!(text(0), "0s");
        assert_eq!(text(7), "7ns");
        assert_eq!(text(1_500), "1.5µs");
        assert_eq!(text(1_500_000), "1.5ms");
        assert_eq!(text(2_000_000_000), "2s");
        assert_eq!(text(1_010_000_000), "1.01s");
    }
}
