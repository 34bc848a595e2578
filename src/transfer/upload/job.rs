//! [`Job`]: one upload under way, and the way that it takes.

use std::collections::BTreeMap;

use http::{Method, header::CONTENT_TYPE};

use super::{direct::INTERNAL, source::Source, target::Target, watch::Watch};
use crate::{
    Error, Result,
    codec::Encoder,
    error::ErrorKind,
    models::{ObjectStats, StagingMetadata},
    operation::OperationMeta,
    transfer::{Mode, Transfer, route::Route, store::PRESIGNED_PUT},
};

/// What is sent to lakeFS itself even where it offers presigned URLs, which take three requests.
pub(in crate::transfer) const SMALL: u64 = 64 * 1024;
/// The most that stores take in one request.
const MAX_SINGLE: u64 = 5 * 1024 * 1024 * 1024;
/// The most that Azure takes.
const MAX_BLOB: u64 = 5_000 * 1024 * 1024;

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
        self.facts.check()?;
        let part_size = self.part_size();
        let mut source = match source {
            // Whatever fits into a part can be sent again, and has a size.
            Source::Stream(stream) if stream.size().is_none_or(|size| size <= part_size) => {
                stream.settle(part_size).await?
            }
            source => source,
        };
        let size = source.size();
        // With a condition it matters whose object is there, which tells an address of its own alone.
        let is_small = size.is_some_and(|size| size <= SMALL) && !self.is_conditional();
        if self.transfer.mode == Mode::Auto && is_small {
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
            Some(size) if size <= max_single(route) => self.single(&mut source, size, route).await,
            _ if self.transfer.mode == Mode::Auto => self.direct(&mut source).await,
            _ => Err(self.too_large(route)),
        }
    }

    pub(super) fn part_size(&self) -> u64 {
        self.transfer.upload_part_size()
    }

    pub(super) fn is_conditional(&self) -> bool {
        self.facts.if_none_match.is_some() || self.facts.if_match.is_some()
    }

    /// Whether an error says that the object store is out of reach, rather than that it is away for a moment, and there is
    /// another way: then that is the one that all take from now on.
    pub(super) fn gives_store_up(&self, error: &Error) -> bool {
        let gives_up = self.falls_back(error) && self.transfer.avoid_store();
        if gives_up {
            report_fallback(error);
        }
        gives_up
    }

    /// Whether data that could not get to the object store may go through lakeFS instead.
    pub(super) fn falls_back(&self, error: &Error) -> bool {
        let unreached =
            error.is_connect() && error.operation().map(|meta| meta.id) == Some(PRESIGNED_PUT.id);
        unreached && self.transfer.mode == Mode::Auto
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

// ===== impl Facts =====

impl Facts {
    /// Refuses what headers cannot hold: on one way they are headers, on another they are not, and which way it is depends on
    /// the size.
    fn check(&self) -> Result<()> {
        const META: &OperationMeta = &OperationMeta::new("uploadObject", Method::POST, "/");
        if self.metadata.is_empty() && self.content_type.is_none() {
            return Ok(());
        }
        let (mut plain, mut internal) = (self.metadata.clone(), BTreeMap::new());
        plain.retain(|key, value| match key.strip_prefix(INTERNAL) {
            Some(key) => {
                internal.insert(key.to_owned(), std::mem::take(value));
                false
            }
            None => true,
        });
        Encoder::new(META)
            .header(CONTENT_TYPE, self.content_type.as_deref())
            .prefixed_headers("x-lakefs-meta-", &plain)
            .prefixed_headers("x-lakefs-internal-", &internal)
            .empty()?;
        Ok(())
    }
}

fn max_single(route: Route) -> u64 {
    match route.azure {
        true => MAX_BLOB,
        false => MAX_SINGLE,
    }
}

#[cfg(feature = "tracing")]
fn report_fallback(error: &Error) {
    tracing::warn!(%error, "the object store cannot be reached from here: uploading through lakeFS from now on");
}

#[cfg(not(feature = "tracing"))]
fn report_fallback(_: &Error) {}
