//! Presigned uploads in parts.

use std::ops::Range;

use http::StatusCode;
use http::header::ETAG;

use super::objects::find;
use super::{Answer, created, no_content, ok, presign, staging};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{Entry, EntryData, names};
use crate::testing::memory::storage::address;

const MAX_PARTS: i64 = 10_000;

pub(super) fn create(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?;
    offered(server)?;
    let branch = call.variable("branch");
    names::branch("name", branch)?;
    let repository = repository.read();
    if !repository.has_branch(branch) {
        return Err(Failure::not_found(format!("branch '{branch}' not found")));
    }
    let parts = call.query.integer("parts").unwrap_or(0);
    if !(0..=MAX_PARTS).contains(&parts) {
        return Err(Failure::bad_request(format!(
            "parts can be between 0 and {MAX_PARTS}"
        )));
    }
    let address = staging::new_address(server, call);
    let namespace = repository.storage_namespace.trim_end_matches('/');
    let location = address::location(namespace, &address);
    let id = server.ids.short() + &server.ids.short();
    server.storage.begin_upload(location.clone(), id.clone());
    let urls = (1..=parts).map(|number| presign::write_part(server, call, &location, &id, number));
    let urls: Vec<String> = urls.collect::<Result<_, _>>()?;
    created(&models::PresignMultipartUpload {
        upload_id: id,
        physical_address: format!("{namespace}/{address}"),
        presigned_urls: Some(urls).filter(|urls| !urls.is_empty()),
    })
}

pub(super) fn part(server: &Server, call: &Call) -> Answer {
    let wanted: models::UploadPartFrom = call.json()?;
    let repository = server.repository(call.repository())?;
    let location = given_out(server, call, &repository, &wanted.physical_address)?;
    let presigned_url = presign::write_part(server, call, &location, id(call), number(call))?;
    ok(&models::UploadTo { presigned_url })
}

pub(super) fn copy_part(server: &Server, call: &Call) -> Answer {
    let wanted: models::UploadPartCopyFrom = call.json()?;
    let source = wanted.copy_source;
    let repository = server.repository(call.repository())?;
    server.repository(&source.repository)?;
    let location = given_out(server, call, &repository, &wanted.physical_address)?;
    let path = source.path.as_bytes();
    let found = find(server, &source.repository, &source.reference, path);
    let (repository, entry) = found.map_err(|failure| {
        let place = format!("{}/{}/{}", source.repository, source.reference, source.path);
        Failure::new(failure.status(), format!("{place}: {}", failure.message()))
    })?;
    // As the real server does, it takes every address for a relative one: what lies elsewhere is not found.
    let namespace = repository.storage_namespace.trim_end_matches('/');
    let from = format!("{namespace}/{}", entry.address);
    let range = source.range.as_deref().map(parse_range).transpose()?;
    let copied = server
        .storage
        .copy_part(&location, id(call), number(call), &from, range);
    let etag = copied.map_err(|error| error.passed_on("UploadPartCopy", &server.ids))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).text_header(ETAG, &etag))
}

pub(super) fn complete(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?;
    offered(server)?;
    let wanted: models::CompletePresignMultipartUpload = body(call)?;
    if wanted.parts.is_empty() {
        return Err(Failure::bad_request("parts are required"));
    }
    let location = given_out(server, call, &repository, &wanted.physical_address)?;
    let parts: Vec<(i64, &str)> = wanted
        .parts
        .iter()
        .map(|part| (part.part_number, part.etag.as_str()))
        .collect();
    let stored = server
        .storage
        .complete_upload(&location, id(call), &parts)
        .map_err(|error| error.passed_on("CompleteMultipartUpload", &server.ids))?;

    let (branch, path) = (call.variable("branch"), call.query.bytes("path"));
    let namespace = repository.read().storage_namespace;
    let relative = staging::relative_address(&namespace, &wanted.physical_address)?;
    let entry = Entry::new(EntryData {
        checksum: stored.etag(),
        size: i64::try_from(stored.bytes.len()).unwrap_or(i64::MAX),
        address: relative.into(),
        modified: stored.modified,
        content_type: staging::type_or_default(wanted.content_type),
        metadata: wanted.user_metadata.unwrap_or_default(),
    });
    names::branch("branch", branch)?;
    names::path("path", path)?;
    repository
        .write(|repository| repository.put(branch, path.into(), entry.clone(), false, false))?;
    ok(&models::ObjectStats {
        metadata: Some(entry.metadata.clone()),
        // Relative, unlike everywhere else.
        ..staging::describe(path, &entry, relative.to_owned())
    })
}

