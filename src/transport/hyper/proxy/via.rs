//! One proxy, checked: how a host is reached through it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
    uri::Scheme,
};
use hyper_util::client::{
    legacy::connect::{
        dns::Name,
        proxy::{SocksV5, Tunnel},
    },
    proxy::matcher::Matcher,
};
use secrecy::ExposeSecret as _;
use tower::Service;

use super::{Proxy, exempt::port_of};
use crate::{
    BoxError, Error, Result,
    transport::hyper::{
        connector::Ways,
        failed::Failed,
        stream::{Established, Stream},
    },
};

/// Where a SOCKS proxy listens when its URL does not say (RFC 1928).
const SOCKS_PORT: u16 = 1080;

/// Headers that are the request's own: a proxy's must not take their place.
const RESERVED: [HeaderName; 9] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// A way through a proxy. No `Debug`: it holds passwords.
pub(in crate::transport::hyper) struct Via {
    /// Without user and password, so that it may be shown.
    proxy: Uri,
    protocol: Protocol,
}

enum Protocol {
    Http {
        /// The credentials included.
        headers: HeaderMap,
    },
    Socks {
        auth: Option<(String, String)>,
        /// Whether names are resolved here.
        resolve: bool,
    },
}

// ===== impl Via =====

impl Via {
    pub(super) fn new(proxy: &Proxy) -> Result<Self> {
        let field = &proxy.named_by;
        // The matcher reads a proxy's URL as curl does. Neither it nor what is wrong with it is shown: it may hold a password.
        let parsed = Matcher::builder()
            .all(proxy.url.expose_secret())
            .build()
            .intercept(&Uri::from_static("http://any"))
            .filter(|parsed| has_valid_port(parsed.uri()));
        let Some(parsed) = parsed else {
            return Err(Error::invalid_input(format!(
                "`{field}` is not the URL of a proxy; it looks like http://host:3128 or socks5h://host:1080, with what is special in \
                 user and password percent-encoded"
            )));
        };
        let uri = parsed.uri().clone();
        let scheme = uri.scheme_str().unwrap_or_default();
        let protocol = match scheme {
            "http" | "https" => {
                let mut headers = proxy.headers()?;
                let auth = match &proxy.auth {
                    Some((user, password)) => Some(basic(field, user, password.expose_secret())?),
                    None => parsed.basic_auth().cloned(),
                };
                if let Some(auth) = auth {
                    headers.entry(PROXY_AUTHORIZATION).or_insert(auth);
                }
                Protocol::Http { headers }
            }
            "socks5" | "socks5h" if !proxy.headers.is_empty() => {
                return Err(Error::invalid_input(format!(
                    "`{field}` has headers, which a SOCKS proxy cannot be sent"
                )));
            }
            "socks5" | "socks5h" => {
                let auth = match &proxy.auth {
                    Some((user, password)) => Some((user.as_str(), password.expose_secret())),
                    None => parsed.raw_auth(),
                };
                Protocol::Socks {
                    auth: auth.map(|(user, password)| (user.to_owned(), password.to_owned())),
                    resolve: scheme == "socks5",
                }
            }
            other => {
                return Err(Error::invalid_input(format!(
                    "`{field}` is a proxy by {other}; what is known is http, https, socks5 and socks5h"
                )));
            }
        };
        if scheme == "https" && cfg!(not(feature = "rustls")) {
            return Err(Error::invalid_input(format!(
                "`{field}` is a proxy by https, which needs the feature `rustls` of lakefs-sdk"
            )));
        }
        let proxy = match (&protocol, uri.port()) {
            (Protocol::Socks { .. }, None) => at_port(&uri, SOCKS_PORT)?,
            _ => uri,
        };
        Ok(Self { proxy, protocol })
    }

    pub(super) fn wants_headers(&self) -> bool {
        matches!(&self.protocol, Protocol::Http { headers } if !headers.is_empty())
    }

    pub(super) fn add_headers(&self, to: &mut HeaderMap) {
        if let Protocol::Http { headers } = &self.protocol {
            for (name, value) in headers {
                to.insert(name.clone(), value.clone());
            }
        }
    }

    /// A connection to where `uri` says, or one that the proxy forwards requests from.
    pub(in crate::transport::hyper) async fn reach(
        &self,
        uri: &Uri,
        ways: &Ways,
    ) -> std::result::Result<Stream, BoxError> {
        let to_proxy = self.connect(ways).await.map_err(|error| {
            // What TLS says names the proxy already.
            match Failed::find(&*error) {
                Some(_) => error,
                None => Failed::new(format!("the proxy {} cannot be reached", self.shown()))
                    .because(error)
                    .into(),
            }
        })?;
        match &self.protocol {
            Protocol::Http { .. } if uri.scheme() == Some(&Scheme::HTTP) && !ways.always_tunnel => {
                Ok(to_proxy.forwarded())
            }
            Protocol::Http { headers } => self.tunnel(to_proxy, uri, headers).await,
            Protocol::Socks { auth, resolve } => {
                let destination = match resolve {
                    true => resolved(uri, ways).await?,
                    false => at_port(uri, port_of(uri))?,
                };
                self.socks(to_proxy, destination, auth.clone()).await
            }
        }
    }

