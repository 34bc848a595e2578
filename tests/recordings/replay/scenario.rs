//! Replays recorded traffic against a service: sends a scenario's requests in order, learns the values behind the
//! placeholders from the answers, and tells which answers differ. The format is described in
//! `tests/data/recordings/README.md`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response};
use lakefs_sdk::{Body, BoxError};
use serde_json::Value;
use tower::{Service, ServiceExt as _};

use super::EXTERNAL;
use super::compare::{bytes_of, compare};
use super::hooks::WEBHOOK;
use super::template::{Bindings, expand};

/// A recorded scenario.
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Which of the recorded servers it was.
    pub(crate) server: String,
    pub(crate) exchanges: Vec<Exchange>,
}

/// A recorded request and its answer.
pub(crate) struct Exchange {
    pub(crate) operation: String,
    request: Value,
    response: Value,
    repeat: Option<Repeat>,
    /// Asks for something that may be done by now, or not.
    may_be_unfinished: bool,
}

#[derive(Clone, Copy)]
struct Repeat {
    from: u64,
    count: u64,
    width: usize,
}

/// What came of a replay.
pub(crate) struct Outcome {
    /// How many exchanges were sent.
    pub(crate) sent: usize,
    /// The indices of those that were answered otherwise than recorded, and how.
    pub(crate) differing: BTreeMap<usize, String>,
}

/// The scenarios of a folder, or of the folder `scenarios` in it, in the order of their names.
pub(crate) fn scenarios(folder: &Path) -> Result<Vec<Scenario>, BoxError> {
    let inside = folder.join("scenarios");
    let folder = if inside.is_dir() { &inside } else { folder };
    let files = std::fs::read_dir(folder)?.map(|file| Ok(file?.path()));
    let mut files = files.collect::<Result<Vec<PathBuf>, std::io::Error>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files.iter().map(|file| Scenario::load(file)).collect()
}

// ===== impl Scenario =====

impl Scenario {
    fn load(file: &Path) -> Result<Self, BoxError> {
        let text = std::fs::read(file)?;
        let document: Value = serde_json::from_slice(&text)?;
        let exchanges = document["exchanges"].as_array().ok_or("no exchanges")?;
        let exchanges = exchanges.iter().map(Exchange::new).collect();
        Ok(Self {
            name: file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            server: document["server"].as_str().unwrap_or("local").to_owned(),
            exchanges,
        })
    }

    /// Sends all exchanges.
    pub(crate) async fn replay<S>(&self, service: &S) -> Result<Outcome, BoxError>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    {
        let mut bindings = Bindings::default();
        bindings.set("ext", EXTERNAL);
        bindings.set("webhook", &format!("http://{WEBHOOK}"));
        bindings.set("webhook_host", WEBHOOK);
        bindings.set("object_store", "http://mem-object-store.invalid");
        let mut outcome = Outcome {
            sent: 0,
            differing: BTreeMap::new(),
        };
        for (index, exchange) in self.exchanges.iter().enumerate() {
            outcome.sent += 1;
            let differences = exchange.replay(service, &mut bindings).await?;
            if !differences.is_empty() {
                let line = format!("{} #{index} {}\n{differences}", self.name, exchange.title());
                outcome.differing.insert(index, line);
            }
        }
        Ok(outcome)
    }
}

impl Scenario {
    /// Somebody sets the server up in it, so nobody had before.
    pub(crate) fn sets_up(&self) -> bool {
        let mut operations = self.exchanges.iter().map(|exchange| &exchange.operation);
        operations.any(|operation| operation == "setup")
    }
}

// ===== impl Exchange =====

impl Exchange {
    fn new(value: &Value) -> Self {
        let repeat = value.get("repeat").map(|repeat| Repeat {
            from: repeat["from"].as_u64().unwrap_or(0),
            count: repeat["count"].as_u64().unwrap_or(1),
            width: usize::try_from(repeat["width"].as_u64().unwrap_or(0)).unwrap_or(0),
        });
        Self {
            operation: value["operation"].as_str().unwrap_or_default().to_owned(),
            request: absolute(value),
            response: value["response"].clone(),
            repeat,
            may_be_unfinished: value["note"].as_str() == Some("may be unfinished"),
        }
    }

    fn title(&self) -> String {
        let field = |name: &str| self.request[name].as_str().unwrap_or_default();
        format!(
            "{} {} {:.120}",
            self.operation,
            field("method"),
            field("path")
        )
    }