pub(super) fn abort(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?;
    offered(server)?;
    let wanted: models::AbortPresignMultipartUpload = body(call)?;
    let location = given_out(server, call, &repository, &wanted.physical_address)?;
    server
        .storage
        .abort_upload(&location, id(call))
        .map_err(|error| error.passed_on("AbortMultipartUpload", &server.ids))?;
    no_content()
}

fn offered(server: &Server) -> Result<(), Failure> {
    if server.presigns {
        return Ok(());
    }
    let message = "presign multipart upload API is not supported";
    Err(Failure::new(StatusCode::NOT_IMPLEMENTED, message))
}

/// The body of an operation that does without one until it looks for an address in it.
fn body<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Failure> {
    #[derive(serde::Deserialize)]
    struct Addressed {
        #[serde(default)]
        physical_address: String,
    }
    let addressed: Addressed = call.json()?;
    if addressed.physical_address.is_empty() {
        return Err(Failure::bad_request("physical_address is required"));
    }
    call.json()
}

/// Where an address lies that was given out for this path.
fn given_out(
    server: &Server,
    call: &Call,
    repository: &Handle,
    whole: &str,
) -> Result<String, Failure> {
    let namespace = repository.read().storage_namespace;
    let relative = staging::relative_address(&namespace, whole)?;
    staging::check_address(server, call, relative)?;
    Ok(address::location(&namespace, relative))
}

fn id(call: &Call) -> &str {
    call.variable("uploadId")
}

fn number(call: &Call) -> i64 {
    // Checked before: an integer within bounds.
    call.variable("partNumber").parse().unwrap_or(1)
}

/// Reads `bytes=5-9`, with the messages of Go's `Sscanf`; what follows is not looked at.
fn parse_range(text: &str) -> Result<Range<usize>, Failure> {
    let fault = |why: &str| Failure::internal(format!("parse range \"{text}\": {why}"));
    let rest = text.strip_prefix("bytes=").unwrap_or_default();
    let (start, rest) = scan_integer(rest).map_err(fault)?;
    let rest = match rest.strip_prefix('-') {
        Some(rest) => rest,
        None if rest.is_empty() => return Err(fault("unexpected EOF")),
        None => return Err(fault("input does not match format")),
    };
    let (end, _) = scan_integer(rest).map_err(fault)?;
    // What no object has is left to the store to refuse.
    let index = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(index(start)..index(end.saturating_add(1)))
}

fn scan_integer(text: &str) -> Result<(i64, &str), &'static str> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    match (digits.is_empty(), end) {
        (true, _) => return Err("unexpected EOF"),
        (false, 0) => return Err("expected integer"),
        _ => {}
    }
    let length = text.len() - digits.len() + end;
    let number = text[..length].parse().map_err(|_| "integer overflow")?;
    Ok((number, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_to_copy_are_scanned_as_in_go() {
        let parsed = |text: &str| parse_range(text).map_err(|failure| failure.message().to_owned());
        assert_eq!(parsed("bytes=0-9"), Ok(0..10));
        assert_eq!(parsed("bytes=5-9,20-30"), Ok(5..10));
        for open in ["bytes=5-", "bytes=-5", "bytes=-"] {
            assert_eq!(
                parsed(open),
                Err(format!("parse range \"{open}\": unexpected EOF"))
            );
        }
    }
}
