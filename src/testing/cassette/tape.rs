//! What is recorded, while it is: bytes as they pass.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    thread,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, request::Parts};
use http_body::{Body as _, Frame, SizeHint};

use super::file::{self, Contents, Failure, Headers, Interaction, OneOrMany, Request, Response};
use crate::{
    Body, Error,
    error::{ErrorKind, classify},
    operation::OperationMeta,
    testing::redact::Secrets,
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
    meta: Option<&'static OperationMeta>,
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

/// A body whose bytes are kept as they pass.
struct Passing {
    body: Body,
    tape: Tape,
    entry: usize,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
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
            meta: parts.extensions.get::<&'static OperationMeta>().copied(),
            parts: parts.clone(),
            body: body
                .as_bytes()
                .map_or_else(BytesMut::new, |bytes| BytesMut::from(&bytes[..])),
            outcome: Outcome::Pending,
        });
        (entry, self.passing(body, entry, Side::Request))
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
        let body = self.passing(body, entry, Side::Response);
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

    fn passing(&self, body: Body, entry: usize, side: Side) -> Body {
        if body.as_bytes().is_some() {
            return body;
        }
        Body::new(Passing {
            body,
            tape: self.clone(),
            entry,
            side,
        })
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
                let operation = self.meta.map(|meta| meta.id);
                // Of an object's contents every byte counts; an error is a document all the same.
                let document =
                    status.as_u16() >= 400 || self.meta.is_some_and(|meta| !meta.streamed);
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
            operation: self.meta.map(|meta| meta.id.to_owned()),
            request: request(self.meta, &self.parts, &self.body, secrets),
            response,
            failure,
        })
    }

    fn take(&mut self, side: Side, data: &Bytes) {
        match (side, &mut self.outcome) {
            (Side::Request, _) => self.body.extend_from_slice(data),
            (Side::Response, Outcome::Answered { body, .. }) => body.extend_from_slice(data),
            (Side::Response, _) => {}
        }
    }

    fn end(&mut self, side: Side) {
        if let (Side::Response, Outcome::Answered { complete, .. }) = (side, &mut self.outcome) {
            *complete = true;
        }
    }
}

/// A request as a cassette has it.
pub(super) fn request(
    meta: Option<&OperationMeta>,
    parts: &Parts,
    body: &[u8],
    secrets: &Secrets,
) -> Request {
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let asked = |name: &str| {
        let ours = name.starts_with("x-lakefs-") && name != "x-lakefs-client";
        ours || ASKED.contains(&name)
    };
    let document = meta.is_some_and(|meta| !meta.uploads);
    let operation = meta.map(|meta| meta.id);
    Request {
        method: parts.method.to_string(),
        target: classify::redact_signatures(target).into_owned(),
        headers: kept(&parts.headers, secrets, asked),
        body: Contents::write(body, document, operation, secrets),
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

// ===== impl Passing =====

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let over = frame.is_none() || matches!(frame, Some(Ok(_))) && self.body.is_end_stream();
        let mut entries = self.tape.entries();
        if let Some(entry) = entries.get_mut(self.entry) {
            if let Some(data) = frame
                .as_ref()
                .and_then(|frame| frame.as_ref().ok()?.data_ref())
            {
                entry.take(self.side, data);
            }
            if over {
                entry.end(self.side);
            }
        }
        drop(entries);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