    async fn replay<S>(&self, service: &S, bindings: &mut Bindings) -> Result<String, BoxError>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    {
        let Some(repeat) = self.repeat else {
            let (parts, body) = send(service, &self.request, bindings).await?;
            if self.may_be_unfinished && is_finished(&parts, &body) {
                return Ok(String::new());
            }
            return Ok(compare(&self.response, &parts, &body, bindings));
        };
        let mut differences = String::new();
        for number in repeat.from..repeat.from + repeat.count {
            let exchange = self.numbered(number, repeat);
            let (parts, body) = send(service, &exchange.request, bindings).await?;
            if number == repeat.from {
                differences = compare(&exchange.response, &parts, &body, bindings);
            } else {
                // Addresses differ from one to the next; what stays known is the first.
                compare(
                    &exchange.response,
                    &parts,
                    &body,
                    &mut bindings.without("address"),
                );
            }
        }
        Ok(differences)
    }

    /// The exchange with a number for its variable.
    fn numbered(&self, number: u64, repeat: Repeat) -> Self {
        let fill = |text: &str, number: u64| {
            let digits = format!("{number:0width$}", width = repeat.width);
            let filled = text.replace("{{i}}", &digits);
            (1..repeat.width).fold(filled, |text, length| {
                text.replace(&format!("{{{{i:{length}}}}}"), &digits[..length])
            })
        };
        let fill_all = |value: &Value| map_strings(value, &|text| fill(text, number));
        let mut request = fill_all(&self.request);
        // Some recordings hold the first request filled in; the path in the answer tells what varies.
        let answered = self.response["body"].as_str().unwrap_or_default();
        let pattern = answered
            .split("\"path\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default();
        let encode = |text: String| text.replace('/', "%2F");
        let (first, this) = (
            encode(fill(pattern, repeat.from)),
            encode(fill(pattern, number)),
        );
        if let Some(path) = request["path"].as_str().filter(|_| !first.is_empty()) {
            request["path"] = path.replace(&first, &this).into();
        }
        Self {
            operation: self.operation.clone(),
            request,
            response: fill_all(&self.response),
            repeat: None,
            may_be_unfinished: self.may_be_unfinished,
        }
    }
}

fn is_finished(parts: &http::response::Parts, body: &[u8]) -> bool {
    let status: Value = serde_json::from_slice(body).unwrap_or_default();
    parts.status.is_success() && (status["completed"] == true || status["done"] == true)
}

fn map_strings(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(text).into(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), map_strings(value, change)))
            .collect(),
        other => other.clone(),
    }
}

/// The request, with all of its body, and with the host where it is not the server's.
fn absolute(exchange: &Value) -> Value {
    let mut request = exchange["request"].clone();
    if exchange["server"] == "object_store" {
        let path = request["path"].as_str().unwrap_or_default();
        request["path"] = format!("{{{{object_store}}}}{path}").into();
    }
    let note = exchange["note"].as_str().unwrap_or_default();
    if let Some(body) = note.strip_prefix("the body stands for ").and_then(repeated) {
        request["body"] = body.into();
    }
    request
}

/// What `5 MiB of 'A'` stands for.
fn repeated(text: &str) -> Option<String> {
    let (count, letter) = text.split_once(" MiB of '")?;
    Some(
        letter
            .strip_suffix('\'')?
            .repeat(count.parse::<usize>().ok()? << 20),
    )
}

async fn send<S>(
    service: &S,
    recorded: &Value,
    bindings: &Bindings,
) -> Result<(http::response::Parts, Bytes), BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let text = |name: &str| expand(recorded[name].as_str().unwrap_or_default(), bindings);
    let mut request = Request::builder()
        .method(text("method").as_str())
        .uri(text("path"));
    let mut body = bytes_of(&recorded["body"], |text| expand(text, bindings))?;
    for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
        let value = expand(value.as_str().unwrap_or_default(), bindings);
        if name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str()) {
            // No socket, no chunks.
            body = unchunk(&body);
        } else if !name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()) {
            // Headers went out in Latin-1.
            let latin: Vec<u8> = value
                .chars()
                .filter_map(|c| u8::try_from(u32::from(c)).ok())
                .collect();
            request = request.header(name, HeaderValue::from_bytes(&latin)?);
        }
    }
    let response = service
        .clone()
        .oneshot(request.body(Body::from(Bytes::from(body)))?)
        .await?;
    let (parts, body) = response.into_parts();
    Ok((parts, body.bytes().await?))
}

fn unchunk(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = chunks.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&chunks[..at])
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(chunk) = chunks
            .get(at + 2..at + 2 + size.unwrap_or(0))
            .filter(|chunk| !chunk.is_empty())
        else {
            break;
        };
        body.extend_from_slice(chunk);
        chunks = chunks.get(at + 4 + chunk.len()..).unwrap_or_default();
    }
    body
}
