//! [`Proxies`], checked: which proxy a request goes through.

use http::{Request, Uri, uri::Scheme};

use super::{Proxies, Scope, exempt::Exempt, via::Via};
use crate::Result;

/// Which proxy is for which request.
pub(in crate::transport::hyper) struct Rules {
    proxies: Vec<(Scope, Via)>,
    exempt: Exempt,
}

// ===== impl Rules =====

impl Rules {
    pub(in crate::transport::hyper) fn new(proxies: &Proxies) -> Result<Self> {
        let each = proxies.proxies.iter();
        Ok(Self {
            proxies: each
                .map(|proxy| Ok((proxy.scope, Via::new(proxy)?)))
                .collect::<Result<_>>()?,
            exempt: Exempt::new(&proxies.except, proxies.except_loopback),
        })
    }

    /// The proxy for `uri`.
    pub(in crate::transport::hyper) fn find(&self, uri: &Uri) -> Option<&Via> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        let fits = |scope: Scope| match scope {
            Scope::All => true,
            Scope::Http => !https,
            Scope::Https => https,
        };
        let (_, via) = self.proxies.iter().find(|(scope, _)| fits(*scope))?;
        (!self.exempt.contains(uri)).then_some(via)
    }

    /// Whether there is a proxy that wants headers with requests to http hosts.
    pub(in crate::transport::hyper) fn add_headers(&self) -> bool {
        self.proxies
            .iter()
            .any(|(scope, via)| *scope != Scope::Https && via.wants_headers())
    }

    /// Adds what the proxy wants to see to a request that it forwards. Within a tunnel, and without a proxy, nothing is
    /// added: the server is not to see it.
    pub(in crate::transport::hyper) fn prepare<B>(&self, request: &mut Request<B>) {
        if request.uri().scheme() == Some(&Scheme::HTTP) {
            if let Some(via) = self.find(request.uri()) {
                via.add_headers(request.headers_mut());
            }
        }
    }
}
