//! Proxies of the built-in transport: tunnels, forwarding, SOCKS, the environment, and what goes past them.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use lakefs_sdk::{
    Client, Credentials, Error,
    middleware::retry::RetryPolicy,
    models::CommitCreation,
    transport::{Http2, Hyper, HyperBuilder, Proxies, Proxy, Tls},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
};
use tokio_rustls::{TlsAcceptor, rustls::version::TLS13};

use crate::support::{
    tcp::{Connection, TcpServer},
    tls::{Authority, TlsServer, converse, server_config},
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// `Basic` of `etl:s3cret/`.
const BASIC: &str = "Basic ZXRsOnMzY3JldC8=";
const PASSWORDS: [&str; 3] = ["s3cret", "s3cret%2F", "ZXRsOnMzY3JldC8"];

fn repository(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}}"#
    )
}

/// Answers everything with a repository of that name.
async fn answering(id: &'static str) -> TcpServer {
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
async fn tunnelling(target: SocketAddr, auth: Option<&'static str>) -> TcpServer {
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

fn url(proxy: &TcpServer, userinfo: &str) -> String {
    proxy
        .url()
        .replace("http://", &format!("http://{userinfo}"))
}

fn address(server: &TcpServer) -> String {
    server.url().replace("http://", "")
}

/// A client of `endpoint` with an access key, without retries.
fn client(endpoint: &str, hyper: HyperBuilder) -> Client {
    Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::access_key("AKIA", "lakefs-secret"))
        .transport(hyper.build().unwrap())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

fn trusting(server: &TlsServer) -> HyperBuilder {
    Hyper::builder().tls(
        Tls::new()
            .only_added_roots()
            .add_root_certificates(server.authority.clone()),
    )
}

async fn get(client: &Client) -> Result<String, Error> {
    Ok(client.get_repository("lake").await?.id)
}

fn assert_shows_no_password(error: &Error) {
    let shown = format!("{error} {error:?} {error:#} {error:#?}");
    for password in PASSWORDS {
        assert!(!shown.contains(password), "{shown}");
    }
}

// ===== tunnels =====

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

// ===== forwarding =====

/// A proxy forwards plain http by the URL that it is told, and knows the client by headers of its own.
#[tokio::test]
async fn http_is_forwarded_by_the_whole_url() {
    let proxy = answering("proxied").await;
    let proxied = Proxy::http(url(&proxy, "etl:s3cret%2F@"))
        .header("x-team", "wrong")
        .header("X-Team", "data");
    let client = client("http://lakefs.test:8000", Hyper::builder().proxy(proxied));

    assert_eq!(get(&client).await.unwrap(), "proxied");
    assert_eq!(get(&client).await.unwrap(), "proxied");

    assert_eq!(proxy.connections(), 1);
    for request in proxy.requests() {
        let head = &request.head;
        assert!(
            head.starts_with("GET http://lakefs.test:8000/api/v1/repositories/lake HTTP/1.1\r\n"),
            "{head}"
        );
        assert_eq!(request.header("host"), Some("lakefs.test:8000"));
        assert_eq!(request.header("proxy-authorization"), Some(BASIC));
        assert_eq!(request.header("x-team"), Some("data"));
        assert_eq!(head.to_lowercase().matches("x-team").count(), 1, "{head}");
        assert!(
            request.header("authorization").is_some(),
            "for lakeFS: {head}"
        );
    }
}

/// What the proxy is told is nobody else's business.
#[tokio::test]
async fn a_server_that_is_reached_directly_sees_nothing_for_the_proxy() {
    let server = answering("direct").await;
    let proxies = Proxies::none()
        .with(Proxy::http("http://etl:s3cret%2F@proxy.invalid").header("x-team", "data"))
        .except("127.0.0.1");
    let client = client(&server.url(), Hyper::builder().proxies(proxies));

    assert_eq!(get(&client).await.unwrap(), "direct");

    let request = &server.requests()[0];
    assert!(request.head.starts_with("GET /api/v1/"), "{}", request.head);
    assert_eq!(request.header("proxy-authorization"), None);
    assert_eq!(request.header("x-team"), None);
}

// ===== which requests =====

/// Whether a request for `host` arrives at the proxy or at the server.
async fn way(proxies: Proxies, proxy: &TcpServer, server: &TcpServer, host: &str) -> String {
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let before = proxy.requests().len();
    let resolver = tower::service_fn(|_| async {
        Ok::<_, io::Error>([SocketAddr::new(LOCALHOST, 0)].into_iter())
    });
    let hyper = Hyper::builder().proxies(proxies).resolver(resolver);
    let id = get(&client(&format!("http://{host}:{port}"), hyper))
        .await
        .unwrap();
    assert_eq!(id == "proxied", proxy.requests().len() > before);
    id
}

/// Hosts inside of the company are reached past the proxy, by the rules that curl has.
#[tokio::test]
async fn exceptions_are_reached_directly() {
    let (proxy, server) = (answering("proxied").await, answering("direct").await);
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let at_port = format!("lakefs.test:{port}");
    let at_address = format!("127.0.0.1:{port}");
    for (except, host, expected) in [
        ("", "lakefs.test", "proxied"),
        ("", "127.0.0.1", "proxied"),
        ("lakefs.test", "lakefs.test", "direct"),
        ("lakefs.test", "LakeFS.Test", "direct"),
        ("lakefs.test", "a.lakefs.test", "direct"),
        ("lakefs.test", "notlakefs.test", "proxied"),
        (".test", "lakefs.test", "direct"),
        ("*.test", "lakefs.test", "direct"),
        ("*.other", "lakefs.test", "proxied"),
        ("a.com, lakefs.test ,b.com", "lakefs.test", "direct"),
        ("a.com lakefs.test", "lakefs.test", "direct"),
        ("*", "lakefs.test", "direct"),
        ("*", "127.0.0.1", "direct"),
        ("127.0.0.1", "127.0.0.1", "direct"),
        ("127.0.0.0/8", "127.0.0.1", "direct"),
        ("10.0.0.0/8", "127.0.0.1", "proxied"),
        (&at_port, "lakefs.test", "direct"),
        (&at_address, "127.0.0.1", "direct"),
        ("lakefs.test:1", "lakefs.test", "proxied"),
        ("::1, [::1]:80", "lakefs.test", "proxied"),
    ] {
        let proxies = Proxies::none().with(Proxy::all(proxy.url())).except(except);

        let found = way(proxies, &proxy, &server, host).await;

        assert_eq!(found, expected, "{host} with {except:?}");
    }
}

/// The environment of a container is how an administrator sets a proxy for all its programs.
#[tokio::test]
async fn the_environment_names_proxies() {
    let (proxy, server) = (answering("proxied").await, answering("direct").await);
    let proxy_url = proxy.url();
    let url = proxy_url.as_str();
    let bare = url.trim_start_matches("http://");
    let other = "http://proxy.invalid:1";
    let cases: &[(&[(&str, &str)], &str, &str)] = &[
        (&[], "lakefs.test", "direct"),
        (&[("HTTP_PROXY", url)], "lakefs.test", "proxied"),
        (&[("http_proxy", url)], "lakefs.test", "proxied"),
        (&[("ALL_PROXY", url)], "lakefs.test", "proxied"),
        (&[("all_proxy", bare)], "lakefs.test", "proxied"),
        (&[("HTTPS_PROXY", url)], "lakefs.test", "direct"),
        (
            &[("ALL_PROXY", other), ("http_proxy", url)],
            "lakefs.test",
            "proxied",
        ),
        (
            &[("HTTP_PROXY", ""), ("http_proxy", url)],
            "lakefs.test",
            "proxied",
        ),
        (&[("HTTP_PROXY", " ")], "lakefs.test", "direct"),
        (
            &[("HTTP_PROXY", url), ("NO_PROXY", "lakefs.test")],
            "lakefs.test",
            "direct",
        ),
        (
            &[("HTTP_PROXY", url), ("no_proxy", ".test")],
            "lakefs.test",
            "direct",
        ),
        // As lakectl, which is written in Go.
        (&[("HTTP_PROXY", url)], "localhost", "direct"),
        (&[("HTTP_PROXY", url)], "127.0.0.1", "direct"),
        // In a CGI program the caller sets HTTP_PROXY, by a header.
        (
            &[("HTTP_PROXY", url), ("REQUEST_METHOD", "GET")],
            "lakefs.test",
            "direct",
        ),
        (
            &[("http_proxy", url), ("REQUEST_METHOD", "GET")],
            "lakefs.test",
            "proxied",
        ),
        (
            &[("Http_Proxy", other), ("XHTTP_PROXY", other)],
            "lakefs.test",
            "direct",
        ),
    ];
    for (vars, host, expected) in cases {
        let proxies = Proxies::from_env_vars(vars.iter().copied());

        let found = way(proxies, &proxy, &server, host).await;

        assert_eq!(&found, expected, "{host} with {vars:?}");
    }
}

/// Nobody calls anything for that: a program that ignores its environment cannot be deployed behind a proxy.
#[tokio::test]
async fn the_environment_is_the_default() {
    let proxy = answering("proxied").await;

    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "proxies::a_call_by_the_environment"])
        .env_remove("REQUEST_METHOD")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env("HTTP_PROXY", url(&proxy, "etl:s3cret%2F@"))
        .output()
        .await
        .unwrap();

    assert!(output.status.success(), "{output:?}");
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1, "the one that is off did not come");
    assert_eq!(requests[0].header("proxy-authorization"), Some(BASIC));
}

