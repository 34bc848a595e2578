//! Signatures in the query of a URL: AWS Signature Version 4, as S3 has it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

#[cfg(test)]
mod tests;

use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp, tz::Offset};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::testing::memory::signing::hmac_sha256;
use crate::testing::memory::storage::{StoreError, hex};

/// How long a URL works, unless a server is set up otherwise.
const LIFE: SignedDuration = SignedDuration::from_mins(15);

/// How far a clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The key of the server at its object store: that of the recorded one.
const ACCESS_KEY: &str = "testing";
const REGION: &str = "us-east-1";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

const VALUE: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const PATH: AsciiSet = VALUE.remove(b'/');

/// Signs URLs, and knows its signatures again.
pub(in super::super) struct Signer {
    secret: String,
}

/// A URL that anybody may use for a while.
#[derive(Debug)]
pub(in super::super) struct Presigned {
    pub(in super::super) url: String,
    pub(in super::super) expires: Timestamp,
}

/// What is signed of a request.
struct Signed<'a> {
    method: &'a Method,
    /// Decoded.
    path: &'a str,
    /// Decoded, without the signature.
    query: Vec<(String, String)>,
    headers: Vec<(&'a str, String)>,
    date: &'a str,
}

impl std::fmt::Debug for Signer {
    /// Leaves out the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(in super::super) fn new(secret: &[u8]) -> Self {
        Self {
            secret: hex(secret),
        }
    }

    /// A URL for one kind of request to one object, at an origin such as `http://127.0.0.1:9000`.
    pub(in super::super) fn presign(
        &self,
        origin: &str,
        method: &Method,
        path: &str,
        query: &[(&str, &str)],
        now: Timestamp,
    ) -> Presigned {
        let date = timestamp(now);
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        let own = [
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("{ACCESS_KEY}/{}", scope(&date))),
            ("X-Amz-Date", date.clone()),
            ("X-Amz-Expires", LIFE.as_secs().to_string()),
            ("X-Amz-SignedHeaders", HOST.to_string()),
        ];
        let query = query.iter().map(|(key, value)| (*key, (*value).to_owned()));
        let signed = Signed {
            method,
            path,
            query: own
                .into_iter()
                .chain(query)
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            headers: vec![(HOST.as_str(), host.to_owned())],
            date: &date,
        };
        let signature = self.sign(&signed);
        let (path, query) = (utf8_percent_encode(path, &PATH), signed.query_text());
        Presigned {
            url: format!("{origin}{path}?{query}&X-Amz-Signature={signature}"),
            expires: now.saturating_add(LIFE).unwrap_or(now),
        }
    }

    /// Whether a request carries a signature of this signer's that is still good, and for this request.
    pub(in super::super) fn verify(&self, parts: &Parts, now: Timestamp) -> Result<(), StoreError> {
        let query = pairs(parts.uri.query().unwrap_or_default());
        let parameter = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let signed_before = query
            .iter()
            .any(|(key, _)| key == "X-Amz-Algorithm" || key == "X-Amz-Signature");
        match (signed_before, parts.headers.contains_key(AUTHORIZATION)) {
            (false, _) => return Err(denied("Access Denied")),
            (true, true) => {
                return Err(StoreError::bad_request(
                    "InvalidArgument",
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                     parameter or the Authorization header should be specified",
                ));
            }
            (true, false) => {}
        }
        let required = |name| {
            parameter(name).ok_or_else(|| {
                malformed(
                    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                     X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
                )
            })
        };
        let (algorithm, credential) = (required("X-Amz-Algorithm")?, required("X-Amz-Credential")?);
        let (date, expires) = (required("X-Amz-Date")?, required("X-Amz-Expires")?);
        let (names, signature) = (
            required("X-Amz-SignedHeaders")?,
            required("X-Amz-Signature")?,
        );
        if algorithm != ALGORITHM {
            return Err(malformed(
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
            ));
        }
        if credential.split('/').next() != Some(ACCESS_KEY) {
            return Err(StoreError::new(
                StatusCode::FORBIDDEN,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ));
        }
        check_time(date, expires, now)?;
        check_headers(&parts.headers, names)?;
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let signed = Signed {
            method: &parts.method,
            path: &path,
            headers: names
                .split(';')
                .map(|name| (name, header(parts, name)))
                .collect(),
            query: query
                .iter()
                .filter(|(key, _)| key != "X-Amz-Signature")
                .cloned()
                .collect(),
            date,
        };
        let same_scope = credential
            .strip_prefix(ACCESS_KEY)
            .and_then(|rest| rest.strip_prefix('/'))
            == Some(&scope(date));
        if same_scope && self.sign(&signed) == signature {
            return Ok(());
        }
        Err(StoreError::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ))
    }

    /// A signature of any text, for the server's own use.
    pub(in super::super) fn sign_text(&self, text: &str) -> [u8; 32] {
        hmac_sha256(self.secret.as_bytes(), text)
    }

    fn sign(&self, signed: &Signed<'_>) -> String {
        let scope = scope(signed.date);
        let request = hex(&Sha256::digest(signed.canonical()));
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{request}", signed.date);
        let secret = format!("AWS4{}", self.secret);
        let key = scope.split('/').fold(secret.into_bytes(), |key, part| {
            hmac_sha256(&key, part).to_vec()
        });
        hex(&hmac_sha256(&key, text))
    }
}

