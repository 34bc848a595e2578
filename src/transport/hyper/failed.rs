//! [`Failed`]: why there is no connection, in words that help.

use std::{error::Error as StdError, fmt, sync::Arc};

use crate::BoxError;

/// Why no connection was made, and what to do about it. Its message becomes the message of the call's error.
#[derive(Debug)]
pub(super) struct Failed {
    message: String,
    /// Shared, as the error that carries this one to the call cannot be taken apart.
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

// ===== impl Failed =====

impl Failed {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            cause: None,
        }
    }

    pub(super) fn because(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The one that caused `error`.
    pub(super) fn find<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Self> {
        std::iter::successors(Some(error), |cause: &&(dyn StdError + 'static)| {
            (*cause).source()
        })
        .find_map(|cause| cause.downcast_ref())
    }

    pub(super) fn cause(&self) -> Option<Arc<dyn StdError + Send + Sync>> {
        self.cause.clone()
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
