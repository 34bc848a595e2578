//! Every recorded answer is decoded by its operation, without loss.

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
    response::Parts,
};
use lakefs_sdk::{
    Body, BoxError, Error, codec,
    models::{Answer, MergeResult, ObjectHead},
};
use serde_json::Value;

use crate::{
    operations::{Decoded, Decoder, OPERATIONS, operation},
    recorded::{Exchange, exchanges, folder},
    same::compare,
};

/// The most of a message that an error quotes, in characters.
const QUOTED: usize = 300;

/// Answers that no request of this crate gets: operation, start of the media type, and why.
const NOT_ASKED_FOR: [(&str, &str, &str); 1] = [(
    "getUsageReportSummary",
    "text/plain",
    "was recorded with `Accept: text/plain`; the crate asks for JSON",
)];

/// What real servers answer is what the crate was made for: nothing of it may be refused, lost, or called by a wrong name.
#[test]
fn recorded_answers_decode_without_loss() -> Result<(), BoxError> {
    let (folder, _) = folder();
    let exchanges = exchanges(&folder)?;
    assert!(
        !exchanges.is_empty(),
        "no recordings in {}",
        folder.display()
    );
    let mut differing = Vec::new();
    for exchange in &exchanges {
        let differences = check(exchange).unwrap_or_else(|error| vec![error.to_string()]);
        if !differences.is_empty() {
            let differences = differences.join("\n    ");
            differing.push(format!(
                "{} ({})\n    {differences}",
                exchange.title, exchange.operation
            ));
        }
    }
    for difference in &differing {
        println!("{difference}");
    }
    println!(
        "{} of {} exchanges as recorded",
        exchanges.len() - differing.len(),
        exchanges.len()
    );
    assert!(
        differing.is_empty(),
        "{} exchanges are not as recorded; they are listed above",
        differing.len()
    );
    Ok(())
}

/// An operation whose success was never seen is one whose model nobody checked.
#[test]
fn every_operation_has_a_recorded_success() -> Result<(), BoxError> {
    let (folder, ours) = folder();
    if !ours {
        return Ok(());
    }
    let mut missing: Vec<&str> = OPERATIONS
        .iter()
        .map(|operation| operation.meta.id)
        .collect();
    for exchange in exchanges(&folder)? {
        let (parts, _) = exchange.answer()?;
        if parts.status.as_u16() < 400 {
            missing.retain(|id| *id != exchange.operation);
        }
    }
    assert_eq!(missing, [""; 0]);
    Ok(())
}

