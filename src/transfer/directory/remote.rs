//! What is below a URI.

use std::collections::BTreeMap;

use super::{filter::Filter, plan::Reason};
use crate::{Client, Error, LakeFsUri, Result, error::ErrorKind, models::ObjectStats};

/// The metadata that holds the time of the last change of the file that an object was uploaded from, in seconds since 1970.
///
/// lakectl writes and reads the same.
pub(super) const CLIENT_MTIME: &str = "::lakefs::client-mtime";

/// An object as a comparison sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteObject {
    pub(super) size: u64,
    /// When it was changed: as a file, else as an object; in seconds since 1970.
    pub(super) modified: i64,
    pub(super) checksum: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) content_type: Option<String>,
}

/// A place that has objects below it: the URI's path taken as that of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) repository: String,
    pub(super) reference: String,
    /// Empty, or ends in a slash.
    pub(super) prefix: String,
}

// ===== impl RemoteObject =====

impl RemoteObject {
    pub(super) fn new(stats: ObjectStats) -> Self {
        let metadata = stats.metadata.unwrap_or_default();
        // Whoever wrote it may have written anything.
        let modified = metadata
            .get(CLIENT_MTIME)
            .and_then(|seconds| seconds.parse().ok())
            .filter(|&seconds| jiff::Timestamp::from_second(seconds).is_ok());
        Self {
            size: stats
                .size_bytes
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or_default(),
            modified: modified.unwrap_or_else(|| stats.mtime.as_second()),
            checksum: stats.checksum,
            metadata: metadata.into_iter().collect(),
            content_type: stats.content_type,
        }
    }

    /// What another object would have to take over from this one to be its copy.
    pub(super) fn difference(&self, other: &Self) -> Option<Reason> {
        if self.size != other.size {
            return Some(Reason::SizeDiffers);
        }
        if self.checksum.is_empty() {
            return Some(Reason::ChecksumUnknown);
        }
        if self.checksum != other.checksum {
            return Some(Reason::ContentDiffers);
        }
        let same = self.metadata == other.metadata && self.content_type == other.content_type;
        (!same).then_some(Reason::MetadataDiffers)
    }

    /// Whether it only stands for a directory, as other tools make them.
    pub(super) fn is_marker(&self, path: &str) -> bool {
        path.ends_with('/') && self.size == 0
    }
}

// ===== impl Place =====

impl Place {
    pub(super) fn new(uri: &LakeFsUri) -> Self {
        let mut prefix = uri.path().to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        Self {
            repository: uri.repository().to_owned(),
            reference: uri.reference().to_owned(),
            prefix,
        }
    }

    /// The whole path of an object, from that below this place.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.prefix)
    }

    /// The objects below, by their paths below.
    pub(super) async fn list(
        &self,
        client: &Client,
        filter: &Filter,
    ) -> Result<BTreeMap<String, RemoteObject>> {
        Ok(self.look(client, filter).await?.0)
    }

    /// As [`list`](Self::list), of a source, which has to be there.
    ///
    /// lakeFS has no directories: without any object below it, a path is a mistake. Taken for an empty directory, it would
    /// have all deleted at the destination.
    pub(super) async fn list_source(
        &self,
        client: &Client,
        filter: &Filter,
    ) -> Result<BTreeMap<String, RemoteObject>> {
        let (objects, there) = self.look(client, filter).await?;
        if there || self.prefix.is_empty() {
            return Ok(objects);
        }
        let path = self.prefix.trim_end_matches('/');
        let object = client.stat_object(&*self.repository, &*self.reference, path);
        Err(match object.await {
            Ok(_) => Error::invalid_input(format!(
                "the path {path:?} is an object's, with none below it; `Transfer::download` and `copy_object` take one object"
            )),
            Err(error) if !error.is_not_found() => error,
            Err(error) => {
                let message = format!("there is no object below the path {:?}", self.prefix);
                Error::new(ErrorKind::NotFound, message).with_source(error)
            }
        })
    }

    /// Fails where nothing can be written, as it is no branch.
    pub(super) async fn check_branch(&self, client: &Client) -> Result<()> {
        let (repository, reference) = (&*self.repository, &*self.reference);
        match client.get_branch(repository, reference).await {
            Err(error) if error.is_not_found() => {
                let message = format!(
                    "{reference:?} is no branch of {repository:?}, and only branches can be changed"
                );
                Err(Error::new(ErrorKind::NotFound, message).with_source(error))
            }
            answer => answer.map(drop),
        }
    }

    /// The objects below that count, and whether there are any at all.
    async fn look(
        &self,
        client: &Client,
        filter: &Filter,
    ) -> Result<(BTreeMap<String, RemoteObject>, bool)> {
        let call = client
            .list_objects(&*self.repository, &*self.reference)
            .user_metadata(true)
            .amount(1000)
            .prefix(&*self.prefix);
        let mut items = call.items();
        let (mut objects, mut there) = (BTreeMap::new(), false);
        while let Some(stats) = items.next().await {
            let stats = stats?;
            let Some(path) = stats.path.strip_prefix(&self.prefix) else {
                continue;
            };
            there = true;
            // The marker of this directory itself has no path below it.
            if !path.is_empty() && filter.accepts(path) {
                objects.insert(path.to_owned(), RemoteObject::new(stats));
            }
        }
        Ok((objects, there))
    }
}
