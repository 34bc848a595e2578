//! Requests with presigned URLs: to the object store itself, through the client's stack, without lakeFS's credentials.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Uri, response::Parts};
use jiff::Timestamp;
use tokio::time::Instant;

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
    let error = classify::of_presigned(host, error)
        .with_operation(Some(meta))
        .with_effect_of(Some(meta));
    let error = attempts.mark_error(error);
    observer.end(Some(&error));
    Err(error)
}

/// How long a URL is taken to be good for that does not say: lakeFS signs them for 15 minutes.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long before its end a URL is replaced, at most.
const MARGIN: Duration = Duration::from_secs(30);

/// A presigned URL, and how long it is good for.
#[derive(Clone, Debug)]
pub(super) struct Presigned {
    uri: Uri,
    received: Instant,
    lifetime: Duration,
}

// ===== impl Presigned =====

impl Presigned {
    /// Reads one that was received then.
    pub(super) fn parse(url: &str, received: Instant) -> Result<Self> {
        let uri = parse(url)?;
        // By our clock: stores count from when they signed, and their clocks may differ from ours.
        let then = SystemTime::now().checked_sub(received.elapsed());
        let lifetime = lifetime(uri.query().unwrap_or_default(), then.unwrap_or(UNIX_EPOCH));
        Ok(Self {
            uri,
            received,
            lifetime: lifetime.unwrap_or(LIFETIME),
        })
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn host(&self) -> &str {
        host(&self.uri)
    }

    /// Whether it is better to ask for another one before anything is sent.
    pub(super) fn is_old(&self) -> bool {
        let margin = MARGIN.min(self.lifetime / 10);
        self.received.elapsed() + margin >= self.lifetime
    }

    /// Whether its store refused it for its age, so that a fresh one helps. Of one that has had its time any refusal is taken
    /// for that: Ceph and MinIO do not say why.
    pub(super) fn has_expired(&self, error: &Error) -> bool {
        let has_had_its_time = self.received.elapsed() >= self.lifetime;
        is_expired(error) || (has_had_its_time && may_be_expired(error))
    }
}

/// How long a URL that was received `then` is good for, where its query says so: as S3 and Google count from when it was
/// signed, or as Azure and their older kinds when it ends.
fn lifetime(query: &str, then: SystemTime) -> Option<Duration> {
    let then = then.duration_since(UNIX_EPOCH).unwrap_or_default();
    let until = |end: i64| Duration::from_secs(u64::try_from(end).ok()?).checked_sub(then);
    let mut lifetime = None;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let said = match name {
            "X-Amz-Expires" | "X-Goog-Expires" => value.parse().ok().map(Duration::from_secs),
            "Expires" => value.parse().ok().and_then(until),
            "se" => {
                let end = value.replace("%3A", ":").replace("%3a", ":");
                let end: Option<Timestamp> = end.parse().ok();
                end.and_then(|end| until(end.as_second()))
            }
            _ => None,
        };
        lifetime = lifetime.or(said);
    }
    lifetime.filter(|lifetime| !lifetime.is_zero())
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
/// How S3 says that data came too slowly, or not whole: as 400, which elsewhere is final.
const INCOMPLETE: [&str; 2] = ["RequestTimeout", "IncompleteBody"];

/// Whether a store refused a presigned URL for its age: then a fresh one helps.
pub(super) fn is_expired(error: &Error) -> bool {
    may_be_expired(error) && says(error, &EXPIRED)
}

fn may_be_expired(error: &Error) -> bool {
    let status = error.status().map_or(0, |status| status.as_u16());
    matches!(status, 400 | 401 | 403)
}

/// Whether the same may well succeed when it is sent once more, a little later.
pub(super) fn is_transient(error: &Error) -> bool {
    let is_incomplete = error.status().is_some_and(|status| status == 400);
    // What is wrong with the caller's own data stays so.
    (error.retryable() && !error.is_body()) || (is_incomplete && says(error, &INCOMPLETE))
}

/// Whether the document of an error has one of some words.
fn says(error: &Error, words: &[&str]) -> bool {
    error.body().is_some_and(|body| {
        let text = String::from_utf8_lossy(body);
        words.iter().any(|word| text.contains(word))
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

    /// A URL that is refused for its age costs a part that was sent for nothing, so each is replaced before.
    #[tokio::test(start_paused = true)]
    async fn urls_say_how_long_they_are_good() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let table = [
            (
                "X-Amz-Date=20230101T000000Z&X-Amz-Expires=900&X-Amz-Signature=x",
                Some(900),
            ),
            ("X-Goog-Date=20230101T000000Z&X-Goog-Expires=60", Some(60)),
            ("sv=2022&se=2023-11-14T22%3A14%3A20Z&sig=x", Some(60)),
            ("sv=2022&se=2023-11-14T22:14:20Z&sig=x", Some(60)),
            ("AWSAccessKeyId=x&Expires=1700000060&Signature=x", Some(60)),
            // As a clock that is wrong makes of one that is good.
            ("se=2023-11-14T22:00:00Z", None),
            ("Expires=1", None),
            ("X-Amz-Expires=soon&se=", None),
            ("sig=x", None),
            ("", None),
        ];
        for (query, expected) in table {
            let found = lifetime(query, then).map(|lifetime| lifetime.as_secs());
            assert_eq!(found, expected, "{query}");
        }

        let received = Instant::now();
        for (query, good) in [
            ("X-Amz-Expires=900", 869),
            ("X-Amz-Expires=10", 8),
            ("", 869),
        ] {
            let start = Instant::now();
            let url = Presigned::parse(&format!("https://s3/b/k?{query}"), start).unwrap();
            tokio::time::advance(Duration::from_secs(good)).await;
            assert!(!url.is_old(), "{query}");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(url.is_old(), "{query}");
        }
        let old = Presigned::parse("https://s3/b/k?X-Amz-Expires=60", received).unwrap();
        assert!(old.is_old());
    }

    /// Some stores say of an old URL only that it is refused; elsewhere that is for good.
    #[tokio::test(start_paused = true)]
    async fn a_bare_refusal_of_an_old_url_is_about_its_age() {
        let url = Presigned::parse("https://s3/b/k?X-Amz-Expires=60", Instant::now()).unwrap();
        let body = Bytes::from("<Error><Code>AccessDenied</Code></Error>");
        let refused = |status| {
            classify::response(
                StatusCode::from_u16(status).unwrap(),
                &HeaderMap::new(),
                &body,
            )
        };
        assert!(!url.has_expired(&refused(403)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(url.has_expired(&refused(403)));
        assert!(!url.has_expired(&refused(503)));
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
