//! Requests with presigned URLs: to the object store itself, through the client's stack, without lakeFS's credentials.

use bytes::Bytes;
use http::{Method, Request, Uri, response::Parts};

use crate::{
    Body, Client, Error, Result,
    client::Received,
    error::classify,
    operation::{Idempotency, OperationMeta},
};

/// Data to the object store. Twice is like once.
pub(super) const PRESIGNED_PUT: &OperationMeta =
    &OperationMeta::new("presignedPut", Method::PUT, "{presigned_url}")
        .with_tag("objects")
        .with_idempotency(Idempotency::Idempotent)
        .with_data_body()
        .without_credentials();

/// Data from the object store.
pub(super) const PRESIGNED_GET: &OperationMeta =
    &OperationMeta::new("presignedGet", Method::GET, "{presigned_url}")
        .with_tag("objects")
        .with_idempotency(Idempotency::Safe)
        .with_streamed_body()
        .without_credentials();

/// Where a presigned URL leads to, for messages.
pub(super) fn host(url: &Uri) -> &str {
    url.authority()
        .map_or("", |authority| match authority.as_str().rsplit_once('@') {
            Some((_, host)) => host,
            None => authority.as_str(),
        })
}

/// Reads a presigned URL, which an error must not show whole.
pub(super) fn parse(url: &str) -> Result<Uri> {
    let parsed = url.parse::<Uri>().ok();
    let parsed = parsed.filter(|uri| uri.scheme().is_some() && !host(uri).is_empty());
    parsed.ok_or_else(|| {
        Error::decode(format!(
            "lakeFS answered with a presigned URL that is none: {}",
            classify::place(url)
        ))
    })
}

/// Sends a request to a presigned URL; `meta` is one of this module's.
///
/// The body of an answer is a stream where the operation is marked as [`streamed`](OperationMeta::streamed), else in memory.
///
/// # Errors
///
/// Each names the host of the object store: when it was not reached, and when it refused.
pub(super) async fn send(
    client: &Client,
    request: Request<Body>,
    meta: &'static OperationMeta,
) -> Result<(Parts, Body)> {
    let url = request.uri().clone();
    let host = host(&url);
    let received = client.send_foreign(request, meta).await;
    let Received {
        parts,
        body,
        attempts,
        observer,
    } = received.map_err(|error| classify::presigned_unreachable(host, error))?;
    if parts.status.is_success() {
        observer.end(None);
        return Ok((parts, body));
    }
    let bytes = body.as_bytes().cloned().unwrap_or_else(Bytes::new);
    let error = classify::response(parts.status, &parts.headers, &bytes);
    let error = classify::of_store(host, error)
        .with_operation(Some(meta))
        .with_effect_of(Some(meta));
    let error = attempts.mark_error(error);
    observer.end(Some(&error));
    Err(error)
}

/// How stores say that a URL is too old. S3 itself says 403, and 400 where a token that it was signed with ran out; Google and
/// Azure say 400 and 403.
const EXPIRED: [&str; 5] = [
    "Request has expired",
    "ExpiredToken",
    "RequestExpired",
    "Signature not valid in the specified time frame",
    "The provided token has expired",
];

/// Whether a store refused a presigned URL for its age: then a fresh one helps.
pub(super) fn is_expired(error: &Error) -> bool {
    let status = error.status().map_or(0, |status| status.as_u16());
    matches!(status, 400 | 401 | 403)
        && error.body().is_some_and(|body| {
            let text = String::from_utf8_lossy(body);
            EXPIRED.iter().any(|said| text.contains(said))
        })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    /// A URL that is only too old must be replaced; one that is refused for another reason must not be tried for ever.
    #[test]
    fn expired_urls_are_told_from_refused_ones() {
        let table = [
            (
                403,
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                true,
            ),
            (
                400,
                "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
                true,
            ),
            (
                403,
                "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                false,
            ),
            (
                403,
                "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>Signature not valid in the specified time frame: Start</AuthenticationErrorDetail></Error>",
                true,
            ),
            (
                503,
                "<Error><Code>SlowDown</Code><Message>Request has expired</Message></Error>",
                false,
            ),
        ];
        for (status, body, expected) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let error = classify::response(status, &HeaderMap::new(), &Bytes::from(body));
            assert_eq!(is_expired(&error), expected, "{body}");
        }
    }

    /// A URL in a message would give its signature away.
    #[test]
    fn hosts_have_no_user_and_bad_urls_no_query() {
        assert_eq!(
            host(&"https://u:p@s3.example.com:9000/b?sig=x".parse().unwrap()),
            "s3.example.com:9000"
        );
        let error = parse("/bucket/key?X-Amz-Signature=abc").unwrap_err();
        assert!(!error.to_string().contains("abc"), "{error}");
    }
}
