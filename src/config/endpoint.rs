use std::fmt;

use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use crate::{Error, Result};

const API: &str = "/api/v1";

/// The URL of a server's API, such as `https://lakefs.example.com/api/v1`.
///
/// `/api/v1` is added where it is missing; a base path and a trailing slash are accepted:
///
/// ```
/// # use lakefs_sdk::config::Endpoint;
/// for url in ["http://localhost:8000", "http://localhost:8000/", "http://localhost:8000/api/v1/"] {
///     assert_eq!(Endpoint::parse(url)?.to_string(), "http://localhost:8000/api/v1");
/// }
/// assert_eq!(Endpoint::parse("https://[::1]/lakefs")?.to_string(), "https://[::1]/lakefs/api/v1");
/// # Ok::<_, lakefs_sdk::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `None` for a transport that needs none: then requests have a path alone.
    origin: Option<(Scheme, Authority)>,
    /// Without a trailing slash.
    path: String,
}

// ===== impl Endpoint =====

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when it is not an http or https URL, or has a user, a query or a
    /// fragment. A password in it is not shown.
    pub fn parse(url: &str) -> Result<Self> {
        let url = url.trim();
        let authority = url
            .split_once("://")
            .map_or(url, |(_, rest)| rest)
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default();
        if authority.contains('@') {
            return Err(invalid(
                "has a user or password in it; pass those to `credentials`",
            ));
        }
        // Whatever stands before an `@` may be a password, in a mistyped URL anywhere: no message may quote it then.
        let quoted = |problem: &str| match url.contains('@') {
            true => invalid(&format!("is not usable; {problem}")),
            false => invalid(&format!("is {url:?}; {problem}")),
        };
        if url.is_empty() {
            return Err(invalid(
                "is empty; it looks like https://lakefs.example.com",
            ));
        }
        if !url.contains("://") {
            return Err(quoted("it lacks http:// or https:// in front"));
        }
        if url.contains('#') {
            return Err(quoted("it must not have a fragment (`#…`)"));
        }
        if url.contains('?') {
            return Err(quoted("it must not have a query (`?…`)"));
        }
        let uri: Uri = url
            .parse()
            .map_err(|error| quoted("it is not a valid URL").with_source(error))?;
        let parts = uri.into_parts();
        let scheme = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP || scheme == Scheme::HTTPS => scheme,
            _ => return Err(quoted("it must start with http:// or https://")),
        };
        let authority = match parts.authority {
            Some(authority) if !authority.host().is_empty() => authority,
            _ => return Err(quoted("it lacks a host")),
        };
        let behind_host = &authority.as_str()[authority.host().len()..];
        if !behind_host.is_empty() && authority.port_u16().is_none() {
            return Err(quoted("its port is not a number up to 65535"));
        }
        let base = parts
            .path_and_query
            .as_ref()
            .map_or("", PathAndQuery::path)
            .trim_end_matches('/');
        let path = if base.ends_with(API) {
            base.to_owned()
        } else {
            format!("{base}{API}")
        };
        Ok(Self {
            origin: Some((scheme, authority)),
            path,
        })
    }

    /// For a transport that needs no host.
    pub(crate) fn none() -> Self {
        Self {
            origin: None,
            path: API.to_owned(),
        }
    }

    /// Whether a request goes to this server: its URL has a path alone, or the same scheme, host and port.
    pub(crate) fn is_origin_of(&self, uri: &Uri) -> bool {
        let Some(authority) = uri.authority() else {
            return true;
        };
        let Some((scheme, own)) = &self.origin else {
            return false;
        };
        if uri.scheme() != Some(scheme) {
            return false;
        }
        // Nearly always the endpoint's own, letter by letter.
        if own.as_str() == authority.as_str() {
            return true;
        }
        let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        own.host().eq_ignore_ascii_case(authority.host())
            && own.port_u16().unwrap_or(default) == authority.port_u16().unwrap_or(default)
    }

    /// The server's host, without the port.
    #[cfg(feature = "aws")]
    pub(crate) fn host(&self) -> Option<&str> {
        self.origin.as_ref().map(|(_, authority)| authority.host())
    }

    /// The URL of a path below the API. `target` starts with a slash and may have a query.
    pub(crate) fn join(&self, target: &PathAndQuery) -> Result<Uri> {
        let target = target.as_str();
        let mut whole = String::with_capacity(self.path.len() + target.len());
        whole.push_str(&self.path);
        whole.push_str(target);
        let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(whole));
        let mut parts = http::uri::Parts::default();
        if let Some((scheme, authority)) = &self.origin {
            parts.scheme = Some(scheme.clone());
            parts.authority = Some(authority.clone());
        }
        let invalid =
            |error| Error::invalid_input("the request's path is not valid").with_source(error);
        parts.path_and_query = Some(target.map_err(|error| invalid(http::Error::from(error)))?);
        Uri::from_parts(parts).map_err(|error| invalid(error.into()))
    }
}

fn invalid(problem: &str) -> Error {
    Error::invalid_input(format!("`endpoint` {problem}"))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((scheme, authority)) = &self.origin {
            write!(f, "{scheme}://{authority}")?;
        }
        f.write_str(&self.path)
    }
}
