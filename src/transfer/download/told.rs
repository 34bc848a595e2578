//! [`Story`]: what is told of one download, besides its bytes.

use super::Download;
use crate::{
    Error, Result,
    transfer::progress::{Event, Progress},
};

/// Tells that an object is begun, and how it ended. Where nobody listens, it is nothing.
///
/// Of a download that is dropped, no end is told.
pub(super) struct Story {
    heard: Option<(Progress, String)>,
    bytes: u64,
}

// ===== impl Story =====

impl Story {
    pub(super) fn of(download: &Download) -> Self {
        let progress = &download.transfer.progress;
        let path = download.place.as_ref().ok().map(|place| &place.path);
        let path = path.filter(|_| progress.is_heard() && !download.of_many);
        Self {
            heard: path.map(|path| (progress.clone(), path.clone())),
            bytes: 0,
        }
    }

    /// The object was found, with so many bytes to read.
    pub(super) fn begin(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.tell(|path| Event::ObjectStarted {
            path,
            bytes: Some(bytes),
        });
    }

    pub(super) fn end<T>(mut self, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Ok(_) => self.done(),
            Err(error) => self.failed(error),
        }
        outcome
    }

    /// All of it was read, which is told once.
    pub(super) fn done(&mut self) {
        let bytes = self.bytes;
        self.tell(|path| Event::ObjectDone { path, bytes });
        self.heard = None;
    }

    pub(super) fn failed(&self, error: &Error) {
        self.tell(|path| Event::ObjectFailed { path, error });
    }

    fn tell<'a>(&'a self, event: impl FnOnce(&'a str) -> Event<'a>) {
        if let Some((progress, path)) = &self.heard {
            progress.tell(|| event(path));
        }
    }
}
