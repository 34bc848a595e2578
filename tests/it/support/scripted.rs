//! A transport that answers from a script and keeps what it was sent.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use lakefs_sdk::{Body, BoxError, operation::OperationMeta, transport::ConnectError};
use serde_json::Value;
use tokio::time::Instant;
use tower::Service;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;
type Step = Box<dyn FnOnce(Request<Body>) -> Answer + Send>;

/// Answers in order, whatever is asked; when the script is over, with 418.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    steps: VecDeque<Step>,
    sent: Vec<Sent>,
}

/// What the transport was asked to send. Of a stream, the body is what was read; `None` when nobody tried.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) operation: Option<&'static str>,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// On tokio's clock, which a test may have paused.
    pub(crate) at: Instant,
}

// ===== impl Scripted =====

impl Scripted {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Then: reads the request to its end and answers.
    pub(crate) fn answer(self, response: Response<Body>) -> Self {
        self.step(|request| async {
            let _ = request.into_body().bytes().await;
            Ok(response)
        })
    }

    /// Then: a status with a body of text.
    pub(crate) fn status(self, status: u16, body: impl Into<Body>) -> Self {
        self.answer(status_of(status, body.into()))
    }

    /// Then: a status with a body and a header.
    pub(crate) fn status_with(
        self,
        status: u16,
        headers: &[(&'static str, &str)],
        body: impl Into<Body>,
    ) -> Self {
        let mut response = status_of(status, body.into());
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().append(*name, value);
            }
        }
        self.answer(response)
    }

    /// Then: 200 with a document.
    pub(crate) fn json(self, document: &Value) -> Self {
        self.status_with(
            200,
            &[("content-type", "application/json")],
            document.to_string(),
        )
    }

    /// Then: no connection; nothing of the request is read.
    pub(crate) fn refused(self) -> Self {
        self.step(|_| async {
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            Err(ConnectError::new(refused).into())
        })
    }

    /// Then: the request is read, and the connection is lost.
    pub(crate) fn reset(self) -> Self {
        self.step(|request| async {
            let _ = request.into_body().bytes().await;
            Err(io::Error::from(io::ErrorKind::ConnectionReset).into())
        })
    }

    /// Then: the request is read, and no answer ever comes.
    pub(crate) fn hang(self) -> Self {
        self.step(|request| async {
            let _ = request.into_body().bytes().await;
            std::future::pending().await
        })
    }

    /// Then: whatever `step` does.
    pub(crate) fn step<F>(self, step: impl FnOnce(Request<Body>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
    {
        self.script()
            .steps
            .push_back(Box::new(move |request| Box::pin(step(request))));
        self
    }

    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.script().sent.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Request<Body>> for Scripted {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let number = {
            let mut script = self.script();
            script.sent.push(Sent::new(&request));
            script.sent.len() - 1
        };
        let Some(step) = self.script().steps.pop_front() else {
            let over = status_of(418, Body::from("the script is over"));
            return Box::pin(std::future::ready(Ok(over)));
        };
        // What is read of the body is kept as it passes.
        let script = self.script.clone();
        let request = request.map(|body| match body.as_bytes().cloned() {
            Some(bytes) => {
                if let Some(sent) = self.script().sent.get_mut(number) {
                    sent.body = Some(bytes);
                }
                body
            }
            None => Body::new(Recorded {
                body,
                script,
                number,
            }),
        });
        step(request)
    }
}

/// A body whose bytes are kept as they are read.
struct Recorded {
    body: Body,
    script: Arc<Mutex<Script>>,
    number: usize,
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = lakefs_sdk::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, lakefs_sdk::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let data = match &frame {
            Some(Ok(frame)) => frame.data_ref().cloned().unwrap_or_default(),
            _ => Bytes::new(),
        };
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sent) = script.sent.get_mut(self.number) {
            let before = sent.body.take().unwrap_or_default();
            sent.body = Some([before, data].concat().into());
        }
        drop(script);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

fn status_of(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}

// ===== impl Sent =====

impl Sent {
    fn new(request: &Request<Body>) -> Self {
        Self {
            operation: OperationMeta::of(request).map(|meta| meta.id),
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            body: None,
            at: Instant::now(),
        }
    }

    /// The query, decoded as a server does.
    pub(crate) fn query(&self) -> BTreeMap<String, String> {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced)
                .decode_utf8_lossy()
                .into_owned()
        };
        self.uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect()
    }
}
