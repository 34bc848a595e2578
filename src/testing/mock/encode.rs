//! Writes answers as the server does: the other side of [`codec::decode`](crate::codec::decode).

use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;

use crate::{
    Body, Error, Result,
    models::{Answer, ObjectContent, ObjectHead},
};

/// A status, a media type, and a body.
pub(crate) fn body(status: u16, media_type: Option<&str>, body: Body) -> Result<Response<Body>> {
    let status = StatusCode::from_u16(status)
        .map_err(|_| Error::invalid_input(format!("`status` is {status}, which is none")))?;
    let length = body.size().filter(|_| media_type.is_some());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Some(media_type) = media_type {
        set(&mut response, CONTENT_TYPE, media_type)?;
    }
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    Ok(response)
}

/// A JSON document, with the line break that the server ends it with.
pub(crate) fn json(status: u16, document: &impl Serialize) -> Result<Response<Body>> {
    let mut bytes = serde_json::to_vec(document).map_err(|error| {
        Error::invalid_input("the reply cannot be written as JSON").with_source(error)
    })?;
    bytes.push(b'\n');
    let mut response = body(status, Some("application/json"), bytes.into())?;
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff")?;
    Ok(response)
}

/// lakeFS's error document.
pub(crate) fn error(status: u16, message: &str) -> Result<Response<Body>> {
    json(status, &serde_json::json!({ "message": message }))
}

pub(crate) fn empty(status: u16, _: &()) -> Result<Response<Body>> {
    body(status, None, Body::empty())
}

pub(crate) fn text(status: u16, text: String) -> Result<Response<Body>> {
    body(status, Some("text/html"), text.into())
}

pub(crate) fn data(status: u16, data: Body) -> Result<Response<Body>> {
    body(status, Some("application/octet-stream"), data)
}

pub(crate) fn object_content(status: u16, content: ObjectContent) -> Result<Response<Body>> {
    let ObjectContent {
        answer,
        head,
        body: contents,
    } = content;
    let (status, location) = match &answer {
        Answer::Full => (status, None),
        Answer::Partial => (206, None),
        Answer::NotModified => (304, None),
        Answer::Redirect(location) => (302, Some(location)),
    };
    let has_contents = matches!(answer, Answer::Full | Answer::Partial);
    let size = contents.size().filter(|_| has_contents);
    let mut response = body(status, None, contents)?;
    if let Some(location) = location {
        set(&mut response, LOCATION, location)?;
    }
    write_head(&mut response, &head, size)?;
    Ok(response)
}

pub(crate) fn object_head(status: u16, head: ObjectHead) -> Result<Response<Body>> {
    let status = if head.content_range.is_some() {
        206
    } else {
        status
    };
    let mut response = body(status, None, Body::empty())?;
    write_head(&mut response, &head, None)?;
    Ok(response)
}

pub(crate) fn etag(status: u16, etag: String) -> Result<Response<Body>> {
    let mut response = body(status, None, Body::empty())?;
    set(&mut response, ETAG, &etag)?;
    Ok(response)
}

pub(crate) fn redirect(status: u16, (): ()) -> Result<Response<Body>> {
    empty(status, &())
}

fn write_head(response: &mut Response<Body>, head: &ObjectHead, size: Option<u64>) -> Result<()> {
    let length = head.content_length.or(size).map(|size| size.to_string());
    let named = [
        (CONTENT_LENGTH, &length),
        (http::header::CONTENT_RANGE, &head.content_range),
        (CONTENT_TYPE, &head.content_type),
        (ETAG, &head.etag),
        (http::header::LAST_MODIFIED, &head.last_modified),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            set(response, name, value)?;
        }
    }
    for (key, value) in &head.metadata {
        let name = format!("x-lakefs-meta-{key}");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit(&name))?;
        set(response, name, value)?;
    }
    Ok(())
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) -> Result<()> {
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unfit(name.as_str()))?;
    response.headers_mut().insert(name, value);
    Ok(())
}

fn unfit(name: &str) -> Error {
    Error::invalid_input(format!(
        "the reply's `{name}` has a character that a header cannot hold, such as a line break"
    ))
}
