//! https by the built-in transport.

use lakefs_sdk::{
    Client, Error,
    middleware::retry::RetryPolicy,
    transport::{Http2, Hyper},
};
use rcgen::KeyPair;
use tokio::net::TcpListener;

use crate::support::tls::{TlsServer, converse};

fn causes(error: &Error) -> String {
    format!("{error:#}").to_lowercase()
}

/// A company's own certificate authority is how most lakeFS servers are reached.
#[tokio::test]
async fn a_server_with_an_added_authority_is_trusted() {
    let server = TlsServer::serve("localhost").await;
    let client = server.client(
        "localhost",
        Hyper::builder().add_root_certificates(server.authority.clone()),
    );

    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
}

/// A bundle of several authorities, with comments in between, is what administrators hand out.
#[tokio::test]
async fn a_bundle_of_authorities_is_read_whole() {
    let server = TlsServer::serve("localhost").await;
    let other = TlsServer::serve("localhost").await;
    let bundle = format!(
        "# ours\n{}\n# theirs\n{}\n",
        other.authority, server.authority
    );
    let client = server.client("localhost", Hyper::builder().add_root_certificates(bundle));

    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
}

/// A server that nobody vouches for must not get the credentials; the message must say that it is the certificate.
#[tokio::test]
async fn an_unknown_authority_is_a_connect_error_about_the_certificate() {
    let server = TlsServer::serve("localhost").await;
    let other = TlsServer::serve("localhost").await;
    let client = server.client(
        "localhost",
        Hyper::builder().add_root_certificates(other.authority.clone()),
    );

    let error = client
        .commit("lake", "main", lakefs_sdk::models::CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert!(!error.may_have_taken_effect());
    assert!(causes(&error).contains("certificate"), "{error:#}");
}

/// A certificate for another host is somebody else's server.
#[tokio::test]
async fn a_certificate_for_another_host_is_a_connect_error_about_the_certificate() {
    let server = TlsServer::serve("lakefs.example.com").await;
    let client = server.client(
        "localhost",
        Hyper::builder().add_root_certificates(server.authority.clone()),
    );

    let error = client.get_repository("lake").await.unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert!(causes(&error).contains("certificate"), "{error:#}");
}

/// Plain http spoken to, or by, a port for TLS is the commonest mistake in an endpoint.
#[tokio::test]
async fn http_and_https_mixed_up_is_an_error() {
    let server = TlsServer::serve("localhost").await;
    let client = Client::builder()
        .endpoint(format!("http://localhost:{}", server.address.port()))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let error = client.get_repository("lake").await.unwrap_err();
    assert!(error.is_transport(), "{error:?}");

    let plain = lakefs_sdk::testing::MemoryLakeFs::new()
        .serve("127.0.0.1:0")
        .await
        .unwrap();
    let client = Client::builder()
        .endpoint(plain.url().replace("http://", "https://"))
        .transport(
            Hyper::builder()
                .add_root_certificates(server.authority.clone())
                .build()
                .unwrap(),
        )
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let error = client.get_repository("lake").await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

/// HTTP/2 is spoken where both sides want it, and only then.
#[tokio::test]
async fn http2_is_spoken_when_it_is_negotiated() {
    let server = TlsServer::serve("localhost").await;
    let trusting = || Hyper::builder().add_root_certificates(server.authority.clone());
    for (http2, spoken) in [
        (Http2::Off, "http1"),
        (Http2::Negotiated, "http2"),
        (Http2::PriorKnowledge, "http2"),
    ] {
        let client = server.client("localhost", trusting().http2(http2));

        for _ in 0..2 {
            let repository = client.get_repository("lake").await.unwrap();
            assert_eq!(repository.id, spoken, "{http2:?}");
        }
    }
}

/// Over http there is nothing to negotiate with: prior knowledge speaks HTTP/2, negotiation stays with HTTP/1.1.
#[tokio::test]
async fn http2_over_plain_http_needs_prior_knowledge() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream));
        }
    });
    for (http2, spoken) in [
        (Http2::Off, "http1"),
        (Http2::Negotiated, "http1"),
        (Http2::PriorKnowledge, "http2"),
    ] {
        let client = Client::builder()
            .endpoint(format!("http://{address}"))
            .transport(Hyper::builder().http2(http2).build().unwrap())
            .build()
            .unwrap();

        assert_eq!(
            client.get_repository("lake").await.unwrap().id,
            spoken,
            "{http2:?}"
        );
    }
}

/// A file that holds no certificate is told when the transport is built, not when the first call fails.
#[test]
fn what_is_no_certificate_is_refused_when_the_transport_is_built() {
    let truncated = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    for pem in ["", "not PEM", truncated, garbage, &key] {
        let error = Hyper::builder()
            .add_root_certificates(pem)
            .build()
            .unwrap_err();

        assert!(error.is_invalid_input(), "{pem}: {error:?}");
        assert!(error.to_string().contains("`root_certificates`"), "{error}");
        assert!(
            !format!("{error:#} {error:?}").contains("PRIVATE KEY"),
            "{error:?}"
        );
    }
}
