//! How the built-in transport makes connections, and how many.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use lakefs_sdk::{
    Client, Error,
    middleware::retry::RetryPolicy,
    testing::MemoryLakeFs,
    transport::{Hyper, HyperBuilder, Name},
};
use tokio::{net::TcpListener, sync::Notify};

use crate::support::{
    tcp::{Connection, TcpServer},
    tls::converse,
};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const REPOSITORY: &str =
    r#"{"id":"lake","creation_date":0,"default_branch":"main","storage_namespace":"mem://r"}"#;

async fn keep_alive(mut connection: Connection) -> io::Result<()> {
    while connection.request().await?.is_some() {
        connection.answer(200, REPOSITORY).await?;
    }
    Ok(())
}

fn client(endpoint: &str, hyper: HyperBuilder) -> Client {
    Client::builder()
        .endpoint(endpoint)
        .transport(hyper.build().unwrap())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

async fn get(client: &Client) -> Result<String, Error> {
    Ok(client.get_repository("lake").await?.id)
}

fn port(server: &TcpServer) -> u16 {
    server.url().rsplit(':').next().unwrap().parse().unwrap()
}

/// Lets what the server did arrive at the client's connections, which run on the same thread.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

// ===== names =====

/// Service discovery of one's own, such as Consul, is asked where a server is.
#[tokio::test]
async fn a_resolver_of_ones_own_is_asked() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let port = port(&server);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let resolver = tower::service_fn(move |name: Name| {
        log.lock().unwrap().push(name.to_string());
        async move {
            match name.as_str() {
                "lakefs.test" => Ok(vec![SocketAddr::new(LOCALHOST, port)].into_iter()),
                _ => Err(io::Error::other("consul says no")),
            }
        }
    });
    let hyper = || Hyper::builder().no_proxy().resolver(resolver.clone());

    // The port of the answer counts where the URL has none.
    assert_eq!(
        get(&client("http://lakefs.test", hyper())).await.unwrap(),
        "lake"
    );
    let error = get(&client("http://other.test", hyper()))
        .await
        .unwrap_err();

    assert_eq!(*asked.lock().unwrap(), ["lakefs.test", "other.test"]);
    assert!(error.is_connect(), "{error:?}");
    assert!(error.message().contains("`other.test`"), "{error}");
    assert!(format!("{error:#}").contains("consul says no"), "{error:#}");
}

/// For one host in a test or behind a tunnel, nobody should need a resolver; and a dead address does not matter where there
/// is another.
#[tokio::test]
async fn a_host_is_where_one_says() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let nobody = IpAddr::from([127, 0, 0, 99]);
    let hyper = Hyper::builder()
        .no_proxy()
        .resolve("lakefs.test", nobody)
        .resolve("LakeFS.test", LOCALHOST);

    let endpoint = format!("http://lakefs.test:{}", port(&server));
    assert_eq!(get(&client(&endpoint, hyper)).await.unwrap(), "lake");

    let host = format!("lakefs.test:{}", port(&server));
    assert_eq!(server.requests()[0].header("host"), Some(host.as_str()));
}

// ===== where from and where to =====

/// A firewall that lets through one of a machine's addresses.
#[tokio::test]
async fn connections_come_from_the_address_that_was_chosen() {
    let server = TcpServer::serve(async |mut connection: Connection| {
        connection.request().await?;
        let peer = connection.stream.peer_addr()?.ip().to_string();
        connection
            .answer(200, &REPOSITORY.replace("lake", &peer))
            .await
    })
    .await
    .unwrap();
    if std::net::TcpListener::bind("127.0.0.2:0").is_err() {
        eprintln!("skipped: this machine has no 127.0.0.2");
        return;
    }
    let hyper = Hyper::builder().local_address(IpAddr::from([127, 0, 0, 2]));

    assert_eq!(
        get(&client(&server.url(), hyper)).await.unwrap(),
        "127.0.0.2"
    );
}

/// Endpoints in clusters are IPv6 addresses more and more.
#[tokio::test]
async fn a_server_is_reached_by_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        eprintln!("skipped: this machine has no ::1");
        return;
    };
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { converse(listener.accept().await.unwrap().0).await });

    let client = client(&format!("http://{address}"), Hyper::builder());

    assert_eq!(get(&client).await.unwrap(), "http1");
}

/// A sidecar that talks to lakeFS is reached by a socket that only its pod can see.
#[cfg(unix)]
#[tokio::test]
async fn a_server_is_reached_by_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("lakefs-sdk-{}.sock", std::process::id()));
    let missing = Hyper::builder().unix_socket(&path);
    let error = get(&client("http://lakefs.test", missing))
        .await
        .unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(error.message().contains(path.to_str().unwrap()), "{error}");

    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { converse(listener.accept().await.unwrap().0).await });
    let proxy = lakefs_sdk::transport::Proxy::all("http://proxy.invalid");
    let hyper = Hyper::builder().unix_socket(&path).proxy(proxy);
    let client = client("http://lakefs.test", hyper);

    assert_eq!(get(&client).await.unwrap(), "http1");
    assert_eq!(
        get(&client).await.unwrap(),
        "http1",
        "on the same connection"
    );
    std::fs::remove_file(&path).unwrap();
}

