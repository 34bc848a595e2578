//! A lakeFS behind TLS with a company's own certificate authority, reached through a proxy that wants a password.
//!
//! Everything runs in this process, over the loopback: the lakeFS in memory, the proxy, and the authority that signs the
//! certificates. The part to copy is in `main`, from `Tls::new()` on.

use std::{net::SocketAddr, sync::Arc};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use lakefs_sdk::{
    Body, BoxError, Client,
    models::{CommitCreation, RepositoryCreation},
    testing::MemoryLakeFs,
    transport::{Hyper, Proxy, Tls, TlsVersion},
};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};
use tower::ServiceExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let authority = Authority::new()?;
    let lakefs = serve_lakefs(&authority).await?;
    let proxy = serve_proxy(lakefs).await?;

    // What a program does: whom it trusts, and what is in between.
    let tls = Tls::new()
        .only_added_roots()
        .add_root_certificates(authority.certificate.pem())
        .min_version(TlsVersion::V1_3);
    let through = Proxy::https(format!("http://{proxy}")).header("x-team", "data");
    let client = |tls: &Tls, proxy: Proxy| -> lakefs_sdk::Result<Client> {
        let transport = Hyper::builder().tls(tls.clone()).proxy(proxy).build()?;
        // The name is known to nobody here: it is the proxy that resolves it.
        Client::builder()
            .endpoint("https://lakefs.example.com")
            .transport(transport)
            .build()
    };

    let known = through.clone().basic_auth("etl", "open sesame");
    let lake = client(&tls, known.clone())?;
    lake.create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await?;
    lake.upload_object("lake", "main", "events.csv")
        .body("id,kind\n1,click\n")
        .await?;
    let commit = lake
        .commit("lake", "main", CommitCreation::new("add events"))
        .await?;
    println!("committed {:?} through the proxy", commit.message);
    let object = lake.get_object("lake", "main", "events.csv").await?;
    assert_eq!(object.text().await?, "id,kind\n1,click\n");

    // What is said when something is missing.
    for client in [client(&tls, through)?, client(&Tls::new(), known)?] {
        let failed = client.health_check().await;
        println!("{}", failed.err().ok_or("nothing was missed")?);
    }
    Ok(())
}

/// A lakeFS with a certificate of the authority.
async fn serve_lakefs(authority: &Authority) -> Result<SocketAddr, BoxError> {
    let (certificate, key) = authority.sign("lakefs.example.com")?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let lakefs = MemoryLakeFs::new();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, lakefs) = (acceptor.clone(), lakefs.clone());
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(stream).await?);
                let answer = |sent: Request<Incoming>| lakefs.clone().oneshot(sent.map(Body::new));
                Builder::new(TokioExecutor::new())
                    .serve_connection(stream, service_fn(answer))
                    .await
            });
        }
    });
    Ok(address)
}

/// A proxy that makes tunnels for who knows the password, and leads all of them to `target`.
async fn serve_proxy(target: SocketAddr) -> Result<SocketAddr, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).to_lowercase();
                println!("proxy: {}", head.lines().next().unwrap_or_default());
                // The base64 of `etl:open sesame`.
                if !head.contains("proxy-authorization: basic zxrsom9wzw4gc2vzyw1l") {
                    let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
                    return client.write_all(answer).await;
                }
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                let mut server = TcpStream::connect(target).await?;
                copy_bidirectional(&mut client, &mut server).await?;
                Ok::<_, std::io::Error>(())
            });
        }
    });
    Ok(address)
}

struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Result<Self, BoxError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate, key })
    }

    /// A certificate for a name, and its key.
    fn sign(&self, name: &str) -> Result<(Certificate, KeyPair), BoxError> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new([name.to_owned()])?;
        let certificate = params.signed_by(&key, &self.certificate, &self.key)?;
        Ok((certificate, key))
    }
}