/// What is not as recorded, a line each.
fn check(exchange: &Exchange) -> Result<Vec<String>, BoxError> {
    let (parts, body) = exchange.answer()?;
    match exchange.operation.as_str() {
        "unknown" => Ok(check_no_operation(&parts, &body)),
        "object_store" => Ok(check_object_store(&parts, &body)),
        id => {
            let operation = operation(id).ok_or_else(|| format!("no operation is called {id}"))?;
            let decoded = (operation.decode)(parts.clone(), body.clone());
            let media_type = text_of(&parts.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
            let asked_for = NOT_ASKED_FOR
                .iter()
                .all(|(operation, start, _)| id != *operation || !media_type.starts_with(start));
            Ok(match decoded {
                Err(error) if !asked_for && error.is_decode() => Vec::new(),
                Err(error) => check_error(id, &parts, &body, &error),
                Ok(decoded) => {
                    let mut differing = check_output(&parts, &body, &decoded);
                    let mocked = (operation.answer)(parts.clone(), body.clone());
                    let mocked = mocked?.into_parts();
                    check_mocked(operation, &parts, &decoded, mocked, &mut differing);
                    differing
                }
            })
        }
    }
}

// ===== answers that are no errors =====

fn check_output(parts: &Parts, body: &Bytes, decoded: &Decoded) -> Vec<String> {
    let mut differing = Vec::new();
    if parts.status.as_u16() >= 400 {
        differing.push(format!("{} was decoded as a success", parts.status));
    }
    match decoded {
        Decoded::Nothing if body.is_empty() => {}
        Decoded::Nothing => differing.push(format!("dropped {}", excerpt(body))),
        Decoded::Document(encoded) => {
            compare("", &received(parts, body), encoded, &mut differing);
        }
        Decoded::Contents(answer, head, bytes) => {
            if bytes != body && matches!(answer, Answer::Full | Answer::Partial) {
                differing.push(format!(
                    "received {}, kept {}",
                    excerpt(body),
                    excerpt(bytes)
                ));
            }
            if !answers(answer, parts) {
                differing.push(format!("{} is not {answer:?}", parts.status));
            }
            check_head(&parts.headers, head, &mut differing);
        }
        Decoded::Head(head) => check_head(&parts.headers, head, &mut differing),
        Decoded::Data(bytes) => {
            if bytes != body {
                differing.push(format!(
                    "received {}, kept {}",
                    excerpt(body),
                    excerpt(bytes)
                ));
            }
        }
    }
    differing
}

/// Whether a mock's answer has the status of the server's, and says the same.
fn check_mocked(
    operation: &Decoder,
    parts: &Parts,
    decoded: &Decoded,
    (mocked, body): (Parts, Body),
    differing: &mut Vec<String>,
) {
    let status = mocked.status;
    if status != parts.status {
        differing.push(format!("{} is mocked as {status}", parts.status));
    }
    let body = body.as_bytes().cloned().unwrap_or_default();
    match (operation.decode)(mocked, body) {
        Ok(again) if again == *decoded => {}
        again => differing.push(format!("is mocked as {again:?}")),
    }
}

/// What was sent as JSON, as text, or (an uploaded part's) as the header `ETag`.
fn received(parts: &Parts, body: &Bytes) -> Value {
    if body.is_empty() {
        return text_of(&parts.headers, "etag").into();
    }
    let json = text_of(&parts.headers, CONTENT_TYPE.as_str())
        .is_some_and(|media_type| media_type.starts_with("application/json"));
    let text = String::from_utf8_lossy(body);
    let parsed = json.then(|| serde_json::from_str(&text).ok()).flatten();
    parsed.unwrap_or_else(|| text.trim().into())
}

fn answers(answer: &Answer, parts: &Parts) -> bool {
    match answer {
        Answer::Full => parts.status == StatusCode::OK,
        Answer::Partial => parts.status == StatusCode::PARTIAL_CONTENT,
        Answer::NotModified => parts.status == StatusCode::NOT_MODIFIED,
        Answer::Redirect(location) => {
            parts.status == StatusCode::FOUND
                && text_of(&parts.headers, LOCATION.as_str()).as_ref() == Some(location)
        }
        _ => false,
    }
}

fn check_head(headers: &HeaderMap, head: &ObjectHead, differing: &mut Vec<String>) {
    let length = head.content_length.map(|length| length.to_string());
    for (name, kept) in [
        ("content-length", &length),
        ("content-range", &head.content_range),
        ("content-type", &head.content_type),
        ("etag", &head.etag),
        ("last-modified", &head.last_modified),
    ] {
        let received = text_of(headers, name);
        if received != *kept {
            differing.push(format!("{name}: received {received:?}, kept {kept:?}"));
        }
    }
    let metadata: Vec<&str> = headers
        .keys()
        .filter_map(|name| name.as_str().strip_prefix("x-lakefs-meta-"))
        .collect();
    for key in &metadata {
        let received = text_of(headers, &format!("x-lakefs-meta-{key}"));
        if received.as_ref() != head.metadata.get(*key) {
            differing.push(format!("metadata {key}: received {received:?}"));
        }
    }
    if metadata.len() != head.metadata.len() {
        differing.push(format!(
            "received metadata {metadata:?}, kept {:?}",
            head.metadata
        ));
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn excerpt(bytes: &Bytes) -> String {
    format!(
        "{} bytes {:.80?}",
        bytes.len(),
        String::from_utf8_lossy(bytes)
    )
}

// ===== errors =====

fn check_error(operation: &str, parts: &Parts, body: &Bytes, error: &Error) -> Vec<String> {
    let mut differing = Vec::new();
    if parts.status.as_u16() < 400 {
        let cause = std::error::Error::source(error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        return vec![format!("refused with {error}{cause}")];
    }
    if error.status() != Some(parts.status) {
        differing.push(format!("{} became {:?}", parts.status, error.status()));
    }
    let message = servers_message(body);
    let quoted = error.message().trim_end_matches('…');
    match &message {
        Some(message) if message.chars().take(QUOTED).eq(quoted.chars()) => {}
        Some(message) => differing.push(format!("message {message:.400?} became {quoted:?}")),
        None if quoted.is_empty() => differing.push("no message".to_owned()),
        None => {}
    }
    if !fits(parts.status, message.as_deref().unwrap_or_default(), error) {
        differing.push(format!(
            "{} {message:?} became {:?}",
            parts.status,
            error.kind()
        ));
    }
    if error.to_string().contains(['\n', '\r']) {
        differing.push(format!("more than one line: {error}"));
    }
    if (operation, parts.status) == ("mergeIntoBranch", StatusCode::CONFLICT)
        && error.body_as::<MergeResult>().is_none()
    {
        differing.push(format!("no MergeResult in {}", excerpt(body)));
    }
    differing
}

/// The first line of the first `message` in a body of JSON documents, or of a body of text; of a refusal by hooks, with
/// the reasons.
fn servers_message(body: &Bytes) -> Option<String> {
    let documents = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let in_json = documents
        .map_while(Result::ok)
        .find_map(|document| Some(document["message"].as_str()?.to_owned()));
    let text = String::from_utf8_lossy(body);
    let message = match in_json {
        Some(message) => message,
        // HTML and XML have no message of lakeFS's.
        None if text.trim_start().starts_with('<') => return None,
        None => text.into_owned(),
    };
    let mut lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.next()?;
    if !first.ends_with("occurred:") {
        return Some(first.to_owned());
    }
    let reasons: Vec<&str> = lines.filter_map(|line| line.strip_prefix("* ")).collect();
    Some(format!("{first} {}", reasons.join("; ")))
}

fn fits(status: StatusCode, message: &str, error: &Error) -> bool {
    match status.as_u16() {
        401 if message.starts_with("insufficient permissions") => error.is_permission_denied(),
        401 => error.is_unauthenticated(),
        403 => error.is_permission_denied(),
        404 if message == "invalid API endpoint" => error.is_endpoint(),
        404 => error.is_not_found(),
        409 => error.is_conflict(),
        410 => error.is_gone(),
        412 => error.is_precondition_failed(),
        420 | 423 | 429 => error.is_throttled(),
        501 => error.is_not_implemented(),
        408 | 500.. => error.is_server(),
        _ => error.is_bad_request(),
    }
}

// ===== answers to other requests =====

/// What a wrong endpoint answers: whatever operation was meant, the caller learns that the endpoint is wrong.
fn check_no_operation(parts: &Parts, body: &Bytes) -> Vec<String> {
    let mut differing = Vec::new();
    let page = text_of(&parts.headers, CONTENT_TYPE.as_str())
        .is_some_and(|media_type| media_type.starts_with("text/html"));
    for id in [
        "getRepository",
        "listRepositories",
        "createBranch",
        "deleteBranch",
        "getObject",
    ] {
        let Some(operation) = operation(id) else {
            continue;
        };
        match (operation.decode)(parts.clone(), body.clone()) {
            Err(error) if parts.status.is_success() && page && !error.is_endpoint() => {
                differing.push(format!("{id}: {error}"));
            }
            Err(error) if parts.status.as_u16() >= 400 => {
                differing.extend(check_error(id, parts, body, &error));
            }
            Ok(decoded) if !parts.status.is_success() || page => {
                differing.push(format!("{id} takes {} for {decoded:?}", parts.status));
            }
            _ => {}
        }
    }
    differing
}

/// The object store's errors are XML; their code tells what is wrong.
fn check_object_store(parts: &Parts, body: &Bytes) -> Vec<String> {
    if parts.status.as_u16() < 400 {
        return Vec::new();
    }
    let error = codec::decode::error(parts, body);
    let text = String::from_utf8_lossy(body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    match code {
        Some((code, _)) if error.message().contains(code) => Vec::new(),
        _ => vec![format!("{} became {error}", excerpt(body))],
    }
}
