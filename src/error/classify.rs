//! Turns answers and failures into [`Error`]s; the only place that does.

use std::{
    borrow::Cow,
    error::Error as StdError,
    io,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use serde::Deserialize;

use super::{Error, ErrorKind};
use crate::{BoxError, transport::ConnectError};

/// The most that is read of the body of an error answer, in bytes.
pub(crate) const MAX_ERROR_BODY: usize = 64 * 1024;
/// The most that a message quotes of a body that is no error document of lakeFS's, in characters.
const MAX_QUOTE: usize = 300;

/// How the message of a 500 begins that is no fault of the server's.
const LOCKED: &str = "branch is currently locked";

/// How the first line of several errors ends; each of them follows on lines of its own, the first of which begins with `* `.
///
/// <https://github.com/hashicorp/go-multierror>
const COUNTS: [&str; 2] = ["error occurred:", "errors occurred:"];

const WEB_PAGE: &str =
    "this is a web page, not the lakeFS API: is the endpoint right, and does it end in /api/v1?";

/// How lakeFS's message about a missing permission begins.
const PERMISSIONS: &str = "insufficient permissions";

// ===== answers =====

/// The error that an answer outside of what the operation expects stands for.
pub(crate) fn response(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Error {
    if let Some(place) = redirect(status, headers) {
        let message = format!(
            "the server redirects to {place}; if that is lakeFS, make it the `endpoint`; if it asks for a login, a proxy wants credentials of its own"
        );
        return Error::new(ErrorKind::Endpoint, message).with_answer(
            status,
            headers.clone(),
            body.clone(),
        );
    }
    let document = ErrorDocument::parse(headers, body);
    let kind = match (ErrorKind::of_status(status), &document) {
        // lakeFS says 401 for a missing permission too, and that one no other token would heal.
        (ErrorKind::Unauthenticated, ErrorDocument::Message(message))
            if message.starts_with(PERMISSIONS) =>
        {
            ErrorKind::PermissionDenied
        }
        (ErrorKind::Server, ErrorDocument::Message(message))
            if status == StatusCode::INTERNAL_SERVER_ERROR && message.starts_with(LOCKED) =>
        {
            ErrorKind::Throttled
        }
        (ErrorKind::NotFound, ErrorDocument::Message(message))
            if message == "invalid API endpoint" =>
        {
            ErrorKind::Endpoint
        }
        (ErrorKind::NotFound, ErrorDocument::Page(_)) => ErrorKind::Endpoint,
        (kind, _) => kind,
    };
    let message: Cow<'static, str> = match document {
        ErrorDocument::Message(message) => message.into(),
        ErrorDocument::Page(_) if kind == ErrorKind::Endpoint => WEB_PAGE.into(),
        ErrorDocument::Page(Some(title)) => format!("a web page titled \"{title}\"").into(),
        ErrorDocument::Page(None) => "a web page".into(),
        ErrorDocument::None => "the answer has no message".into(),
    };
    Error::new(kind, message).with_answer(status, headers.clone(), body.clone())
}

/// Whether a 401 refuses somebody whom the server knows.
pub(crate) fn is_about_permissions(headers: &HeaderMap, body: &Bytes) -> bool {
    matches!(ErrorDocument::parse(headers, body), ErrorDocument::Message(message) if message.starts_with(PERMISSIONS))
}

/// The error of a 2xx answer that comes from something else than the lakeFS API.
pub(crate) fn web_page(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Error {
    Error::new(ErrorKind::Endpoint, WEB_PAGE).with_answer(status, headers.clone(), body.clone())
}

/// Whether a 500 says that lakeFS could not get a branch's lock: then it did nothing, and another attempt may get it.
pub(crate) fn is_put_off(headers: &HeaderMap, body: &Bytes) -> bool {
    match ErrorDocument::parse(headers, body) {
        ErrorDocument::Message(message) => message.starts_with(LOCKED),
        _ => false,
    }
}

/// Where an answer redirects to, as a message may say it.
fn redirect(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| redirects)?;
    Some(place(&String::from_utf8_lossy(location.as_bytes())))
}

/// A URL without what may be secret in it: user and password, query, fragment.
pub(crate) fn place(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.rsplit_once('@') {
        Some((_, rest)) => quote(format!("[redacted]@{rest}")),
        None => quote(url),
    }
}

/// The error of an answer that came from the object store that lakeFS redirected to.
///
/// The store's 401 is no reason to look at lakeFS's credentials, and its 404 says that the data is gone.
pub(crate) fn of_store(host: &str, mut error: Error) -> Error {
    error.inner.kind = match error.inner.kind {
        ErrorKind::Unauthenticated => ErrorKind::PermissionDenied,
        ErrorKind::NotFound => ErrorKind::Gone,
        kind => kind,
    };
    let message = &error.inner.message;
    error.inner.message = match error.inner.kind {
        ErrorKind::Endpoint => format!("after a redirect to {host}: {message}"),
        _ => format!("the object store {host} said: {message}"),
    }
    .into();
    error
}

/// The same where lakeFS handed out a URL of the store's.
#[cfg(feature = "transfer")]
pub(crate) fn of_presigned(host: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Endpoint => {
            error.in_context(format_args!("the host of the presigned URL, {host}, said"))
        }
        _ => of_store(host, error),
    }
}

pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|media_type| media_type.starts_with("text/html"))
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// What the body of an error answer turned out to be.
enum ErrorDocument {
    Message(String),
    /// HTML, with its title.
    Page(Option<String>),
    None,
}

impl ErrorDocument {
    fn parse(headers: &HeaderMap, body: &Bytes) -> Self {
        #[derive(Deserialize)]
        struct Json {
            message: String,
        }
        // Some answers hold several JSON documents, one after the other: the first one with a message counts.
        let mut documents =
            serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>();
        if let Some(message) = documents.find_map(|document| Json::deserialize(document.ok()?).ok())
        {
            return Self::message(&message.message);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.is_empty() {
            return Self::None;
        }
        if is_html(headers)
            || starts_with_ignore_case(text, "<!doctype html")
            || starts_with_ignore_case(text, "<html")
        {
            let title = |text: &str| quote(text.split_whitespace().collect::<Vec<_>>().join(" "));
            return Self::Page(element(text, "title").map(title));
        }
        // Object stores answer <Error><Code>…</Code><Message>…</Message></Error>.
        match (element(text, "Code"), element(text, "Message")) {
            (Some(code), Some(message)) => Self::message(&format!("{code}: {message}")),
            (Some(only), None) | (None, Some(only)) => Self::message(only),
            (None, None) => Self::message(text),
        }
    }

    /// A validation error quotes the server's schema over many lines, Azure adds ids: the first line says what is wrong.
    ///
    /// Where that only counts what follows, as that of a hook's refusal does, the reasons are told too. What they are made
    /// of, such as a stack trace, is not.
    fn message(text: &str) -> Self {
        let mut lines = text
            .split(['\n', '\r'])
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let Some(first) = lines.next() else {
            return Self::None;
        };
        if !COUNTS.iter().any(|end| first.ends_with(end)) {
            return Self::Message(quote(first));
        }
        let reasons: Vec<&str> = lines.filter_map(|line| line.strip_prefix("* ")).collect();
        let message = format!("{first} {}", reasons.join("; "));
        Self::Message(quote(message.trim_end()))
    }
}

/// On one line, without secrets, and not too long.
fn quote(text: impl AsRef<str>) -> String {
    let line = text.as_ref().replace(['\n', '\r'], " ");
    let text = redact_signatures(&line);
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The text of the first element of that name, which must have no attributes.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    let content = content.trim();
    (!content.is_empty()).then_some(content)
}

/// Blanks the values of query parameters that carry a signature or a credential, wherever a URL stands in `text`.
pub(crate) fn redact_signatures(text: &str) -> Cow<'_, str> {
    const SECRET: [&str; 9] = [
        "X-Amz-Signature=",
        "X-Amz-Credential=",
        "X-Amz-Security-Token=",
        "X-Goog-Signature=",
        "X-Goog-Credential=",
        "AWSAccessKeyId=",
        "Signature=",
        "sig=",
        "token=",
    ];
    if !text.contains('=') {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['?', '&', '\\']) {
        let after = &rest[start + 1..];
        // `&` as XML and HTML write it, and as JSON does.
        let after = ["amp;", "u0026"]
            .iter()
            .find_map(|escape| after.strip_prefix(escape))
            .unwrap_or(after);
        redacted.push_str(&rest[..rest.len() - after.len()]);
        rest = after;
        let secret = |name: &&&str| starts_with_ignore_case(after, name);
        if let Some(name) = SECRET.iter().find(secret) {
            let end = after.find(|c: char| c.is_whitespace() || "&\\\"'<".contains(c));
            redacted.push_str(&after[..name.len()]);
            redacted.push_str("[redacted]");
            rest = &after[end.unwrap_or(after.len())..];
        }
    }
    if redacted.is_empty() {
        return Cow::Borrowed(text);
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

/// What `Retry-After` asks for, as seconds or as an HTTP date (RFC 9110, 10.2.3).
///
/// `None` for what is neither, and for several values: then the caller's own back-off counts.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let value = value.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit: longer than any deadline, which is all that matters.
        return Some(Duration::from_secs(
            value.parse().unwrap_or(u64::from(u32::MAX)),
        ));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

// ===== failures =====

/// The error that a transport's failure stands for.
pub(crate) fn transport(error: BoxError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let kind = kind_of_failure(&*error);
    let message = match kind {
        ErrorKind::Connect => "could not connect to the server",
        ErrorKind::Timeout => "the transport timed out",
        ErrorKind::Body => "the request's body failed",
        _ => "the connection failed while the request was under way",
    };
    Error::new(kind, message).with_source(error)
}

/// The error of a request that did not reach the object store that lakeFS redirected to, or got no answer there.
pub(crate) fn store_unreachable(host: &str, error: BoxError) -> Error {
    let error = transport(error);
    let kind = error.kind();
    let what = match kind {
        ErrorKind::Connect => "could not be reached from here",
        ErrorKind::Timeout => "did not answer in time",
        _ => "broke the connection off",
    };
    let message = format!(
        "lakeFS answered with a redirect, but the object store {host} {what}; without `presign` the data comes through lakeFS"
    );
    Error::new(kind, message).with_source(error)
}

/// The error of a request with a presigned URL that did not reach the object store, or got no answer there.
#[cfg(feature = "transfer")]
pub(crate) fn presigned_unreachable(host: &str, error: Error) -> Error {
    let kind = error.kind();
    let what = match kind {
        ErrorKind::Connect => "could not be reached from here",
        ErrorKind::Timeout => "did not answer in time",
        // It says best itself what is wrong: the caller's own data, say.
        ErrorKind::Transport => "broke the connection off",
        _ => return error,
    };
    let message = format!(
        "lakeFS answered with a presigned URL, but the object store {host} {what}; with `transfer::Mode::Direct` the data \
         goes through lakeFS instead"
    );
    let (operation, attempts, waited, in_doubt) = (
        error.operation(),
        error.attempts(),
        error.waited(),
        error.may_have_taken_effect(),
    );
    Error::new(kind, message)
        .with_source(error)
        .with_operation(operation)
        .with_attempts(attempts, waited, in_doubt)
}

/// The kind of a transport's failure.
pub(crate) fn kind_of_failure(error: &(dyn StdError + 'static)) -> ErrorKind {
    let causes = || {
        std::iter::successors(Some(error), |cause: &&(dyn StdError + 'static)| {
            (*cause).source()
        })
    };
    if let Some(ours) = causes().find_map(|cause| cause.downcast_ref::<Error>()) {
        // Also beneath a wrapper, as a body's error is beneath hyper's.
        ours.kind()
    } else if causes()
        .any(|cause| cause.is::<ConnectError>() || is_io(cause, io::ErrorKind::ConnectionRefused))
    {
        ErrorKind::Connect
    } else if causes().any(|cause| is_io(cause, io::ErrorKind::TimedOut)) {
        ErrorKind::Timeout
    } else {
        ErrorKind::Transport
    }
}

/// The error of a body that failed.
pub(crate) fn body(error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => Error::cut("the body failed").with_source(error),
    }
}

fn is_io(cause: &(dyn StdError + 'static), kind: io::ErrorKind) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == kind)
}
