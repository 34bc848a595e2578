//! Cassettes: what is recorded is played, and holds no secret.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use lakefs_sdk::{
    Body, Client, Credentials,
    api::branches::GetBranch,
    models::{BranchCreation, CommitCreation, RepositoryCreation},
    testing::{Cassette, MemoryLakeFs, MockTransport, cassette::Mode},
};
use serde_json::{Value, json};

use crate::support::{
    planted::{ID, SECRET, SIGNED, planted},
    scripted::Scripted,
};

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lakefs-cassettes-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("tape.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn document(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Some work whose outcome says everything that the server said.
async fn work(client: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    let made = client.create_repository(RepositoryCreation::new("lake", "mem://lake"));
    seen.push(format!("{:?}", made.await.unwrap()));
    let made = client.create_branch("lake", BranchCreation::new("draft", "main"));
    seen.push(made.await.unwrap());
    let upload = client
        .upload_object("lake", "draft", "a b/ü.bin")
        .body(&[0xff_u8, 0, 1]);
    seen.push(format!(
        "{:?}",
        upload.metadata([("owner", "etl")]).await.unwrap()
    ));
    let stream = stream::iter([Ok::<_, std::io::Error>("{\"b\": 1,\n"), Ok("\"a\": 2}\n")]);
    let upload = client
        .upload_object("lake", "draft", "a.json")
        .body(Body::from_stream(stream));
    seen.push(format!("{:?}", upload.await.unwrap()));
    let commit = client.commit("lake", "draft", CommitCreation::new("two lines\nof text"));
    seen.push(format!("{:?}", commit.await.unwrap()));
    let object = client
        .get_object("lake", "draft", "a b/ü.bin")
        .await
        .unwrap();
    seen.push(format!(
        "{:?} {:?}",
        object.head,
        object.body.bytes().await.unwrap()
    ));
    for range in ["bytes=0-3", "bytes=4-"] {
        let part = client
            .get_object("lake", "draft", "a.json")
            .range(range)
            .await
            .unwrap();
        let head = format!("{:?}", part.head);
        seen.push(head + &part.text().await.unwrap());
    }
    let head = client.head_object("lake", "draft", "a.json").await.unwrap();
    seen.push(format!("{head:?}"));
    seen.push(
        client
            .get_branch("lake", "gone")
            .await
            .unwrap_err()
            .to_string(),
    );
    seen
}

/// What is replayed must be what was recorded, or the test tests something else: bytes, lengths, headers, errors.
#[tokio::test]
async fn what_is_replayed_is_what_was_recorded() {
    let folder = Folder::new();
    let client = Client::new(Cassette::record(folder.file(), MemoryLakeFs::new()));
    let recorded = work(&client).await;
    assert!(!folder.file().exists());
    drop(client);

    let cassette = Cassette::replay(folder.file()).unwrap();
    assert_eq!(work(&Client::new(cassette.clone())).await, recorded);
    cassette.verify();
    let loose = Cassette::replay(folder.file()).unwrap().loose();
    let client = Client::new(loose);
    assert_eq!(work(&client).await, recorded);
    assert_eq!(work(&client).await.last(), recorded.last());
}

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

/// "Not found" sends people to compare two files by eye.
#[tokio::test]
async fn a_request_that_was_not_recorded_is_told_apart_from_the_nearest() {
    let folder = Folder::new();
    let client = Client::new(Cassette::record(folder.file(), MemoryLakeFs::new()));
    work(&client).await;
    drop(client);

    let cassette = Cassette::replay(folder.file()).unwrap();
    let client = Client::new(cassette.clone());
    let body = RepositoryCreation::new("pond", "mem://lake");
    let error = client.create_repository(body).await.unwrap_err();
    assert!(
        error.is_invalid_input() && error.attempts() == 1,
        "{error:?}"
    );
    let said = r#"the next interaction is 1, POST /api/v1/repositories: body.name: expected "lake", got "pond""#;
    assert!(error.message().ends_with(said), "{error}");
    let panic = catch_unwind(AssertUnwindSafe(|| cassette.verify())).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("got \"pond\"")
    );

    let client = Client::new(Cassette::replay(folder.file()).unwrap().loose());
    let error = client
        .get_object("lake", "draft", "a.json")
        .range("bytes=5-")
        .await
        .unwrap_err();
    let said = r#"range: expected "bytes=4-", got "bytes=5-""#;
    assert!(
        error.message().contains("the nearest interaction is")
            && error.message().contains("range: expected"),
        "{error} {said}"
    );
    let cassette = Cassette::replay(folder.file()).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| cassette.verify())).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("never asked for")
    );
}

