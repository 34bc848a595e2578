//! Secrets, in no error of the transport.

use super::*;

/// O19: the error of an HTTP library carries the whole URL into logs and crash reports.
#[tokio::test(start_paused = true)]
async fn no_error_of_a_presigned_request_shows_its_signature() {
    let refusing = TcpServer::serve(async |mut connection: Connection| {
        while connection.request().await?.is_some() {
            let echo = format!(r#"{{"message":"denied: http://h/a?{SIGNED}"}}"#);
            connection.answer(403, &echo).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let resetting =
        TcpServer::serve(async |mut connection: Connection| connection.request().await.map(drop))
            .await
            .unwrap();
    let silent = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        std::future::pending().await
    })
    .await
    .unwrap();
    let builder = || reqwest::Client::builder().no_gzip();
    let limited = || builder().timeout(Duration::from_millis(10));
    type Check = fn(&Error) -> bool;
    let cases: [(&str, String, reqwest::ClientBuilder, Check); 5] = [
        ("connect", closed(), builder(), Error::is_connect),
        ("reset", resetting.url(), builder(), Error::is_transport),
        (
            "403",
            refusing.url(),
            builder(),
            Error::is_permission_denied,
        ),
        ("timeout", silent.url(), limited(), Error::is_timeout),
        (
            "scheme",
            closed(),
            builder().https_only(true),
            Error::is_invalid_input,
        ),
    ];

    for (case, endpoint, builder, check) in cases {
        let transport = Reqwest::new(builder.build().unwrap()).unwrap();
        let client = Client::builder()
            .endpoint(&endpoint)
            .transport(transport.clone())
            .retry(RetryPolicy::none())
            .build()
            .unwrap();
        let request = |target: &str| {
            Request::put(format!("{target}/bucket/data?{SIGNED}"))
                .body(Body::from("data"))
                .unwrap()
        };

        // As it is at the transport, and what the client makes of it.
        let sent = transport.clone().call_and_show(request(&endpoint)).await;
        assert!(!sent.contains("PLANTED"), "{case}: {sent}");
        let answer = client.clone().oneshot(request("")).await;
        let error = match answer {
            Ok(response) => {
                assert_eq!((case, response.status().as_u16()), ("403", 403));
                client.get_repository("lake").await.unwrap_err()
            }
            Err(error) => error,
        };
        assert!(check(&error), "{case}: {error:?}");
        let shown = everything(&error) + &format!("{client:?} {transport:?}");
        assert!(!shown.contains("PLANTED"), "{case}: {shown}");
    }
}

/// What the transport itself shows of a request under way and of how it ended.
trait CallAndShow {
    async fn call_and_show(self, request: Request<Body>) -> String;
}

impl CallAndShow for Reqwest {
    async fn call_and_show(mut self, request: Request<Body>) -> String {
        let sent = tower::Service::call(&mut self, request);
        let shown = format!("{sent:?}");
        match sent.await {
            Ok(response) => shown + &format!("{response:?}"),
            Err(error) => shown + &everything(&*error),
        }
    }
}

/// O19: a stream that breaks off does so with an error of the same library.
#[tokio::test(start_paused = true)]
async fn no_error_of_a_presigned_body_shows_its_signature() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection
            .write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234")
            .await?;
        if connection.number == 0 {
            return Ok(());
        }
        std::future::pending().await
    })
    .await
    .unwrap();
    let limited = reqwest::Client::builder().read_timeout(Duration::from_secs(1));
    let transport = Reqwest::from_builder(limited).unwrap();

    for timeout in [false, true] {
        let request = Request::get(format!("{}/a?{SIGNED}", server.url()))
            .body(Body::empty())
            .unwrap();
        let response = transport.clone().oneshot(request).await.unwrap();
        let error = response.into_body().bytes().await.unwrap_err();

        assert_eq!(error.is_timeout(), timeout, "{error:?}");
        assert_eq!(error.is_body(), !timeout, "{error:?}");
        let shown = everything(&error);
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}

/// A program prints what it holds.
#[test]
fn the_transport_does_not_show_the_headers_of_its_client() {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("PLANTED"));
    let builder = reqwest::Client::builder().default_headers(headers);

    let transport = Reqwest::from_builder(builder).unwrap();

    assert_eq!(format!("{transport:?}"), "Reqwest");
}
