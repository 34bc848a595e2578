//! Secrets: in no `Debug`, no error, and no span or event, whatever goes wrong.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    error::Error as _,
    io,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lakefs_sdk::{
    Body, Client, Credentials,
    api::objects::UploadObject,
    middleware::{retry::RetryPolicy, timeout::AttemptTimeoutLayer, trace::TraceLayer},
    models::{
        AuthenticationToken, CommitCreation, CredentialsWithSecret, LoginInformation, ObjectStats,
        StagingLocation, StagingMetadata,
    },
    timer::TokioTimer,
    transport::{Http2, Hyper},
};
use metrics_util::debugging::DebuggingRecorder;
use serde_json::json;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tracing_subscriber::{
    filter::LevelFilter,
    fmt::{MakeWriter, format::FmtSpan},
    util::SubscriberInitExt as _,
};

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
        "PLANTEDsas",
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

/// Writes all spans and events of this thread, whoever's they are, until the guard is dropped.
fn listen(log: &Log) -> tracing::subscriber::DefaultGuard {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(log.clone())
        .finish()
        .set_default()
}

/// Logs at TRACE are sent to vendors, attached to issues, and kept for years.
#[tokio::test]
async fn no_span_or_event_of_a_failing_call_shows_a_secret() {
    let log = Log::default();
    let _guard = listen(&log);
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

/// What stands in an error and in all that it has for causes.
fn chain(error: &lakefs_sdk::BoxError) -> String {
    let mut text = format!("{error} {error:#} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next} {next:?}"));
        cause = next.source();
    }
    text
}

/// How a store treats a presigned request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Store {
    Refuses,
    Resets,
    Forbids,
    Hangs,
    IsNoTls,
}

impl Store {
    const ALL: [Self; 5] = [
        Self::Refuses,
        Self::Resets,
        Self::Forbids,
        Self::Hangs,
        Self::IsNoTls,
    ];

    /// The origin of a server that does so, as long as it is kept.
    async fn serve(self) -> (String, Option<TcpServer>) {
        if self == Self::Refuses {
            let closed = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
            return (format!("http://{}", closed.unwrap()), None);
        }
        let server = TcpServer::serve(move |connection| self.converse(connection))
            .await
            .unwrap();
        let url = server.url();
        let scheme = if self == Self::IsNoTls {
            "https"
        } else {
            "http"
        };
        (url.replace("http", scheme), Some(server))
    }

