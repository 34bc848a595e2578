//! The settings of the built-in transport.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;

use super::{
    Hyper, Shared,
    connector::{Connector, Ways},
    dns::Resolver,
    http2,
    proxy::{Proxies, Proxy, Rules},
    slots::Slots,
    tls::{Tls, TlsConnector},
    unix::Socket,
};
use crate::{BoxError, Error, Result};

/// How often TCP asks again whether a silent peer is there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Builds a [`Hyper`]. Nothing is checked, and no file and no variable is read, before [`build`](Self::build).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct HyperBuilder {
    connect_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    max_idle_per_host: usize,
    max_connections_per_host: Option<usize>,
    tcp_nodelay: bool,
    tcp_keepalive: Option<Duration>,
    local_address: Option<IpAddr>,
    resolver: Resolver,
    fixed: Vec<(String, IpAddr)>,
    socket: Option<Socket>,
    /// `None` for those of the environment.
    proxies: Option<Proxies>,
    pub(super) http2: http2::Settings,
    tls: Tls,
}

// ===== impl HyperBuilder =====

impl HyperBuilder {
    pub(super) fn new() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(10)),
            idle_timeout: Some(Duration::from_secs(90)),
            max_idle_per_host: usize::MAX,
            max_connections_per_host: None,
            tcp_nodelay: true,
            tcp_keepalive: Some(Duration::from_secs(60)),
            local_address: None,
            resolver: Resolver::system(),
            fixed: Vec::new(),
            socket: None,
            proxies: None,
            http2: http2::Settings::new(),
            tls: Tls::default(),
        }
    }

    /// The transport. The platform's certificate roots are not loaded before the first https connection.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when a certificate or a key is not one, cannot be read, is encrypted, or
    /// does not belong to the other; when a proxy or one of its headers is not one, in the environment too; and when a limit
    /// of connections is zero.
    pub fn build(self) -> Result<Hyper> {
        if self.max_connections_per_host == Some(0) {
            return Err(Error::invalid_input(
                "`max_connections_per_host` is 0, so no request could be sent; leave it out for no limit",
            ));
        }
        let proxies = match (self.socket.is_some(), self.proxies) {
            // No proxy is asked about a socket of this machine.
            (true, _) => Proxies::none(),
            (false, Some(proxies)) => proxies,
            (false, None) => Proxies::from_env(),
        };
        let proxies = Arc::new(Rules::new(&proxies)?);
        let resolver = self.resolver.with_fixed(&self.fixed);
        let mut tcp = HttpConnector::new_with_resolver(resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(self.tcp_nodelay);
        tcp.set_keepalive(self.tcp_keepalive);
        tcp.set_keepalive_interval(self.tcp_keepalive.map(|_| KEEPALIVE_INTERVAL));
        tcp.set_local_address(self.local_address);
        // Divided among the addresses of a host, so that a dead one leaves time for the others.
        tcp.set_connect_timeout(self.connect_timeout);
        let always_tunnel = self.http2.always();
        let forwarding = proxies.add_headers() && !always_tunnel;
        let ways = Ways {
            tcp,
            resolver,
            socket: self.socket,
            proxies: Arc::clone(&proxies),
            always_tunnel,
            tls: TlsConnector::new(&self.tls, &self.http2)?,
            limit: self.connect_timeout,
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.max_idle_per_host);
        self.http2.apply(&mut builder);
        let ways = Arc::new(ways);
        let connector = || {
            let slots = self.max_connections_per_host.map(Slots::new);
            Connector::new(Arc::clone(&ways), slots)
        };
        Ok(Hyper {
            shared: Arc::new(Shared {
                client: builder.build(connector()),
                blocking: builder.build(connector()),
                forwarding: forwarding.then_some(proxies),
                limited: self.max_connections_per_host.is_some(),
            }),
        })
    }
}

// ===== connections =====

