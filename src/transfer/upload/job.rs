//! [`Job`]: one upload under way, and the way that it takes.

use std::collections::BTreeMap;

use super::{source::Source, target::Target, watch::Watch};
use crate::{
    Error, Result,
    error::ErrorKind,
    models::{ObjectStats, StagingMetadata},
    transfer::{MAX_PART, MIN_PART, Mode, Transfer, route::Route},
};

/// What is sent to lakeFS itself even where it offers presigned URLs, which take three requests.
pub(super) const SMALL: u64 = 64 * 1024;
/// The most that stores take in one request.
const MAX_SINGLE: u64 = 5 * 1024 * 1024 * 1024;

/// One upload under way, but for its data.
pub(super) struct Job {
    pub(super) transfer: Transfer,
    pub(super) target: Target,
    pub(super) facts: Facts,
    pub(super) watch: Watch,
}

/// What is kept with an object, and when it is written at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) content_type: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) if_none_match: Option<String>,
    pub(super) if_match: Option<String>,
}

// ===== impl Job =====

impl Job {
    pub(super) async fn run(&self, source: Source) -> Result<ObjectStats> {
        let part_size = self.part_size();
        let mut source = match source {
            // Whatever fits into a part can be sent again, and has a size.
            Source::Stream(stream) if stream.size().is_none_or(|size| size <= part_size) => {
                stream.settle(part_size).await?
            }
            source => source,
        };
        let size = source.size();
        if self.transfer.mode == Mode::Auto && size.is_some_and(|size| size <= SMALL) {
            return self.direct(&mut source).await;
        }
        let route = self.transfer.route(&self.target.repository).await?;
        if route.multipart && !self.is_conditional() && size.is_none_or(|size| size > part_size) {
            return self.in_parts(source).await;
        }
        if !route.presigned {
            return self.direct(&mut source).await;
        }
        match size {
            Some(size) if size <= MAX_SINGLE => self.single(&mut source, size, route).await,
            _ if self.transfer.mode == Mode::Auto => self.direct(&mut source).await,
            _ => Err(self.too_large(route)),
        }
    }

    pub(super) fn part_size(&self) -> u64 {
        self.transfer.part_size.clamp(MIN_PART, MAX_PART)
    }

    fn is_conditional(&self) -> bool {
        self.facts.if_none_match.is_some() || self.facts.if_match.is_some()
    }

    /// Whether data that could not reach the object store may go through lakeFS instead; then that is what all do from now
    /// on.
    pub(super) fn falls_back(&self, error: &Error) -> bool {
        let unreached =
            error.is_connect() && error.operation().map(|meta| meta.id) == Some("presignedPut");
        let falls_back = unreached && self.transfer.mode == Mode::Auto;
        if falls_back {
            self.transfer.avoid_store();
            report_fallback(error);
        }
        falls_back
    }

    fn too_large(&self, route: Route) -> Error {
        let why = match route.multipart {
            true => "with a condition it cannot be sent in parts",
            false => "lakeFS offers no presigned upload in parts for this store",
        };
        let message = format!(
            "the object is too large for one presigned request, or its size is not known, and {why}; use `transfer::Mode::Auto`, \
             which sends it through lakeFS"
        );
        Error::new(ErrorKind::InvalidInput, message)
    }

    pub(super) fn staging_metadata(&self, staged: StagingMetadata) -> StagingMetadata {
        let facts = &self.facts;
        let staged = match facts.metadata.is_empty() {
            true => staged,
            false => staged.user_metadata(facts.metadata.clone()),
        };
        match &facts.content_type {
            Some(content_type) => staged.content_type(content_type),
            None => staged,
        }
    }
}

#[cfg(feature = "tracing")]
fn report_fallback(error: &Error) {
    tracing::warn!(%error, "the object store cannot be reached from here: uploading through lakeFS from now on");
}

#[cfg(not(feature = "tracing"))]
fn report_fallback(_: &Error) {}
