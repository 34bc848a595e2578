//! The id of a request: sent with every attempt, and known to whoever looks for a failed call in a log.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::time::Duration;

use http::{HeaderValue, Request};
use lakefs_sdk::{Body, Client, middleware::retry::RetryPolicy};
use serde_json::json;
use tower::util::MapRequestLayer;

use crate::support::scripted::{Scripted, Sent};

fn id(sent: &Sent) -> &str {
    sent.headers["x-request-id"].to_str().unwrap()
}

fn client(transport: &Scripted) -> Client {
    Client::builder()
        .transport(transport.clone())
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap()
}

fn branch() -> serde_json::Value {
    json!({ "id": "main", "commit_id": "c" })
}

/// Attempts with ids of their own look like different calls in a log; calls with the same id cannot be told apart.
#[tokio::test]
async fn attempts_share_an_id_and_calls_do_not() {
    let transport = Scripted::new()
        .status(503, "")
        .reset()
        .json(&branch())
        .json(&branch());
    let client = client(&transport);

    client.get_branch("lake", "main").await.unwrap();
    client.get_branch("lake", "main").await.unwrap();

    let sent = transport.sent();
    let ids: Vec<_> = sent.iter().map(id).collect();
    assert_eq!((ids[0], ids[1]), (ids[2], ids[2]));
    assert_ne!(ids[0], ids[3]);
    for id in ids {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

/// A service that passes on the id that it was called with must find it at the server's proxy too.
#[tokio::test]
async fn an_id_of_the_users_own_is_kept() {
    let transport = Scripted::new().json(&branch()).json(&branch());
    client(&transport)
        .get_branch("lake", "main")
        .header("x-request-id", "call")
        .await
        .unwrap();
    let layered = Client::builder()
        .transport(transport.clone())
        .layer(MapRequestLayer::new(|mut request: Request<Body>| {
            let id = request.headers_mut().entry("x-request-id");
            id.or_insert(HeaderValue::from_static("layer"));
            request
        }))
        .build()
        .unwrap();
    layered.get_branch("lake", "main").await.unwrap();

    let sent = transport.sent();
    assert_eq!((id(&sent[0]), id(&sent[1])), ("call", "layer"));
}

/// The server's id finds the call in the server's log; where there is no answer, the client's is all that there is.
#[tokio::test]
async fn both_ids_are_returned() {
    let server = [("x-request-id", "server-1")];
    let transport = Scripted::new()
        .status_with(200, &server, branch().to_string())
        .status_with(404, &server, "{\"message\":\"not found\"}")
        .status(404, "")
        .refused()
        .refused()
        .refused();
    let client = client(&transport);

    let answer = client
        .get_branch("lake", "main")
        .send_response()
        .await
        .unwrap();
    assert_eq!(answer.request_id(), Some("server-1"));
    for (server, attempts) in [(Some("server-1"), 1), (None, 1), (None, 3)] {
        let error = client.get_branch("lake", "main").await.unwrap_err();
        assert_eq!(error.request_id(), server);
        assert_eq!(error.attempts(), attempts);
        assert_eq!(
            error.client_request_id(),
            Some(id(&transport.sent().pop().unwrap()))
        );
    }
    let error = client.get_branch("", "main").await.unwrap_err();
    assert_eq!(error.client_request_id(), None, "nothing was sent");
}

/// Where every byte counts, or a proxy objects to it.
#[tokio::test]
async fn no_id_is_given_where_it_is_switched_off() {
    let transport = Scripted::new().json(&branch()).json(&branch());
    let client = Client::builder()
        .transport(transport.clone())
        .request_ids(false)
        .build()
        .unwrap();

    client.get_branch("lake", "main").await.unwrap();
    client
        .get_branch("lake", "main")
        .header("x-request-id", "own")
        .await
        .unwrap();

    let sent = transport.sent();
    assert!(!sent[0].headers.contains_key("x-request-id"));
    assert_eq!(id(&sent[1]), "own");
}
