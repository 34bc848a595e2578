//! SOCKS proxies.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{io, net::SocketAddr};

use lakefs_sdk::transport::{Hyper, Proxy};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{LOCALHOST, address, answering, assert_shows_no_password, client, get, trusting};
use crate::support::{tcp::TcpServer, tls::TlsServer};

/// A SOCKS proxy for one connection; gives the bytes of the address that it was asked for.
async fn socks(
    target: SocketAddr,
    auth: Option<(&'static str, &'static str)>,
) -> (u16, tokio::task::JoinHandle<io::Result<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await?;
        let mut greeting = [0; 3];
        client.read_exact(&mut greeting).await?;
        let method = if auth.is_some() { 2 } else { 0 };
        assert_eq!(greeting, [5, 1, method]);
        client.write_all(&[5, method]).await?;
        if let Some((user, password)) = auth {
            let mut expected = vec![1, user.len() as u8];
            expected.extend(user.as_bytes());
            expected.push(password.len() as u8);
            expected.extend(password.as_bytes());
            let mut sent = vec![0; expected.len()];
            client.read_exact(&mut sent).await?;
            let known = sent == expected;
            client.write_all(&[1, u8::from(!known)]).await?;
            if !known {
                return Ok(Vec::new());
            }
        }
        let mut head = [0; 4];
        client.read_exact(&mut head).await?;
        let length = match head[3] {
            1 => 4,
            3 => usize::from(client.read_u8().await?),
            _ => 16,
        };
        let mut asked = vec![0; length + 2];
        client.read_exact(&mut asked).await?;
        client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await?;
        asked.insert(0, head[3]);
        let mut server = TcpStream::connect(target).await?;
        let _ = copy_bidirectional(&mut client, &mut server).await;
        Ok(asked)
    });
    (port, serving)
}

fn socket_of(server: &TcpServer) -> SocketAddr {
    address(server).parse().unwrap()
}

/// Through an SSH tunnel lakeFS is reached by SOCKS; who resolves the name decides whether it is found.
#[tokio::test]
async fn socks_resolves_names_where_it_was_told() {
    let server = answering("socks").await;
    for (scheme, endpoint, expected) in [
        (
            "socks5h",
            "http://lakefs.test",
            [&[3], &b"lakefs.test"[..], &[0, 80]].concat(),
        ),
        (
            "socks5h",
            "http://10.1.2.3:8000",
            vec![1, 10, 1, 2, 3, 0x1f, 0x40],
        ),
        ("socks5", "http://lakefs.test", vec![1, 127, 0, 0, 1, 0, 80]),
    ] {
        let (port, serving) = socks(socket_of(&server), None).await;
        let proxied = Proxy::all(format!("{scheme}://127.0.0.1:{port}"));
        let hyper = Hyper::builder()
            .proxy(proxied)
            .resolve("lakefs.test", LOCALHOST);
        let client = client(endpoint, hyper);

        assert_eq!(get(&client).await.unwrap(), "socks");

        drop(client);
        assert_eq!(
            serving.await.unwrap().unwrap(),
            expected,
            "{scheme} {endpoint}"
        );
    }
    assert!(server.requests()[0].head.starts_with("GET /api/v1/"));
}

/// The same for https, which must be for the server's name and not for the proxy's.
#[tokio::test]
async fn https_goes_through_socks_with_user_and_password() {
    let server = TlsServer::serve("lakefs.test").await;
    let (port, serving) = socks(server.address, Some(("etl", "s3cret/"))).await;
    let proxied = Proxy::https(format!("socks5h://etl:s3cret%2F@127.0.0.1:{port}"));
    let client = client("https://lakefs.test", trusting(&server).proxy(proxied));

    assert_eq!(get(&client).await.unwrap(), "http1");

    drop(client);
    let asked = serving.await.unwrap().unwrap();
    assert_eq!(asked, [&[3], &b"lakefs.test"[..], &[1, 187]].concat());
}

/// A wrong password for it is told with the proxy's name.
#[tokio::test]
async fn a_socks_proxy_that_refuses_is_named() {
    let server = answering("socks").await;
    let (port, _serving) = socks(socket_of(&server), Some(("etl", "another"))).await;
    let proxied = Proxy::all(format!("socks5h://127.0.0.1:{port}")).basic_auth("etl", "s3cret/");

    let error = get(&client(
        "http://lakefs.test",
        Hyper::builder().proxy(proxied),
    ))
    .await
    .unwrap_err();

    assert!(error.is_connect(), "{error:?}");
    assert!(
        error.message().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(
        format!("{error:#}").contains("credentials not accepted"),
        "{error:#}"
    );
    assert_shows_no_password(&error);
}