/// Only for [`the_environment_is_the_default`], which runs it in a process with an environment of its own.
#[tokio::test]
#[ignore = "run by another test"]
async fn a_call_by_the_environment() {
    let default = Client::builder()
        .endpoint("http://lakefs.test")
        .build()
        .unwrap();
    assert_eq!(get(&default).await.unwrap(), "proxied");

    let server = answering("direct").await;
    let off = Hyper::builder()
        .no_proxy()
        .resolve("lakefs.test", LOCALHOST);
    let endpoint = server.url().replace("127.0.0.1", "lakefs.test");
    assert_eq!(get(&client(&endpoint, off)).await.unwrap(), "direct");
}

/// A proxy that is written wrong must not mean that everything goes past it.
#[test]
fn what_is_no_proxy_is_refused() {
    let no_password = |error: &Error| {
        assert!(error.is_invalid_input(), "{error:?}");
        assert_shows_no_password(error);
    };
    for url in [
        "",
        "http://",
        "ftp://etl:s3cret@proxy",
        "socks4://etl:s3cret@proxy",
        "http://etl:s3cret@more@proxy",
        "http://etl:s3cret proxy:80",
        "http://etl:s3cret@proxy:eighty",
    ] {
        let proxy = Proxy::all(url);
        assert!(!format!("{proxy:?}").contains("s3cret"));
        let error = Hyper::builder().proxy(proxy).build().unwrap_err();
        no_password(&error);
        assert!(error.message().contains("`proxy`"), "{url}: {error}");

        if !url.is_empty() {
            let proxies = Proxies::from_env_vars([("https_proxy", url)]);
            let error = Hyper::builder().proxies(proxies).build().unwrap_err();
            no_password(&error);
            assert!(error.message().contains("`https_proxy`"), "{url}: {error}");
        }
    }
    let good = || Proxy::all("http://proxy:3128");
    for (proxy, part) in [
        (good().header("Authorization", "s3cret"), "Authorization"),
        (good().header("host", "s3cret"), "host"),
        (good().header("x y", "s3cret"), "x y"),
        (good().header("x-team", "s3cret\r\nx-injected: 1"), "x-team"),
        (good().basic_auth("a:b", "s3cret"), "colon"),
        (
            Proxy::all("socks5://proxy").header("x-team", "s3cret"),
            "SOCKS",
        ),
    ] {
        let error = Hyper::builder().proxy(proxy).build().unwrap_err();
        no_password(&error);
        assert!(error.message().contains(part), "{part}: {error}");
    }
}

// ===== SOCKS =====

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
