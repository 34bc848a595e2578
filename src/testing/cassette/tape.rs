//! What is recorded, while it is: bytes as they pass.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, request::Parts};
use http_body::Body as _;

use super::{
    file::{self, Contents, Failure, Headers, Interaction, OneOrMany, Request, Response},
    passing::{Passing, Side},
};
use crate::{
    Body,
    error::{ErrorKind, classify},
    operation::OperationMeta,
    testing::{difference::is_json, operation_of, redact::Secrets},
};

/// Headers of requests that are recorded and compared; all others differ from run to run, or say nothing.
const ASKED: [&str; 8] = [
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "prefer",
    "range",
];

/// Headers of answers that are about the connection, or differ from run to run.
const NOT_KEPT: [&str; 5] = [
    "connection",
    "date",
    "keep-alive",
    "transfer-encoding",
    "trailer",
];

/// Operations whose requests or answers are data, for requests that were made by hand.
const DATA: [&str; 4] = [
    "getMetadataObject",
    "getObject",
    "getRunHookOutput",
    "uploadObject",
];

/// The interactions so far. When the last copy is dropped, what is new of them is written.
#[derive(Clone)]
pub(super) struct Tape {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    secrets: Arc<Mutex<Secrets>>,
    entries: Mutex<Vec<Entry>>,
    /// Whether something is not written yet.
    changed: AtomicBool,
}

struct Entry {
    parts: Parts,
    body: BytesMut,
    outcome: Outcome,
}

enum Outcome {
    Pending,
    Failed(Failure),
    Answered {
        status: StatusCode,
        headers: HeaderMap,
        body: BytesMut,
        complete: bool,
    },
}

// ===== impl Tape =====