/// A host that swallows packets must cost seconds and not minutes; who knows better can wait.
#[tokio::test]
async fn making_a_connection_is_limited_unless_switched_off() {
    let stuck = || {
        Hyper::builder()
            .no_proxy()
            .resolver(tower::service_fn(|_: Name| {
                std::future::pending::<io::Result<std::vec::IntoIter<SocketAddr>>>()
            }))
    };
    let hyper = stuck().connect_timeout(Duration::from_millis(20));
    let error = get(&client("http://lakefs.test", hyper)).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(format!("{error:#}").contains("20ms"), "{error:#}");

    let unlimited = client("http://lakefs.test", stuck().connect_timeout(None));
    let call = unlimited
        .get_repository("lake")
        .timeout(Duration::from_millis(60));
    let error = call.await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

// ===== how many =====

/// A small server, or a proxy that counts, must not meet a thousand connections because a thousand files are copied.
#[tokio::test]
async fn no_more_connections_are_made_than_allowed() {
    let server = TcpServer::serve(keep_alive).await.unwrap();
    let hyper = Hyper::builder().max_connections_per_host(3);
    let client = client(&server.url(), hyper);

    for _ in 0..3 {
        let calls = (0..50).map(|_| get(&client));
        let ids = futures_util::future::join_all(calls).await;
        assert!(ids.into_iter().all(|id| id.unwrap() == "lake"));
    }

    assert_eq!(server.requests().len(), 150);
    assert!(
        server.connections() <= 3,
        "{} connections",
        server.connections()
    );
}

/// Each host has connections of its own: those to the object store cannot keep lakeFS waiting, even unused ones.
#[tokio::test]
async fn unused_connections_of_other_hosts_lock_nobody_out() {
    let servers = [
        TcpServer::serve(keep_alive).await.unwrap(),
        TcpServer::serve(keep_alive).await.unwrap(),
    ];
    let transport = Hyper::builder()
        .max_connections_per_host(1)
        .build()
        .unwrap();
    for server in [&servers[0], &servers[1], &servers[0]] {
        let client = Client::builder()
            .endpoint(server.url())
            .transport(transport.clone())
            .build()
            .unwrap();
        assert_eq!(get(&client).await.unwrap(), "lake");
    }
    assert_eq!(servers.map(|server| server.connections()), [1, 1]);
}

/// Waiting for a connection has the limit of the attempt, and one that is closed makes room for another.
#[tokio::test]
async fn a_closed_connection_makes_room_and_waiting_has_a_limit() {
    let answer = Arc::new(Notify::new());
    let wait = Arc::clone(&answer);
    let server = TcpServer::serve(move |mut connection: Connection| {
        let wait = Arc::clone(&wait);
        async move {
            connection.request().await?;
            if connection.number == 0 {
                wait.notified().await;
            }
            // And closes.
            connection.answer(200, REPOSITORY).await
        }
    })
    .await
    .unwrap();
    let hyper = Hyper::builder()
        .max_connections_per_host(1)
        .connect_timeout(Duration::from_millis(1));
    let client = Client::builder()
        .endpoint(server.url())
        .transport(hyper.build().unwrap())
        .attempt_timeout(None)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let first = tokio::spawn({
        let client = client.clone();
        async move { get(&client).await }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }

    let waiting = client
        .get_repository("lake")
        .timeout(Duration::from_millis(50));
    let error = waiting.await.unwrap_err();
    assert!(error.is_timeout(), "and not `connect_timeout`: {error:?}");
    assert_eq!(server.connections(), 1);

    let second = tokio::spawn(async move { get(&client).await });
    settle().await;
    answer.notify_one();
    assert_eq!(first.await.unwrap().unwrap(), "lake");
    assert_eq!(second.await.unwrap().unwrap(), "lake");
    assert_eq!(server.connections(), 2);
}

/// A request that was served by another's connection leaves nothing behind that waits for a place and takes it from others.
#[tokio::test]
async fn who_got_a_connection_waits_for_no_other() {
    let close = Arc::new(Notify::new());
    let wait = Arc::clone(&close);
    let server = TcpServer::serve(move |mut connection: Connection| {
        let wait = Arc::clone(&wait);
        async move {
            for _ in 0..20 {
                connection.request().await?;
                connection.answer(200, REPOSITORY).await?;
            }
            wait.notified().await;
            Ok(())
        }
    })
    .await
    .unwrap();
    let client = client(&server.url(), Hyper::builder().max_connections_per_host(1));

    futures_util::future::join_all((0..20).map(|_| get(&client))).await;
    assert_eq!(server.requests().len(), 20);
    close.notify_one();
    tokio::time::sleep(Duration::from_millis(20)).await;

    assert_eq!(server.connections(), 1, "nobody asked for another");
}

/// No connection at all is a limit that nobody means.
#[test]
fn no_connection_at_all_is_refused() {
    let error = Hyper::builder()
        .max_connections_per_host(0)
        .build()
        .unwrap_err();

    assert!(error.is_invalid_input(), "{error:?}");
    assert!(
        error.message().contains("`max_connections_per_host`"),
        "{error}"
    );
}

/// Unused connections cost the server memory; they are closed after a while, or kept when one says so.
#[tokio::test]
async fn unused_connections_are_closed_after_a_while() {
    for (limit, connections) in [(Some(Duration::from_millis(10)), 2), (None, 1)] {
        let server = TcpServer::serve(keep_alive).await.unwrap();
        let hyper = Hyper::builder()
            .idle_timeout(limit)
            .tcp_keepalive(None)
            .tcp_nodelay(false);
        let client = client(&server.url(), hyper);

        get(&client).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        get(&client).await.unwrap();

        assert_eq!(server.connections(), connections, "{limit:?}");
    }
}

/// The limit holds over a served lakeFS too, where answers come from many tasks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_one_connection_serves_many_tasks() {
    let lakefs = MemoryLakeFs::new().serve("127.0.0.1:0").await.unwrap();
    let client = client(&lakefs.url(), Hyper::builder().max_connections_per_host(1));

    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let client = client.clone();
        tasks.spawn(async move { client.health_check().await });
    }
    while let Some(answered) = tasks.join_next().await {
        answered.unwrap().unwrap();
    }
}
