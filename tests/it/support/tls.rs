//! A server that speaks TLS, and authorities that sign its certificate and its clients'.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Request, Response, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use lakefs_sdk::{Client, middleware::retry::RetryPolicy, transport::HyperBuilder};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
        version::{TLS12, TLS13},
    },
};

/// Signs certificates.
pub(crate) struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

/// A server whose certificate is signed by an authority of its own.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    /// The authority's certificate, as PEM.
    pub(crate) authority: String,
    accepting: JoinHandle<()>,
}

// ===== impl Authority =====

impl Authority {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // A name of its own: of two of the same name, one looks like the other with a wrong signature.
        let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for a name, and its key.
    pub(crate) fn sign(&self, name: &str) -> (Certificate, KeyPair) {
        self.sign_params(CertificateParams::new([name.to_owned()]).unwrap())
    }

    pub(crate) fn sign_params(&self, params: CertificateParams) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = params
            .signed_by(&key, &self.certificate, &self.key)
            .unwrap();
        (certificate, key)
    }
}

// ===== impl TlsServer =====

impl TlsServer {
    /// Speaks HTTP/1.1, and HTTP/2 where the client wants it too.
    pub(crate) async fn serve(name: &str) -> Self {
        Self::serve_params(CertificateParams::new([name.to_owned()]).unwrap()).await
    }

    pub(crate) async fn serve_params(params: CertificateParams) -> Self {
        Self::start(params, &[&TLS13, &TLS12], None).await
    }

    pub(crate) async fn serve_only_tls12(name: &str) -> Self {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        Self::start(params, &[&TLS12], None).await
    }

    /// Lets in nobody without a certificate of `clients`.
    pub(crate) async fn serve_known_clients(
        name: &str,
        clients: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        Self::start(params, &[version], Some(clients)).await
    }

    async fn start(
        params: CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.sign_params(params);
        let config = server_config(versions, clients, &certificate, &key);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not like the certificate goes away here.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        converse(stream).await;
                    }
                });
            }
        });
        Self {
            address,
            authority: authority.pem(),
            accepting,
        }
    }

    /// A client whose endpoint is this server by the name `host`, without retries.
    pub(crate) fn client(&self, host: &str, hyper: HyperBuilder) -> Client {
        Client::builder()
            .endpoint(format!("https://{host}:{}", self.address.port()))
            .transport(hyper.build().unwrap())
            .retry(RetryPolicy::none())
            .build()
            .unwrap()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

pub(crate) fn server_config(
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Authority>,
    certificate: &Certificate,
    key: &KeyPair,
) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.certificate.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Speaks HTTP with one client: see [`answer`].
pub(crate) async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

/// A repository named after the HTTP version that was spoken.
async fn answer(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let id = match request.version() {
        Version::HTTP_2 => "http2",
        Version::HTTP_11 => "http1",
        _ => "other",
    };
    let document = format!(
        r#"{{"id":"{id}","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}}"#
    );
    Ok(Response::new(document))
}
