//! Whether and how HTTP/2 is spoken.

use std::time::Duration;

use hyper_util::client::legacy::Builder;

use super::HyperBuilder;

/// How the built-in transport uses HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Http2 {
    /// Never. The default.
    Off,
    /// Over https, where the server agrees to it (ALPN, RFC 7301).
    Negotiated,
    /// Always, also over http: the server is known to speak it.
    PriorKnowledge,
}

/// The settings of a transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    use_of: Http2,
    /// How long nothing must have come before a ping is sent, and how long it may take.
    ping: Option<(Duration, Duration)>,
    ping_while_idle: bool,
}

// ===== impl Settings =====

impl Settings {
    pub(super) fn new() -> Self {
        Self {
            use_of: Http2::Off,
            ping: None,
            ping_while_idle: false,
        }
    }

    /// Whether TLS offers it.
    #[cfg(feature = "rustls")]
    pub(super) fn offered(&self) -> bool {
        self.use_of != Http2::Off
    }

    pub(super) fn always(&self) -> bool {
        self.use_of == Http2::PriorKnowledge
    }

    pub(super) fn apply(&self, builder: &mut Builder) {
        builder.http2_only(self.always());
        if let Some((interval, limit)) = self.ping {
            builder
                .http2_keep_alive_interval(interval)
                .http2_keep_alive_timeout(limit)
                .http2_keep_alive_while_idle(self.ping_while_idle);
        }
    }
}

// ===== impl HyperBuilder =====

impl HyperBuilder {
    /// Whether HTTP/2 is spoken. Default: [`Http2::Off`].
    pub fn http2(mut self, http2: Http2) -> Self {
        self.http2.use_of = http2;
        self
    }

    /// Sends a ping when an HTTP/2 connection was silent for `interval`, and gives the connection up, with the calls on
    /// it, when no answer came within `limit`. Default: no pings.
    ///
    /// Only while calls are under way; see [`http2_keep_alive_while_idle`](Self::http2_keep_alive_while_idle). It notices a
    /// server that is gone sooner than the calls' own limits do.
    pub fn http2_keep_alive(mut self, interval: Duration, limit: Duration) -> Self {
        self.http2.ping = Some((interval, limit));
        self
    }

    /// Sends the pings of [`http2_keep_alive`](Self::http2_keep_alive) also while no call is under way, so that a firewall
    /// does not forget the connection. Default: no.
    pub fn http2_keep_alive_while_idle(mut self, ping: bool) -> Self {
        self.http2.ping_while_idle = ping;
        self
    }
}
