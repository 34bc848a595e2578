//! Proxies of the built-in transport: tunnels, forwarding, SOCKS, the environment, and what goes past them.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use lakefs_sdk::{
    Client, Credentials, Error,
    middleware::retry::RetryPolicy,
    transport::{Hyper, HyperBuilder, Tls},
};
use tokio::{io::copy_bidirectional, net::TcpStream};

use crate::support::{
    tcp::{Connection, TcpServer},
    tls::TlsServer,
};

mod choice;
mod forwarding;
mod socks;
mod tunnels;

pub(super) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// `Basic` of `etl:s3cret/`.
pub(super) const BASIC: &str = "Basic ZXRsOnMzY3JldC8=";
pub(super) const PASSWORDS: [&str; 3] = ["s3cret", "s3cret%2F", "ZXRsOnMzY3JldC8"];

pub(super) fn repository(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}}"#
    )
}

/// Answers everything with a repository of that name.
pub(super) async fn answering(id: &'static str) -> TcpServer {
    TcpServer::serve(move |mut connection: Connection| async move {
        while connection.request().await?.is_some() {
            connection.answer(200, &repository(id)).await?;
        }
        Ok(())
    })
    .await
    .unwrap()
}

/// A proxy that makes tunnels, wherever to, to `target`; with `auth` only for who has it.
pub(super) async fn tunnelling(target: SocketAddr, auth: Option<&'static str>) -> TcpServer {
    TcpServer::serve(move |mut connection: Connection| async move {
        let Some(request) = connection.request().await? else {
            return Ok(());
        };
        if auth.is_some() && request.header("proxy-authorization") != auth {
            return connection
                .write("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
        connection
            .write("HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
        let mut server = TcpStream::connect(target).await?;
        copy_bidirectional(&mut connection.stream, &mut server).await?;
        Ok(())
    })
    .await
    .unwrap()
}

pub(super) fn url(proxy: &TcpServer, userinfo: &str) -> String {
    proxy
        .url()
        .replace("http://", &format!("http://{userinfo}"))
}

pub(super) fn address(server: &TcpServer) -> String {
    server.url().replace("http://", "")
}

/// A client of `endpoint` with an access key, without retries.
pub(super) fn client(endpoint: &str, hyper: HyperBuilder) -> Client {
    Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::access_key("AKIA", "lakefs-secret"))
        .transport(hyper.build().unwrap())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

pub(super) fn trusting(server: &TlsServer) -> HyperBuilder {
    Hyper::builder().tls(
        Tls::new()
            .only_added_roots()
            .add_root_certificates(server.authority.clone()),
    )
}

pub(super) async fn get(client: &Client) -> Result<String, Error> {
    Ok(client.get_repository("lake").await?.id)
}

pub(super) fn assert_shows_no_password(error: &Error) {
    let shown = format!("{error} {error:?} {error:#} {error:#?}");
    for password in PASSWORDS {
        assert!(!shown.contains(password), "{shown}");
    }
}
