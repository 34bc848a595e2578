//! The object store as clients see it who were handed a presigned URL: an S3 that answers to nobody else.
//!
//! Where the recorded store (moto) and S3 agree on the meaning, its headers are the recorded ones.

mod conditions;
mod range;
mod sign;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION,
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, HOST,
    HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
};
use http::request::Parts;
use http::{Method, StatusCode};
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;

use super::handlers::http_date;
use super::reply::Reply;
use super::server::Server;
use super::storage::{Facts, StoreError, Stored};
use range::Range;

pub(super) use sign::{Presigned, Signer};

/// Where the object store is for those who reach this lakeFS without a socket.
const ORIGIN: &str = "http://mem-object-store.invalid";
const ORIGIN_HOST: &str = "mem-object-store.invalid";

/// What lies in S3 has its bucket and key for a path. What lies elsewhere has its scheme in front of that, with the colon
/// that no bucket has in its name.
const SCHEME: &str = "s3:/";

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");

/// The headers that are kept with an object and answered again, beside its metadata.
const KEPT: [HeaderName; 6] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    EXPIRES,
];

/// Where the object store is for the sender of a request: a connection knows, and says so in the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct Origin(pub(super) Cow<'static, str>);

impl Default for Origin {
    fn default() -> Self {
        Self(ORIGIN.into())
    }
}

/// That a request does not say how long its body is. It is among the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unannounced;

/// Whether a request without a socket is for the object store rather than for lakeFS.
pub(super) fn is_addressed(parts: &Parts) -> bool {
    match parts.uri.host() {
        Some(host) => host == ORIGIN_HOST,
        None => parts
            .headers
            .get(HOST)
            .is_some_and(|host| host == ORIGIN_HOST),
    }
}

/// The path of the URLs of an object.
pub(super) fn path(location: &str) -> Cow<'_, str> {
    match location.strip_prefix(SCHEME) {
        Some(path) => path.into(),
        None => format!("/{}", location.replacen("//", "/", 1)).into(),
    }
}

/// The location of the object that a path leads to.
fn location(path: &str) -> String {
    let relative = path.strip_prefix('/').unwrap_or(path);
    let scheme = relative
        .split_once('/')
        .filter(|(scheme, _)| scheme.ends_with(':'));
    match scheme {
        Some((scheme, path)) => format!("{scheme}//{path}"),
        None => format!("{SCHEME}{path}"),
    }
}

/// Answers a request to the object store.
pub(super) fn answer(server: &Server, parts: &Parts, body: Bytes) -> Reply {
    let reply = carry_out(server, parts, body).unwrap_or_else(|error| refusal(server, &error));
    reply.header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
}

fn carry_out(server: &Server, parts: &Parts, body: Bytes) -> Result<Reply, StoreError> {
    server.signer.verify(parts, server.now())?;
    if parts.method == Method::PUT && parts.extensions.get::<Unannounced>().is_some() {
        return Err(StoreError::without_length());
    }
    let reply = obey(server, parts, body)?;
    Ok(reply.text_header(REQUEST_ID, &server.ids.uuid()))
}