/// The order of a recording is part of what it says, and concurrent code has none.
#[tokio::test]
async fn strictly_the_order_counts_and_loosely_it_does_not() {
    let folder = Folder::new();
    let lakefs = MemoryLakeFs::new();
    let client = Client::new(lakefs.clone());
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await
        .unwrap();
    let client = Client::new(Cassette::record(folder.file(), lakefs));
    client.get_repository("lake").await.unwrap();
    client.get_branch("lake", "main").await.unwrap();
    drop(client);

    let strict = Client::new(Cassette::replay(folder.file()).unwrap());
    strict.get_branch("lake", "main").await.unwrap_err();
    let loose = Client::new(Cassette::replay(folder.file()).unwrap().loose());
    for _ in 0..2 {
        loose.get_branch("lake", "main").await.unwrap();
    }
    loose.get_repository("lake").await.unwrap();
}

/// Failures and retries are part of what happened.
#[tokio::test(start_paused = true)]
async fn failures_and_retries_are_recorded_and_played() {
    let folder = Folder::new();
    let ok = json!({ "id": "main", "commit_id": "c" });
    let lakefs = Scripted::new()
        .refused()
        .status(503, "busy")
        .json(&ok)
        .reset();
    let run = async |cassette: Cassette| {
        let client = Client::new(cassette);
        let branch = client.get_branch("lake", "main").send_response().await;
        let commit = client.commit("lake", "main", CommitCreation::new("m"));
        let error = commit.await.unwrap_err();
        let branch = branch.unwrap();
        (
            branch.attempts,
            branch.data,
            error.kind(),
            error.may_have_taken_effect(),
        )
    };
    let recorded = run(Cassette::record(folder.file(), lakefs)).await;
    let cassette = Cassette::replay(folder.file()).unwrap();
    assert_eq!(run(cassette.clone()).await, recorded);
    assert_eq!((recorded.0, recorded.3), (3, true));
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

/// One variable decides for all tests, and a typo in it does not silently go to the network.
#[tokio::test]
async fn the_mode_says_what_happens() {
    let mode = |text: &str| Mode::parse(Some(text.as_ref()));
    assert_eq!(Mode::parse(None).unwrap(), Mode::Replay);
    for (text, expected) in [
        ("", Mode::Replay),
        ("replay", Mode::Replay),
        ("record", Mode::Record),
        (" auto", Mode::Auto),
        ("off", Mode::Off),
    ] {
        assert_eq!(mode(text).unwrap(), expected);
    }
    let error = mode("rec").unwrap_err();
    assert!(
        error.message().contains("`LAKEFS_CASSETTE` is \"rec\""),
        "{error}"
    );

    let folder = Folder::new();
    let lakefs = MockTransport::new();
    lakefs
        .on::<GetBranch>()
        .reply_json(json!({ "id": "main", "commit_id": "c" }))
        .times(2);
    let open = |mode| Cassette::open(folder.file(), mode, lakefs.clone());
    let error = open(Mode::Replay).unwrap_err();
    assert!(
        error.is_invalid_input() && error.message().contains("LAKEFS_CASSETTE=record"),
        "{error}"
    );
    for mode in [Mode::Off, Mode::Auto, Mode::Auto, Mode::Replay] {
        let client = Client::new(open(mode).unwrap());
        client.get_branch("lake", "main").await.unwrap();
        drop(client);
        assert_eq!(folder.file().exists(), mode != Mode::Off);
    }
}

/// A file that was edited wrongly is named.
#[test]
fn a_file_that_is_no_cassette_is_refused() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    for (text, said) in [
        ("{", "is not valid"),
        (r#"{"version":2,"interactions":[]}"#, "has version 2"),
    ] {
        fs::write(folder.file(), text).unwrap();
        let error = Cassette::replay(folder.file()).unwrap_err();
        assert!(
            error.message().contains(said) && error.message().contains("tape.json"),
            "{error}"
        );
    }
}

/// A cassette is not only for operations.
#[tokio::test]
async fn a_request_of_no_operation_is_recorded_too() {
    let folder = Folder::new();
    let send = async |cassette: Cassette| {
        let request = Request::post("/elsewhere").header("content-type", "text/plain");
        let request = request.body(Body::from("a\nb")).unwrap();
        tower::ServiceExt::oneshot(cassette, request)
            .await
            .unwrap()
            .status()
    };
    let status = send(Cassette::record(
        folder.file(),
        Scripted::new().status(202, "ok"),
    ))
    .await;
    assert_eq!(send(Cassette::replay(folder.file()).unwrap()).await, status);
}
