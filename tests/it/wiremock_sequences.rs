//! Whole calls over real sockets against wiremock: what a server sees, answer by answer.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::time::Duration;

use lakefs_sdk::{
    Client, Credentials,
    middleware::retry::RetryPolicy,
    models::{CommitCreation, LoginInformation},
};
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header, header_exists, method, path, query_param},
};

fn client(server: &MockServer) -> Client {
    Client::builder()
        .endpoint(server.uri())
        .credentials(Credentials::access_key("id", "secret"))
        .retry(RetryPolicy::standard().backoff(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap()
}

fn repository() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r"
    }))
}

async fn answer(server: &MockServer, times: u64, response: ResponseTemplate) {
    Mock::given(path("/api/v1/repositories/lake"))
        .and(header("authorization", "Basic aWQ6c2VjcmV0"))
        .respond_with(response)
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

/// A server that restarts answers in turn with a gateway's page, nothing, and what was asked for.
#[tokio::test]
async fn a_read_goes_through_a_restart() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(502).set_body_raw("<html>Bad Gateway</html>", "text/html");
    answer(&server, 1, page).await;
    answer(&server, 1, ResponseTemplate::new(503)).await;
    answer(&server, 1, repository()).await;

    let answer = client(&server)
        .get_repository("lake")
        .send_response()
        .await
        .unwrap();

    assert_eq!((answer.data.id.as_str(), answer.attempts), ("lake", 3));
    let sent = server.received_requests().await.unwrap();
    let id = |at: usize| sent[at].headers["x-request-id"].clone();
    assert_eq!([id(0), id(1)], [id(1), id(2)], "one call has one id");
}

/// A commit that was throttled is sent again, whole; one that failed half way is not.
#[tokio::test]
async fn a_commit_is_sent_again_only_when_it_was_put_off() {
    let server = MockServer::start().await;
    let commits = || {
        Mock::given(method("POST"))
            .and(path("/api/v1/repositories/lake/branches/main/commits"))
            .and(body_json(json!({ "message": "m" })))
    };
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "0");
    commits()
        .respond_with(busy)
        .up_to_n_times(2)
        .expect(2)
        .mount(&server)
        .await;
    commits()
        .respond_with(ResponseTemplate::new(500))
        .expect(1)
        .mount(&server)
        .await;

    let error = client(&server)
        .commit("lake", "main", CommitCreation::new("m"))
        .await
        .unwrap_err();

    assert_eq!(error.status().unwrap(), 500);
    assert_eq!(error.attempts(), 3);
    assert!(error.may_have_taken_effect());
}

/// A listing whose second page meets a hiccup is whole all the same, and nothing is asked for twice.
#[tokio::test]
async fn a_listing_goes_on_after_a_hiccup() {
    let server = MockServer::start().await;
    let page = |names: [&str; 2], next: &str| {
        let results: Vec<_> = names
            .iter()
            .map(|name| json!({ "id": name, "commit_id": "c0ffee" }))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({
            "pagination": {
                "has_more": !next.is_empty(), "next_offset": next, "results": 2, "max_per_page": 1000
            },
            "results": results,
        }))
    };
    let branches = || Mock::given(path("/api/v1/repositories/lake/branches"));
    branches()
        .and(query_param("after", "b&b"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    branches()
        .and(query_param("after", "b&b"))
        .respond_with(page(["c", "d"], ""))
        .expect(1)
        .mount(&server)
        .await;
    branches()
        .respond_with(page(["a", "b&b"], "b&b"))
        .expect(1)
        .mount(&server)
        .await;

    let mut names = Vec::new();
    let mut items = client(&server).list_branches("lake").items();
    while let Some(branch) = items.next().await {
        names.push(branch.unwrap().id);
    }

    assert_eq!(names, ["a", "b&b", "c", "d"]);
}

/// A token that the server no longer takes is replaced by a login, once, and the call goes through.
#[tokio::test]
async fn a_refused_token_is_replaced_by_a_login() {
    let server = MockServer::start().await;
    let login = |token: &str| ResponseTemplate::new(200).set_body_json(json!({ "token": token }));
    let logins = || {
        Mock::given(method("POST"))
            .and(path("/api/v1/auth/login"))
            .and(body_json(LoginInformation::new("id", "secret")))
            .and(header_exists("user-agent"))
    };
    logins()
        .respond_with(login("old"))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    logins()
        .respond_with(login("new"))
        .expect(1)
        .mount(&server)
        .await;
    let calls = |token: &str| {
        Mock::given(path("/api/v1/repositories/lake"))
            .and(header("authorization", format!("Bearer {token}").as_str()))
    };
    let refused = ResponseTemplate::new(401)
        .set_body_json(json!({ "message": "error authenticating request" }));
    calls("old")
        .respond_with(refused)
        .expect(1)
        .mount(&server)
        .await;
    calls("new")
        .respond_with(repository())
        .expect(2)
        .mount(&server)
        .await;
    let client = Client::builder()
        .endpoint(server.uri())
        .credentials(Credentials::login("id", "secret"))
        .build()
        .unwrap();

    for _ in 0..2 {
        assert_eq!(client.get_repository("lake").await.unwrap().id, "lake");
    }
}

/// An answer that takes too long is given up, and the next attempt gets its own time.
#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let server = MockServer::start().await;
    answer(&server, 1, repository().set_delay(Duration::from_secs(60))).await;
    answer(&server, 1, repository()).await;
    let client = Client::builder()
        .endpoint(server.uri())
        .credentials(Credentials::access_key("id", "secret"))
        .attempt_timeout(Duration::from_millis(200))
        .build()
        .unwrap();

    let answer = client.get_repository("lake").send_response().await.unwrap();

    assert_eq!(answer.attempts, 2);
}
