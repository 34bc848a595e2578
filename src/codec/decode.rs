//! Reads answers. Every function first checks the status: an answer that is an error comes back as the
//! [`Error`] it stands for.

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_LENGTH, ETAG},
    response::Parts,
};
use serde::de::DeserializeOwned;

use crate::{
    Body, Error, Result,
    error::{ErrorKind, classify},
    middleware::redirect::Store,
    models::{ObjectContent, ObjectHead},
};

/// An answer with a JSON document.
///
/// # Errors
///
/// What a status outside of 2xx stands for; [`is_endpoint`](Error::is_endpoint) for a web page; and
/// [`is_decode`](Error::is_decode) for anything that is not a `T`.
pub fn json<T: DeserializeOwned>(parts: &Parts, body: &Bytes) -> Result<T> {
    success(parts, body)?;
    serde_json::from_slice(body).map_err(|error| {
        if classify::is_html(&parts.headers) {
            return classify::web_page(parts.status, &parts.headers, body);
        }
        let place = std::any::type_name::<T>()
            .rsplit("::")
            .next()
            .unwrap_or_default()
            .trim_end_matches('>');
        Error::decode(format!("the answer is not a valid `{place}`"))
            .with_source(error)
            .with_answer(parts.status, parts.headers.clone(), body.clone())
    })
}

/// An answer whose body, if it has one, says nothing.
///
/// # Errors
///
/// As [`json`], but for the document.
pub fn empty(parts: &Parts, body: &Bytes) -> Result<()> {
    success(parts, body)?;
    if !body.is_empty() && classify::is_html(&parts.headers) {
        return Err(classify::web_page(parts.status, &parts.headers, body));
    }
    Ok(())
}

/// An answer of bare text, without the white space around it.
///
/// # Errors
///
/// As [`json`]; [`is_decode`](Error::is_decode) when it is not UTF-8.
pub fn text(parts: &Parts, body: &Bytes) -> Result<String> {
    success(parts, body)?;
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(Error::decode("the answer is not UTF-8").with_answer(
            parts.status,
            parts.headers.clone(),
            body.clone(),
        ));
    };
    let text = text.trim();
    if text.starts_with('<') {
        return Err(classify::web_page(parts.status, &parts.headers, body));
    }
    Ok(text.to_owned())
}

/// Checks that the status is 2xx.
///
/// # Errors
///
/// The error that any other status stands for.
pub fn success(parts: &Parts, body: &Bytes) -> Result<()> {
    if parts.status.is_success() {
        Ok(())
    } else {
        Err(error(parts, body))
    }
}

/// The error that an answer stands for.
#[must_use]
pub fn error(parts: &Parts, body: &Bytes) -> Error {
    of_store(
        parts,
        classify::response(parts.status, &parts.headers, body),
    )
}

/// The same error, telling whether it was the object store that answered.
fn of_store(parts: &Parts, error: Error) -> Error {
    match parts.extensions.get::<Store>() {
        Some(store) => classify::of_store(&store.host, error),
        None => error,
    }
}

/// A header as text, where it is there and is text.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    // Metadata may be any UTF-8, which `to_str` does not let through.
    std::str::from_utf8(headers.get(name)?.as_bytes())
        .ok()
        .map(str::to_owned)
}

/// The `Content-Length`, where it is there and is a number.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// A header that an answer must have.
pub(crate) fn required_header(parts: &Parts, name: &'static str) -> Result<String> {
    header(&parts.headers, name).ok_or_else(|| {
        Error::new(
            ErrorKind::Decode,
            format!("the answer lacks the header `{name}`: does a proxy remove it?"),
        )
        .with_answer(parts.status, parts.headers.clone(), Bytes::new())
    })
}

// ===== answers that are no documents =====

/// An object's contents.
pub(crate) fn object_content(parts: &Parts, body: Body) -> Result<ObjectContent> {
    data_status(parts, &body)?;
    ObjectContent::read(parts, body)
}

/// Data without anything around it.
pub(crate) fn data(parts: &Parts, body: Body) -> Result<Body> {
    data_status(parts, &body)?;
    Ok(body.counted(content_length(&parts.headers)))
}

/// An object's headers.
pub(crate) fn object_head(parts: &Parts, body: &Bytes) -> Result<ObjectHead> {
    success(parts, body)?;
    Ok(ObjectHead::read(&parts.headers))
}

/// The ETag of a part, which an upload cannot be completed without.
pub(crate) fn etag(parts: &Parts, body: &Bytes) -> Result<String> {
    success(parts, body)?;
    required_header(parts, "etag")
}

/// A redirect that is itself the answer.
pub(crate) fn redirect(parts: &Parts, body: &Bytes) -> Result<()> {
    if parts.status == StatusCode::FOUND {
        Ok(())
    } else {
        empty(parts, body)
    }
}

/// 200 and 206, and what a condition (304) or presigning (302) makes of them. The web page that a wrong endpoint serves
/// has no ETag, which every object has.
fn data_status(parts: &Parts, body: &Body) -> Result<()> {
    let bytes = || body.as_bytes().cloned().unwrap_or_default();
    match parts.status {
        StatusCode::FOUND | StatusCode::NOT_MODIFIED => Ok(()),
        _ => {
            success(parts, &bytes())?;
            if classify::is_html(&parts.headers) && !parts.headers.contains_key(ETAG) {
                let error = classify::web_page(parts.status, &parts.headers, &bytes());
                return Err(of_store(parts, error));
            }
            Ok(())
        }
    }
}
