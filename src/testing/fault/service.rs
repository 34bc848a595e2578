//! [`Faulty`]: carries the faults out.

use std::{
    future::{Future, pending},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{
    HeaderValue, Request, Response,
    header::{CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use tower::{Service, ServiceExt as _};

use super::{
    Fault, Handle, Injection, Seen,
    corrupt::corrupt,
    state::{Decision, Shared},
};
use crate::{
    Body, BoxError,
    testing::mock::{encode, shape::Shape},
    transport::{ConnectError, HttpTransport},
};

/// A transport on whose way things go wrong. See the [module](super).
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    handle: Handle,
}

/// A request with the one thing that is to happen to it.
struct Carrier<S> {
    inner: S,
    shared: Arc<Shared>,
    request: u64,
    operation: Option<&'static str>,
}

// ===== impl Faulty =====

impl<S> Faulty<S> {
    pub(super) fn new(inner: S, handle: Handle) -> Self {
        Self { inner, handle }
    }
}

impl<S: HttpTransport> Service<Request<Body>> for Faulty<S> {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // What is inside may hold a permit when it is ready, and a request that waits here must not.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let Decision {
            request,
            operation,
            faults,
        } = self.handle.shared.decide(&parts);
        let carrier = Carrier {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.handle.shared),
            request,
            operation,
        };
        Box::pin(carrier.carry(parts, body, faults))
    }
}

// ===== impl Carrier =====

impl<S: HttpTransport> Carrier<S> {
    async fn carry(
        self,
        parts: Parts,
        body: Body,
        faults: Vec<Fault>,
    ) -> Result<Response<Body>, BoxError> {
        let mut decided = None;
        for fault in faults {
            if let Fault::Latency(range) = &fault {
                let duration = *range.start();
                self.happened(fault);
                tokio::time::sleep(duration).await;
            } else {
                decided = Some(fault);
            }
        }
        match decided {
            Some(fault) => self.suffer(parts, body, fault).await,
            None => self.send(Request::from_parts(parts, body)).await,
        }
    }

    async fn suffer(
        self,
        parts: Parts,
        mut body: Body,
        fault: Fault,
    ) -> Result<Response<Body>, BoxError> {
        match &fault {
            Fault::Refuse => {
                self.happened(fault);
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                Err(ConnectError::new(refused).into())
            }
            Fault::ResetBefore => {
                self.happened(fault);
                // Some of it is on its way, so that a stream cannot be sent again.
                body.chunk().await?;
                Err(reset())
            }
            Fault::StallBefore => {
                self.happened(fault);
                body.bytes().await?;
                pending().await
            }
            Fault::Status {
                status,
                retry_after,
            } => {
                let mut response = encode::error(*status, "an injected fault")?;
                if let Some(after) = retry_after {
                    let seconds = HeaderValue::from(after.as_secs());
                    response.headers_mut().insert(RETRY_AFTER, seconds);
                }
                self.happened(fault);
                body.bytes().await?;
                Ok(response)
            }
            Fault::Duplicate(seen) => self.send_twice(parts, body, *seen).await,
            Fault::Latency(_) => self.send(Request::from_parts(parts, body)).await,
            _ => {
                let response = self.send(Request::from_parts(parts, body)).await?;
                self.spoil(response, fault).await
            }
        }
    }

    /// The faults of answers.
    async fn spoil(
        self,
        mut response: Response<Body>,
        fault: Fault,
    ) -> Result<Response<Body>, BoxError> {
        let size = response.body().size();
        match fault {
            Fault::ResetAfter => {
                self.happened(fault);
                Err(reset())
            }
            Fault::StallAfter => {
                self.happened(fault);
                drop(response);
                pending().await
            }
            Fault::StatusAfter { status } => {
                let response = encode::error(status, "an injected fault")?;
                self.happened(fault);
                Ok(response)
            }
            Fault::ContentType(media_type) => {
                let value = HeaderValue::from_str(media_type)?;
                response.headers_mut().insert(CONTENT_TYPE, value);
                self.happened(fault);
                Ok(response)
            }
            fault => {
                let Some(fault) = fault.within(size) else {
                    return Ok(response);
                };
                self.happened(fault.clone());
                Ok(response.map(|body| match fault {
                    Fault::CutBody { after } => Shape::cut(*after.start()).apply(body),
                    Fault::StallBody { after } => Shape::stall(*after.start()).apply(body),
                    Fault::CorruptBody { at } => corrupt(body, *at.start()),
                    _ => body,
                }))
            }
        }
    }

    async fn send_twice(
        self,
        parts: Parts,
        body: Body,
        seen: Seen,
    ) -> Result<Response<Body>, BoxError> {
        let Some(copy) = body.try_clone() else {
            return self.send(Request::from_parts(parts, body)).await;
        };
        let first = self.send(Request::from_parts(parts.clone(), copy)).await?;
        self.happened(Fault::Duplicate(seen));
        match seen {
            Seen::First => {
                // Nobody hears what becomes of the other one.
                if let Ok(second) = self.send(Request::from_parts(parts, body)).await {
                    let _ = second.into_body().bytes().await;
                }
                Ok(first)
            }
            Seen::Second => {
                let _ = first.into_body().bytes().await;
                self.send(Request::from_parts(parts, body)).await
            }
        }
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let response = self.inner.clone().oneshot(request).await;
        Ok(response.map_err(Into::into)?.map(Body::new))
    }

    fn happened(&self, fault: Fault) {
        self.shared.state().injected.push(Injection {
            request: self.request,
            operation: self.operation,
            fault,
        });
    }
}

fn reset() -> BoxError {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}