impl Tape {
    pub(super) fn new(path: PathBuf, secrets: Arc<Mutex<Secrets>>) -> Self {
        let inner = Inner {
            path,
            secrets,
            entries: Mutex::default(),
            changed: AtomicBool::new(false),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Starts an interaction; the request's body is to be sent in place of the one given.
    pub(super) fn request(&self, parts: &Parts, body: Body) -> (usize, Body) {
        let mut entries = self.entries();
        let entry = entries.len();
        entries.push(Entry {
            parts: parts.clone(),
            body: body
                .as_bytes()
                .map_or_else(BytesMut::new, |bytes| BytesMut::from(&bytes[..])),
            outcome: Outcome::Pending,
        });
        (entry, Passing::record(body, self, entry, Side::Request))
    }

    pub(super) fn response(
        &self,
        entry: usize,
        response: http::Response<Body>,
    ) -> http::Response<Body> {
        let (parts, body) = response.into_parts();
        if let Some(entry) = self.entries().get_mut(entry) {
            entry.outcome = Outcome::Answered {
                status: parts.status,
                headers: parts.headers.clone(),
                body: body
                    .as_bytes()
                    .map_or_else(BytesMut::new, |bytes| BytesMut::from(&bytes[..])),
                complete: body.is_end_stream() || body.as_bytes().is_some(),
            };
        }
        let body = Passing::record(body, self, entry, Side::Response);
        http::Response::from_parts(parts, body)
    }

    pub(super) fn failed(&self, entry: usize, error: &(dyn std::error::Error + 'static)) {
        let failure = match classify::kind_of_failure(error) {
            ErrorKind::Connect => Failure::Connect,
            _ => Failure::Transport,
        };
        if let Some(entry) = self.entries().get_mut(entry) {
            entry.outcome = Outcome::Failed(failure);
        }
    }

    pub(super) fn save(&self) -> io::Result<()> {
        self.inner.save()
    }

    pub(super) fn len(&self) -> usize {
        self.inner.entries().len()
    }

    /// Takes what was read of a body, and whether it is over.
    pub(super) fn passed(&self, entry: usize, side: Side, data: Option<&Bytes>, over: bool) {
        if let Some(entry) = self.entries().get_mut(entry) {
            entry.take(side, data.map_or(&[], |data| data), over);
        }
    }

    /// To change them.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.inner.changed.store(true, Ordering::Relaxed);
        self.inner.entries()
    }
}

// ===== impl Inner =====

impl Inner {
    /// Writes everything so far, without secrets. What nobody waited for is left out.
    fn save(&self) -> io::Result<()> {
        self.changed.store(false, Ordering::Relaxed);
        let secrets = self.secrets.lock();
        let secrets = secrets.unwrap_or_else(PoisonError::into_inner).clone();
        let entries = self.entries();
        let written = entries
            .iter()
            .filter_map(|entry| entry.interaction(&secrets));
        let interactions = written.collect();
        drop(entries);
        file::save(&self.path, interactions)
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let path = self.path.display();
        if !self.changed.load(Ordering::Relaxed) {
            return;
        }
        // There is nobody to give an error to.
        if thread::panicking() {
            eprintln!("the cassette {path} is not written, as the test failed");
        } else if let Err(error) = self.save() {
            eprintln!("the cassette {path} cannot be written: {error}");
        }
    }
}

// ===== impl Entry =====

impl Entry {
    fn interaction(&self, secrets: &Secrets) -> Option<Interaction> {
        let (response, failure) = match &self.outcome {
            Outcome::Pending => return None,
            Outcome::Failed(failure) => (None, Some(*failure)),
            Outcome::Answered {
                status,
                headers,
                body,
                complete,
            } => {
                let operation = operation_of(&self.parts);
                let document = status.as_u16() >= 400
                    || is_document(&self.parts, headers, |meta| !meta.streamed);
                let response = Response {
                    status: status.as_u16(),
                    headers: kept(headers, secrets, |name| !NOT_KEPT.contains(&name)),
                    body: Contents::write(body, document, operation, secrets),
                    incomplete: !complete,
                };
                (Some(response), None)
            }
        };
        Some(Interaction {
            operation: operation_of(&self.parts).map(str::to_owned),
            request: request(&self.parts, &self.body, secrets),
            response,
            failure,
        })
    }

    fn take(&mut self, side: Side, data: &[u8], over: bool) {
        match (side, &mut self.outcome) {
            (Side::Request, _) => self.body.extend_from_slice(data),
            (Side::Response, Outcome::Answered { body, complete, .. }) => {
                body.extend_from_slice(data);
                *complete |= over;
            }
            (Side::Response, _) => {}
        }
    }
}

/// A request as a cassette has it.
pub(super) fn request(parts: &Parts, body: &[u8], secrets: &Secrets) -> Request {
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let asked = |name: &str| {
        let ours = name.starts_with("x-lakefs-") && name != "x-lakefs-client";
        ours || ASKED.contains(&name)
    };
    let document = is_document(parts, &parts.headers, |meta| !meta.uploads);
    let operation = operation_of(parts);
    Request {
        method: parts.method.to_string(),
        target: secrets.target(operation, target),
        headers: kept(&parts.headers, secrets, asked),
        body: Contents::write(body, document, operation, secrets),
    }
}

/// Whether a body is a document, of which the meaning counts; of data every byte does.
fn is_document(
    parts: &Parts,
    headers: &HeaderMap,
    by_meta: impl Fn(&OperationMeta) -> bool,
) -> bool {
    match parts.extensions.get::<&'static OperationMeta>() {
        Some(meta) => by_meta(meta),
        None => is_json(headers) && operation_of(parts).is_none_or(|id| !DATA.contains(&id)),
    }
}

fn kept(headers: &HeaderMap, secrets: &Secrets, is_kept: impl Fn(&str) -> bool) -> Headers {
    let names = headers.keys().map(|name| name.as_str());
    let kept = names.filter(|name| is_kept(name));
    kept.map(|name| {
        (
            name.to_owned(),
            OneOrMany::new(secrets.header(headers, name)),
        )
    })
    .collect()
}
