//! Client certificates: mutual TLS by the built-in transport.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::fs;

use lakefs_sdk::{
    Error,
    models::CommitCreation,
    transport::{Hyper, HyperBuilder, Tls},
};
use tokio_rustls::rustls::{
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use crate::support::tls::{Authority, TlsServer};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// What a key must never be seen by.
const SECRET: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZWNyZXQ";

fn trusting(server: &TlsServer) -> Tls {
    Tls::new().add_root_certificates(server.authority.clone())
}

fn with(tls: Tls) -> HyperBuilder {
    Hyper::builder().tls(tls)
}

/// Where only known machines may reach lakeFS, the certificate is what makes one known.
#[tokio::test]
async fn a_client_with_a_certificate_is_let_in() {
    let clients = Authority::new();
    let (certificate, key) = clients.sign("etl");
    for version in VERSIONS {
        let server = TlsServer::serve_known_clients("localhost", &clients, version).await;
        let tls = trusting(&server).client_certificate(certificate.pem(), key.serialize_pem());

        let client = server.client("localhost", with(tls));

        assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
    }
}

/// Certificates and keys are mounted as files; one file may hold both.
#[tokio::test]
async fn a_client_certificate_is_read_from_files() {
    let clients = Authority::new();
    let (certificate, key) = clients.sign("etl");
    let server = TlsServer::serve_known_clients("localhost", &clients, &TLS13).await;
    let directory = std::env::temp_dir().join(format!("lakefs-sdk-mtls-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let authority = file("ca.pem", server.authority.clone());
    let certificates = file("client.pem", certificate.pem());
    let keys = file("client.key", key.serialize_pem());
    let both = file("both.pem", key.serialize_pem() + &certificate.pem());

    for (certificates, key) in [(&certificates, &keys), (&both, &both)] {
        let tls = Tls::new()
            .only_added_roots()
            .add_root_certificates_file(&authority)
            .client_certificate_files(certificates, key);
        let client = server.client("localhost", with(tls));
        assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
    }
    fs::remove_dir_all(&directory).unwrap();
}

/// In TLS 1.3 a server says no after the handshake, when the request is on its way: without care that reads as a lost
/// connection, and a commit is left in doubt.
#[tokio::test]
async fn a_client_without_the_right_certificate_is_told_so() {
    let clients = Authority::new();
    let (stranger, key) = Authority::new().sign("etl");
    for version in VERSIONS {
        let server = TlsServer::serve_known_clients("localhost", &clients, version).await;
        for tls in [
            trusting(&server),
            trusting(&server).client_certificate(stranger.pem(), key.serialize_pem()),
        ] {
            let client = server.client("localhost", with(tls));

            let error = client
                .commit("lake", "main", CommitCreation::new("m"))
                .await
                .unwrap_err();

            assert!(error.is_connect(), "{error:?}");
            assert!(!error.may_have_taken_effect());
            assert!(
                error.message().contains("`Tls::client_certificate`"),
                "{error:#}"
            );
        }
    }
}

fn refused(certificate: &str, key: &str) -> Error {
    let tls = Tls::new().client_certificate(certificate, key);
    let error = with(tls).build().unwrap_err();
    assert!(error.is_invalid_input(), "{error:?}");
    let shown = format!("{error} {error:?} {error:#}");
    assert!(!shown.contains(SECRET), "{shown}");
    error
}

/// A key with a passphrase cannot be asked for one in a service; whoever deploys it must know what to do.
#[test]
fn an_encrypted_key_is_refused_with_advice() {
    let (certificate, _) = Authority::new().sign("etl");
    for key in [
        format!(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{SECRET}\n-----END ENCRYPTED PRIVATE KEY-----\n"
        ),
        format!(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"
        ),
    ] {
        let error = refused(&certificate.pem(), &key);

        assert!(error.message().contains("`client_key`"), "{error}");
        assert!(error.message().contains("encrypted"), "{error}");
        assert!(error.message().contains("openssl pkey -in"), "{error}");
        assert!(error.message().contains("openssl pkcs8"), "{error}");
    }
}

/// The key of last year's certificate would fail every handshake, with a message about signatures.
#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let (certificate, _) = authority.sign("etl");
    let (_, key) = authority.sign("etl");

    let error = refused(&certificate.pem(), &key.serialize_pem());

    assert_eq!(
        error.message(),
        "`client_key` is not the key of the first certificate of `client_certificate`"
    );
}

/// What is wrong in a deployment's files is told by field and file when the program starts.
#[test]
fn what_is_no_certificate_or_no_key_is_refused() {
    let (certificate, key) = Authority::new().sign("etl");
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let garbage = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n");
    let cut = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n");
    for (certificate, key, field) in [
        ("", key.as_str(), "`client_certificate`"),
        (&key, &key, "`client_certificate`"),
        (&certificate, "", "`client_key`"),
        (&certificate, &certificate, "`client_key`"),
        (&certificate, &garbage, "`client_key`"),
        (&certificate, &cut, "`client_key`"),
    ] {
        let error = refused(certificate, key);
        assert!(error.message().contains(field), "{field}: {error}");
    }

    let tls = Tls::new().client_certificate_files("/nonexistent/client.pem", "/nonexistent/key");
    let error = with(tls).build().unwrap_err();
    assert!(error.is_invalid_input());
    assert!(error.message().contains("`client_certificate`"), "{error}");
    assert!(
        error.message().contains("/nonexistent/client.pem"),
        "{error}"
    );
}

/// Settings are printed when a program starts.
#[test]
fn a_key_is_in_no_debug() {
    let (certificate, key) = Authority::new().sign("etl");
    let pem = key.serialize_pem();
    let tls = Tls::new().client_certificate(certificate.pem(), pem.clone());

    let shown = format!("{tls:?} {:?} {:#?}", tls, with(tls.clone()));

    let line = pem.lines().nth(1).unwrap();
    assert!(!shown.contains(line), "{shown}");
    assert!(shown.contains("identity: true"), "{shown}");
}
