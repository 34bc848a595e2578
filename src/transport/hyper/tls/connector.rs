//! TLS over a connection. The platform's roots are loaded when the first https connection needs them: that takes tens of
//! milliseconds, which a program that speaks http should not pay.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use http::{Uri, uri::Scheme};
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector, ResolveServerName};
use hyper_util::client::legacy::connect::Connection as _;
use rustls::{
    ClientConfig, KeyLogFile, RootCertStore,
    client::ResolvesClientCert,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName},
    sign::SingleCertAndKey,
    version::{TLS12, TLS13},
};
use tower::Service as _;

use super::{Tls, TlsVersion, accept_any::AcceptAny, explain, pem};
use crate::{
    BoxError, Error, Result,
    transport::hyper::{
        failed::Failed,
        http2::Settings,
        stream::{Established, Stream},
    },
};

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Speaks TLS with all servers of a transport.
pub(in crate::transport::hyper) struct TlsConnector {
    shared: Arc<Shared>,
}

/// All that is needed for a connection, before there is one.
pub(in crate::transport::hyper) struct Handshake {
    uri: Uri,
    config: Arc<ClientConfig>,
    shared: Arc<Shared>,
}

struct Shared {
    provider: Arc<CryptoProvider>,
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    /// By host, in lower case.
    names: HashMap<String, ServerName<'static>>,
    options: Tls,
    http2: bool,
    config: OnceLock<Arc<ClientConfig>>,
}

// ===== impl TlsConnector =====

impl TlsConnector {
    pub(in crate::transport::hyper) fn new(options: &Tls, http2: &Settings) -> Result<Self> {
        // Always with the provider named: the process may have none, or another.
        let provider = Arc::new(ring::default_provider());
        let roots = pem::roots(&options.roots)?;
        if roots.is_empty() && !options.platform_roots && !options.accept_any {
            return Err(Error::invalid_input(
                "`root_certificates`: none were added, and those of the platform are switched off, so no server could be trusted",
            ));
        }
        let identity = match &options.identity {
            Some(identity) => Some(pem::identity(identity, &provider)?),
            None => None,
        };
        let names = options.names.iter();
        let shared = Shared {
            roots,
            identity: identity.map(|identity| Arc::new(SingleCertAndKey::from(identity)) as _),
            names: names.map(server_name).collect::<Result<_>>()?,
            options: options.clone(),
            http2: http2.offered(),
            config: OnceLock::new(),
            provider,
        };
        #[cfg(feature = "tracing")]
        if options.accept_any {
            tracing::warn!(
                "the certificates of servers are not checked: anybody on the way can read and change everything, the credentials included"
            );
        }
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What a connection to `uri` needs; `None` when it is not https.
    pub(in crate::transport::hyper) async fn prepare(
        &self,
        uri: &Uri,
    ) -> std::result::Result<Option<Handshake>, BoxError> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(None);
        }
        let config = match self.shared.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let shared = Arc::clone(&self.shared);
                // Reading the platform's roots blocks.
                tokio::task::spawn_blocking(move || shared.load()).await??
            }
        };
        Ok(Some(Handshake {
            uri: uri.clone(),
            config,
            shared: Arc::clone(&self.shared),
        }))
    }
}

fn server_name((host, name): &(String, String)) -> Result<(String, ServerName<'static>)> {
    match ServerName::try_from(name.clone()) {
        Ok(name) => Ok((unbracketed(host).to_ascii_lowercase(), name)),
        Err(_) => Err(Error::invalid_input(format!(
            "`server_name` {name:?} is neither a host's name nor an address; it looks like lakefs.example.com"
        ))),
    }
}

fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

// ===== impl Handshake =====

impl Handshake {
    /// For a proxy, which is to be spoken to in HTTP/1.1.
    pub(in crate::transport::hyper) fn without_http2(mut self) -> Self {
        if !self.config.alpn_protocols.is_empty() {
            let mut config = ClientConfig::clone(&self.config);
            config.alpn_protocols = vec![HTTP1.to_vec()];
            self.config = Arc::new(config);
        }
        self
    }

    pub(in crate::transport::hyper) async fn over(
        self,
        stream: Stream,
    ) -> std::result::Result<Stream, BoxError> {
        let host = self.uri.host().unwrap_or_default().to_owned();
        let shared = self.shared;
        let name = move |uri: &Uri| shared.name(uri);
        let mut tls =
            HttpsConnector::new(Established(Some(stream)), self.config, true, Arc::new(name));
        match tls.call(self.uri).await {
            Ok(stream) => {
                let http2 = stream.connected().is_negotiated_h2();
                Ok(Stream::new(stream).http2(http2))
            }
            Err(error) => {
                let message = explain::handshake(&host, &*error);
                Err(Failed::new(message).because(error).into())
            }
        }
    }
}

// ===== impl Shared =====

impl Shared {
    /// Loads the roots, unless somebody else just has.
    fn load(&self) -> std::result::Result<Arc<ClientConfig>, BoxError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let versions: &[_] = match self.options.min_version {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)?;
        let builder = if self.options.accept_any {
            let verifier = Arc::new(AcceptAny(Arc::clone(&self.provider)));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        } else {
            builder.with_root_certificates(self.trusted()?)
        };
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity)),
            None => builder.with_no_client_auth(),
        };
        if self.http2 {
            config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        }
        if self.options.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }

    fn trusted(&self) -> std::result::Result<RootCertStore, BoxError> {
        let mut trusted = RootCertStore::empty();
        trusted.add_parsable_certificates(self.roots.iter().cloned());
        if !self.options.platform_roots {
            return Ok(trusted);
        }
        let found = rustls_native_certs::load_native_certs();
        trusted.add_parsable_certificates(found.certs);
        if trusted.is_empty() {
            let causes: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(Failed::new(format!(
                "the platform has no certificate roots ({}); install them, or add your own with `Tls::add_root_certificates`",
                causes.join("; ")
            ))
            .into());
        }
        Ok(trusted)
    }

    /// What a server's certificate must be for.
    fn name(&self, uri: &Uri) -> std::result::Result<ServerName<'static>, BoxError> {
        let host = unbracketed(uri.host().unwrap_or_default()).to_ascii_lowercase();
        match self.names.get(&host) {
            Some(name) => Ok(name.clone()),
            None => DefaultServerNameResolver::default().resolve(uri),
        }
    }
}
