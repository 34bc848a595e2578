//! What a call tells about itself while it runs: a span to those who trace, and numbers to those who count.

use std::time::Duration;

use http::{StatusCode, response::Parts};

use crate::{
    Error,
    error::{CANCELLED, ErrorKind},
    middleware::{metrics::CallMeter, retry::Attempts, trace::CallSpan},
    operation::OperationMeta,
};

/// Tells of one call. Nothing, and one word wide, where nobody listens.
#[derive(Default)]
pub(crate) struct Observer {
    open: Option<Box<Open>>,
}

/// A call that is not over; when it is dropped so, it was cancelled.
struct Open {
    span: Option<CallSpan>,
    meter: Option<CallMeter>,
    status: Option<StatusCode>,
    attempts: u32,
    waited: Duration,
    over: bool,
}

// ===== impl Observer =====

impl Observer {
    /// `metered` says whether the client counts.
    pub(super) fn new(meta: Option<&'static OperationMeta>, metered: bool) -> Self {
        let span = CallSpan::new(meta);
        let meter = if metered { CallMeter::new(meta) } else { None };
        if span.is_none() && meter.is_none() {
            return Self::default();
        }
        let open = Open {
            span,
            meter,
            status: None,
            attempts: 0,
            waited: Duration::ZERO,
            over: false,
        };
        Self {
            open: Some(Box::new(open)),
        }
    }

    /// Does a part of the call inside of its span.
    pub(super) fn scope<T>(&self, part: impl FnOnce() -> T) -> T {
        let span = self.open.as_ref().and_then(|open| open.span.as_ref());
        let _entered = span.map(CallSpan::enter);
        part()
    }

    /// The last attempt has an answer, which is still to be understood.
    pub(super) fn answered(&mut self, parts: &Parts, attempts: Attempts) {
        let Some(open) = &mut self.open else {
            return;
        };
        open.status = Some(parts.status);
        open.attempts = attempts.count;
        open.waited = attempts.waited;
        if let Some(span) = &open.span {
            span.answered(parts);
        }
    }

    /// The call is over, with what the caller gets.
    pub(crate) fn end(mut self, error: Option<&Error>) {
        let Some(open) = &mut self.open else {
            return;
        };
        let failed = |status: &StatusCode| status.is_client_error() || status.is_server_error();
        let kind = match error {
            Some(error) => {
                open.attempts = open.attempts.max(error.attempts());
                open.waited = open.waited.max(error.waited());
                Some(error.kind())
            }
            // A raw request's answer is an answer, whatever its status.
            None => open.status.filter(failed).map(ErrorKind::of_status),
        };
        open.end(kind.map(ErrorKind::as_str));
    }
}

// ===== impl Open =====

impl Open {
    fn end(&mut self, error_type: Option<&'static str>) {
        self.over = true;
        if let Some(span) = &self.span {
            span.end(self.attempts, self.waited, error_type);
        }
        if let Some(meter) = &self.meter {
            meter.end(self.attempts, error_type);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.over {
            self.end(Some(CANCELLED));
        }
    }
}
