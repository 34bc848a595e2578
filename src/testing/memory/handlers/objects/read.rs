//! Reading an object: whole, in part, or only its headers.

use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue,
    LAST_MODIFIED, LOCATION, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use super::super::Answer;
use super::super::auth::http_date;
use super::super::presign;
use super::range::{Range, parse};
use super::{find, locate, vanished};
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::Entry;

/// The types that a browser may show where they are; others are downloads.
const SHOWN_INLINE: [&str; 22] = [
    "application/javascript",
    "application/json",
    "application/pdf",
    "application/xml",
    "audio/mpeg",
    "audio/wav",
    "audio/webm",
    "image/gif",
    "image/jpeg",
    "image/jpg",
    "image/png",
    "image/svg+xml",
    "image/webp",
    "text/css",
    "text/html",
    "text/javascript",
    "text/markdown",
    "text/plain",
    "text/x-markdown",
    "text/xml",
    "video/mp4",
    "video/webm",
];

pub(in super::super) fn get(server: &Server, call: &Call) -> Answer {
    server.repository(call.repository())?;
    let (repository, entry) = find(
        server,
        call.repository(),
        call.variable("ref"),
        call.query.bytes("path"),
    )?;
    if call
        .header("if-none-match")
        .is_some_and(|tag| tag == etag(&entry))
    {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED));
    }
    if call.query.is_set("presign") {
        let location = locate(server, &repository, &entry)?;
        let presigned = presign::read(server, call, &location, call.query.bytes("path"))?;
        return Ok(Reply::empty(StatusCode::FOUND).text_header(LOCATION, &presigned.url));
    }
    let size = size(&entry);
    let headers = private_headers(&entry);
    let fail = |failure: Failure| Ok(failure.into_reply().with_headers(headers.clone()));
    let range = call.header("range").map(|header| parse(&header, size));
    match range {
        Some(Range::Bad) => return fail(unsatisfiable()),
        Some(Range::Unsatisfiable) => {
            return Ok(
                fail(unsatisfiable())?.text_header(CONTENT_RANGE, &format!("bytes */{size}"))
            );
        }
        Some(Range::EndOfNothing) => return fail(Failure::internal("bad index")),
        Some(Range::Bytes(..)) | None => {}
    }
    let location = match locate(server, &repository, &entry) {
        Ok(location) => location,
        Err(failure) => return fail(failure),
    };
    let Some(bytes) = server.storage.find(&location).map(|stored| stored.bytes) else {
        return fail(vanished());
    };
    let reply = match range {
        Some(Range::Bytes(start, end)) => {
            let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let part = bytes.slice(index(start)..index(end + 1));
            Reply::bytes(StatusCode::PARTIAL_CONTENT, &entry.content_type, part)
                .text_header(CONTENT_RANGE, &format!("bytes {start}-{end}/{size}"))
        }
        _ => Reply::bytes(StatusCode::OK, &entry.content_type, bytes),
    };
    Ok(reply.with_headers(headers))
}

/// Errors have no body and no headers of their own: the caller drops both.
pub(in super::super) fn head(server: &Server, call: &Call) -> Answer {
    let found = find(
        server,
        call.repository(),
        call.variable("ref"),
        call.query.bytes("path"),
    );
    let entry = match found {
        Ok((_, entry)) => entry,
        Err(failure) => return Ok(Reply::empty(failure.status())),
    };
    let size = size(&entry);
    let status = |status, length: u64| {
        Reply::empty(status)
            .with_headers(cache_headers(&entry))
            .text_header(CONTENT_TYPE, &entry.content_type)
            .text_header(CONTENT_LENGTH, &length.to_string())
            .header(ACCEPT_RANGES, "bytes")
    };
    Ok(
        match call.header("range").map(|header| parse(&header, size)) {
            None => status(StatusCode::OK, size),
            Some(Range::Bytes(start, end)) => status(StatusCode::PARTIAL_CONTENT, end - start + 1)
                .text_header(CONTENT_RANGE, &format!("bytes {start}-{end}/{size}")),
            Some(Range::EndOfNothing) => {
                status(StatusCode::PARTIAL_CONTENT, 0).header(CONTENT_RANGE, "bytes 0--1/0")
            }
            Some(Range::Bad | Range::Unsatisfiable) => status(StatusCode::RANGE_NOT_SATISFIABLE, 0),
        },
    )
}

/// A size that makes no sense is none.
fn size(entry: &Entry) -> u64 {
    u64::try_from(entry.size).unwrap_or(0)
}

fn unsatisfiable() -> Failure {
    Failure::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "Requested Range Not Satisfiable",
    )
}

fn etag(entry: &Entry) -> String {
    format!("\"{}\"", entry.checksum)
}

/// What identifies the content, and that nobody may keep it.
fn cache_headers(entry: &Entry) -> HeaderMap {
    let facts = [
        (ETAG, etag(entry)),
        (LAST_MODIFIED, http_date(entry.modified)),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
    let rules = [(CACHE_CONTROL, "no-store, must-revalidate"), (EXPIRES, "0")];
    facts.chain(rules.map(fixed)).collect()
}

/// As [`cache_headers`], and that a browser must not run it.
fn private_headers(entry: &Entry) -> HeaderMap {
    let inline = SHOWN_INLINE.contains(&entry.content_type.as_str());
    let mut headers = cache_headers(entry);
    headers.extend(
        [
            (
                CONTENT_DISPOSITION,
                if inline { "inline" } else { "attachment" },
            ),
            (CONTENT_SECURITY_POLICY, "default-src 'none'"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "SAMEORIGIN"),
        ]
        .map(fixed),
    );
    headers
}

fn fixed((name, value): (HeaderName, &'static str)) -> (HeaderName, HeaderValue) {
    (name, HeaderValue::from_static(value))
}
