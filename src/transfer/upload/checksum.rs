//! What was sent, and what the server says that it stored.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, header::ETAG};
use md5::{Digest as _, Md5};

use crate::transfer::checksum::{Sum, is_md5};

/// Of a body that was sent to its end, what it was. The last attempt counts.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Whether its MD5 is wanted.
    hashes: bool,
    whole: Arc<Mutex<Option<Whole>>>,
}

/// What was sent to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) size: u64,
    /// Its MD5, where that was wanted.
    pub(super) sum: Option<Sum>,
}

// ===== impl Sent =====

impl Sent {
    pub(super) fn new(hashes: bool) -> Self {
        Self {
            hashes,
            whole: Arc::default(),
        }
    }

    /// An attempt begins, and takes the MD5 if there is one to take.
    pub(super) fn begin(&self) -> Option<Md5> {
        *self.lock() = None;
        self.hashes.then(Md5::new)
    }

    /// An attempt came to the end of the data.
    pub(super) fn end(&self, size: u64, md5: Option<Md5>) {
        let sum = md5.map(Sum::finish);
        *self.lock() = Some(Whole { size, sum });
    }

    /// `None` when the last attempt did not come to the end.
    pub(super) fn get(&self) -> Option<Whole> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Whole>> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it has the form of the ETag that S3 gives an object that was put together from parts.
pub(super) fn is_md5_of_parts(checksum: &str) -> bool {
    checksum
        .split_once('-')
        .is_some_and(|(md5, count)| is_md5(md5) && count.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a store says about data that it took, without quotes: its MD5 where it tells that by itself, else its ETag. `None`
/// when it, or a proxy in between, says nothing.
pub(super) fn stored(headers: &HeaderMap) -> Option<String> {
    let sum = md5(headers);
    sum.map(Sum::hex).or_else(|| etag(headers))
}

/// The MD5 that a store tells: Azure in `Content-MD5`, Google in `x-goog-hash: crc32c=…,md5=…`, on one line or on two.
fn md5(headers: &HeaderMap) -> Option<Sum> {
    const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
    const GOOGLE: HeaderName = HeaderName::from_static("x-goog-hash");
    let google = headers
        .get_all(GOOGLE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|hash| hash.trim().strip_prefix("md5="));
    let plain = headers
        .get(CONTENT_MD5)
        .and_then(|value| value.to_str().ok());
    let md5 = plain.into_iter().chain(google);
    md5.filter_map(|text| STANDARD.decode(text).ok())
        .find_map(|bytes| bytes.try_into().ok())
        .map(Sum)
}

/// A store's ETag, without quotes. A proxy that compresses answers marks it as weak, which a store does not understand.
pub(super) fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?.trim();
    let etag = etag.strip_prefix("W/").unwrap_or(etag);
    let etag = etag.trim_matches(['"', ' ']);
    (!etag.is_empty()).then(|| etag.to_owned())
}