/// Carries out a request that is allowed.
fn obey(server: &Server, parts: &Parts, body: Bytes) -> Result<Reply, StoreError> {
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let location = location(&path);
    let query = sign::pairs(parts.uri.query().unwrap_or_default());
    let parameter = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let upload = parameter("uploadId");
    match (&parts.method, upload) {
        (&Method::GET | &Method::HEAD, None) => {
            let stored = server.storage.find(&location);
            let key = path.split('/').skip(2).collect::<Vec<_>>().join("/");
            let stored = stored.ok_or_else(|| StoreError::no_such_key().detail("Key", key))?;
            read(&parts.headers, &query, &stored)
        }
        (&Method::PUT, None) => write(server, &parts.headers, location, body),
        (&Method::PUT, Some(id)) => {
            check_md5(&parts.headers, &body)?;
            let number = parameter("partNumber").and_then(|number| number.parse().ok());
            let number = number
                .filter(|number| (1..=10_000).contains(number))
                .ok_or_else(|| {
                    StoreError::bad_request(
                        "InvalidArgument",
                        "Part number must be an integer between 1 and 10000, inclusive",
                    )
                })?;
            let etag = server.storage.put_part(&location, id, number, body)?;
            Ok(written(server, &etag))
        }
        (&Method::DELETE, None) => {
            server.storage.remove(&location);
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        (&Method::DELETE, Some(id)) => {
            server.storage.abort_upload(&location, id)?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(StoreError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )),
    }
}

fn read(
    headers: &HeaderMap,
    query: &[(String, String)],
    stored: &Stored,
) -> Result<Reply, StoreError> {
    let etag = format!("\"{}\"", stored.etag());
    if !conditions::hold(headers, &etag, stored.modified)? {
        let reply = Reply::empty(StatusCode::NOT_MODIFIED).text_header(ETAG, &etag);
        return Ok(reply.text_header(LAST_MODIFIED, &http_date(stored.modified)));
    }
    let length = stored.bytes.len();
    let wanted = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let mut reply = match wanted.map(|range| range::parse(range, length)) {
        None | Some(Range::Whole) => Reply::bytes(StatusCode::OK, "", stored.bytes.clone()),
        Some(Range::Part(part)) => {
            let place = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            Reply::bytes(StatusCode::PARTIAL_CONTENT, "", stored.bytes.slice(part))
                .text_header(CONTENT_RANGE, &place)
        }
        Some(Range::Unsatisfiable) => {
            let error = StoreError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "InvalidRange",
                "The requested range is not satisfiable",
            );
            let error = error.detail("RangeRequested", wanted.unwrap_or_default());
            return Err(error.detail("ActualObjectSize", length));
        }
    };
    match stored.headers() {
        Some(kept) => {
            for (name, value) in kept {
                reply = reply.text_header(name.clone(), &String::from_utf8_lossy(value.as_bytes()));
            }
        }
        // What the recorded server sent along when it wrote the object.
        None => {
            reply = reply
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_SHA256, "UNSIGNED-PAYLOAD");
        }
    }
    if let Some(class) = stored.storage_class() {
        reply = reply.text_header(STORAGE_CLASS, class);
    }
    for (name, value) in query {
        let asked = name
            .strip_prefix("response-")
            .and_then(|name| name.parse().ok());
        if let Some(name) = asked.filter(|name| KEPT.contains(name)) {
            reply = reply.text_header(name, value);
        }
    }
    Ok(reply
        .header(ACCEPT_RANGES, "bytes")
        .text_header(ETAG, &etag)
        .text_header(LAST_MODIFIED, &http_date(stored.modified)))
}

fn write(
    server: &Server,
    headers: &HeaderMap,
    location: String,
    body: Bytes,
) -> Result<Reply, StoreError> {
    check_md5(headers, &body)?;
    let kept = headers
        .iter()
        .filter(|(name, _)| KEPT.contains(name) || name.as_str().starts_with("x-amz-meta-"));
    let mut kept: HeaderMap = kept
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    kept.entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("binary/octet-stream"));
    let class = headers
        .get(STORAGE_CLASS)
        .and_then(|class| class.to_str().ok());
    let facts = Facts {
        headers: Some(kept),
        storage_class: class.map(str::to_owned),
        multipart: None,
    };
    let only_new = headers.get(IF_NONE_MATCH).is_some_and(|value| value == "*");
    let etag = if only_new {
        server.storage.put_new(location, body, facts)?
    } else {
        Some(server.storage.put_at(location, body, facts)?)
    };
    let etag = etag.ok_or_else(conditions::failed)?;
    Ok(written(server, &etag))
}

fn written(server: &Server, etag: &str) -> Reply {
    Reply::bytes(StatusCode::OK, "text/html; charset=utf-8", Bytes::new())
        .text_header(ETAG, &format!("\"{etag}\""))
        .text_header(LAST_MODIFIED, &http_date(server.now()))
}

fn check_md5(headers: &HeaderMap, body: &Bytes) -> Result<(), StoreError> {
    let Some(claimed) = headers.get(CONTENT_MD5) else {
        return Ok(());
    };
    let claimed = STANDARD
        .decode(claimed)
        .ok()
        .filter(|digest| digest.len() == 16);
    let Some(claimed) = claimed else {
        let message = "The Content-MD5 you specified was invalid.";
        return Err(StoreError::bad_request("InvalidDigest", message));
    };
    if claimed == Md5::digest(body)[..] {
        return Ok(());
    }
    let message = "The Content-MD5 you specified did not match what we received.";
    Err(StoreError::bad_request("BadDigest", message))
}

fn refusal(server: &Server, error: &StoreError) -> Reply {
    let text = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let (code, message) = (error.code, text(&error.message));
    if code == "SignatureDoesNotMatch" {
        // As recorded; S3 has its usual document here.
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ErrorResponse><Errors><Error><Code>{code}</Code>\
             <Message>{message}</Message><Type>Sender</Type></Error></Errors></ErrorResponse>"
        );
        return Reply::bytes(error.status, "application/xml", body).header(ERROR_TYPE, code);
    }
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>"
    );
    for (element, value) in &error.details {
        body.push_str(&format!("<{element}>{}</{element}>", text(value)));
    }
    let (request, host) = (server.ids.uuid(), server.ids.short());
    body.push_str(&format!(
        "<RequestId>{request}</RequestId><HostId>{host}</HostId></Error>"
    ));
    Reply::bytes(error.status, "application/xml", body)
}
