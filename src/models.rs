//! The schemas of lakeFS's API, named as there, and what operations answer that no schema describes.
//!
//! All are `#[non_exhaustive]`, as newer servers send more. What is sent has a `new` that takes what is required, and a
//! chained setter for every field. Times are [`jiff::Timestamp`]s, whatever form they have on the wire. Enums keep a value
//! that they do not know. Fields that are secret, and signatures in presigned URLs, do not show in `Debug`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, response::Parts};

use crate::{
    // `Error` is a schema here.
    Body,
    Error as CallError,
    Result,
    codec::{WithoutQuery, decode},
    error::ErrorKind,
};

pub use crate::generated::models::*;

const METADATA: &str = "x-lakefs-meta-";

/// What [`get_object`](crate::Client::get_object) answers: the object's contents, or why there are none.
///
/// ```
/// # use lakefs_sdk::{Client, models::{Answer, RepositoryCreation}, testing::MemoryLakeFs};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let client = Client::new(MemoryLakeFs::new());
/// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
/// client.upload_object("lake", "main", "a.txt").body("0123456789").await?;
/// let part = client.get_object("lake", "main", "a.txt").range("bytes=2-4").await?;
/// assert_eq!(part.answer, Answer::Partial);
/// assert_eq!(part.head.content_range.as_deref(), Some("bytes 2-4/10"));
/// assert_eq!(part.bytes().await?, "234");
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ObjectContent {
    /// Which of the possible answers this is.
    pub answer: Answer,
    /// What the headers say of the object.
    pub head: ObjectHead,
    /// The contents, read as they arrive. Empty for an [`Answer`] without contents.
    pub body: Body,
}

/// The answers to a request for an object's contents.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// All of the object (HTTP 200).
    Full,
    /// The range that was asked for (HTTP 206).
    Partial,
    /// The object has still the ETag that `if_none_match` named (HTTP 304).
    NotModified,
    /// The object is at this presigned URL, as `presign` asked (HTTP 302), and redirects are not
    /// [followed](crate::Call::follow_redirects). The URL is a credential until it expires.
    Redirect(String),
}

/// What the headers of an answer say of an object; the answer of [`head_object`](crate::Client::head_object).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectHead {
    /// How many bytes the answer has: those of the object, or of the range. `None` when it is sent chunked.
    pub content_length: Option<u64>,
    /// Which bytes of how many the answer has, such as `bytes 0-99/1234`.
    pub content_range: Option<String>,
    /// The media type that the object was stored with.
    pub content_type: Option<String>,
    /// The object's version, in quotes as it was sent.
    pub etag: Option<String>,
    /// When the object was written, as an HTTP date (RFC 9110, 5.6.7).
    pub last_modified: Option<String>,
    /// The object's user metadata, by its key in lower case.
    pub metadata: BTreeMap<String, String>,
}

// ===== impl ObjectContent =====

impl ObjectContent {
    /// The contents, whole.
    ///
    /// # Errors
    ///
    /// As [`into_body`](Self::into_body), and as [`Body::bytes`].
    pub async fn bytes(self) -> Result<Bytes> {
        self.into_body()?.bytes().await
    }

    /// The contents, whole, as UTF-8.
    ///
    /// # Errors
    ///
    /// As [`into_body`](Self::into_body), and as [`Body::text`].
    pub async fn text(self) -> Result<String> {
        self.into_body()?.text().await
    }

    /// The contents as a stream.
    ///
    /// # Errors
    ///
    /// When there are none: after [`NotModified`](Answer::NotModified) and [`Redirect`](Answer::Redirect).
    pub fn into_body(self) -> Result<Body> {
        match self.answer {
            Answer::Full | Answer::Partial => Ok(self.body),
            Answer::NotModified => Err(CallError::new(
                ErrorKind::Unexpected,
                "the object is not modified, so no contents were sent",
            )),
            Answer::Redirect(_) => Err(CallError::new(
                ErrorKind::Unexpected,
                "the contents are at the presigned URL that the answer names",
            )),
        }
    }

    pub(crate) fn read(parts: &Parts, body: Body) -> Result<Self> {
        let answer = match parts.status {
            StatusCode::NOT_MODIFIED => Answer::NotModified,
            StatusCode::FOUND => Answer::Redirect(decode::required_header(parts, "location")?),
            StatusCode::PARTIAL_CONTENT => Answer::Partial,
            _ => Answer::Full,
        };
        let head = ObjectHead::read(&parts.headers);
        let body = match answer {
            Answer::NotModified | Answer::Redirect(_) => Body::empty(),
            Answer::Full | Answer::Partial => body.counted(head.content_length),
        };
        Ok(Self { answer, head, body })
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("Full"),
            Self::Partial => f.write_str("Partial"),
            Self::NotModified => f.write_str("NotModified"),
            Self::Redirect(location) => f
                .debug_tuple("Redirect")
                .field(&WithoutQuery(location))
                .finish(),
        }
    }
}

// ===== impl ObjectHead =====

impl ObjectHead {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let metadata = headers.iter().filter_map(|(name, value)| {
            let key = name.as_str().strip_prefix(METADATA)?;
            Some((
                key.to_owned(),
                std::str::from_utf8(value.as_bytes()).ok()?.to_owned(),
            ))
        });
        Self {
            content_length: decode::content_length(headers),
            content_range: decode::header(headers, "content-range"),
            content_type: decode::header(headers, "content-type"),
            etag: decode::header(headers, "etag"),
            last_modified: decode::header(headers, "last-modified"),
            metadata: metadata.collect(),
        }
    }
}
