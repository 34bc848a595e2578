//! Where an address of lakeFS's lies, and how it is shown.
//!
//! An address is relative to the storage namespace of its repository, or a whole URI. What a URI says is read as Go's
//! `net/url` does.

use std::borrow::Cow;

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::testing::memory::BlockStore;
use crate::testing::memory::error::Failure;

/// The directory that the recorded servers kept their blocks in stands in every `local://` address.
pub(in super::super) const LOCAL_BLOCKS: &str = "/var/lib/lakefs/blocks";

/// What lakeFS's own addresses begin with: only such are relative.
const DATA: &str = "data/";

const LOCAL: &str = "local://";

/// What Go escapes in a path.
const PATH: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// Whether an entry's address is relative to the storage namespace.
pub(in super::super) fn is_relative(address: &str) -> bool {
    address.starts_with(DATA)
}

/// The part of a whole address that lies below the namespace's data, where lakeFS itself gives out addresses.
pub(in super::super) fn relative<'a>(namespace: &str, address: &'a str) -> Option<&'a str> {
    let tail = address.strip_prefix(namespace)?;
    let tail = match namespace.ends_with('/') {
        true => tail,
        false => tail.strip_prefix('/')?,
    };
    tail.starts_with(DATA).then_some(tail)
}

/// The one name that a place in the object store has: a URI.
pub(in super::super) fn location(namespace: &str, address: &str) -> String {
    if !is_relative(address) && address.contains("://") {
        return match Uri::parse(address) {
            Ok(uri) if uri.scheme != "local" => uri.qualified(uri.scheme),
            _ => address.to_owned(),
        };
    }
    match namespace.strip_prefix(LOCAL) {
        Some(path) => format!(
            "{LOCAL}{}",
            clean(&format!("{LOCAL_BLOCKS}/{path}/{address}"))
        ),
        None => format!("{}/{address}", namespace.trim_end_matches('/')),
    }
}

/// An address as clients see it.
///
/// # Errors
///
/// A whole address that the block store cannot have.
pub(in super::super) fn physical_address(
    store: BlockStore,
    outside: &[String],
    namespace: &str,
    address: &str,
) -> Result<String, Failure> {
    if is_relative(address) {
        return Ok(location(namespace, address));
    }
    let uri = Uri::parse(address).map_err(|fault| {
        let quoted = go_quote(address);
        Failure::internal(format!("could not parse URI: parse {quoted}: {fault}"))
    })?;
    let Some(scheme) = uri.known_scheme() else {
        let scheme = uri.scheme;
        return Err(Failure::bad_request(format!(
            "invalid storage scheme {scheme}: invalid address"
        )));
    };
    if store != BlockStore::Local {
        return Ok(uri.qualified(scheme));
    }
    if let Some(path) = address.strip_prefix(LOCAL) {
        check_local(path, outside)?;
    }
    let path = format!("{LOCAL_BLOCKS}/{}/{}", uri.host, uri.key());
    Ok(format!("{scheme}://{}", clean(&path)))
}

/// Whether a directory of the machine may be reached: the blocks may, and what was opened on purpose.
pub(super) fn check_local(path: &str, outside: &[String]) -> Result<(), Failure> {
    if !path.starts_with('/') || clean(path) != path {
        return Err(Failure::internal("bad path traversal blocked"));
    }
    let open =
        path.starts_with(LOCAL_BLOCKS) || outside.iter().any(|prefix| path.starts_with(prefix));
    if open {
        Ok(())
    } else {
        Err(Failure::new(StatusCode::FORBIDDEN, "forbidden"))
    }
}

/// A URI in its parts.
pub(super) struct Uri<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
    path: &'a str,
}

impl<'a> Uri<'a> {
    /// As `url.ParseRequestURI` does, with its messages.
    fn parse(text: &'a str) -> Result<Self, Cow<'static, str>> {
        Self::read(text, false)
    }

    /// As `url.Parse` does, which takes what is no whole URI, too.
    pub(super) fn parse_reference(text: &'a str) -> Result<Self, Cow<'static, str>> {
        Self::read(text.split('#').next().unwrap_or_default(), true)
    }

    fn read(text: &'a str, is_reference: bool) -> Result<Self, Cow<'static, str>> {
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        if text.is_empty() && !is_reference {
            return Err("empty url".into());
        }
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        };
        let (scheme, rest) = match text.split_once(':') {
            Some(("", _)) => return Err("missing protocol scheme".into()),
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => ("", text),
        };
        let rest = rest.split('?').next().unwrap_or_default();
        if !rest.starts_with('/') {
            if scheme.is_empty() && !is_reference {
                return Err("invalid URI for request".into());
            }
            return Ok(Self {
                scheme,
                host: "",
                path: "",
            });
        }
        let (host, path) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if let Some(escape) = bad_escape(host).or_else(|| bad_escape(path)) {
            return Err(format!("invalid URL escape {}", go_quote(escape)).into());
        }
        Ok(Self { scheme, host, path })
    }

    pub(super) fn known_scheme(&self) -> Option<&'static str> {
        Some(match self.scheme {
            "s3" => "s3",
            "mem" | "memory" => "mem",
            "local" => "local",
            "gs" => "gs",
            "http" | "https" => "https",
            _ => return None,
        })
    }

    /// The whole again, with another name for the scheme.
    fn qualified(&self, scheme: &str) -> String {
        let key = self.key();
        let key = key.strip_prefix('/').unwrap_or(&key);
        match self.host {
            "" => format!("{scheme}://{}", key.strip_prefix('/').unwrap_or(key)),
            host => format!("{scheme}://{host}/{key}"),
        }
    }

    /// The path, decoded where that loses nothing.
    pub(super) fn key(&self) -> Cow<'a, str> {
        match percent_decode_str(self.path).decode_utf8() {
            Ok(decoded) if utf8_percent_encode(&decoded, &PATH).to_string() == self.path => decoded,
            _ => self.path.into(),
        }
    }
}

