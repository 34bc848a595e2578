//! MD5s: of what is sent, and of what the server says that it stored.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header::ETAG};
use md5::{Digest as _, Md5};

/// The MD5 of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum([u8; 16]);

/// Of a body that was sent to its end, its MD5 and size. The last attempt counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<Mutex<Option<(Sum, u64)>>>);

// ===== impl Sum =====

impl Sum {
    pub(super) fn of(chunks: &[Bytes]) -> Self {
        let mut md5 = Md5::new();
        for chunk in chunks {
            md5.update(chunk);
        }
        Self::finish(md5)
    }

    pub(super) fn finish(md5: Md5) -> Self {
        Self(md5.finalize().into())
    }

    pub(super) fn hex(self) -> String {
        let mut hex = String::with_capacity(32);
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// What S3 gives an object that was put together from parts for an ETag.
    pub(super) fn of_parts(parts: &[Self]) -> String {
        let mut md5 = Md5::new();
        for part in parts {
            md5.update(part.0);
        }
        format!("{}-{}", Self::finish(md5).hex(), parts.len())
    }

    /// Whether a checksum contradicts it. One that is no MD5 says nothing.
    pub(super) fn contradicts(self, checksum: &str) -> bool {
        is_md5(checksum) && !checksum.eq_ignore_ascii_case(&self.hex())
    }
}

// ===== impl Sent =====

impl Sent {
    pub(super) fn set(&self, sum: Sum, size: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((sum, size));
    }

    /// `None` when nothing was sent to its end, or nobody asked.
    pub(super) fn get(&self) -> Option<(Sum, u64)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it has the form of an MD5.
pub(super) fn is_md5(checksum: &str) -> bool {
    checksum.len() == 32 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether it has the form of the ETag that S3 gives an object that was put together from parts.
pub(super) fn is_md5_of_parts(checksum: &str) -> bool {
    checksum
        .split_once('-')
        .is_some_and(|(md5, count)| is_md5(md5) && count.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a store says about data that it took, without quotes: its MD5 where it tells that by itself, as Azure does, else its
/// ETag. `None` when it, or a proxy in between, says nothing.
pub(super) fn stored(headers: &HeaderMap) -> Option<String> {
    const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
    let md5 = headers
        .get(CONTENT_MD5)
        .and_then(|value| STANDARD.decode(value).ok())
        .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    if let Some(md5) = md5 {
        return Some(Sum(md5).hex());
    }
    etag(headers)
}

/// A store's ETag, without quotes.
pub(super) fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?.trim_matches(['"', ' ']);
    (!etag.is_empty()).then(|| etag.to_owned())
}

/// Whether an ETag that looks like an MD5 is none: S3's under a key of KMS or of the customer's.
pub(super) fn is_opaque(headers: &HeaderMap) -> bool {
    let is_kms = headers
        .get("x-amz-server-side-encryption")
        .is_some_and(|value| value.as_bytes().starts_with(b"aws:kms"));
    is_kms || headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
}
