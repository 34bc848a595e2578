//! [`Again`]: a request that can be sent once more.

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri};

use crate::{
    Body,
    body::Spare,
    middleware::request_id::X_REQUEST_ID,
    operation::{Idempotency, OperationMeta},
};

/// What is needed to make a request once more. Headers are cloned for it; the body is shared.
pub(super) struct Again {
    method: Method,
    uri: Uri,
    headers: HeaderMap<HeaderValue>,
    pub(super) meta: Option<&'static OperationMeta>,
    /// Without the meta, where the extensions were that alone.
    extensions: Extensions,
    body: Spare,
}

// ===== impl Again =====

impl Again {
    pub(super) fn new(request: &Request<Body>, meta: Option<&'static OperationMeta>) -> Self {
        // Most requests carry their meta alone, which is cheaper to put back than a map is to clone.
        let alone = meta.is_some() && request.extensions().len() == 1;
        let extensions = if alone {
            Extensions::new()
        } else {
            request.extensions().clone()
        };
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            meta,
            extensions,
            body: request.body().spare(),
        }
    }

    /// Whether the operation may be done twice.
    pub(super) fn repeatable(&self) -> bool {
        match self.meta {
            Some(meta) => meta.idempotency.repeatable(),
            None => matches!(
                self.method,
                Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
            ),
        }
    }

    /// Whether it is certain that nothing changes on the server.
    pub(super) fn changes_nothing(&self) -> bool {
        self.meta
            .is_some_and(|meta| meta.idempotency == Idempotency::Safe)
    }

    /// The id that the request is sent with.
    pub(super) fn request_id(&self) -> Option<&HeaderValue> {
        self.headers.get(X_REQUEST_ID)
    }

    /// `None` when the body was read and cannot be made again.
    pub(super) fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::new(self.body.body()?);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        if let Some(meta) = self.meta {
            request.extensions_mut().insert(meta);
        }
        Some(request)
    }
}
