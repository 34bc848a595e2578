//! MD5s, which are the checksums of most object stores.

use std::fmt::Write as _;

use bytes::Bytes;
use http::HeaderMap;
use md5::{Digest as _, Md5};

/// The MD5 of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum(pub(super) [u8; 16]);

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

    /// The MD5 of the MD5s of parts.
    pub(super) fn of_sums(parts: &[Self]) -> Self {
        let mut md5 = Md5::new();
        for part in parts {
            md5.update(part.0);
        }
        Self::finish(md5)
    }

    /// What S3 gives an object that was put together from parts for an ETag.
    pub(super) fn of_parts(parts: &[Self]) -> String {
        format!("{}-{}", Self::of_sums(parts).hex(), parts.len())
    }

    /// Whether a checksum contradicts it. One that is no MD5 says nothing.
    pub(super) fn contradicts(self, checksum: &str) -> bool {
        is_md5(checksum) && !checksum.eq_ignore_ascii_case(&self.hex())
    }
}

/// Whether it has the form of an MD5.
pub(super) fn is_md5(checksum: &str) -> bool {
    checksum.len() == 32 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether an ETag that looks like an MD5 is none: S3's under a key of KMS or of the customer's.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub(super) fn is_opaque(headers: &HeaderMap) -> bool {
    let is_kms = headers
        .get("x-amz-server-side-encryption")
        .is_some_and(|value| value.as_bytes().starts_with(b"aws:kms"));
    is_kms || headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
}
