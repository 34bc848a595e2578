//! Whether an answer is what was asked for: a part of the same object.

use std::ops::Range;

use crate::{
    Error, Result,
    error::ErrorKind,
    models::ObjectHead,
    transfer::checksum::{Sum, is_md5},
};

/// Which version of an object it is.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// As it was sent, in quotes; `None` where it was not.
    etag: Option<String>,
}

// ===== impl Version =====

impl Version {
    pub(super) fn of(head: &ObjectHead) -> Self {
        Self {
            etag: head.etag.clone(),
        }
    }

    /// lakeFS sends the checksum as the ETag.
    pub(super) fn of_checksum(checksum: &str) -> Self {
        Self {
            etag: Some(format!("\"{checksum}\"")),
        }
    }

    pub(super) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The ETag, where it may stand in `If-Range` (RFC 9110, 13.1.5). lakeFS does not look at it; stores and proxies do.
    pub(super) fn strong(&self) -> Option<&str> {
        let etag = self.etag()?;
        (etag.len() > 2 && etag.starts_with('"')).then_some(etag)
    }

    pub(super) fn is_checksum(&self, checksum: &str) -> bool {
        self.etag().is_none_or(|etag| bare(etag) == bare(checksum))
    }

    /// Whether an answer is of this version.
    pub(super) fn check(&self, head: &ObjectHead) -> Result<()> {
        match (self.etag(), head.etag.as_deref()) {
            (Some(ours), Some(theirs)) if bare(ours) == bare(theirs) => Ok(()),
            (Some(_), Some(_)) => Err(changed()),
            _ => Err(Error::new(
                ErrorKind::Unexpected,
                "the answer has no ETag, so it cannot be told whether it is of the same object; does a proxy remove it?",
            )),
        }
    }

    /// The MD5 of the contents, where the checksum has the form of one.
    pub(super) fn md5(&self) -> Option<Sum> {
        let hex = bare(self.etag()?);
        if !is_md5(hex) {
            return None;
        }
        let mut md5 = [0; 16];
        for (at, byte) in md5.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Sum(md5))
    }

    /// Whether it is that of an object in parts, of which the checksum is the beginning: S3 puts their number behind it.
    pub(super) fn is_in_parts(&self, checksum: &Self) -> bool {
        let (Some(etag), Some(checksum)) = (self.etag(), checksum.etag()) else {
            return false;
        };
        let parts = bare(etag).strip_prefix(bare(checksum));
        parts.is_some_and(|parts| parts.starts_with('-'))
    }
}

/// Without quotes, and without the sign of a proxy that recoded it.
fn bare(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// The bytes of an answer and the size of the object, by its `Content-Range` (RFC 9110, 14.4).
pub(super) fn content_range(head: &ObjectHead) -> Result<(Range<u64>, u64)> {
    let parse = |text: &str| {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, size): (u64, u64, u64) =
            (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
        (first <= last && last < size).then_some((first..last + 1, size))
    };
    let text = head.content_range.as_deref();
    text.and_then(parse).ok_or_else(|| {
        Error::decode(format!(
            "a part of the object was sent, and which one is not said: Content-Range is {text:?}"
        ))
    })
}

// ===== errors =====

pub(super) fn changed() -> Error {
    Error::new(
        ErrorKind::PreconditionFailed,
        "object changed while it was read: read it again, or read from a commit id",
    )
}

/// A 200 where a 206 was asked for.
pub(super) fn whole(start: u64) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!(
            "the whole object was sent where a part from byte {start} on was asked for (200, not 206); none of it was used; does a proxy remove the header Range?"
        ),
    )
}

pub(super) fn other_range(got: &Range<u64>, asked: &Range<u64>) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("the bytes {got:?} of the object were sent where {asked:?} were asked for"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(range: &str) -> ObjectHead {
        ObjectHead {
            content_range: Some(range.to_owned()),
            ..ObjectHead::default()
        }
    }

    /// A range that is read wrong would put bytes in the wrong place.
    #[test]
    fn content_ranges_are_read_strictly() {
        assert_eq!(content_range(&head("bytes 2-4/10")).unwrap(), (2..5, 10));
        for wrong in [
            "bytes 4-2/10",
            "bytes 0-10/10",
            "bytes 0-1/*",
            "bytes */10",
            "0-1/2",
            "",
        ] {
            assert!(
                content_range(&head(wrong)).unwrap_err().is_decode(),
                "{wrong}"
            );
        }
    }

    /// A checksum that is no MD5 cannot be compared with one, and one that is must be.
    #[test]
    fn md5s_are_told_from_other_checksums() {
        let md5 = |checksum| Version::of_checksum(checksum).md5();
        let sum = md5("000102030405060708090a0b0c0d0eff").unwrap();
        assert_eq!(sum.0[15], 255);
        for other in [
            "",
            "d41d8cd98f00b204e9800998ecf8427e-2",
            "abc",
            "ü00102030405060708090a0b0c0d0ef",
        ] {
            assert_eq!(md5(other), None, "{other}");
        }
    }
}
