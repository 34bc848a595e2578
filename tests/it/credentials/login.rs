//! Login with an access key.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use http::Request;
use jiff::Timestamp;
use lakefs_sdk::{Body, Client, Credentials, testing::MemoryLakeFs};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

use super::{SECOND, answer, authorizations};
use crate::support::scripted::Scripted;

const SECRET: &str = "planted/secret";

fn logged_in(transport: &Scripted) -> Client {
    Client::builder()
        .endpoint("https://lakefs.example.com/base")
        .credentials(Credentials::login("AKIA", SECRET))
        .user_agent("etl/2.1")
        .transport(transport.clone())
        .build()
        .unwrap()
}

/// A login against a lakeFS that checks the key and the token it hands out.
#[tokio::test]
async fn a_login_is_enough_for_a_server_that_checks() {
    let server = MemoryLakeFs::builder().access_key("AKIA", SECRET).build();
    let logins = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&logins);
    let transport = service_fn(move |request: Request<Body>| {
        let login = request.uri().path() == "/api/v1/auth/login";
        counter.fetch_add(login.into(), Ordering::Relaxed);
        server.clone().oneshot(request)
    });
    let client = Client::builder()
        .credentials(Credentials::login("AKIA", SECRET))
        .transport(transport.clone())
        .build()
        .unwrap();

    for _ in 0..3 {
        assert_eq!(client.get_current_user().await.unwrap().user.id, "admin");
    }
    assert_eq!(logins.load(Ordering::Relaxed), 1);

    let wrong = Client::builder()
        .credentials(Credentials::login("AKIA", "wrong"))
        .transport(transport)
        .build()
        .unwrap();
    let error = wrong.get_current_user().await.unwrap_err();
    assert!(error.is_unauthenticated(), "{error}");
    assert!(format!("{error:#}").contains("login: "), "{error:#}");
}

/// What a login sends, and that its token is used.
#[tokio::test(start_paused = true)]
async fn a_login_sends_the_key_once_and_then_the_token() {
    let transport = Scripted::new()
        .json(&json!({ "token": "jwt" }))
        .step(|_| async { Ok(answer()) })
        .step(|_| async { Ok(answer()) });
    let client = logged_in(&transport);

    client.get_repository("lake").await.unwrap();
    client.get_repository("lake").await.unwrap();

    let sent = transport.sent();
    assert_eq!(sent[0].operation, Some("login"));
    assert_eq!(sent[0].method, "POST");
    assert_eq!(
        sent[0].uri,
        "https://lakefs.example.com/base/api/v1/auth/login"
    );
    let body: Value = serde_json::from_slice(sent[0].body.as_ref().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({ "access_key_id": "AKIA", "secret_access_key": SECRET })
    );
    assert_eq!(sent[0].headers["user-agent"], "etl/2.1");
    assert_eq!(authorizations(&transport), ["", "Bearer jwt", "Bearer jwt"]);
}

/// A login meets the same bad days as a call does.
#[tokio::test(start_paused = true)]
async fn a_login_is_retried_and_limited() {
    let transport = Scripted::new()
        .status(503, "")
        .refused()
        .json(&json!({ "token": "jwt" }))
        .step(|_| async { Ok(answer()) });
    logged_in(&transport).get_repository("lake").await.unwrap();
    assert_eq!(transport.sent().len(), 4);

    let transport = Scripted::new().hang().hang().hang();
    let begun = tokio::time::Instant::now();
    let error = logged_in(&transport)
        .get_repository("lake")
        .timeout(10 * SECOND)
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed(), 10 * SECOND);
}

/// A machine whose clock is wrong must not take every token for expired, or none.
#[tokio::test(start_paused = true)]
async fn a_tokens_life_is_counted_by_the_servers_clock() {
    let login = |transport: Scripted, token: &str, life: i64| {
        // The server lives in 1994.
        let document = json!({ "token": token, "token_expiration": 784_111_777 + life });
        transport.status_with(
            200,
            &[
                ("content-type", "application/json"),
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ],
            document.to_string(),
        )
    };
    let transport = login(Scripted::new(), "t1", 1000).step(|_| async { Ok(answer()) });
    let transport = transport.step(|_| async { Ok(answer()) });
    let transport = login(transport, "t2", 1000).step(|_| async { Ok(answer()) });
    let client = logged_in(&transport);

    client.get_repository("lake").await.unwrap();
    tokio::time::advance(700 * SECOND).await;
    client.get_repository("lake").await.unwrap();
    tokio::time::advance(301 * SECOND).await;
    client.get_repository("lake").await.unwrap();

    assert_eq!(
        authorizations(&transport),
        ["", "Bearer t1", "Bearer t1", "", "Bearer t2"]
    );
}

/// A server without a clock in its answers is believed by this machine's.
#[tokio::test(start_paused = true)]
async fn a_tokens_life_is_counted_by_this_clock_otherwise() {
    let expires = Timestamp::now().as_second() + 1000;
    let transport = Scripted::new()
        .json(&json!({ "token": "t1", "token_expiration": expires }))
        .step(|_| async { Ok(answer()) })
        .json(&json!({ "token": "t2", "token_expiration": expires + 1000 }))
        .step(|_| async { Ok(answer()) });
    let client = logged_in(&transport);

    client.get_repository("lake").await.unwrap();
    tokio::time::advance(1001 * SECOND).await;
    client.get_repository("lake").await.unwrap();

    assert_eq!(
        authorizations(&transport),
        ["", "Bearer t1", "", "Bearer t2"]
    );
}

/// Whoever reads a log must find why a login failed, and not what it was tried with.
#[tokio::test(start_paused = true)]
async fn a_failed_login_says_why_and_shows_no_secret() {
    for (status, body, expected) in [
        (
            401,
            r#"{"message":"error authenticating request"}"#,
            "error authenticating request",
        ),
        (500, "", "login"),
        (200, r#"{"token":["planted/secret"]}"#, "login"),
        (200, r#"<html>planted/secret</html>"#, "login"),
    ] {
        let transport = (0..3).fold(Scripted::new(), |transport, _| {
            transport.status(status, body)
        });

        let error = logged_in(&transport)
            .get_repository("lake")
            .await
            .unwrap_err();

        assert!(error.is_auth(), "{error}");
        let text = format!("{error:#} {error:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("planted"), "{text}");
    }
    let builder = Client::builder()
        .endpoint("http://h")
        .credentials(Credentials::login("AKIA", ""));
    assert!(builder.build().unwrap_err().is_invalid_input());
}
