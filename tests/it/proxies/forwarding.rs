//! Plain http by way of a proxy.

use lakefs_sdk::transport::{Hyper, Proxies, Proxy};

use super::{BASIC, answering, client, get, url};

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
