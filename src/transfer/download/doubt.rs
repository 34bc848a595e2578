//! [`Doubt`]: bytes that do not have the MD5 that the checksum tells, and may be good all the same.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use md5::{Digest as _, Md5};

use super::{flow::Flow, source::Source, wanted::Wanted};
use crate::{Error, Result, transfer::checksum::Sum};

/// An object that was read, of another MD5 than its checksum.
///
/// Not every checksum that looks like an MD5 is one of the data. lakeFS's S3 gateway takes the MD5 of the parts' MD5s for an
/// object that was written in parts, and imports take the store's ETag, whatever that is. Neither can be told from damage
/// by looking at it.
pub(super) struct Doubt {
    source: Arc<Source>,
    sum: Sum,
}

// ===== impl Doubt =====

impl Doubt {
    pub(super) fn new(source: Arc<Source>, sum: Sum) -> Self {
        Self { source, sum }
    }

    /// Reads the object once more: damage is not the same twice.
    ///
    /// # Errors
    ///
    /// When the bytes are others than those that were stored.
    // A box of its own, as it is rare: what may wait for it stays small.
    pub(super) fn settle(self) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let again = read_again(&self.source).await.map_err(|error| {
                error.in_context("reading it again, as its MD5 is not the object's checksum")
            })?;
            if again != self.sum {
                return Err(Error::cut(
                    "the MD5 of what arrived is not the object's checksum, and other bytes arrived when it was read again: it was damaged on the way",
                ));
            }
            self.source.refute();
            unverified(&self.source);
            Ok(())
        })
    }
}

async fn read_again(source: &Source) -> Result<Sum> {
    let mut flow = Flow::new(Wanted::again(source));
    let mut digest = Md5::new();
    while let Some(chunk) = flow.next().await? {
        digest.update(&chunk);
    }
    Ok(Sum::finish(digest))
}

#[cfg(feature = "tracing")]
fn unverified(source: &Source) {
    tracing::warn!(
        path = source.path(),
        "the object's checksum is no MD5 of its data, so it was read twice to compare: `verify(false)` saves the second reading"
    );
}

#[cfg(not(feature = "tracing"))]
fn unverified(_: &Source) {}
