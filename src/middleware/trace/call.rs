//! The span of a call, for the client to open and close.

use std::time::Duration;

use http::response::Parts;
use tracing::{Span, field::Empty, span::Entered};

use super::{failed, request_id};
use crate::operation::OperationMeta;

/// The span of a call.
pub(crate) struct CallSpan {
    span: Span,
}

// ===== impl CallSpan =====

impl CallSpan {
    /// `None` where nobody listens.
    pub(crate) fn new(meta: Option<&OperationMeta>) -> Option<Self> {
        let id = || meta.map(|meta| meta.id);
        let span = tracing::info_span!(
            target: "lakefs_sdk::call",
            "call",
            otel.name = display(format_args!("lakefs.{}", id().unwrap_or("request"))),
            lakefs.operation = id(),
            lakefs.attempts = Empty,
            lakefs.retry.wait = Empty,
            http.response.status_code = Empty,
            lakefs.request_id = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        );
        (!span.is_disabled()).then_some(Self { span })
    }

    pub(crate) fn enter(&self) -> Entered<'_> {
        self.span.enter()
    }

    pub(crate) fn answered(&self, parts: &Parts) {
        self.span
            .record("http.response.status_code", parts.status.as_u16());
        self.span
            .record("lakefs.request_id", request_id(&parts.headers));
    }

    /// `attempts` is 0 where they are not known, `error_type` is `None` for a call that went well.
    pub(crate) fn end(&self, attempts: u32, waited: Duration, error_type: Option<&'static str>) {
        if attempts > 0 {
            self.span.record("lakefs.attempts", attempts);
        }
        if !waited.is_zero() {
            self.span.record("lakefs.retry.wait", waited.as_secs_f64());
        }
        if let Some(error_type) = error_type {
            failed(&self.span, error_type);
        }
    }
}
