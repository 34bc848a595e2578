//! Secrets: in no error, span, event or label, whatever goes wrong.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{error::Error as _, io, net::TcpListener, time::Duration};

use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lakefs_sdk::{
    Body, Client, Credentials,
    middleware::{retry::RetryPolicy, timeout::AttemptTimeoutLayer, trace::TraceLayer},
    models::{CommitCreation, LoginInformation, StagingMetadata},
    timer::TokioTimer,
    transport::{Http2, Hyper},
};
use metrics_util::debugging::DebuggingRecorder;
use serde_json::json;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};

use crate::support::{
    planted::{ID, Log, SECRET, SIGNED, chain, credentials, listen, planted, shown},
    scripted::Scripted,
    tcp::{Connection, TcpServer},
};

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
                .layer(AttemptTimeoutLayer::new(limit, TokioTimer::default()))
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
            // Where it leads to, and then the raw request.
            .refused()
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
