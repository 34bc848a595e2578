//! What stands for the span of a call without the feature `tracing`.

use std::time::Duration;

use http::response::Parts;

use crate::operation::OperationMeta;

/// There is none.
pub(crate) enum CallSpan {}

/// Nothing to leave.
pub(crate) struct Entered;

// ===== impl CallSpan =====

impl CallSpan {
    pub(crate) fn new(_: Option<&OperationMeta>) -> Option<Self> {
        None
    }

    pub(crate) fn enter(&self) -> Entered {
        match *self {}
    }

    pub(crate) fn answered(&self, _: &Parts) {
        match *self {}
    }

    pub(crate) fn end(&self, _: u32, _: Duration, _: Option<&'static str>) {
        match *self {}
    }
}