// ===== impl Signed =====

impl Signed<'_> {
    fn canonical(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.method,
            utf8_percent_encode(self.path, &PATH),
            self.query_text()
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}:{}\n", value.trim()));
        }
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        text + "\n" + &names.join(";") + "\nUNSIGNED-PAYLOAD"
    }

    fn query_text(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, &VALUE).to_string();
        let mut pairs: Vec<_> = self
            .query
            .iter()
            .map(|(key, value)| (encode(key), encode(value)))
            .collect();
        pairs.sort_unstable();
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join("&")
    }
}

// ===== the parts of a signature =====

/// The parameters of a query, decoded. Unlike in a form, a plus is a plus.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

fn timestamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn scope(date: &str) -> String {
    let day = date.split('T').next().unwrap_or_default();
    format!("{day}/{REGION}/s3/aws4_request")
}

fn header(parts: &Parts, name: &str) -> String {
    let value = parts.headers.get(name).map(HeaderValue::as_bytes);
    match (value, parts.uri.authority()) {
        (Some(value), _) => String::from_utf8_lossy(value).into_owned(),
        // HTTP/2 and a transport without a socket have it in the URI alone.
        (None, Some(authority)) if name == HOST.as_str() => authority.to_string(),
        (None, _) => String::new(),
    }
}

fn check_time(date: &str, expires: &str, now: Timestamp) -> Result<(), StoreError> {
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|date| Offset::UTC.to_timestamp(date))
        .map_err(|_| {
            malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        })?;
    let seconds = expires
        .parse::<i64>()
        .map_err(|_| malformed("X-Amz-Expires should be a number"))?;
    if !(0..=604_800).contains(&seconds) {
        return Err(malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires \
            must be less than 604800 seconds",
        ));
    }
    if signed.duration_since(now) > SKEW {
        return Err(denied("Request is not yet valid"));
    }
    let end = signed
        .saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(signed);
    if now >= end {
        return Err(denied("Request has expired")
            .detail("X-Amz-Expires", seconds)
            .detail("Expires", end)
            .detail("ServerTime", now));
    }
    Ok(())
}

/// S3 takes no header of its own that the signature does not cover, such as a client's metadata.
fn check_headers(headers: &HeaderMap, signed: &str) -> Result<(), StoreError> {
    let unsigned = headers.keys().map(|name| name.as_str()).filter(|name| {
        name.starts_with("x-amz-") && !signed.split(';').any(|signed| signed == *name)
    });
    let unsigned: Vec<&str> = unsigned.collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let error = denied("There were headers present in the request which were not signed");
    Err(error.detail("HeadersNotSigned", unsigned.join(", ")))
}

fn denied(message: &str) -> StoreError {
    StoreError::new(StatusCode::FORBIDDEN, "AccessDenied", message)
}

fn malformed(message: &str) -> StoreError {
    StoreError::bad_request("AuthorizationQueryParametersError", message)
}
