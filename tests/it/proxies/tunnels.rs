//! Tunnels for https, by `CONNECT`.

use std::{io, sync::Arc};

use lakefs_sdk::{
    models::CommitCreation,
    transport::{Http2, Hyper, Proxy, Tls},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::version::TLS13};

use super::{
    BASIC, address, assert_shows_no_password, client, get, repository, trusting, tunnelling, url,
};
use crate::support::{
    tcp::{Connection, TcpServer},
    tls::{Authority, TlsServer, converse, server_config},
};

/// Behind a company's proxy lakeFS is reached by a tunnel; what the proxy sees must not hold the keys to the lake.
#[tokio::test]
async fn https_goes_through_a_tunnel_that_sees_no_credentials_of_lakefs() {
    let server = TlsServer::serve("lakefs.test").await;
    let proxy = tunnelling(server.address, Some(BASIC)).await;
    let by_url = Proxy::all(url(&proxy, "etl:s3cret%2F@"));
    let by_method = Proxy::https(url(&proxy, "ignored@")).basic_auth("etl", "s3cret/");
    for proxied in [by_url, by_method] {
        let hyper = trusting(&server).proxy(proxied.header("x-team", "data"));
        let client = client("https://lakefs.test", hyper);

        assert_eq!(get(&client).await.unwrap(), "http1");
        assert_eq!(get(&client).await.unwrap(), "http1");
    }

    let requests = proxy.requests();
    assert_eq!(requests.len(), 2, "a tunnel is used again");
    for request in requests {
        let head = request.head.to_lowercase();
        assert!(
            head.starts_with("connect lakefs.test:443 http/1.1\r\n"),
            "{head}"
        );
        assert_eq!(request.header("proxy-authorization"), Some(BASIC));
        assert_eq!(request.header("x-team"), Some("data"));
        assert_eq!(request.header("authorization"), None, "{head}");
        assert_eq!(head.matches("authorization").count(), 1, "{head}");
    }
}

/// A password that changed must be told as the proxy's, and never be printed.
#[tokio::test]
async fn a_proxy_that_wants_other_credentials_is_a_connect_error_about_the_proxy() {
    let server = TlsServer::serve("lakefs.test").await;
    let proxy = tunnelling(server.address, Some("Basic other")).await;
    for (userinfo, advice) in [
        ("", "`Proxy::basic_auth`"),
        ("etl:s3cret%2F@", "does not accept"),
    ] {
        let hyper = trusting(&server).proxy(Proxy::all(url(&proxy, userinfo)));

        let call =
            client("https://lakefs.test", hyper).commit("lake", "main", CommitCreation::new("m"));
        let error = call.await.unwrap_err();

        assert!(error.is_connect(), "{error:?}");
        assert!(!error.may_have_taken_effect());
        assert!(error.message().contains("407"), "{error}");
        assert!(error.message().contains(&address(&proxy)), "{error}");
        assert!(error.message().contains(advice), "{error}");
        assert_shows_no_password(&error);
    }
}

/// That the proxy does not let one through is another thing than that lakeFS is down.
#[tokio::test]
async fn a_proxy_that_makes_no_tunnel_is_named() {
    for answer in ["HTTP/1.1 403 Forbidden\r\n\r\n", "garbage\r\n\r\n", ""] {
        let proxy = TcpServer::serve(move |mut connection: Connection| async move {
            connection.request().await?;
            connection.write(answer).await
        })
        .await
        .unwrap();
        let hyper = Hyper::builder().proxy(Proxy::all(url(&proxy, "etl:s3cret%2F@")));

        let error = get(&client("https://lakefs.test:8443", hyper))
            .await
            .unwrap_err();

        assert!(error.is_connect(), "{error:?}");
        assert!(error.message().contains(&address(&proxy)), "{error}");
        assert!(error.message().contains("lakefs.test:8443"), "{error}");
        assert_shows_no_password(&error);
    }
}

/// A proxy that is down, in the same way.
#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    for scheme in ["http", "socks5h"] {
        let proxied = Proxy::all(format!("{scheme}://etl:s3cret%2F@127.0.0.1:{port}"));
        for endpoint in ["http://lakefs.test", "https://lakefs.test"] {
            let hyper = Hyper::builder().proxy(proxied.clone());

            let error = get(&client(endpoint, hyper)).await.unwrap_err();

            assert!(error.is_connect(), "{error:?}");
            let expected = format!("the proxy 127.0.0.1:{port} cannot be reached");
            assert!(error.message().contains(&expected), "{error}");
            assert!(
                format!("{error:#}").to_lowercase().contains("refused"),
                "{error:#}"
            );
            assert_shows_no_password(&error);
        }
    }
}

/// HTTP/2 is agreed on with the server, through the tunnel; also without TLS, where the proxy could not speak it.
#[tokio::test]
async fn http2_goes_through_a_tunnel() {
    let server = TlsServer::serve("lakefs.test").await;
    let proxy = tunnelling(server.address, None).await;
    let hyper = trusting(&server)
        .http2(Http2::Negotiated)
        .proxy(Proxy::all(proxy.url()));
    assert_eq!(
        get(&client("https://lakefs.test", hyper)).await.unwrap(),
        "http2"
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = tunnelling(listener.local_addr().unwrap(), None).await;
    tokio::spawn(async move { converse(listener.accept().await.unwrap().0).await });
    let hyper = Hyper::builder()
        .http2(Http2::PriorKnowledge)
        .proxy(Proxy::all(url(&proxy, "etl:s3cret%2F@")));
    assert_eq!(
        get(&client("http://lakefs.test", hyper)).await.unwrap(),
        "http2"
    );
    assert!(
        proxy.requests()[0]
            .head
            .starts_with("CONNECT lakefs.test:80 ")
    );
}

/// A proxy that is itself spoken to by TLS keeps its password from who listens in between.
#[tokio::test]
async fn a_proxy_is_spoken_to_by_tls() {
    let server = TlsServer::serve("lakefs.test").await;
    let authority = Authority::new();
    let (certificate, key) = authority.sign("localhost");
    let config = server_config(&[&TLS13], None, &certificate, &key);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = server.address;
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for connect in [true, false] {
            let stream = listener.accept().await?.0;
            let mut stream = acceptor.accept(stream).await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            heads.push(String::from_utf8_lossy(&head).into_owned());
            if connect {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                let mut server = TcpStream::connect(target).await?;
                tokio::spawn(async move { copy_bidirectional(&mut stream, &mut server).await });
            } else {
                let body = repository("forwarded");
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await?;
                stream.shutdown().await?;
            }
        }
        Ok::<_, io::Error>(heads)
    });
    let hyper = Hyper::builder()
        .tls(
            Tls::new()
                .only_added_roots()
                .add_root_certificates(server.authority.clone())
                .add_root_certificates(authority.pem()),
        )
        .http2(Http2::Negotiated)
        .proxy(Proxy::all(format!(
            "https://etl:s3cret%2F@localhost:{port}"
        )));

    assert_eq!(
        get(&client("https://lakefs.test", hyper.clone()))
            .await
            .unwrap(),
        "http2"
    );
    assert_eq!(
        get(&client("http://lakefs.test", hyper)).await.unwrap(),
        "forwarded"
    );

    let heads = serving.await.unwrap().unwrap();
    assert!(
        heads[0].starts_with("CONNECT lakefs.test:443 "),
        "{heads:?}"
    );
    assert!(
        heads[1].starts_with("GET http://lakefs.test/api/v1/"),
        "{heads:?}"
    );
}
