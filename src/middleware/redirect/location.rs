//! Reads a `Location`.

use bytes::Bytes;
use http::{HeaderValue, Uri, uri::PathAndQuery};

use crate::{
    Error, Result,
    error::{ErrorKind, classify},
};

/// The URL that a `Location` means to a request that went to `base` (RFC 9110, 10.2.2).
///
/// Its bytes are kept, but for a fragment, which is never sent. Of relative references those that begin with a slash are
/// taken; no server sends others to a program.
pub(super) fn resolve(base: &Uri, location: &HeaderValue) -> Result<Uri> {
    let text = std::str::from_utf8(location.as_bytes())
        .map_err(|_| unusable("(not UTF-8)", "it is not text"))?
        .trim();
    let refused = |problem: &str| unusable(&format!("{:?}", classify::place(text)), problem);
    let url = text.split('#').next().unwrap_or_default();
    let target = if let Some(rest) = url.strip_prefix("//") {
        match base.scheme_str() {
            Some(scheme) => parse(&format!("{scheme}://{rest}")),
            None => return Err(refused("it needs the scheme of a request that had none")),
        }
    } else if url.starts_with('/') {
        join(base, url)
    } else {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let http = |scheme: &str| {
            ["http", "https"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
        };
        if !scheme.is_some_and(http) {
            return Err(refused(
                "it is neither an http or https URL nor an absolute path",
            ));
        }
        parse(url)
    };
    let target = target.ok_or_else(|| refused("it is not a valid URL"))?;
    let authority = target
        .authority()
        .map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(refused("it has a user or password in it"));
    }
    // The parser takes any text for a port, which would then count as the default one.
    let behind_host = &authority[target.host().map_or(0, str::len)..];
    if !behind_host.is_empty() && target.port_u16().is_none() {
        return Err(refused("its port is not a number up to 65535"));
    }
    Ok(target)
}

fn parse(url: &str) -> Option<Uri> {
    url.parse()
        .ok()
        .filter(|url: &Uri| url.host().is_some_and(|host| !host.is_empty()))
}

fn join(base: &Uri, path: &str) -> Option<Uri> {
    let mut parts = base.clone().into_parts();
    let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes()));
    parts.path_and_query = Some(path.ok()?);
    Uri::from_parts(parts).ok()
}

fn unusable(location: &str, problem: &str) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("redirected to a `Location` that cannot be followed, {location}: {problem}"),
    )
}

/// Whether scheme, host and port are the same (RFC 6454, 5). A URL that has none of them, of a transport that needs none, is
/// at the origin of a path only.
pub(super) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    let port = |uri: &Uri| match (uri.port_u16(), uri.scheme_str()) {
        (None, Some("https")) => Some(443),
        (None, Some("http")) => Some(80),
        (port, _) => port,
    };
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str =
        "https://lakefs.example.com/api/v1/repositories/lake/refs/main/objects?path=a";

    fn at(location: &str) -> Result<Uri> {
        resolve(
            &BASE.parse().unwrap(),
            &HeaderValue::from_str(location).unwrap(),
        )
    }

    /// A byte that changes on the way, such as `%2f` for `%2F`, makes the signature wrong.
    #[test]
    fn a_location_is_kept_byte_for_byte() {
        for (location, expected) in [
            (
                "https://s3.example.com/b/a%2fb%2FC/./x/../y?X-Amz-Date=1&sig=a%2Bb+c%3d&empty=",
                "https://s3.example.com/b/a%2fb%2FC/./x/../y?X-Amz-Date=1&sig=a%2Bb+c%3d&empty=",
            ),
            ("HTTP://S3.example.com:80/a", "http://S3.example.com:80/a"),
            ("  http://[::1]:9000/b/a#part  ", "http://[::1]:9000/b/a"),
            ("https://s3.example.com", "https://s3.example.com/"),
            ("//s3.example.com/b?q#f", "https://s3.example.com/b?q"),
            (
                "/objects/a?x=1#f",
                "https://lakefs.example.com/objects/a?x=1",
            ),
        ] {
            assert_eq!(at(location).unwrap().to_string(), expected, "{location}");
        }
    }

    /// Whoever reads the error must learn what the server sent, and nobody the signature or the password in it.
    #[test]
    fn what_cannot_be_followed_is_refused_without_its_secrets() {
        for location in [
            "",
            "objects/a?sig=secret",
            "?sig=secret",
            "#sig=secret",
            "s3://bucket/a?sig=secret",
            "javascript:alert(1)",
            "https://?sig=secret",
            "https:///a?sig=secret",
            "https://user:secret@s3.example.com/a",
            "https://s3.example.com:port/a?sig=secret",
            "https://lakefs.example.com:99999/a?sig=secret",
            "https://lakefs.example.com:/a?sig=secret",
            "https://s3.exa mple.com/a?sig=secret",
        ] {
            let error = at(location).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{location}");
            assert!(
                !format!("{error:#} {error:?}").contains("secret"),
                "{error:#}"
            );
        }
        assert!(
            at("s3://bucket/a?sig=secret")
                .unwrap_err()
                .to_string()
                .contains("s3://bucket/a")
        );
    }

    /// A port or a scheme that is taken for the same sends the credentials to another server.
    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (location, same) in [
            ("/elsewhere", true),
            ("https://lakefs.example.com/elsewhere", true),
            ("https://LAKEFS.example.com:443/elsewhere", true),
            ("http://lakefs.example.com/", false),
            ("http://lakefs.example.com:443/", false),
            ("https://lakefs.example.com:8443/", false),
            ("https://example.com/", false),
            ("https://lakefs.example.com.evil.example/", false),
            ("//evil.example/", false),
        ] {
            let target = at(location).unwrap();
            assert_eq!(
                is_same_origin(&BASE.parse().unwrap(), &target),
                same,
                "{location}"
            );
        }
        let bare: Uri = "/api/v1/a".parse().unwrap();
        let target = resolve(&bare, &HeaderValue::from_static("/b")).unwrap();
        assert!(is_same_origin(&bare, &target));
        let target = resolve(&bare, &HeaderValue::from_static("http://h/b")).unwrap();
        assert!(!is_same_origin(&bare, &target));
        assert!(resolve(&bare, &HeaderValue::from_static("//h/b")).is_err());
    }
}
