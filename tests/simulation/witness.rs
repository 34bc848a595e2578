//! [`Witness`]: sees what the client sends and what the server does, above and below the faults.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use lakefs_sdk::{
    Body, BoxError,
    testing::{MemoryLakeFs, fault::Faulty},
};
use tokio::sync::Barrier;
use tower::{Service, ServiceExt as _};

use crate::plan::CallId;

/// What both sides write into; its clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    log: Arc<Mutex<Log>>,
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// By the number that the layer of faults counts requests with.
    pub(crate) sends: Vec<CallId>,
    /// What the server carried out or refused.
    pub(crate) served: Vec<Served>,
    /// Requests that were sent and whose answers have not ended.
    pub(crate) under_way: usize,
    pub(crate) most_under_way: usize,
    /// Requests that the server is at.
    pub(crate) at_server: usize,
    /// Holds requests at the server until so many are there.
    pub(crate) gate: Option<Arc<Barrier>>,
}

/// A request that reached the server, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) call: CallId,
    /// Which one of [`Log::sends`] it came from.
    pub(crate) send: usize,
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// The side of the client.
#[derive(Clone, Debug)]
pub(crate) struct Above {
    inner: Faulty<Below>,
    witness: Witness,
}

/// The side of the server.
#[derive(Clone, Debug)]
pub(crate) struct Below {
    inner: MemoryLakeFs,
    witness: Witness,
}

/// In the extensions of a request: which one of [`Log::sends`] it is.
#[derive(Clone, Copy)]
struct SendNumber(usize);

/// Counts for as long as it lives.
struct Counted {
    witness: Witness,
    count: fn(&mut Log) -> &mut usize,
}

type ResponseFuture<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

// ===== impl Witness =====

impl Witness {
    pub(crate) fn above(&self, inner: Faulty<Below>) -> Above {
        let witness = self.clone();
        Above { inner, witness }
    }

    pub(crate) fn below(&self, inner: MemoryLakeFs) -> Below {
        let witness = self.clone();
        Below { inner, witness }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much the server has done so far.
    pub(crate) fn now(&self) -> usize {
        self.log().served.len()
    }

    fn count(&self, count: fn(&mut Log) -> &mut usize) -> Counted {
        let mut log = self.log();
        *count(&mut log) += 1;
        log.most_under_way = log.most_under_way.max(log.under_way);
        let witness = self.clone();
        Counted { witness, count }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *(self.count)(&mut self.witness.log()) -= 1;
    }
}

// ===== impl Above =====

impl Service<Request<Body>> for Above {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = ResponseFuture<BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // What is below is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let number = {
            let mut log = self.witness.log();
            log.sends.push(CallId::of(&request));
            log.sends.len() - 1
        };
        request.extensions_mut().insert(SendNumber(number));
        let counted = self.witness.count(|log| &mut log.under_way);
        // The layer of faults decides as it is called, so both count alike.
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            if response.body().as_bytes().is_some() {
                return Ok(response);
            }
            Ok(response.map(|body| hold(body, counted)))
        })
    }
}

/// The same body, under way until it has ended, has failed, or is dropped.
fn hold(body: Body, counted: Counted) -> Body {
    Body::from_stream(futures_util::stream::unfold(
        (body, Some(counted)),
        |(mut body, counted)| async move {
            // Gone with the end, as a connection is.
            let counted = counted?;
            match body.chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), (body, Some(counted)))),
                Ok(None) => None,
                Err(error) => Some((Err(error), (body, None))),
            }
        },
    ))
}

// ===== impl Below =====

impl Service<Request<Body>> for Below {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (lakefs, witness) = (self.inner.clone(), self.witness.clone());
        Box::pin(async move {
            let _here = witness.count(|log| &mut log.at_server);
            let gate = witness.log().gate.clone();
            if let Some(gate) = gate {
                gate.wait().await;
            }
            let call = CallId::of(&request);
            let number = request.extensions().get().copied();
            let SendNumber(send) = number.unwrap_or(SendNumber(usize::MAX));
            let response = lakefs.oneshot(request).await?;
            // In the poll in which it was carried out: nothing comes in between.
            witness.log().served.push(Served {
                call,
                send,
                status: response.status(),
                body: response.body().as_bytes().cloned().unwrap_or_default(),
            });
            Ok(response)
        })
    }
}
