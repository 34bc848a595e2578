//! One client on several runtimes, and on none.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of a test may fail it"
)]

use std::{
    future::Future,
    io,
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
    time::Duration,
};

use lakefs_sdk::{Client, models::CommitCreation, testing::MemoryLakeFs};
use tokio::runtime::{Builder, Runtime};

use crate::support::{
    scripted::Scripted,
    tcp::{Connection, TcpServer},
};

const REPOSITORY: &str =
    r#"{"id":"lake","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}"#;
const COMMIT: &str = r#"{"id":"c0ffee","parents":[],"committer":"me","message":"m","creation_date":0,"meta_range_id":"","metadata":{}}"#;

async fn keep_alive(mut connection: Connection) -> io::Result<()> {
    while let Some(request) = connection.request().await? {
        let commits = request.head.starts_with("POST ");
        connection
            .answer(200, if commits { COMMIT } else { REPOSITORY })
            .await?;
    }
    Ok(())
}

/// A server that lives on a runtime of its own.
pub(crate) fn server() -> (Runtime, TcpServer) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(TcpServer::serve(keep_alive)).unwrap();
    (runtime, server)
}

pub(crate) fn both_flavours() -> [fn() -> Runtime; 2] {
    [
        || Builder::new_current_thread().enable_all().build().unwrap(),
        || {
            Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap()
        },
    ]
}

/// The smallest executor there is, and no tokio.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

/// Runs `work` on a thread of its own, so that one that hangs fails the test instead of stopping it.
pub(crate) fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result
        .recv_timeout(Duration::from_secs(60))
        .expect("it hangs, or it panicked")
}

/// Tests with a runtime each that share a static client fail at random, when a connection of a dead runtime is used.
#[test]
fn a_static_client_outlives_the_runtimes_that_use_it() {
    static CLIENT: OnceLock<Client> = OnceLock::new();

    let (_runtime, server) = server();
    // Outside of any runtime.
    let client = CLIENT.get_or_init(|| Client::builder().endpoint(server.url()).build().unwrap());

    let mut runs = 0;
    for new in both_flavours() {
        for _ in 0..3 {
            let runtime = new();
            runtime.block_on(async {
                client.get_repository("lake").await.unwrap();
                client.get_repository("lake").await.unwrap();
            });
            drop(runtime);

            let commit = new().block_on(
                client
                    .commit("lake", "main", CommitCreation::new("m"))
                    .send(),
            );
            assert_eq!(commit.unwrap().id, "c0ffee");
            runs += 1;
        }
    }

    assert_eq!(server.requests().len(), 3 * runs);
    assert!(
        server.connections() >= 2 * runs,
        "no connection is shared by two runtimes"
    );
}

/// A body that is read on another runtime than it was opened on must end, one way or the other.
#[test]
fn a_stream_whose_runtime_is_gone_ends_in_an_error() {
    let (_runtime, server) = {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(TcpServer::serve(async |mut connection: Connection| {
            connection.request().await?;
            connection
                .write("HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 10\r\n\r\n01234")
                .await?;
            connection.request().await?;
            Ok(())
        }));
        (runtime, server.unwrap())
    };
    let client = Client::builder().endpoint(server.url()).build().unwrap();
    let opener = Builder::new_current_thread().enable_all().build().unwrap();
    let object = opener
        .block_on(client.get_object("lake", "main", "a").send())
        .unwrap();
    drop(opener);

    let error = within_a_minute(|| {
        let reader = Builder::new_current_thread().enable_all().build().unwrap();
        reader.block_on(object.bytes()).unwrap_err()
    });

    assert!(error.is_body(), "{error:?}");
}

/// A call that was made by mistake outside of a runtime must say so: a panic takes the program, a hang is worse.
#[test]
fn a_call_outside_of_a_runtime_is_a_clear_error() {
    let error = within_a_minute(|| {
        let client = Client::builder()
            .endpoint("http://127.0.0.1:9")
            .build()
            .unwrap();
        block_on(client.get_repository("lake").send()).unwrap_err()
    });

    assert!(error.is_connect(), "{error:?}");
    assert!(!error.may_have_taken_effect());
    assert!(
        format!("{error:#}").contains("needs a tokio runtime"),
        "{error:#}"
    );
}

/// What needs no network needs no runtime either: a unit test may block on its call.
#[test]
fn a_transport_without_io_works_outside_of_a_runtime() {
    let error = within_a_minute(|| {
        block_on(
            Client::new(MemoryLakeFs::new())
                .get_repository("lake")
                .send(),
        )
        .unwrap_err()
    });
    assert!(error.is_not_found(), "{error:?}");
}

/// Where nothing can wait, there is no second attempt, and no hang in place of the error.
#[test]
fn a_failure_outside_of_a_runtime_is_given_at_once() {
    let error = within_a_minute(|| {
        let transport = Scripted::new().status(503, "");
        block_on(Client::new(transport).get_repository("lake").send()).unwrap_err()
    });

    assert!(error.is_server(), "{error:?}");
}

/// A client can go with the last thing that holds it, wherever that is.
#[test]
fn dropping_a_client_never_panics() {
    let (_runtime, server) = server();
    for new in both_flavours() {
        let client = Client::builder().endpoint(server.url()).build().unwrap();
        let runtime = new();
        runtime
            .block_on(client.get_repository("lake").send())
            .unwrap();
        runtime.block_on(async { drop(client.clone()) });
        drop(runtime);
        drop(client);
    }
}
