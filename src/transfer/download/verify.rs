//! [`Check`]: whether the bytes of a whole object are those that were stored; [`Turns`]: of parts that arrive side by side.

use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{doubt::Doubt, file::blocking, source::Source};
use crate::{Error, Result, error::ErrorKind, transfer::checksum::Sum};

/// The MD5 of what came so far.
pub(super) struct Check {
    source: Arc<Source>,
    digest: Md5,
}

/// Gives each part its [`Turn`], in their order.
pub(super) struct Turns {
    /// Where the last part leaves the check to the next; `None` where nothing is compared.
    last: Option<oneshot::Receiver<Check>>,
}

/// When a part is hashed: a digest takes bytes only in order, so the check goes from part to part.
///
/// What arrives before is kept.
pub(super) struct Turn {
    /// Not hashed yet.
    kept: Vec<Bytes>,
    /// Here since the parts before were hashed.
    check: Option<Check>,
    before: oneshot::Receiver<Check>,
    after: oneshot::Sender<Check>,
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
        if !self.source.is_refuted() {
            self.digest.update(chunk);
        }
    }

    /// What is left to be settled after the last byte; `None` where the bytes are those that were stored.
    pub(super) fn compare(self) -> Option<Doubt> {
        // It may have turned out meanwhile that it is none.
        let expected = self.source.md5()?;
        let sum = Sum::finish(self.digest);
        // An object that was written in parts, and had only one.
        let of_one_part = || Sum::of_sums(&[sum]);
        let same = sum == expected || of_one_part() == expected;
        (!same).then(|| Doubt::new(self.source, sum))
    }

    /// Compares after the last byte.
    ///
    /// # Errors
    ///
    /// When the bytes are others than those that were stored.
    pub(super) async fn finish(self) -> Result<()> {
        match self.compare() {
            Some(doubt) => doubt.settle().await,
            None => Ok(()),
        }
    }
}

// ===== impl Turns =====

impl Turns {
    pub(super) fn new(check: Option<Check>) -> Self {
        let last = check.map(|check| {
            let (first, last) = oneshot::channel();
            // The other end is here.
            let _ = first.send(check);
            last
        });
        Self { last }
    }

    /// That of the next part; `None` where nothing is compared.
    pub(super) fn next(&mut self) -> Option<Turn> {
        let before = self.last.take()?;
        let (after, next) = oneshot::channel();
        self.last = Some(next);
        Some(Turn {
            kept: Vec::new(),
            check: None,
            before,
            after,
        })
    }

    /// Compares, after the last part.
    pub(super) async fn finish(self) -> Result<()> {
        match self.last {
            Some(last) => last.await.map_err(|_| stopped())?.finish().await,
            None => Ok(()),
        }
    }
}

// ===== impl Turn =====

impl Turn {
    /// Hashes what arrived, or keeps it where it is not yet its turn. It blocks.
    pub(super) fn hash(&mut self, batch: Vec<Bytes>) -> Result<()> {
        self.kept.extend(batch);
        if self.check.is_none() {
            match self.before.try_recv() {
                Ok(check) => self.check = Some(check),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => return Err(stopped()),
            }
        }
        if let Some(check) = &mut self.check {
            for chunk in self.kept.drain(..) {
                check.update(&chunk);
            }
        }
        Ok(())
    }

    /// Waits until all of the part is hashed, and leaves the check to the next part.
    pub(super) async fn pass(self) -> Result<()> {
        let check = match self.check {
            Some(check) => check,
            None => {
                let mut check = self.before.await.map_err(|_| stopped())?;
                let kept = self.kept;
                blocking(move || {
                    for chunk in kept {
                        check.update(&chunk);
                    }
                    Ok(check)
                })
                .await?
            }
        };
        // Who does not want it any more has failed.
        let _ = self.after.send(check);
        Ok(())
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Unexpected, "the part before was not read")
}
