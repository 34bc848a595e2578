//! What is reached without a proxy: the entries of `NO_PROXY`.

use std::net::IpAddr;

use http::{Uri, uri::Scheme};
use hyper_util::client::proxy::matcher::Matcher;

/// Hosts that are reached directly.
pub(super) struct Exempt {
    everything: bool,
    loopback: bool,
    hosts: Hosts,
    /// hyper-util's matcher knows no ports.
    at_ports: Vec<(u16, Hosts)>,
}

/// A set of domains, addresses and networks.
struct Hosts(Matcher);

// ===== impl Exempt =====

impl Exempt {
    pub(super) fn new(list: &str, loopback: bool) -> Self {
        let mut exempt = Self {
            everything: false,
            loopback,
            hosts: Hosts::new(""),
            at_ports: Vec::new(),
        };
        let mut hosts = Vec::new();
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match split(entry) {
                ("*", None) => exempt.everything = true,
                (host, Some(port)) => exempt.at_ports.push((port, Hosts::new(host))),
                (host, None) => hosts.push(host),
            }
        }
        exempt.hosts = Hosts::new(&hosts.join(","));
        exempt
    }

    pub(super) fn contains(&self, uri: &Uri) -> bool {
        self.everything
            || self.hosts.contain(uri)
            || (self.loopback && is_loopback(uri.host().unwrap_or_default()))
            || self
                .at_ports
                .iter()
                .any(|(port, hosts)| *port == port_of(uri) && hosts.contain(uri))
    }
}

/// The host, as the matcher takes it, and the port.
fn split(entry: &str) -> (&str, Option<u16>) {
    let (host, port) = match entry.rsplit_once(':') {
        // A lone IPv6 address has colons of its own.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok())
        }
        _ => (entry, None),
    };
    let host = host.strip_prefix("*.").unwrap_or(host);
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

pub(super) fn port_of(uri: &Uri) -> u16 {
    let default = || {
        if uri.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        }
    };
    uri.port_u16().unwrap_or_else(default)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

// ===== impl Hosts =====

impl Hosts {
    fn new(list: &str) -> Self {
        // Of a matcher with a proxy for everything, what it does not intercept is in its list.
        Self(Matcher::builder().all("http://proxy").no(list).build())
    }

    fn contain(&self, uri: &Uri) -> bool {
        self.0.intercept(uri).is_none()
    }
}
