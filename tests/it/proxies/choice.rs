//! Which requests go through which proxy, and what the environment says.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{io, net::SocketAddr};

use lakefs_sdk::{
    Client, Error,
    transport::{Hyper, Proxies, Proxy},
};
use tokio::process::Command;

use super::{BASIC, LOCALHOST, answering, assert_shows_no_password, client, get, url};
use crate::support::tcp::TcpServer;

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
    type Vars<'v> = &'v [(&'v str, &'v str)];
    let cases: &[(Vars<'_>, &str, &str)] = &[
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
        .args([
            "--ignored",
            "--exact",
            "proxies::choice::a_call_by_the_environment",
        ])
        .env(CHILD, "yes")
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

const CHILD: &str = "LAKEFS_SDK_TEST_PROXY";

/// Only for [`the_environment_is_the_default`], which runs it in a process with an environment of its own.
#[tokio::test]
#[ignore = "run by another test"]
async fn a_call_by_the_environment() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
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
        let error = Hyper::builder().proxy(proxy).build().expect_err(url);
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
