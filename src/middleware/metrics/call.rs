//! The numbers of calls, for the client to tell.

use std::time::Instant;

use metrics::Label;

use super::{Active, counter, gauge, histogram};
use crate::operation::OperationMeta;

pub(super) const DURATION: &str = "lakefs.client.call.duration";
pub(super) const ATTEMPTS: &str = "lakefs.client.call.attempts";
pub(super) const RETRIES: &str = "lakefs.client.retries";
pub(super) const ACTIVE: &str = "lakefs.client.active_calls";

/// Counts one call.
pub(crate) struct CallMeter {
    begun: Instant,
    meta: Option<&'static OperationMeta>,
    _active: Active,
}

// ===== impl CallMeter =====

impl CallMeter {
    pub(crate) fn new(meta: Option<&'static OperationMeta>) -> Option<Self> {
        Some(Self {
            begun: Instant::now(),
            meta,
            _active: Active::new(gauge(ACTIVE, labels(meta))),
        })
    }

    /// `attempts` is 0 where they are not known, `error_type` is `None` for a call that went well.
    pub(crate) fn end(&self, attempts: u32, error_type: Option<&'static str>) {
        let mut labels = labels(self.meta);
        if attempts > 0 {
            histogram(ATTEMPTS, labels.clone()).record(attempts);
        }
        if attempts > 1 {
            counter(RETRIES, labels.clone()).increment(u64::from(attempts - 1));
        }
        if let Some(error_type) = error_type {
            labels.push(Label::from_static_parts("error.type", error_type));
        }
        histogram(DURATION, labels).record(self.begun.elapsed());
    }
}

fn labels(meta: Option<&OperationMeta>) -> Vec<Label> {
    let operation = meta.map(|meta| Label::from_static_parts("lakefs.operation", meta.id));
    operation.into_iter().collect()
}