fn bad_escape(text: &str) -> Option<&str> {
    text.match_indices('%').find_map(|(at, _)| {
        let digits = text.as_bytes().get(at + 1..at + 3);
        let fine = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let end = (at..=text.len().min(at + 3))
            .rev()
            .find(|end| text.is_char_boundary(*end));
        (!fine).then(|| &text[at..end.unwrap_or(at)])
    })
}

pub(super) fn go_quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A path without `.`, `..` and doubled slashes, as Go's `path.Clean` makes it.
pub(in super::super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." if parts.last().is_none_or(|last| *last == "..") => {
                if !path.starts_with('/') {
                    parts.push(part);
                }
            }
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    match format!("{root}{}", parts.join("/")) {
        path if path.is_empty() => ".".into(),
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(store: BlockStore, address: &str) -> Result<String, String> {
        let namespace = match store {
            BlockStore::Local => "local://lake",
            _ => "s3://lake/home",
        };
        let outside = ["/srv/ext".to_owned()];
        physical_address(store, &outside, namespace, address)
            .map_err(|failure| format!("{} {}", failure.status().as_u16(), failure.message()))
    }

    #[test]
    fn whole_addresses_are_read_as_go_reads_them() {
        let cases: &[(&str, Result<&str, &str>)] = &[
            ("data/a/b", Ok("s3://lake/home/data/a/b")),
            ("s3://b/k", Ok("s3://b/k")),
            ("s3://b/a%20b", Ok("s3://b/a b")),
            ("s3://b/a%2Fb", Ok("s3://b/a%2Fb")),
            ("s3://b/a b", Ok("s3://b/a b")),
            ("s3://b/k?x=y", Ok("s3://b/k")),
            (
                "nonsense",
                Err("500 could not parse URI: parse \"nonsense\": invalid URI for request"),
            ),
            ("", Err("500 could not parse URI: parse \"\": empty url")),
            (
                "ftp://b/k",
                Err("400 invalid storage scheme ftp: invalid address"),
            ),
            ("/b/k", Err("400 invalid storage scheme : invalid address")),
            (
                "s3://b/%zz",
                Err("500 could not parse URI: parse \"s3://b/%zz\": invalid URL escape \"%zz\""),
            ),
        ];
        for (address, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(shown(BlockStore::S3, address), expected, "{address}");
        }
    }

    #[test]
    fn a_local_store_reaches_no_directory_that_was_not_opened() {
        let cases: &[(&str, Result<&str, &str>)] = &[
            (
                "data/a/b",
                Ok("local:///var/lib/lakefs/blocks/lake/data/a/b"),
            ),
            (
                "local:///srv/ext/f",
                Ok("local:///var/lib/lakefs/blocks/srv/ext/f"),
            ),
            ("local:///etc/passwd", Err("403 forbidden")),
            (
                "local:///srv/ext/../f",
                Err("500 bad path traversal blocked"),
            ),
            ("local://lake/data/x", Err("500 bad path traversal blocked")),
            ("s3://b/k", Ok("s3:///var/lib/lakefs/blocks/b/k")),
        ];
        for (address, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(shown(BlockStore::Local, address), expected, "{address}");
        }
    }

    #[test]
    fn one_place_has_one_location() {
        assert_eq!(
            location("s3://lake/", "data/a/b"),
            location("s3://lake", "s3://lake/data/a/b")
        );
        assert_eq!(
            location("local://lake", "data/a/b"),
            location("local://x", "local:///var/lib/lakefs/blocks/lake/data/a/b")
        );
    }

    #[test]
    fn only_what_lies_below_data_is_relative() {
        assert_eq!(relative("s3://lake", "s3://lake/data/x"), Some("data/x"));
        assert_eq!(relative("s3://lake/", "s3://lake/data/x"), Some("data/x"));
        assert_eq!(relative("s3://lake", "s3://lake/other/x"), None);
        assert_eq!(relative("s3://lake", "s3://lakes/data/x"), None);
    }
}
