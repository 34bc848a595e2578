//! Calls without async: the same client, from any thread, in and out of runtimes.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod bodies;

use std::{
    io::{self, BufRead as _, Read},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client, Error, blocking,
    middleware::retry::RetryPolicy,
    models::{CommitCreation, RepositoryCreation},
    testing::MemoryLakeFs,
    timer::{Sleep, Timer},
};
use serde_json::json;

use crate::{
    runtimes::{both_flavours, server, within_a_minute},
    support::{
        scripted::Scripted,
        tcp::{Connection, TcpServer},
    },
};

/// A lake with a few objects, behind a client.
fn lake(objects: usize) -> Client {
    let client = Client::new(MemoryLakeFs::new());
    let creation = RepositoryCreation::new("lake", "mem://lake");
    client.create_repository(creation).send_blocking().unwrap();
    for number in 0..objects {
        client
            .upload_object("lake", "main", format!("{number:02}"))
            .body("x")
            .send_blocking()
            .unwrap();
    }
    client
}

fn script_of_pages(more: bool) -> serde_json::Value {
    let pagination = json!({
        "has_more": more, "next_offset": "a", "results": 1, "max_per_page": 1
    });
    let entry = json!({ "id": "a", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://a" });
    json!({ "pagination": pagination, "results": [entry] })
}

// ===== runtimes =====

/// O16: a blocking client that panics where it is used or dropped inside of async takes the whole service with it.
#[test]
fn a_client_is_made_used_and_dropped_inside_of_either_runtime() {
    within_a_minute(|| {
        let (_runtime, server) = server();
        for new in both_flavours() {
            let runtime = new();
            let use_it = || {
                let client = Client::builder().endpoint(server.url()).build().unwrap();
                let commit = CommitCreation::new("m");
                let commit = client.commit("lake", "main", commit).send_blocking();
                assert_eq!(commit.unwrap().id, "c0ffee");
                let repository = client.get_repository("lake").send_blocking();
                assert_eq!(repository.unwrap().id, "lake");
                drop(client);
            };
            runtime.block_on(async { use_it() });
            // Also on a thread of the runtime's own, and between two awaits of the same client.
            runtime.block_on(async {
                let client = Client::builder().endpoint(server.url()).build().unwrap();
                client.get_repository("lake").await.unwrap();
                client.get_repository("lake").send_blocking().unwrap();
                client.get_repository("lake").await.unwrap();
                let task =
                    tokio::spawn(async move { client.get_repository("lake").send_blocking() });
                task.await.unwrap().unwrap();
            });
            let task = runtime.spawn_blocking({
                let client = Client::builder().endpoint(server.url()).build().unwrap();
                move || client.get_repository("lake").send_blocking()
            });
            runtime.block_on(task).unwrap().unwrap();
            drop(runtime);
            use_it();
        }
    });
}

/// O16: a static client is used by threads and runtimes that come and go.
#[test]
fn a_static_client_is_shared_by_threads_and_by_runtimes_that_go() {
    static CLIENT: OnceLock<Client> = OnceLock::new();

    within_a_minute(|| {
        let (_runtime, server) = server();
        let client =
            CLIENT.get_or_init(|| Client::builder().endpoint(server.url()).build().unwrap());
        for new in both_flavours() {
            let runtime = new();
            runtime
                .block_on(client.get_repository("lake").send())
                .unwrap();
            runtime.block_on(async { client.get_repository("lake").send_blocking().unwrap() });
            drop(runtime);

            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..8 {
                            client.get_repository("lake").send_blocking().unwrap();
                        }
                    });
                }
            });
            let commit = CommitCreation::new("m");
            let commit = client.commit("lake", "main", commit).send_blocking();
            assert_eq!(commit.unwrap().id, "c0ffee");
        }
    });
}

/// A reader and an iterator are dropped wherever their owner goes, half way as well.
#[test]
fn readers_and_iterators_are_used_and_dropped_inside_of_either_runtime() {
    within_a_minute(|| {
        let client = lake(3);
        for new in both_flavours() {
            new().block_on(async {
                let mut objects = client
                    .list_objects("lake", "main")
                    .amount(1)
                    .items()
                    .blocking();
                assert_eq!(objects.next().unwrap().unwrap().path, "00");
                drop(objects);
                let object = client
                    .get_object("lake", "main", "00")
                    .send_blocking()
                    .unwrap();
                let mut reader = object.into_reader().unwrap();
                assert_eq!(reader.fill_buf().unwrap(), b"x");
                drop(reader);
            });
        }
    });
}

/// A layer or a transport that calls back would hang the whole process for ever.
#[test]
fn a_call_on_the_thread_that_drives_the_calls_is_a_clear_error() {
    let errors = within_a_minute(|| {
        let inner = lake(0);
        let in_future = blocking::run({
            let inner = inner.clone();
            async move { inner.get_repository("lake").send_blocking() }
        });
        let transport = tower::service_fn(move |_: Request<Body>| {
            let answer = inner.get_repository("lake").send_blocking();
            async move { answer.map(|_| Response::new(Body::empty())) }
        });
        let in_transport = Client::new(transport)
            .get_repository("lake")
            .send_blocking();
        let in_run = blocking::run(async { blocking::run(async { Ok::<_, Error>(()) }) });
        [
            in_future.unwrap_err(),
            in_transport.unwrap_err(),
            in_run.unwrap_err(),
        ]
    });

    for error in errors {
        assert!(error.is_invalid_input(), "{error:?}");
        assert!(error.message().contains("await the call there"), "{error}");
        assert!(!error.may_have_taken_effect());
    }
}

