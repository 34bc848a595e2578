//! An object as the store keeps it.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use md5::{Digest, Md5};

use super::hex;

/// Bytes, and what the store knows of them. Cheap to copy.
#[derive(Clone, Debug)]
pub(in super::super) struct Stored {
    pub(in super::super) bytes: Bytes,
    pub(in super::super) modified: Timestamp,
    pub(super) md5: [u8; 16],
    /// `None` for the millions that the server itself wrote.
    facts: Option<Arc<Facts>>,
}

/// What is special about an object; by default, what one has that the server itself wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Facts {
    /// The headers to answer with it: its type, its metadata. `None` for those of the server's own objects.
    pub(in super::super) headers: Option<HeaderMap>,
    pub(in super::super) storage_class: Option<String>,
    /// Where it came in parts: the id of the upload and the ETag over all parts.
    pub(in super::super) multipart: Option<(String, String)>,
}

impl Stored {
    pub(super) fn new(bytes: Bytes, modified: Timestamp, facts: Facts) -> Self {
        Self {
            md5: Md5::digest(&bytes).into(),
            bytes,
            modified,
            facts: (facts != Facts::default()).then(|| Arc::new(facts)),
        }
    }

    /// Without quotes.
    pub(in super::super) fn etag(&self) -> String {
        match self.facts().and_then(|facts| facts.multipart.as_ref()) {
            Some((_, etag)) => etag.clone(),
            None => hex(&self.md5),
        }
    }

    pub(in super::super) fn storage_class(&self) -> Option<&str> {
        self.facts()?.storage_class.as_deref()
    }

    /// The headers that came with it, `None` when the server itself wrote it.
    pub(in super::super) fn headers(&self) -> Option<&HeaderMap> {
        self.facts()?.headers.as_ref()
    }

    /// The upload that it was put together from.
    pub(super) fn upload_id(&self) -> Option<&str> {
        let (id, _) = self.facts()?.multipart.as_ref()?;
        Some(id)
    }

    fn facts(&self) -> Option<&Facts> {
        self.facts.as_deref()
    }
}