    async fn connect(&self, ways: &Ways) -> std::result::Result<Stream, BoxError> {
        let tls = ways.tls_to_proxy(&self.proxy).await?;
        let stream = ways.tcp(self.proxy.clone()).await?;
        match tls {
            Some(handshake) => handshake.over(stream).await,
            None => Ok(stream),
        }
    }

    async fn tunnel(
        &self,
        to_proxy: Stream,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> std::result::Result<Stream, BoxError> {
        type TunnelError = <Tunnel<Established> as Service<Uri>>::Error;
        let destination = at_port(uri, port_of(uri))?;
        let mut tunnel = Tunnel::new(self.proxy.clone(), Established(Some(to_proxy)));
        if !headers.is_empty() {
            tunnel = tunnel.with_headers(headers.clone());
        }
        tunnel.call(destination).await.map_err(|error| {
            let proxy = self.shown();
            let message = match error {
                TunnelError::ProxyAuthRequired if headers.contains_key(PROXY_AUTHORIZATION) => {
                    format!("the proxy {proxy} does not accept its user and password ({})", StatusCode::PROXY_AUTHENTICATION_REQUIRED)
                }
                TunnelError::ProxyAuthRequired => format!(
                    "the proxy {proxy} wants a user and a password ({}): put them in its URL, or give them with `Proxy::basic_auth`",
                    StatusCode::PROXY_AUTHENTICATION_REQUIRED
                ),
                _ => format!(
                    "the proxy {proxy} made no tunnel to {}: is the host reachable and allowed from there? If it needs no proxy, name it in NO_PROXY",
                    shown(uri)
                ),
            };
            Failed::new(message).because(error).into()
        })
    }

    async fn socks(
        &self,
        to_proxy: Stream,
        destination: Uri,
        auth: Option<(String, String)>,
    ) -> std::result::Result<Stream, BoxError> {
        let mut socks = SocksV5::new(self.proxy.clone(), Established(Some(to_proxy)));
        if let Some((user, password)) = auth {
            socks = socks.with_auth(user, password);
        }
        let shown_destination = shown(&destination);
        socks.call(destination).await.map_err(|error| {
            let proxy = self.shown();
            Failed::new(format!(
                "the SOCKS proxy {proxy} made no connection to {shown_destination}"
            ))
            .because(error)
            .into()
        })
    }

    /// Host and port, for messages.
    fn shown(&self) -> String {
        shown(&self.proxy)
    }
}

impl Proxy {
    fn headers(&self) -> Result<HeaderMap> {
        let field = &self.named_by;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let Ok(parsed) = HeaderName::try_from(name) else {
                return Err(Error::invalid_input(format!(
                    "`{field}` has a header {name:?}, which is not the name of one"
                )));
            };
            if RESERVED.contains(&parsed) {
                return Err(Error::invalid_input(format!(
                    "`{field}` has a header {name:?}, which is the request's own and not the proxy's"
                )));
            }
            let Ok(mut value) = HeaderValue::from_str(value.expose_secret()) else {
                return Err(Error::invalid_input(format!(
                    "`{field}` has a header {name:?} with a character that a header cannot hold, such as a line break"
                )));
            };
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
        Ok(headers)
    }
}

/// `http::Uri` takes what follows the host for no port when it is no number.
fn has_valid_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    uri.port().is_some() || uri.host() == Some(authority)
}

fn basic(field: &str, user: &str, password: &str) -> Result<HeaderValue> {
    if user.contains(':') {
        return Err(Error::invalid_input(format!(
            "`{field}` has a user with a colon, which Basic authentication cannot send"
        )));
    }
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    HeaderValue::try_from(format!("Basic {encoded}"))
        .map(|mut value| {
            value.set_sensitive(true);
            value
        })
        .map_err(|_| Error::invalid_input(format!("`{field}` has a user that cannot be sent")))
}

/// The same place by its address, so that the proxy need not know the name.
async fn resolved(uri: &Uri, ways: &Ways) -> std::result::Result<Uri, BoxError> {
    let host = uri.host().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if literal.parse::<std::net::IpAddr>().is_ok() {
        return Ok(at_port(uri, port_of(uri))?);
    }
    let name: Name = host.parse()?;
    let mut addresses = ways.resolver.clone().call(name).await?;
    let Some(mut address) = addresses.next() else {
        return Err(Failed::new(format!("no address is known of `{host}`")).into());
    };
    address.set_port(port_of(uri));
    Ok(Uri::builder()
        .scheme("http")
        .authority(address.to_string())
        .path_and_query("/")
        .build()?)
}

/// `uri` with its port written out: what makes tunnels takes 443 otherwise.
fn at_port(uri: &Uri, port: u16) -> Result<Uri> {
    let host = uri.host().unwrap_or_default();
    Uri::builder()
        .scheme(uri.scheme_str().unwrap_or("http"))
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build()
        .map_err(|error| {
            Error::invalid_input("`endpoint` has a host that no proxy understands")
                .with_source(error)
        })
}

fn shown(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port_of(uri))
}