/// A bug in a transport is its own affair: the caller gets an error, and the next call works.
#[test]
fn a_transport_that_panics_fails_one_call() {
    let (error, next) = within_a_minute(|| {
        let transport = tower::service_fn(|request: Request<Body>| async move {
            assert!(!request.uri().path().contains("bad"), "planted");
            let found = r#"{"id":"lake","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}"#;
            Ok::<_, BoxError>(Response::new(Body::from(found)))
        });
        let client = Client::new(transport);
        let failed = client
            .commit("bad", "main", CommitCreation::new("m"))
            .send_blocking();
        (
            failed.unwrap_err(),
            client.get_repository("lake").send_blocking(),
        )
    });

    assert!(error.is_transport(), "{error:?}");
    assert!(
        error.to_string().starts_with("commit: the call panicked"),
        "{error}"
    );
    assert!(error.may_have_taken_effect());
    assert_eq!(next.unwrap().id, "lake");
}

/// A clock on which every wait is over at once.
#[derive(Debug)]
struct Hasty;

impl Timer for Hasty {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

/// Nothing outside can cancel a thread that waits, so its limits must hold.
#[test]
fn a_call_without_an_answer_ends_at_its_limit() {
    let error = within_a_minute(|| {
        let client = Client::builder()
            .transport(Scripted::new().hang())
            .retry(RetryPolicy::none())
            .timer(Hasty)
            .build()
            .unwrap();
        client.get_repository("lake").send_blocking().unwrap_err()
    });

    assert!(error.is_timeout(), "{error:?}");
}

// ===== calls =====

/// What a caller knows of an answer or a failure does not depend on how the call was sent.
#[test]
fn answers_and_errors_are_those_of_the_same_call_with_async() {
    let (answer, error, refused) = within_a_minute(|| {
        let client = lake(0);
        (
            client.get_repository("lake").send_response_blocking(),
            client
                .get_repository("nonexistent")
                .send_blocking()
                .unwrap_err(),
            client.get_repository("").send_blocking().unwrap_err(),
        )
    });

    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.request_id().is_some());
    assert_eq!(answer.data.id, "lake");
    assert_eq!(
        error.to_string(),
        "getRepository: repository not found (404 Not Found)"
    );
    assert!(refused.is_invalid_input(), "{refused:?}");
    assert_eq!(refused.operation().unwrap().id, "getRepository");
}

/// A future of a program has an error of its own.
#[test]
fn run_gives_the_error_that_the_future_has() {
    let error = within_a_minute(|| {
        let client = lake(0);
        blocking::run(async move {
            client.get_repository("lake").await?;
            client.get_repository("pond").await?;
            Ok::<_, BoxError>(())
        })
        .unwrap_err()
    });

    assert!(error.downcast::<Error>().unwrap().is_not_found());
}

/// Whoever looks for the calls of a job in a log finds them by its span, on whichever thread they ran.
#[test]
fn a_call_is_in_the_span_and_the_subscriber_of_its_caller() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let transport = tower::service_fn(|_: Request<Body>| async {
        tracing::info!("planted");
        Ok::<_, BoxError>(Response::new(Body::from(
            script_of_pages(false).to_string(),
        )))
    });

    tracing::subscriber::with_default(subscriber, || {
        let _job = tracing::info_span!("nightly_job").entered();
        let repositories = Client::new(transport).list_repositories().send_blocking();
        assert_eq!(repositories.unwrap().results.len(), 1);
    });

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains("planted"));
    assert!(line.unwrap().contains("nightly_job"), "{log}");
}

// ===== listings =====

/// A loop over a listing sees every entry once, whatever the pages hold.
#[test]
fn iterators_go_through_all_pages() {
    let client = within_a_minute(|| lake(5));
    let listing = || client.list_objects("lake", "main").amount(2);

    let items: Vec<_> = listing()
        .items()
        .blocking()
        .map(|object| object.unwrap().path)
        .collect();
    let pages: Vec<_> = listing()
        .pages()
        .blocking()
        .map(|page| page.unwrap().results.len())
        .collect();

    assert_eq!(items, ["00", "01", "02", "03", "04"]);
    assert_eq!(pages, [2, 2, 1]);
}

/// A listing that broke off must not look like one that ended, nor go on for ever.
#[test]
fn an_iterator_gives_its_error_once_and_ends() {
    let transport = Scripted::new()
        .json(&script_of_pages(true))
        .status(404, r#"{"message":"gone"}"#);

    let mut items = Client::new(transport.clone())
        .list_repositories()
        .items()
        .blocking();

    assert_eq!(items.next().unwrap().unwrap().id, "a");
    assert!(items.next().unwrap().unwrap_err().is_not_found());
    assert!(items.next().is_none());
    assert!(items.next().is_none());
    assert_eq!(transport.sent().len(), 2);
}

/// What async code has begun, other code can finish.
#[tokio::test]
async fn a_listing_that_was_begun_with_async_goes_on_without() {
    let client = Client::new(MemoryLakeFs::new());
    for id in ["aaa", "bbb", "ccc"] {
        let creation = RepositoryCreation::new(id, format!("mem://{id}"));
        client.create_repository(creation).await.unwrap();
    }
    let mut items = client.list_repositories().amount(2).items();
    assert_eq!(items.next().await.unwrap().unwrap().id, "aaa");

    let rest: Vec<_> = items.blocking().map(|item| item.unwrap().id).collect();

    assert_eq!(rest, ["bbb", "ccc"]);
}
