//! Whom the built-in transport trusts over https, and what it says when it does not.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr},
    process::Command,
    sync::{Arc, Mutex},
};

use lakefs_sdk::{
    Error,
    transport::{Hyper, Tls, TlsVersion},
};
use rcgen::{CertificateParams, date_time_ymd};
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt as _};

use crate::support::tls::{Authority, TlsServer};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn trusting(server: &TlsServer) -> Tls {
    Tls::new()
        .only_added_roots()
        .add_root_certificates(server.authority.clone())
}

async fn fails(server: &TlsServer, host: &str, tls: Tls) -> Error {
    let hyper = Hyper::builder().tls(tls).resolve("lakefs.test", LOCALHOST);
    let error = server
        .client(host, hyper)
        .get_repository("lake")
        .await
        .unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(!error.may_have_taken_effect());
    error
}

/// A company that signs its own servers may not want two hundred others to be able to.
#[tokio::test]
async fn only_the_added_authorities_are_trusted() {
    let server = TlsServer::serve("localhost").await;
    let client = server.client("localhost", Hyper::builder().tls(trusting(&server)));
    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");

    let other = Tls::new()
        .only_added_roots()
        .add_root_certificates(Authority::new().pem());
    let error = fails(&server, "localhost", other).await;

    assert!(
        error.message().contains("`Tls::add_root_certificates`"),
        "{error}"
    );
    assert!(format!("{error:#}").contains("UnknownIssuer"), "{error:#}");
}

/// Without the platform's authorities and without any other, no server could ever be reached.
#[test]
fn trusting_nobody_is_refused() {
    let tls = Tls::new().only_added_roots();

    let error = Hyper::builder().tls(tls).build().unwrap_err();

    assert!(error.is_invalid_input(), "{error:?}");
    assert!(error.message().contains("`root_certificates`"), "{error}");
}

/// A path that is wrong is found out when the program starts.
#[test]
fn a_file_of_authorities_that_is_missing_is_named() {
    let tls = Tls::new().add_root_certificates_file("/nonexistent/ca.pem");

    let error = Hyper::builder().tls(tls).build().unwrap_err();

    assert!(error.is_invalid_input(), "{error:?}");
    assert!(error.message().contains("/nonexistent/ca.pem"), "{error}");
}

/// Behind a tunnel or an address, the name in the certificate is not the one in the URL.
#[tokio::test]
async fn the_name_of_a_server_can_be_given() {
    let server = TlsServer::serve("lakefs.example.com").await;
    let error = fails(&server, "127.0.0.1", trusting(&server)).await;
    assert!(error.message().contains("`Tls::server_name`"), "{error}");

    let named = trusting(&server).server_name("127.0.0.1", "lakefs.example.com");
    let client = server.client("127.0.0.1", Hyper::builder().tls(named.clone()));
    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");

    // Presigned URLs lead to other hosts, which keep their own names.
    let error = fails(&server, "lakefs.test", named).await;
    assert!(error.message().contains("for another name"), "{error}");
}

/// A name that no certificate can have is a typing error.
#[test]
fn a_name_that_is_none_is_refused() {
    let tls = Tls::new().server_name("127.0.0.1", "not a name");

    let error = Hyper::builder().tls(tls).build().unwrap_err();

    assert!(error.is_invalid_input(), "{error:?}");
    assert!(error.message().contains("`server_name`"), "{error}");
}

/// Where old versions of TLS are forbidden, a server that knows no other must not be spoken to.
#[tokio::test]
async fn the_oldest_version_can_be_chosen() {
    let server = TlsServer::serve_only_tls12("localhost").await;
    let client = server.client("localhost", Hyper::builder().tls(trusting(&server)));
    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");

    let newer = trusting(&server).min_version(TlsVersion::V1_3);
    let error = fails(&server, "localhost", newer).await;

    assert!(error.message().contains("`Tls::min_version`"), "{error}");
}

/// Certificates expire at night; the message is what is read then.
#[tokio::test]
async fn an_expired_certificate_is_told_as_such() {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    let server = TlsServer::serve_params(params).await;

    let error = fails(&server, "localhost", trusting(&server)).await;

    assert!(error.message().contains("has expired"), "{error}");
}

/// To switch verification off is sometimes needed in a laboratory, and must be seen in the log of production.
#[tokio::test]
async fn verification_can_be_switched_off_with_a_warning() {
    let server = TlsServer::serve("somebody.else.example.com").await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();

    let transport = {
        let _guard = subscriber.set_default();
        drop(Hyper::builder().tls(Tls::new()).build().unwrap());
        let tls = Tls::new().danger_accept_invalid_certificates();
        Hyper::builder().tls(tls).build().unwrap()
    };

    let warnings = log.text();
    assert_eq!(warnings.matches("WARN").count(), 1, "{warnings}");
    assert!(
        warnings.contains("certificates of servers are not checked"),
        "{warnings}"
    );
    let client = lakefs_sdk::Client::builder()
        .endpoint(format!("https://localhost:{}", server.address.port()))
        .transport(transport)
        .build()
        .unwrap();
    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
}

/// Keys of connections in a file that nobody asked for give away what was encrypted with them.
#[test]
fn keys_are_logged_only_when_asked_for() {
    let file = std::env::temp_dir().join(format!("lakefs-sdk-keys-{}", std::process::id()));
    let run = |asked: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "tls_trust::a_call_that_may_log_its_keys",
            ])
            .env("SSLKEYLOGFILE", &file)
            .env(ASKED, asked)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(&file).ok()
    };

    assert_eq!(run("no"), None);
    let keys = run("yes").unwrap();
    fs::remove_file(&file).unwrap();

    assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
}

const ASKED: &str = "LAKEFS_SDK_TEST_KEY_LOG";

/// Only for [`keys_are_logged_only_when_asked_for`], which runs it in a process with an environment of its own.
#[tokio::test]
#[ignore = "run by another test"]
async fn a_call_that_may_log_its_keys() {
    let server = TlsServer::serve("localhost").await;
    let mut tls = trusting(&server);
    if std::env::var(ASKED).is_ok_and(|asked| asked == "yes") {
        tls = tls.key_log_from_env();
    }
    let client = server.client("localhost", Hyper::builder().tls(tls));
    assert_eq!(client.get_repository("lake").await.unwrap().id, "http1");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
