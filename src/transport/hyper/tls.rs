//! https by rustls with ring. The platform's roots are loaded when the first https connection needs them: that takes tens of
//! milliseconds, which a program that speaks http should not pay.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::net::TcpStream;
use tower::Service;

use crate::{BoxError, Error, Result};

pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Certificate authorities beside the platform's, as PEM.
#[derive(Clone, Default)]
pub(super) struct Roots {
    pem: Vec<Vec<u8>>,
}

#[derive(Clone)]
pub(super) struct Tls {
    shared: Arc<Shared>,
}

struct Shared {
    extra: Vec<CertificateDer<'static>>,
    http2: bool,
    config: OnceLock<Arc<ClientConfig>>,
}

// ===== impl Roots =====

impl Roots {
    pub(super) fn add(&mut self, pem: Vec<u8>) {
        self.pem.push(pem);
    }

    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let mut certificates = Vec::new();
        for pem in &self.pem {
            let before = certificates.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                certificates.push(certificate.map_err(|error| {
                    Error::invalid_input("`root_certificates` are not valid PEM")
                        .with_source(error.to_string())
                })?);
            }
            if certificates.len() == before {
                return Err(Error::invalid_input(
                    "`root_certificates` have no certificate; a PEM file has lines like -----BEGIN CERTIFICATE-----",
                ));
            }
        }
        Ok(certificates)
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.pem.len())
    }
}

// ===== impl Tls =====

impl Tls {
    pub(super) fn new(extra: Vec<CertificateDer<'static>>, http2: bool) -> Result<Self> {
        let shared = Shared {
            extra,
            http2,
            config: OnceLock::new(),
        };
        shared.check_extra()?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(super) async fn connect(
        &self,
        mut http: HttpConnector,
        uri: Uri,
    ) -> std::result::Result<Stream, BoxError> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(MaybeHttpsStream::Http(http.call(uri).await?));
        }
        let config = match self.shared.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let shared = Arc::clone(&self.shared);
                // Reading the platform's roots blocks.
                tokio::task::spawn_blocking(move || shared.load()).await??
            }
        };
        HttpsConnector::from((http, config)).call(uri).await
    }
}

// ===== impl Shared =====

impl Shared {
    /// Loads the roots, unless somebody else just has.
    fn load(&self) -> std::result::Result<Arc<ClientConfig>, BoxError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        if roots.is_empty() {
            let causes: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(format!(
                "the platform has no certificate roots ({}); install them, or add your own to the transport",
                causes.join("; ")
            )
            .into());
        }
        // Always with the provider named: the process may have none, or another.
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if self.http2 {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }

    fn check_extra(&self) -> Result<()> {
        let mut roots = RootCertStore::empty();
        for certificate in &self.extra {
            roots.add(certificate.clone()).map_err(|error| {
                Error::invalid_input("`root_certificates` have one that is not valid")
                    .with_source(error)
            })?;
        }
        Ok(())
    }
}