    async fn converse(self, mut connection: Connection) -> io::Result<()> {
        if self == Self::IsNoTls {
            return connection.write("this is not TLS").await;
        }
        let request = connection.request().await?;
        match self {
            Self::Forbids => {
                let head = request.map(|request| request.head).unwrap_or_default();
                let body =
                    format!("<Error><Code>AccessDenied</Code><Message>{head}</Message></Error>");
                connection.answer(403, &body).await
            }
            Self::Hangs => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

/// O19: the HTTP library's error carried the whole presigned URL into logs and crash reports. Here the request goes through
/// the built-in transport by itself, and the layers that can stand above it.
#[tokio::test]
async fn no_error_span_or_event_of_a_presigned_request_shows_its_signature() {
    let (_, aws) = SIGNED.split_once('?').unwrap();
    let azure = "sv=2024&sp=r&sig=PLANTEDsas";
    for store in Store::ALL {
        let log = Log::default();
        let _guard = listen(&log);
        let (origin, _server) = store.serve().await;
        for (method, query) in [("PUT", aws), ("GET", aws), ("PUT", azure), ("GET", azure)] {
            let limit = Duration::from_millis(if store == Store::Hangs { 50 } else { 10_000 });
            let transport = Hyper::builder().build().unwrap();
            let service = ServiceBuilder::new()
                .layer(AttemptTimeoutLayer::with_limit(
                    limit,
                    TokioTimer::default(),
                ))
                .layer(TraceLayer::new())
                .service(transport.clone());
            let request = |origin: &str| {
                Request::builder()
                    .method(method)
                    .uri(format!("{origin}/data/a.parquet?{query}"))
                    .body(Body::from(SECRET))
                    .unwrap()
            };
            let client = Client::builder()
                .endpoint(&origin)
                .credentials(Credentials::access_key(ID, SECRET))
                .transport(transport)
                .attempt_timeout(limit)
                .retry(RetryPolicy::none())
                .build()
                .unwrap();

            let alone = service.oneshot(request(&origin)).await;
            let below = client.clone().oneshot(request("")).await;
            let elsewhere = client.oneshot(request(&origin)).await;

            let answers = [
                alone.map(|response| (response.status(), shown(&response))),
                below
                    .map(|response| (response.status(), shown(&response)))
                    .map_err(Into::into),
            ];
            for answer in answers {
                let text = match answer {
                    Ok((status, text)) => {
                        assert_eq!((store, status.as_u16()), (Store::Forbids, 403));
                        text
                    }
                    Err(error) => {
                        assert_ne!(store, Store::Forbids, "{error:?}");
                        chain(&error)
                    }
                };
                assert_eq!(planted(&text), [""; 0], "{store:?}: {text}");
            }
            let text = chain(&elsewhere.unwrap_err().into());
            assert_eq!(planted(&text), [""; 0], "{text}");
        }
        let text = log.text();
        let told = format!("{origin}/data/a.parquet");
        assert!(
            text.contains(&told),
            "{store:?}, host and path stay: {text}"
        );
        assert!(text.contains("hyper_util"), "{store:?}: {text}");
        assert_eq!(planted(&text), [""; 0], "{store:?}: {text}");
    }
}

/// O19: hyper-util logs the URL of a request that it cannot send, whole.
#[tokio::test]
async fn a_url_that_the_built_in_transport_cannot_send_is_not_logged() {
    let log = Log::default();
    let _guard = listen(&log);
    let (_, query) = SIGNED.split_once('?').unwrap();
    for (method, url, says) in [
        ("GET", format!("/a?{query}"), "`endpoint`"),
        ("CONNECT", SIGNED.to_owned(), "CONNECT"),
    ] {
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Body::empty()).unwrap();
        let transport = TraceLayer::new().layer(Hyper::builder().build().unwrap());

        let error = transport.oneshot(request).await.unwrap_err();

        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(planted(&chain(&error)), [""; 0], "{error:?}");
    }
    let text = log.text();
    assert!(text.contains("lakefs_sdk"), "{text}");
    assert_eq!(planted(&text), [""; 0], "{text}");
}

/// O19: over HTTP/2 headers are compressed with tables of their own, which are logged too.
#[tokio::test]
async fn no_span_or_event_of_http2_shows_a_secret() {
    let log = Log::default();
    let _guard = listen(&log);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = |request: Request<hyper::body::Incoming>| async move {
        let forbidden = http::Response::builder().status(403);
        forbidden.body(format!(r#"{{"message":"{}"}}"#, request.uri()))
    };
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = TokioIo::new(stream);
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let service = hyper::service::service_fn(answer);
            tokio::spawn(async move { drop(builder.serve_connection(stream, service).await) });
        }
    });
    let (_, query) = SIGNED.split_once('?').unwrap();
    for credentials in credentials() {
        let hyper = Hyper::builder().http2(Http2::PriorKnowledge).build();
        let client = Client::builder()
            .endpoint(&endpoint)
            .credentials(credentials)
            .transport(hyper.unwrap())
            .build()
            .unwrap();

        let error = client.get_repository("lake").await.unwrap_err();
        assert_eq!(error.status(), Some(http::StatusCode::FORBIDDEN));
        let login = client.login().body(LoginInformation::new(ID, SECRET)).await;
        login.unwrap_err();
        let raw = Request::put(format!("/raw?{query}")).body(Body::from(SECRET));
        client.oneshot(raw.unwrap()).await.unwrap();
    }
    accepting.abort();

    let text = log.text();
    assert!(text.contains("h2::"), "{text}");
    assert_eq!(planted(&text), [""; 0], "{text}");
}

/// O19: labels of metrics are kept by systems that nobody guards as those that keep logs.
#[tokio::test]
async fn no_label_of_a_metric_shows_a_secret() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (_, query) = SIGNED.split_once('?').unwrap();
    for credentials in credentials() {
        let echo = format!(r#"{{"message":"could not put {SIGNED}"}}"#);
        let transport = Scripted::new()
            .status(403, echo)
            .reset()
            .status_with(302, &[("location", SIGNED)], "")
            .refused();
        let client = Client::builder()
            .endpoint("http://h")
            .credentials(credentials)
            .retry(RetryPolicy::none())
            .transport(transport)
            .metrics()
            .build()
            .unwrap();

        let login = client.login().body(LoginInformation::new(ID, SECRET));
        login.await.unwrap_err();
        client.get_repository("lake").await.unwrap_err();
        let object = client.get_object("lake", "main", SECRET).presign(true);
        let _ = object.await;
        let raw = Request::builder().method("PLANTEDsas");
        let raw = raw.uri(format!("/raw?{query}")).body(Body::empty());
        client.oneshot(raw.unwrap()).await.unwrap_err();
    }

    let text = shown(&recorder.snapshotter().snapshot().into_vec());
    assert!(text.contains("http.client.request.duration"), "{text}");
    assert_eq!(planted(&text), [""; 0], "{text}");
}
