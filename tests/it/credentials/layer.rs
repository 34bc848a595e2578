//! The layer by itself: where credentials go, and that no permit is held while they are fetched.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client, Credentials,
    config::Endpoint,
    middleware::{authenticate::AuthenticateLayer, retry::RetryPolicy},
};
use serde_json::json;
use tokio::time::sleep;
use tower::{Layer as _, Service as _, ServiceExt as _, limit::ConcurrencyLimit};

use super::{Provider, SECOND, Step, answer, answering, authorization, authorizations};
use crate::support::scripted::Scripted;

/// Credentials that follow a request to another host are stolen.
#[tokio::test]
async fn credentials_go_to_the_origin_of_the_endpoint_alone() {
    let endpoint = Endpoint::parse("https://lakefs.example.com/base").unwrap();
    for credentials in [
        Credentials::bearer_token("t1"),
        Credentials::provider(Provider::new([Step::Token("t1", 0)])),
    ] {
        let transport = answering(20);
        let layer = AuthenticateLayer::new(&credentials, &endpoint).unwrap();
        let service = layer.layer(transport.clone());
        for (url, expected) in [
            ("https://lakefs.example.com/base/api/v1/user", true),
            ("https://lakefs.example.com/elsewhere", true),
            ("https://LakeFS.example.com:443/", true),
            ("/api/v1/user", true),
            ("http://lakefs.example.com/", false),
            ("https://lakefs.example.com:8443/", false),
            ("https://lakefs.example.com.evil.example/", false),
            ("https://bucket.s3.amazonaws.com/a?X-Amz-Signature=s", false),
        ] {
            let request = Request::get(url).body(Body::empty()).unwrap();
            service.clone().oneshot(request).await.unwrap();

            let sent = authorization(transport.sent().last().unwrap());
            assert_eq!(sent == "Bearer t1", expected, "{url}");
            assert_eq!(sent.is_empty(), !expected, "{url}");
        }
    }
}

/// A path alone has no origin, and an absolute URL is none of ours then.
#[tokio::test]
async fn a_client_without_an_endpoint_authenticates_paths_alone() {
    let transport = answering(2);
    let rewrites = tower::layer::layer_fn(|inner| {
        tower::util::MapRequest::new(inner, |mut request: Request<Body>| {
            *request.uri_mut() = "https://elsewhere.example.com/".parse().unwrap();
            request
        })
    });
    let builder = || {
        Client::builder()
            .credentials(Credentials::bearer_token("t1"))
            .transport(transport.clone())
    };

    builder()
        .build()
        .unwrap()
        .get_repository("lake")
        .await
        .unwrap();
    builder()
        .attempt_layer(rewrites)
        .build()
        .unwrap()
        .get_repository("lake")
        .await
        .unwrap();

    assert_eq!(authorizations(&transport), ["Bearer t1", ""]);
}

/// A cookie beside somebody else's token would make two callers of one.
#[tokio::test]
async fn a_request_that_authenticates_itself_gets_no_cookie() {
    let transport = answering(2);
    let client = Client::builder()
        .credentials(Credentials::session_cookie("oidc_auth_session", "c"))
        .transport(transport.clone())
        .build()
        .unwrap();

    client.get_repository("lake").await.unwrap();
    client
        .get_repository("lake")
        .header("authorization", "Bearer mine")
        .await
        .unwrap();

    let sent = transport.sent();
    assert_eq!(sent[0].headers["cookie"], "oidc_auth_session=c");
    assert!(!sent[1].headers.contains_key("cookie"));
}

/// Sessions of a browser come under several names, and proxies before lakeFS have their own.
#[tokio::test]
async fn sessions_are_sent_as_cookies() {
    for (credentials, expected) in [
        (
            Credentials::session_cookie("internal_auth_session", "a.b-c_d=="),
            Some("internal_auth_session=a.b-c_d=="),
        ),
        (
            Credentials::session_cookie("saml_auth_session", "s"),
            Some("saml_auth_session=s"),
        ),
        (
            Credentials::prefixed_session_cookie("_proxy", "Bearer", "p"),
            Some("_proxy=Bearer p"),
        ),
        (Credentials::session_cookie("", "s"), None),
        (Credentials::session_cookie("a", "s; b=c"), None),
        (
            Credentials::prefixed_session_cookie("a", "Be;arer", "s"),
            None,
        ),
        (Credentials::session_cookie("a", "s\n"), None),
    ] {
        let transport = answering(1);
        let client = Client::builder()
            .credentials(credentials)
            .transport(transport.clone())
            .build();
        match expected {
            Some(expected) => {
                client.unwrap().get_repository("lake").await.unwrap();
                assert_eq!(transport.sent()[0].headers["cookie"], expected);
            }
            None => assert!(client.unwrap_err().is_invalid_input()),
        }
    }
}

