//! Proxies: which there are, where they are named, and what is not sent through them.

use std::{borrow::Cow, env, fmt};

use secrecy::SecretString;

mod exempt;
mod rules;
mod via;

pub(super) use self::rules::Rules;

/// A proxy: `http://` or `https://` (by `CONNECT` for https, by the whole URL for http), `socks5://` (names are resolved
/// here) or `socks5h://` (names are resolved by the proxy).
///
/// User and password may stand in the URL, percent-encoded. They are sent to the proxy alone, are shown nowhere, and no
/// credentials for lakeFS are ever part of a `CONNECT` request.
///
/// ```
/// # use lakefs_sdk::transport::{Hyper, Proxy};
/// # fn main() -> lakefs_sdk::Result<()> {
/// let proxy = Proxy::all("http://proxy.example.com:3128").basic_auth("etl", "secret").header("x-team", "data");
/// assert!(!format!("{proxy:?}").contains("secret"));
/// let transport = Hyper::builder().proxy(proxy).build()?;
/// # drop(transport);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a proxy does nothing until a transport has it"]
pub struct Proxy {
    scope: Scope,
    /// May hold a password.
    url: SecretString,
    auth: Option<(String, SecretString)>,
    headers: Vec<(String, SecretString)>,
    /// Where it was named, for errors.
    named_by: Cow<'static, str>,
}

/// All proxies of a transport, and the hosts that are reached without one. Default: [`from_env`](Self::from_env).
///
/// ```
/// # use lakefs_sdk::transport::{Hyper, Proxies, Proxy};
/// # fn main() -> lakefs_sdk::Result<()> {
/// let proxies = Proxies::none()
///     .with(Proxy::https("http://secure.example.com:3128"))
///     .with(Proxy::all("socks5h://other.example.com"))
///     .except("localhost, .corp.example.com, 10.0.0.0/8, lakefs:8000");
/// let transport = Hyper::builder().proxies(proxies).build()?;
/// # drop(transport);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "proxies do nothing until a transport has them"]
pub struct Proxies {
    /// The first one that fits is used.
    proxies: Vec<Proxy>,
    except: String,
    except_loopback: bool,
}

/// Which requests a proxy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Http,
    Https,
}

/// The variables that name a proxy, in the order in which they count; the first that is set of each row.
const VARIABLES: [(Scope, [&str; 2]); 3] = [
    (Scope::Http, ["HTTP_PROXY", "http_proxy"]),
    (Scope::Https, ["HTTPS_PROXY", "https_proxy"]),
    (Scope::All, ["ALL_PROXY", "all_proxy"]),
];

// ===== impl Proxy =====

impl Proxy {
    /// A proxy for everything.
    pub fn all(url: impl Into<String>) -> Self {
        Self::new(Scope::All, url.into())
    }

    /// A proxy for requests to `http://` hosts.
    pub fn http(url: impl Into<String>) -> Self {
        Self::new(Scope::Http, url.into())
    }

    /// A proxy for requests to `https://` hosts.
    pub fn https(url: impl Into<String>) -> Self {
        Self::new(Scope::Https, url.into())
    }

    fn new(scope: Scope, url: String) -> Self {
        Self {
            scope,
            url: url.into(),
            auth: None,
            headers: Vec::new(),
            named_by: "proxy".into(),
        }
    }

    /// Who is calling the proxy, in place of what stands in the URL: `Proxy-Authorization: Basic` (RFC 7617), or user and
    /// password of SOCKS5 (RFC 1929).
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.auth = Some((user.into(), password.into().into()));
        self
    }

    /// A header for the proxy: part of every `CONNECT` request, and of every request to an `http://` host.
    ///
    /// The last value of a name counts. `Proxy-Authorization` here, such as a bearer token, comes before other credentials.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into().into()));
        self
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("scope", &self.scope)
            .field("named_by", &self.named_by)
            .finish_non_exhaustive()
    }
}

// ===== impl Proxies =====

impl Proxies {
    /// No proxy.
    pub fn none() -> Self {
        Self {
            proxies: Vec::new(),
            except: String::new(),
            except_loopback: false,
        }
    }

    /// What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` of the environment say, in capitals or not.
    ///
    /// A URL without a scheme is that of an http proxy. `NO_PROXY` is as for [`except`](Self::except). As in Go, and so in
    /// lakectl, `localhost` and loopback addresses are reached directly. `HTTP_PROXY` in capitals does not count where
    /// `REQUEST_METHOD` is set: in a CGI program the caller sets it, by a header `Proxy`.
    pub fn from_env() -> Self {
        Self::from_env_vars(env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// The same for variables that are given.
    ///
    /// ```
    /// # use lakefs_sdk::transport::{Hyper, Proxies};
    /// let proxies = Proxies::from_env_vars([("HTTPS_PROXY", "ftp://proxy")]);
    /// let error = Hyper::builder().proxies(proxies).build().unwrap_err();
    /// assert!(error.to_string().contains("`HTTPS_PROXY`"));
    /// ```
    pub fn from_env_vars<N: AsRef<str>, V: Into<String>>(
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut found = Vec::new();
        let mut cgi = false;
        for (name, value) in vars {
            let name = name.as_ref();
            if name == "REQUEST_METHOD" {
                cgi = true;
            } else if name.len() <= "HTTPS_PROXY".len()
                && name.to_ascii_lowercase().ends_with("_proxy")
            {
                found.push((name.to_owned(), value.into()));
            }
        }
        let value = |name: &str| {
            let set =
                |(found, value): &&(String, String)| found == name && !value.trim().is_empty();
            found
                .iter()
                .find(set)
                .map(|(_, value)| value.trim().to_owned())
        };
        let mut proxies = Self::none();
        proxies.except_loopback = true;
        for (scope, names) in VARIABLES {
            let usable = |name: &&str| !(cgi && *name == "HTTP_PROXY");
            let named = names
                .into_iter()
                .filter(usable)
                .find_map(|name| Some((name, value(name)?)));
            if let Some((name, url)) = named {
                let mut proxy = Proxy::new(scope, url);
                proxy.named_by = name.into();
                proxies.proxies.push(proxy);
            }
        }
        let except = ["NO_PROXY", "no_proxy"].into_iter().find_map(value);
        proxies.except(except.unwrap_or_default())
    }

    /// The same with one more; the first that fits a request is used.
    pub fn with(mut self, proxy: Proxy) -> Self {
        self.proxies.push(proxy);
        self
    }

    /// More hosts that are reached without a proxy: a list with commas of domains (with all below them), addresses, networks
    /// such as `10.0.0.0/8`, and `*` for all. A port after a host makes it that port only.
    pub fn except(mut self, hosts: impl Into<String>) -> Self {
        self.except = format!("{},{}", self.except, hosts.into());
        self
    }
}

impl From<Proxy> for Proxies {
    fn from(proxy: Proxy) -> Self {
        Self::none().with(proxy)
    }
}
