//! A lakeFS in memory on whose way things go wrong, as a test says.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client,
    models::RepositoryCreation,
    operation::OperationMeta,
    testing::{BlockStore, MemoryLakeFs},
};
use tower::{Service, ServiceExt as _};

pub(super) const MIB: usize = 1024 * 1024;
pub(super) const PART: usize = 5 * MIB;

/// What happens to a request.
pub(super) enum Fate {
    Arrives,
    /// It is read and dropped, and this is answered.
    Answered(Response<Body>),
    /// This is answered before it is read.
    Early(Response<Body>),
    /// It arrives, and this is answered.
    Replaced(Response<Body>),
    Fails(BoxError),
    /// It arrives, and is answered only after a while.
    Late(Duration),
    /// It does not arrive, and nothing is answered.
    Hangs,
}

/// What was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) operation: &'static str,
    /// Of a part.
    pub(super) part: u64,
    pub(super) headers: HeaderMap,
    pub(super) uri: http::Uri,
}

type Fates = dyn FnMut(&Sent) -> Fate + Send;

#[derive(Clone)]
pub(super) struct Lake {
    pub(super) memory: MemoryLakeFs,
    sent: Arc<Mutex<Vec<Sent>>>,
    fates: Arc<Mutex<Fates>>,
}

// ===== impl Lake =====

impl Lake {
    /// One that presigns, with the repository `lake`.
    pub(super) async fn new(fates: impl FnMut(&Sent) -> Fate + Send + 'static) -> (Self, Client) {
        let memory = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
        Self::over(memory, "s3://bucket/lake", fates).await
    }

    pub(super) async fn over(
        memory: MemoryLakeFs,
        namespace: &str,
        fates: impl FnMut(&Sent) -> Fate + Send + 'static,
    ) -> (Self, Client) {
        let lake = Self {
            memory,
            sent: Arc::default(),
            fates: Arc::new(Mutex::new(fates)),
        };
        let client = Client::new(lake.memory.clone());
        let repository = RepositoryCreation::new("lake", namespace);
        client.create_repository(repository).await.unwrap();
        let client = Client::new(lake.clone());
        (lake, client)
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The operations that were sent, in order.
    pub(super) fn operations(&self) -> Vec<&'static str> {
        self.sent().iter().map(|sent| sent.operation).collect()
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.sent()
            .iter()
            .filter(|sent| sent.operation == operation)
            .count()
    }

    pub(super) async fn object(&self, path: &str) -> bytes::Bytes {
        let client = Client::new(self.memory.clone());
        let object = client.get_object("lake", "main", path).await.unwrap();
        object.bytes().await.unwrap()
    }
}

impl Service<Request<Body>> for Lake {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let query = request.uri().query().unwrap_or_default();
        let part = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("partNumber="));
        let sent = Sent {
            operation: OperationMeta::of(&request).map_or("", |meta| meta.id),
            part: part.and_then(|part| part.parse().ok()).unwrap_or(0),
            headers: request.headers().clone(),
            uri: request.uri().clone(),
        };
        let fate = (self.fates.lock().unwrap_or_else(PoisonError::into_inner))(&sent);
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sent);
        let memory = self.memory.clone();
        Box::pin(async move {
            match fate {
                Fate::Arrives => Ok(memory.oneshot(request).await?),
                Fate::Answered(response) => {
                    request.into_body().bytes().await?;
                    Ok(response)
                }
                Fate::Early(response) => Ok(response),
                Fate::Replaced(response) => {
                    memory.oneshot(request).await?;
                    Ok(response)
                }
                Fate::Fails(error) => Err(error),
                Fate::Late(wait) => {
                    let answer = memory.oneshot(request).await?;
                    tokio::time::sleep(wait).await;
                    Ok(answer)
                }
                Fate::Hangs => std::future::pending().await,
            }
        })
    }
}

/// A refusal of the store's.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Fate {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Fate::Answered(response(status, body))
}

pub(super) fn response(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(body.into())
        .unwrap()
}

/// Bytes that differ from place to place.
pub(super) fn data(size: usize) -> bytes::Bytes {
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(size as u64).fill(&mut bytes);
    bytes.into()
}
