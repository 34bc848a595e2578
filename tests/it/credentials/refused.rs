//! A 401: new credentials, and the request once more. Or not.

use futures_util::{future::join_all, stream};
use http::{Request, Response};
use lakefs_sdk::{
    Body, Client, Credentials, api::objects::UploadObject, middleware::authenticate::ForeignOrigin,
    models::CommitCreation,
};
use serde_json::json;
use tower::ServiceExt as _;

use super::{
    Provider, SECOND, Step, VaultIsSealed, answer, answering, authorizations, client, unauthorized,
};
use crate::support::scripted::Scripted;

const BAD: &str = "error authenticating request";

fn two_tokens() -> Provider {
    Provider::new([Step::Token("t1", 0), Step::Token("t2", 0)])
}

fn bearers<const N: usize>(tokens: [&str; N]) -> [String; N] {
    tokens.map(|token| format!("Bearer {token}"))
}

/// A token that was revoked before its time is no failure, while there is a new one; for no kind of operation, as nothing was
/// done.
#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_and_the_request_sent_again() {
    let provider = two_tokens();
    let transport = unauthorized(Scripted::new(), BAD).step(|_| async { Ok(answer()) });
    client(&provider, &transport)
        .get_repository("lake")
        .await
        .unwrap();
    assert_eq!(authorizations(&transport), bearers(["t1", "t2"]));

    let provider = two_tokens();
    let commit = json!({ "id": "c", "parents": [], "committer": "a", "message": "m", "creation_date": 0, "meta_range_id": "" });
    let transport = unauthorized(Scripted::new(), BAD).status_with(201, &[], commit.to_string());
    client(&provider, &transport)
        .commit("lake", "main", CommitCreation::new("m"))
        .header("x-mine", "kept")
        .await
        .unwrap();
    let sent = transport.sent();
    assert_eq!(authorizations(&transport), bearers(["t1", "t2"]));
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[0].uri, sent[1].uri);
    assert_eq!(sent[1].headers["x-mine"], "kept");
    assert_eq!(sent[1].operation, Some("commit"));
}

/// One token that is revoked under load must not become a hundred logins.
#[tokio::test(start_paused = true)]
async fn a_hundred_refusals_of_one_token_replace_it_once() {
    for late in [false, true] {
        let provider = Provider::new([Step::Token("t1", 0), Step::Slow("t2", 3)]);
        let transport = (0..100_u32).fold(Scripted::new(), |transport, number| {
            transport.step(move |_| async move {
                // The last answers come when the token was replaced long ago.
                let wait = if late && number > 50 { 60 } else { 1 };
                tokio::time::sleep(wait * SECOND).await;
                Ok(Response::builder()
                    .status(401)
                    .body(Body::from(format!("{{\"message\":\"{BAD}\"}}")))?)
            })
        });
        let transport = (0..100).fold(transport, |transport, _| {
            transport.step(|_| async { Ok(answer()) })
        });
        let client = Client::builder()
            .credentials(Credentials::provider(provider.clone()))
            .transport(transport.clone())
            .timeout(600 * SECOND)
            .attempt_timeout(None)
            .build()
            .unwrap();

        let calls = (0..100).map(|_| client.get_repository("lake").send());
        let answers = join_all(calls).await;

        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(provider.asked(), 2);
        assert_eq!(transport.sent().len(), 200);
    }
}

/// lakeFS says 401 for a missing permission too: a login for each would not help anybody.
#[tokio::test(start_paused = true)]
async fn a_missing_permission_replaces_nothing() {
    let message = "insufficient permissions: not allowed to fs:ReadRepository";
    let provider = two_tokens();
    let transport = unauthorized(Scripted::new(), message);

    let error = client(&provider, &transport)
        .get_repository("lake")
        .await
        .unwrap_err();

    assert!(error.is_permission_denied(), "{error}");
    assert_eq!(error.message(), message);
    assert_eq!(provider.asked(), 1);
    assert_eq!(transport.sent().len(), 1);
}

/// Another host's refusal says nothing about lakeFS's token.
#[tokio::test(start_paused = true)]
async fn a_refusal_by_another_host_replaces_nothing() {
    let provider = two_tokens();
    let transport = Scripted::new().step(|_| async {
        let response = Response::builder().status(401).extension(ForeignOrigin);
        Ok(response.body(Body::from("denied"))?)
    });

    let error = client(&provider, &transport)
        .get_repository("lake")
        .await
        .unwrap_err();

    assert!(error.is_unauthenticated(), "{error}");
    assert_eq!(provider.asked(), 1);
    assert_eq!(transport.sent().len(), 1);
}

/// O17: a store that refuses a signed URL refuses the signature; a login for each of them would not help anybody.
#[tokio::test(start_paused = true)]
async fn a_refusal_by_the_store_of_a_presigned_read_replaces_nothing() {
    for status in [401, 403] {
        let provider = two_tokens();
        let transport = Scripted::new()
            .status_with(302, &[("location", "https://s3.example.com/a?sig=1")], "")
            .status(status, "<Error><Code>AccessDenied</Code></Error>");

        let error = client(&provider, &transport)
            .get_object("lake", "main", "a")
            .presign(true)
            .await
            .unwrap_err();

        assert!(error.is_permission_denied(), "{error}");
        assert_eq!(provider.asked(), 1);
        assert_eq!(authorizations(&transport), ["Bearer t1", ""]);
    }
}

