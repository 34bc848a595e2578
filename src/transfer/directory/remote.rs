//! What is below a URI.

use std::collections::BTreeMap;

use super::{filter::Filter, plan::Reason};
use crate::{Client, LakeFsUri, Result, models::ObjectStats, transfer::checksum::is_md5};

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
        let modified = metadata.get(CLIENT_MTIME);
        Self {
            size: stats
                .size_bytes
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or_default(),
            modified: modified
                .and_then(|seconds| seconds.parse().ok())
                .unwrap_or_else(|| stats.mtime.as_second()),
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

    /// The checksum, where it is an MD5 and not something that the store made up.
    pub(super) fn md5(&self) -> Option<&str> {
        is_md5(&self.checksum).then_some(&*self.checksum)
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
        let call = client
            .list_objects(&*self.repository, &*self.reference)
            .user_metadata(true)
            .amount(1000)
            .prefix(&*self.prefix);
        let mut items = call.items();
        let mut objects = BTreeMap::new();
        while let Some(stats) = items.next().await {
            let stats = stats?;
            let Some(path) = stats.path.strip_prefix(&self.prefix) else {
                continue;
            };
            // The marker of this directory itself has no path below it.
            if !path.is_empty() && filter.accepts(path) {
                objects.insert(path.to_owned(), RemoteObject::new(stats));
            }
        }
        Ok(objects)
    }
}