impl HyperBuilder {
    /// Limits making a connection: name, TCP, proxy and TLS together. Default: 10 s; `None` for no limit of its own.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = limit.into();
        self
    }

    /// Closes connections that were not used for so long. Default: 90 s; `None` to keep them for as long as the server does.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// Keeps at most so many unused connections to a host. Default: no limit.
    pub fn max_idle_per_host(mut self, connections: usize) -> Self {
        self.max_idle_per_host = connections;
        self
    }

    /// Makes at most so many connections to a host (scheme, name and port) at once, used and unused together. Default: no
    /// limit.
    ///
    /// A request that finds all in use waits until one is free, or closed; the attempt's and the call's time limits cover
    /// that, `connect_timeout` does not. Over HTTP/1.1 a connection is in use until the body of its answer was read or
    /// dropped: a call that waits for another while it holds an unread body may wait for itself.
    pub fn max_connections_per_host(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.max_connections_per_host = connections.into();
        self
    }

    /// Whether small packets are sent at once (`TCP_NODELAY`). Default: yes.
    pub fn tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.tcp_nodelay = nodelay;
        self
    }

    /// Lets TCP ask whether the peer is there when nothing came for so long, and then every 15 s (`SO_KEEPALIVE`), so that a
    /// long merge is not forgotten by a firewall on the way. Default: 60 s; `None` for never.
    pub fn tcp_keepalive(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.tcp_keepalive = idle.into();
        self
    }

    /// Makes connections from this address of this machine; to hosts that have one of the same kind. Default: the system's
    /// choice.
    pub fn local_address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.local_address = address.into();
        self
    }

    /// Sends everything over a Unix socket, whatever the host; the endpoint's is the `Host` that the server sees. Proxies are
    /// not used.
    ///
    /// Only on Unix.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.socket = Some(Socket::new(path.into()));
        self
    }
}

// ===== names =====

impl HyperBuilder {
    /// Asks `resolver` for the addresses of hosts, in place of the system. They are tried in the order in which they come,
    /// one IP version in preference to the other (RFC 8305).
    ///
    /// A port that an address has counts only where the URL has none. Hosts that are addresses are not asked about.
    ///
    /// ```
    /// # use lakefs_sdk::transport::{Hyper, Name};
    /// # use std::{io, net::SocketAddr};
    /// # fn main() -> lakefs_sdk::Result<()> {
    /// let resolver = tower::service_fn(|name: Name| async move {
    ///     match name.as_str() {
    ///         "lakefs.internal" => Ok(vec![SocketAddr::from(([10, 0, 0, 7], 0))].into_iter()),
    ///         _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    ///     }
    /// });
    /// let transport = Hyper::builder().resolver(resolver).build()?;
    /// # drop(transport);
    /// # Ok(()) }
    /// ```
    pub fn resolver<R>(mut self, resolver: R) -> Self
    where
        R: Service<Name> + Clone + Send + Sync + 'static,
        R::Response: Iterator<Item = SocketAddr>,
        R::Error: Into<BoxError>,
        R::Future: Send,
    {
        self.resolver = Resolver::custom(resolver);
        self
    }

    /// Says where `host` is; no resolver is asked about it. Several addresses of a host are tried in turn.
    pub fn resolve(mut self, host: impl Into<String>, address: impl Into<IpAddr>) -> Self {
        self.fixed.push((host.into(), address.into()));
        self
    }
}

// ===== proxies =====

impl HyperBuilder {
    /// Sends everything that it is for through this proxy, and nothing through those of the environment.
    ///
    /// For several proxies, or with exceptions: [`proxies`](Self::proxies).
    pub fn proxy(self, proxy: Proxy) -> Self {
        self.proxies(proxy.into())
    }

    /// Uses these proxies. Default: [`Proxies::from_env`].
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(self) -> Self {
        self.proxies(Proxies::none())
    }
}

// ===== TLS =====

#[cfg(feature = "rustls")]
impl HyperBuilder {
    /// How https is spoken. Default: [`Tls::new`].
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Trusts the certificate authorities in `pem` too, beside the platform's: [`Tls::add_root_certificates`], added to what
    /// [`tls`](Self::tls) was given before.
    pub fn add_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.add_root_certificates(pem);
        self
    }
}