/// A stream that was read is gone; sending it again would store an empty object.
#[tokio::test(start_paused = true)]
async fn a_body_that_can_be_read_once_is_not_sent_again() {
    fn upload() -> UploadObject {
        UploadObject::new("lake", "main", "a")
    }
    let stats = json!({ "path": "a", "path_type": "object", "physical_address": "", "checksum": "", "mtime": 0 });
    let once = || {
        let mut upload = upload();
        upload.body = Some(Body::from_stream(stream::iter([Ok::<_, std::io::Error>(
            "data",
        )])));
        upload
    };
    let replayable = || {
        let mut upload = upload();
        upload.body = Some(Body::replayable(|| {
            http_body_util::Full::new(bytes::Bytes::from("data"))
        }));
        upload
    };

    let provider = two_tokens();
    let transport = unauthorized(Scripted::new(), BAD);
    let error = client(&provider, &transport)
        .execute(once())
        .await
        .unwrap_err();
    assert!(error.is_unauthenticated(), "{error}");
    assert_eq!(authorizations(&transport), bearers(["t1"]));

    let provider = two_tokens();
    let transport = unauthorized(Scripted::new(), BAD).status_with(201, &[], stats.to_string());
    client(&provider, &transport)
        .execute(replayable())
        .await
        .unwrap();
    let sent = transport.sent();
    assert_eq!(authorizations(&transport), bearers(["t1", "t2"]));
    assert_eq!(sent[1].body.as_deref(), Some(&b"data"[..]));
}

/// A server that refuses every token is asked twice, not for ever.
#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_final() {
    let provider = two_tokens();
    let transport = unauthorized(unauthorized(Scripted::new(), BAD), BAD);

    let error = client(&provider, &transport)
        .get_repository("lake")
        .await
        .unwrap_err();

    assert!(error.is_unauthenticated(), "{error}");
    assert_eq!(error.message(), BAD);
    assert_eq!(authorizations(&transport), bearers(["t1", "t2"]));
}

/// Where no token is good (a HEAD, say, whose 401 cannot say that it is about a permission), not every call needs a login.
#[tokio::test(start_paused = true)]
async fn refusals_of_new_tokens_do_not_become_a_storm_of_logins() {
    let provider = Provider::new(["t1", "t2", "t3"].map(|token| Step::Token(token, 0)));
    let transport = (0..20).fold(Scripted::new(), |transport, _| transport.status(401, ""));
    let client = client(&provider, &transport);

    for _ in 0..5 {
        client.head_object("lake", "main", "a").await.unwrap_err();
    }
    assert_eq!(provider.asked(), 2);
    assert_eq!(
        authorizations(&transport),
        bearers(["t1", "t2", "t2", "t2", "t2", "t2"])
    );

    tokio::time::advance(6 * SECOND).await;
    client.head_object("lake", "main", "a").await.unwrap_err();
    assert_eq!(provider.asked(), 3);
}

/// The same token once more would be refused once more.
#[tokio::test(start_paused = true)]
async fn the_same_token_is_not_sent_again() {
    let provider = Provider::new([Step::Token("t1", 0), Step::Token("t1", 0)]);
    let transport = unauthorized(Scripted::new(), BAD);

    let error = client(&provider, &transport)
        .get_repository("lake")
        .await
        .unwrap_err();

    assert_eq!(error.message(), BAD);
    assert_eq!(provider.asked(), 2);
    assert_eq!(transport.sent().len(), 1);
}

/// Whoever looks for the reason of a 401 wants to know that the login failed.
#[tokio::test(start_paused = true)]
async fn a_refusal_whose_refresh_fails_tells_both() {
    let provider = Provider::new([Step::Token("t1", 0), Step::Fails, Step::Token("t2", 0)]);
    let transport =
        unauthorized(unauthorized(Scripted::new(), BAD), BAD).step(|_| async { Ok(answer()) });
    let client = client(&provider, &transport);

    let error = client.get_repository("lake").await.unwrap_err();

    assert!(error.is_unauthenticated(), "{error}");
    assert_eq!(error.status().unwrap(), 401);
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .is::<VaultIsSealed>()
    );
    assert_eq!(
        format!("{error:#}"),
        "getRepository: the server refused the credentials, and new ones could not be had (401 Unauthorized): the vault is sealed"
    );
    client.get_repository("lake").await.unwrap();
    assert_eq!(authorizations(&transport), bearers(["t1", "t1", "t2"]));
}

/// Fixed credentials have no successor.
#[tokio::test(start_paused = true)]
async fn fixed_credentials_are_sent_once() {
    let transport = unauthorized(Scripted::new(), BAD);
    let client = Client::builder()
        .credentials(Credentials::access_key("id", "secret"))
        .transport(transport.clone())
        .build()
        .unwrap();

    assert!(client.get_repository("lake").await.unwrap_err().is_auth());
    assert_eq!(transport.sent().len(), 1);
}

/// A request of the program's own is authenticated and replayed like any other.
#[tokio::test(start_paused = true)]
async fn a_raw_request_is_replayed_too() {
    let provider = two_tokens();
    let transport = unauthorized(Scripted::new(), BAD).step(|_| async { Ok(answer()) });
    let request = Request::get("/license").body(Body::empty()).unwrap();

    let response = client(&provider, &transport)
        .oneshot(request)
        .await
        .unwrap();

    assert_eq!(response.status(), 200);
    assert_eq!(authorizations(&transport), bearers(["t1", "t2"]));
}

/// Nobody is asked for credentials that are not sent.
#[tokio::test(start_paused = true)]
async fn operations_and_requests_that_want_no_credentials_fetch_none() {
    let provider = two_tokens();
    let transport = answering(0)
        .status(204, "")
        .step(|_| async { Ok(answer()) });
    let client = client(&provider, &transport);

    client.health_check().await.unwrap();
    client
        .get_repository("lake")
        .header("authorization", "Bearer mine")
        .await
        .unwrap();

    assert_eq!(provider.asked(), 0);
    assert_eq!(authorizations(&transport), ["", "Bearer mine"]);
}