/// With one permit for calls, logins and retries together, a layer that holds on to it stops everything for ever.
#[tokio::test(start_paused = true)]
async fn one_permit_is_enough_for_logins_and_retries() {
    for limited_attempts in [false, true] {
        // A server that forgets its tokens, is overloaded now and then, and answers slowly.
        let transport = tower::service_fn({
            let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            move |request: Request<Body>| {
                let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                async move {
                    sleep(SECOND / 20).await;
                    let login = request.uri().path().ends_with("/auth/login");
                    let (status, body) = match number % 7 {
                        3 => (503, "{}".to_owned()),
                        5 if !login => (
                            401,
                            r#"{"message":"error authenticating request"}"#.to_owned(),
                        ),
                        _ if login => (200, json!({ "token": format!("t{number}") }).to_string()),
                        _ => return Ok::<_, BoxError>(answer()),
                    };
                    Ok(Response::builder().status(status).body(Body::from(body))?)
                }
            }
        });
        let builder = Client::builder()
            .credentials(Credentials::login("id", "secret"))
            .retry(RetryPolicy::standard().max_attempts(20))
            .timeout(3600 * SECOND)
            .attempt_timeout(1800 * SECOND);
        let client = if limited_attempts {
            let one = tower::limit::GlobalConcurrencyLimitLayer::new(1);
            builder.transport(transport).attempt_layer(one)
        } else {
            builder.transport(ConcurrencyLimit::new(transport, 1))
        };
        let client = client.build().unwrap();

        let calls = (0..50).map(|_| client.get_repository("lake").send());
        let answers = tokio::time::timeout(1800 * SECOND, join_all(calls)).await;

        let answers = answers.expect("it hangs");
        // A call whose replay is refused too fails, and rightly; it must not be many.
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        assert!(failed < 10, "{failed}");
    }
}

/// The same for the layer by itself, over a service whose readiness is a permit: the login needs that permit.
#[tokio::test(start_paused = true)]
async fn no_permit_is_held_while_credentials_are_fetched() {
    let transport = Scripted::new()
        .json(&json!({ "token": "t1" }))
        .status(401, r#"{"message":"error authenticating request"}"#)
        .json(&json!({ "token": "t2" }))
        .step(|_| async { Ok(answer()) });
    let endpoint = Endpoint::parse("http://h").unwrap();
    let credentials = Credentials::login("id", "secret");
    let mut service = AuthenticateLayer::new(&credentials, &endpoint)
        .unwrap()
        .layer(ConcurrencyLimit::new(transport.clone(), 1));
    let request = Request::get("http://h/api/v1/user")
        .body(Body::empty())
        .unwrap();

    let sent = service.ready().await.unwrap().call(request);
    let response = tokio::time::timeout(SECOND, sent).await;

    assert_eq!(response.expect("it hangs").unwrap().status(), 200);
    assert_eq!(
        authorizations(&transport),
        ["", "Bearer t1", "", "Bearer t2"]
    );
}

/// Alone over a service that streams its refusals, the layer must let go of one before it logs in.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_holds_a_permit_is_read_before_the_login() {
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    let permits = Arc::new(Semaphore::new(1));
    let transport = tower::service_fn(move |request: Request<Body>| {
        let permits = Arc::clone(&permits);
        async move {
            let permit = permits.acquire_owned().await?;
            let login = request.uri().path().ends_with("/auth/login");
            let old = request
                .headers()
                .get("authorization")
                .is_some_and(|value| value == "Bearer old");
            let (status, body) = match (login, old) {
                (true, _) => (200, r#"{"token":"old"}"#),
                (false, true) => (401, r#"{"message":"error authenticating request"}"#),
                (false, false) => (200, ""),
            };
            // The permit lives as long as the body.
            let body = futures_util::stream::once(async move {
                let _permit = permit;
                Ok::<_, BoxError>(body)
            });
            Ok::<_, BoxError>(
                Response::builder()
                    .status(status)
                    .body(Body::from_stream(body))?,
            )
        }
    });
    let endpoint = Endpoint::parse("http://h").unwrap();
    let mut service = AuthenticateLayer::new(&Credentials::login("id", "secret"), &endpoint)
        .unwrap()
        .layer(transport);
    let request = Request::get("http://h/api/v1/user")
        .body(Body::empty())
        .unwrap();

    let sent = service.ready().await.unwrap().call(request);
    let response = tokio::time::timeout(Duration::from_secs(60), sent).await;

    // The login gives the old token again, so the refusal stands; that it comes at all is the point.
    assert_eq!(response.expect("it hangs").unwrap().status(), 401);
}

/// Without a clock a token is used until the server refuses it.
#[tokio::test]
async fn without_a_timer_a_401_renews() {
    #[derive(Debug)]
    struct Stopped(std::time::Instant);
    impl lakefs_sdk::timer::Timer for Stopped {
        fn now(&self) -> std::time::Instant {
            self.0
        }
        fn sleep(&self, _: Duration) -> lakefs_sdk::timer::Sleep {
            Box::pin(std::future::pending())
        }
    }
    let provider = Provider::new([Step::Token("t1", 1), Step::Token("t2", 1)]);
    let transport = Scripted::new()
        .step(|_| async { Ok(answer()) })
        .status(401, "")
        .step(|_| async { Ok(answer()) });
    let client = Client::builder()
        .credentials(Credentials::provider(provider.clone()))
        .timer(Stopped(std::time::Instant::now()))
        .transport(transport.clone())
        .build()
        .unwrap();

    for _ in 0..2 {
        client.get_repository("lake").await.unwrap();
    }

    assert_eq!(
        authorizations(&transport),
        ["Bearer t1", "Bearer t1", "Bearer t2"]
    );
}
