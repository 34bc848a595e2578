//! Secrets: in no `Debug` of what a program holds.

use std::sync::{Arc, Mutex};

use http::Request;
use lakefs_sdk::{
    Body, Client,
    api::objects::UploadObject,
    models::{
        AuthenticationToken, CredentialsWithSecret, LoginInformation, ObjectStats, StagingLocation,
        StagingMetadata,
    },
};
use serde_json::json;

use crate::support::{
    planted::{ID, SECRET, SIGNED, credentials, planted, shown},
    scripted::Scripted,
};

/// O19: a struct that holds a client or a request is printed sooner or later.
#[test]
fn no_client_call_or_credential_shows_a_secret() {
    for credentials in credentials() {
        let builder = Client::builder()
            .endpoint("http://h")
            .credentials(credentials.clone());
        let mut texts = vec![shown(&credentials), shown(&builder)];
        let client = builder.build().unwrap();
        texts.push(shown(&client));
        texts.push(shown(&client.get_repository("lake")));
        texts.push(shown(
            &client.login().body(LoginInformation::new(ID, SECRET)),
        ));
        texts.push(shown(
            &client
                .get_repository("lake")
                .header("authorization", format!("Bearer {SECRET}")),
        ));
        texts.push(shown(
            &client
                .get_repository("lake")
                .header("cookie", format!("session={SECRET}")),
        ));
        texts.push(shown(&client.get_repository("lake").send()));
        let request = client
            .login()
            .body(LoginInformation::new(ID, SECRET))
            .into_request()
            .unwrap();
        texts.push(shown(&request));
        let request = client
            .get_repository("lake")
            .header("authorization", format!("Bearer {SECRET}"));
        texts.push(shown(&request.into_request().unwrap()));
        for text in texts {
            assert_eq!(planted(&text), [""; 0], "{text}");
        }
    }
}

/// What the server says in confidence is printed by whoever debugs an answer.
#[test]
fn no_model_shows_a_secret() {
    let pair: CredentialsWithSecret = serde_json::from_value(
        json!({ "access_key_id": ID, "secret_access_key": SECRET, "creation_date": 0 }),
    )
    .unwrap();
    let token: AuthenticationToken = serde_json::from_value(json!({ "token": SECRET })).unwrap();
    let location: StagingLocation = serde_json::from_value(
        json!({ "physical_address": "s3://b/data/a", "presigned_url": SIGNED }),
    )
    .unwrap();
    let stats: ObjectStats = serde_json::from_value(json!({
        "path": "a", "path_type": "object", "physical_address": SIGNED, "checksum": "", "mtime": 0
    }))
    .unwrap();
    let staging = StagingMetadata::new(location.clone(), "", 1);
    let mut upload = UploadObject::new("lake", "main", "a");
    upload.body = Some(SECRET.into());
    for (text, kept) in [
        (shown(&pair), ID),
        (shown(&LoginInformation::new(ID, SECRET)), ID),
        (shown(&token), "AuthenticationToken"),
        (shown(&location), "bucket.example.com/data/a.parquet"),
        (shown(&staging), "bucket.example.com/data/a.parquet"),
        (shown(&stats), "bucket.example.com/data/a.parquet"),
        (shown(&upload), "UploadObject"),
        (shown(&Body::from(SECRET)), "Body"),
    ] {
        assert_eq!(planted(&text), [""; 0], "{text}");
        assert!(text.contains(kept), "{text}");
    }
    // They are still there for whoever needs them.
    assert_eq!(
        serde_json::to_value(&pair).unwrap()["secret_access_key"],
        SECRET
    );
    assert_eq!(
        serde_json::to_value(&location).unwrap()["presigned_url"],
        SIGNED
    );
}

/// O19: the answer to a presigned read is a key to the object; printing the answer must not hand it out.
#[tokio::test]
async fn a_presigned_redirect_does_not_show_its_signature() {
    let transport = Scripted::new().status_with(302, &[("location", SIGNED)], "");

    let object = Client::new(transport)
        .get_object("lake", "main", "a")
        .presign(true)
        .follow_redirects(false)
        .await
        .unwrap();

    let text = shown(&object);
    assert_eq!(planted(&text), [""; 0], "{text}");
    assert!(text.contains("bucket.example.com/data/a.parquet"), "{text}");
    let error = object.into_body().unwrap_err();
    assert_eq!(planted(&format!("{error:#} {error:?}")), [""; 0]);
}

/// O19: a transport of the user's that logs its requests, as many do, must not log what they authenticate with.
#[tokio::test]
async fn a_request_that_a_transport_prints_shows_no_credentials() {
    for credentials in credentials() {
        let printed = Arc::new(Mutex::new(String::new()));
        let log = Arc::clone(&printed);
        let transport = Scripted::new().step(move |request: Request<Body>| async move {
            *log.lock().unwrap() = shown(&request);
            Ok(http::Response::builder().status(404).body(Body::empty())?)
        });
        let client = Client::builder()
            .endpoint("http://h")
            .credentials(credentials)
            .transport(transport.clone())
            .build()
            .unwrap();

        let _ = client.get_repository("lake").await;

        let printed = printed.lock().unwrap();
        assert!(printed.contains("Sensitive"), "{printed}");
        assert_eq!(planted(&printed), [""; 0], "{printed}");
        let sent = &transport.sent()[0];
        assert!(sent.headers.contains_key("authorization") || sent.headers.contains_key("cookie"));
    }
}
