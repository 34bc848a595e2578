//! [`Check`]: whether the bytes of a whole object are those that were stored.

use std::sync::Arc;

use md5::{Digest as _, Md5};

use super::source::Source;
use crate::{Error, Result};

/// The MD5 of what came so far.
pub(super) struct Check {
    source: Arc<Source>,
    digest: Md5,
}

// ===== impl Check =====

impl Check {
    /// `None` where the object's checksum is no MD5.
    pub(super) fn of(source: &Arc<Source>) -> Option<Self> {
        source.md5()?;
        Some(Self {
            source: Arc::clone(source),
            digest: Md5::new(),
        })
    }

    pub(super) fn update(&mut self, chunk: &[u8]) {
        self.digest.update(chunk);
    }

    /// # Errors
    ///
    /// When the bytes are others than those that were stored.
    pub(super) fn finish(self) -> Result<()> {
        // It may have turned out meanwhile that it is none.
        let Some(expected) = self.source.md5() else {
            return Ok(());
        };
        if self.digest.finalize()[..] == expected {
            return Ok(());
        }
        Err(Error::cut(
            "the MD5 of what arrived is not the object's checksum: it was damaged on the way; if its writer set the checksum, and not as an MD5, read it with `verify(false)`",
        ))
    }
}
