use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use super::HttpTransport;
use crate::{Body, BoxError, middleware::timeout::stage};

pub(crate) type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

/// A transport whose type is forgotten: what a layer of yours gets as the service inside of it.
///
/// It is always ready: waiting for the readiness of what is inside is part of the call, so that a deadline covers it and no
/// permit is held before it is used.
#[derive(Clone)]
pub struct BoxTransport {
    inner: Arc<dyn Erased>,
}

/// What is left of a service when its type is forgotten.
pub(crate) trait Erased: Send + Sync {
    fn call(&self, request: Request<Body>) -> ResponseFuture;
}

/// The way from a service to [`Erased`].
struct Transport<S>(S);

// ===== impl BoxTransport =====

impl BoxTransport {
    pub(crate) fn new<T: HttpTransport>(transport: T) -> Self {
        Self::from_erased(Transport(transport))
    }

    pub(crate) fn from_erased(erased: impl Erased + 'static) -> Self {
        Self {
            inner: Arc::new(erased),
        }
    }

    pub(crate) fn send(&self, request: Request<Body>) -> ResponseFuture {
        self.inner.call(request)
    }
}

impl<T: HttpTransport> Erased for Transport<T> {
    fn call(&self, request: Request<Body>) -> ResponseFuture {
        let mut service = self.0.clone();
        Box::pin(async move {
            poll_fn(|cx| {
                let ready = service.poll_ready(cx);
                if ready.is_pending() {
                    stage::waiting_for("the transport to become ready");
                }
                ready
            })
            .await
            .map_err(Into::into)?;
            let response = service.call(request).await.map_err(Into::into)?;
            Ok(response.map(Body::new))
        })
    }
}

impl Service<Request<Body>> for BoxTransport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        self.send(request)
    }
}

impl fmt::Debug for BoxTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxTransport")
    }
}
