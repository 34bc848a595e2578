//! What gets into the file, and when.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use lakefs_sdk::{
    Body, Client, Credentials,
    testing::{Cassette, MemoryLakeFs},
};
use serde_json::json;
use tower::ServiceExt as _;

use super::{Folder, work};
use crate::support::{
    planted::{ID, SECRET, SIGNED, planted},
    scripted::Scripted,
};

/// A file that nobody can read, or that is another one after each recording, is not reviewed.
#[tokio::test]
async fn the_file_reads_well_and_is_the_same_after_another_recording() {
    let record = async || {
        let folder = Folder::new();
        let clock = || jiff::Timestamp::UNIX_EPOCH;
        let lakefs = MemoryLakeFs::builder().seed(1).clock(clock).build();
        let cassette = Cassette::record(folder.file(), lakefs);
        work(&Client::new(cassette.clone())).await;
        cassette.save().unwrap();
        folder
    };
    let folder = record().await;
    let document = folder.document();
    let commit = &document["interactions"][4];
    assert_eq!(commit["operation"], "commit");
    assert_eq!(
        commit["request"]["target"],
        "/api/v1/repositories/lake/branches/draft/commits"
    );
    assert_eq!(
        commit["request"]["body"]["json"]["message"],
        "two lines\nof text"
    );
    assert_eq!(
        commit["response"]["body"]["json"]["message"],
        "two lines\nof text"
    );
    let uploads = &document["interactions"];
    assert_eq!(uploads[2]["request"]["body"]["base64"], "/wAB");
    assert_eq!(
        uploads[2]["request"]["headers"]["x-lakefs-meta-owner"],
        "etl"
    );
    assert_eq!(
        uploads[3]["request"]["body"]["text"],
        json!(["{\"b\": 1,\n", "\"a\": 2}\n"])
    );
    for name in ["user-agent", "x-request-id", "\"date\"", "authorization"] {
        let requests = document["interactions"].as_array().unwrap().iter();
        let text: String = requests.map(|one| one["request"].to_string()).collect();
        assert!(!text.contains(name), "{name}: {text}");
    }
    assert_eq!(record().await.text(), folder.text());
}

/// A cassette is checked in: what is secret in it is public.
#[tokio::test]
async fn no_secret_reaches_the_file() {
    let folder = Folder::new();
    let signed = Response::builder().status(302).header("location", SIGNED);
    let cookie = format!("session={SECRET}");
    let soon = jiff::Timestamp::now().as_second() + 60;
    let lakefs = Scripted::new()
        .status_with(
            200,
            &[
                ("content-type", "application/json"),
                ("set-cookie", &cookie),
            ],
            json!({ "token": SECRET, "token_expiration": soon }).to_string(),
        )
        .json(&json!({ "id": "u", "creation_date": 0, "email": SECRET }))
        .answer(signed.body(Body::empty()).unwrap())
        .status(200, "data")
        .json(&json!({ "physical_address": "s3://b/a", "presigned_url": SIGNED }))
        .status(
            403,
            format!("<Error><Message>no {SIGNED}</Message></Error>"),
        );
    let run = async |cassette: Cassette| {
        let cassette = cassette.redact_property("email").redact_header("X-Gateway");
        let credentials = Credentials::login(ID, SECRET);
        let builder = Client::builder()
            .transport(cassette)
            .endpoint("http://h")
            .credentials(credentials);
        let client = builder.build().unwrap();
        client
            .get_user("u")
            .header("x-gateway", SECRET)
            .await
            .unwrap();
        let object = client
            .get_object("lake", "main", "a")
            .presign(true)
            .await
            .unwrap();
        assert_eq!(object.text().await.unwrap(), "data");
        let address = client
            .get_physical_address("lake", "main", "a")
            .presign(true);
        address.await.unwrap();
        client.get_repository("lake").await.unwrap_err()
    };
    let recorded = run(Cassette::record(folder.file(), lakefs)).await;

    let text = folder.text();
    assert_eq!(planted(&text), [""; 0], "{text}");
    assert!(text.contains("[redacted]"));
    // And it can be played, next year too.
    assert!(!text.contains(&soon.to_string()), "{text}");
    let cassette = Cassette::replay(folder.file()).unwrap();
    let played = run(cassette.clone()).await;
    assert_eq!(played.status(), recorded.status());
    assert_eq!(planted(&format!("{cassette:?}")), [""; 0]);
    cassette.verify();
}

/// An object that is larger than memory is not read whole because a cassette listens; what was not read is not made up.
#[tokio::test]
async fn a_stream_is_recorded_as_it_passes_and_ends_where_nobody_read_on() {
    let folder = Folder::new();
    let chunks = stream::iter(["abc", "def", "ghi"].map(Ok::<_, std::io::Error>));
    let lakefs = Scripted::new().answer(Response::new(Body::from_stream(chunks)));
    let client = Client::new(Cassette::record(folder.file(), lakefs));
    let mut body = client.get_object("lake", "main", "a").await.unwrap().body;
    drop(client);
    assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from("abc")));
    assert!(!folder.file().exists());
    drop(body);

    assert_eq!(
        folder.document()["interactions"][0]["response"]["incomplete"],
        true
    );
    let client = Client::new(Cassette::replay(folder.file()).unwrap());
    let mut body = client.get_object("lake", "main", "a").await.unwrap().body;
    assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from("abc")));
    assert!(body.chunk().await.unwrap_err().is_body());
}

/// A test that fails while it records leaves the file as it was.
#[tokio::test]
async fn a_panic_spoils_no_file() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.file(), "as it was").unwrap();
    let cassette = Cassette::record(folder.file(), MemoryLakeFs::new());
    let client = Client::new(cassette);
    client.get_setup_state().await.unwrap();
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _client = client;
        panic!("the test failed");
    }));
    assert!(panic.is_err());
    assert_eq!(folder.text(), "as it was");
}

/// A request made by hand holds the same secrets as one of an operation.
#[tokio::test]
async fn no_secret_of_a_request_made_by_hand_reaches_the_file() {
    let folder = Folder::new();
    let lakefs = Scripted::new()
        .json(&json!({ "token": SECRET }))
        .status(200, "");
    let cassette = Cassette::record(folder.file(), lakefs);
    let login = json!({ "access_key_id": ID, "secret_access_key": SECRET });
    let login = Request::post("/api/v1/auth/login")
        .header("content-type", "application/json")
        .header("authorization", SECRET)
        .body(Body::from(login.to_string()));
    let callback = format!("/api/v1/oidc/callback?code={}", "PLANTEDtoken");
    let callback = Request::get(callback).body(Body::empty());
    for request in [login.unwrap(), callback.unwrap()] {
        cassette.clone().oneshot(request).await.unwrap();
    }
    drop(cassette);

    let text = folder.text();
    assert_eq!(planted(&text), [""; 0], "{text}");
    let interactions = &folder.document()["interactions"];
    assert_eq!(interactions[0]["operation"], "login");
    assert_eq!(interactions[1]["operation"], "oauthCallback");
}
