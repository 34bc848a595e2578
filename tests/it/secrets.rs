//! Secrets: in no `Debug`, no error, and no span or event, whatever goes wrong.

use std::{
    error::Error as _,
    io,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use http::Request;
use lakefs_sdk::{
    Body, Client, Credentials,
    api::objects::UploadObject,
    middleware::retry::RetryPolicy,
    models::{
        AuthenticationToken, CommitCreation, CredentialsWithSecret, LoginInformation, ObjectStats,
        StagingLocation, StagingMetadata,
    },
};
use serde_json::json;
use tower::ServiceExt as _;
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter, util::SubscriberInitExt as _};

use crate::support::{
    scripted::Scripted,
    tcp::{Connection, TcpServer},
};

const ID: &str = "AKIAPLANTEDID";
const SECRET: &str = "planted/secret+KEY";
const SIGNED: &str = "https://bucket.example.com/data/a.parquet?X-Amz-Credential=PLANTEDcredential&X-Amz-Security-Token=PLANTEDtoken&X-Amz-Signature=PLANTEDsignature";

/// What of the planted secrets stands in a text, as they are or as they are sent.
fn planted(text: &str) -> Vec<&'static str> {
    // The base64 of `ID:SECRET`, from the colon on.
    let forms = [
        SECRET,
        "planted%2Fsecret",
        "PLANTEDcredential",
        "PLANTEDtoken",
        "PLANTEDsignature",
        "pwbGFudGVkL3NlY3JldCtLRVk",
    ];
    forms
        .into_iter()
        .filter(|form| text.contains(form))
        .collect()
}

fn credentials() -> [Credentials; 3] {
    [
        Credentials::access_key(ID, SECRET),
        Credentials::bearer_token(SECRET),
        Credentials::session_cookie("internal_auth_session", SECRET),
    ]
}

fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?} {value:#?}")
}

/// A struct that holds a client is printed sooner or later.
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

/// The answer to a presigned read is a key to the object; printing the answer must not hand it out.
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

/// A transport of the user's that logs its requests, as many do, must not log what they authenticate with.
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

/// Everything that a subscriber wrote.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(
            &self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
        .into_owned()
    }
}

/// Logs at TRACE are sent to vendors, attached to issues, and kept for years.
#[tokio::test]
async fn no_span_or_event_of_a_failing_call_shows_a_secret() {
    let log = Log::default();
    let _guard = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish()
        .set_default();
    let closed = format!(
        "http://{}",
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    );
    let failing = TcpServer::serve(async |mut connection: Connection| {
        let echo =
            json!({ "message": format!("could not put {SIGNED}: no such host") }).to_string();
        for status in [503, 403, 500] {
            connection.request().await?;
            connection.answer(status, &echo).await?;
        }
        connection.request().await?;
        Ok(())
    })
    .await
    .unwrap();

    for credentials in credentials() {
        for endpoint in [closed.clone(), failing.url()] {
            let client = Client::builder()
                .endpoint(endpoint)
                .credentials(credentials.clone())
                .retry(RetryPolicy::standard().backoff(Default::default(), Default::default()))
                .build()
                .unwrap();
            let staging = serde_json::from_value(
                json!({ "physical_address": SIGNED, "presigned_url": SIGNED }),
            )
            .unwrap();
            for _ in 0..2 {
                let mut errors = vec![
                    client.get_repository("lake").await.unwrap_err(),
                    client
                        .commit("lake", "main", CommitCreation::new("m"))
                        .await
                        .unwrap_err(),
                    client
                        .login()
                        .body(LoginInformation::new(ID, SECRET))
                        .await
                        .unwrap_err(),
                    client
                        .link_physical_address(
                            "lake",
                            "main",
                            "a",
                            StagingMetadata::new(Clone::clone(&staging), "", 1),
                        )
                        .await
                        .unwrap_err(),
                ];
                let (_, query) = SIGNED.split_once('?').unwrap();
                let raw = Request::put(format!("/raw?{query}"))
                    .body(Body::from(SECRET))
                    .unwrap();
                errors.extend(client.clone().oneshot(raw).await.err());
                for error in errors {
                    let mut text = format!("{error} {error:#} {error:?}");
                    let mut cause = error.source();
                    while let Some(next) = cause {
                        text.push_str(&format!(" {next} {next:?}"));
                        cause = next.source();
                    }
                    assert_eq!(planted(&text), [""; 0], "{text}");
                }
            }
        }
    }

    let text = log.text();
    assert!(
        text.contains("lakefs_sdk") && text.contains("getRepository"),
        "nothing was logged: {text}"
    );
    assert!(text.contains("trying again"), "{text}");
    assert!(text.contains("hyper_util"), "{text}");
    assert_eq!(planted(&text), [""; 0], "{text}");
}
