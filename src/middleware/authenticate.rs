//! Adds the credentials to every request of an operation that wants them.
//!
//! Inside [`retry`](super::retry). An operation that the API marks as open to anyone, and a request that has an
//! `Authorization` of its own, is left as it is. See [the stack](super#order).

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use tower::{Layer, Service};

use crate::{Credentials, Result, auth::AuthHeader, operation::OperationMeta};

/// Adds [`Authenticate`] to a stack.
#[derive(Clone)]
pub struct AuthenticateLayer {
    header: Option<Arc<AuthHeader>>,
}

/// See the [module](self).
#[derive(Clone)]
pub struct Authenticate<S> {
    inner: S,
    header: Option<Arc<AuthHeader>>,
}

/// Marks a response that came from another origin than the request was for: no credentials were sent there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForeignOrigin;

// ===== impl AuthenticateLayer =====

impl AuthenticateLayer {
    pub(crate) fn new(header: Option<Arc<AuthHeader>>) -> Self {
        Self { header }
    }

    /// Sends `credentials`.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input) when they cannot be in a header.
    pub fn with_credentials(credentials: &Credentials) -> Result<Self> {
        Ok(Self::new(credentials.header()?))
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate {
            inner,
            header: self.header.clone(),
        }
    }
}

// ===== impl Authenticate =====

impl<S: Service<Request<B>>, B> Service<Request<B>> for Authenticate<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        // A request of the user's own has no meta, and gets the credentials: it goes to the same server.
        let wanted = OperationMeta::of(&request).is_none_or(|meta| meta.authenticated);
        if let Some(header) = self.header.as_ref().filter(|_| wanted) {
            header.apply(request.headers_mut());
        }
        self.inner.call(request)
    }
}

impl std::fmt::Debug for AuthenticateLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticateLayer")
            .field("credentials", &self.header.is_some())
            .finish()
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Authenticate<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticate")
            .field("inner", &self.inner)
            .field("credentials", &self.header.is_some())
            .finish()
    }
}
