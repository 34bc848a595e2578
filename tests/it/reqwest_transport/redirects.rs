//! Redirects, which the reqwest client may follow on its own.

use super::*;

/// A server that redirects everything, and the one that it redirects to.
async fn redirecting(status: &'static str) -> (TcpServer, TcpServer) {
    let other = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        connection.answer(200, "{}").await
    })
    .await
    .unwrap();
    let location = format!("{}/elsewhere?X-Amz-Signature=PLANTED", other.url());
    let server = TcpServer::serve(move |mut connection: Connection| {
        let location = location.clone();
        async move {
            while connection.request().await?.is_some() {
                connection
                    .write(format!(
                        "HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
                    ))
                    .await?;
            }
            Ok(())
        }
    })
    .await
    .unwrap();
    (server, other)
}

/// Whoever follows a presigned redirect must know what not to send there; reqwest knows only some headers.
#[tokio::test]
async fn a_redirect_comes_back_whatever_the_policy_of_the_client() {
    let bodies = [Body::empty, || Body::from("data")];
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let (server, other) = redirecting(status).await;
        let following = reqwest::Client::builder().no_gzip().build().unwrap();
        let transport = Reqwest::new(following).unwrap();
        for (method, body) in [("GET", bodies[0]), ("HEAD", bodies[0]), ("PUT", bodies[1])] {
            let request = Request::builder()
                .method(method)
                .uri(format!("{}/a", server.url()))
                .body(body())
                .unwrap();
            let response = transport.clone().oneshot(request).await.unwrap();
            assert!(response.status().is_redirection(), "{method} {status}");
            assert!(response.headers().contains_key("location"));
        }
        assert_eq!(other.connections(), 0, "{status}");
    }
    let (server, other) = redirecting("302 Found").await;

    let object = client(&server.url())
        .get_object("lake", "main", "a")
        .presign(true)
        .follow_redirects(false)
        .await
        .unwrap();

    assert!(matches!(object.answer, Answer::Redirect(_)), "{object:?}");
    assert_eq!(other.connections(), 0);
}

/// What was answered by who knows whom is not an answer of lakeFS's.
#[tokio::test]
async fn a_redirect_that_the_client_followed_is_an_error() {
    for status in ["302 Found", "303 See Other"] {
        let (server, other) = redirecting(status).await;

        let error = client(&server.url())
            .commit("lake", "main", CommitCreation::new("m"))
            .await
            .unwrap_err();

        assert!(error.message().contains("followed a redirect"), "{error}");
        assert!(error.message().contains("Policy::none()"), "{error}");
        assert!(error.may_have_taken_effect());
        assert_eq!(error.attempts(), 1);
        assert!(!everything(&error).contains("PLANTED"), "{error:?}");
        assert_eq!(other.requests().len(), 1, "the case is real");
    }
}

/// O19: the error of a redirect holds others that carry URLs of their own.
#[tokio::test]
async fn no_error_of_a_redirect_policy_shows_a_signature() {
    let (server, _other) = redirecting("303 See Other").await;
    let nested = redirect::Policy::custom(|attempt| {
        let url = attempt.url().clone();
        let error = reqwest::Client::new().get("http://[").build().unwrap_err();
        attempt.error(error.with_url(url))
    });
    for policy in [redirect::Policy::limited(0), nested] {
        let client = over(
            &server.url(),
            reqwest::Client::builder().no_gzip().redirect(policy),
        );

        let request = Request::post(format!("/a?{SIGNED}"))
            .body(Body::empty())
            .unwrap();
        let error = client.oneshot(request).await.unwrap_err();

        assert!(error.message().contains("redirect"), "{error}");
        let shown = everything(&error);
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}

/// `from_builder` follows none at all.
#[tokio::test]
async fn a_client_that_was_built_here_follows_no_redirect() {
    let (server, other) = redirecting("303 See Other").await;
    let transport = Reqwest::from_builder(reqwest::Client::builder()).unwrap();
    let client = Client::builder()
        .endpoint(server.url())
        .transport(transport);

    let error = client
        .build()
        .unwrap()
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert_eq!(error.status().unwrap(), 303, "{error:?}");
    assert_eq!(other.connections(), 0);
}
