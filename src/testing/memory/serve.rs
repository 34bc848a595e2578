//! The server over TCP.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::MemoryLakeFs;
use super::error::Failure;
use super::object_store::Origin;

/// A [`MemoryLakeFs`] that listens on a TCP port. Dropping it stops the listening.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct ServedLakeFs {
    address: SocketAddr,
    /// Where the object store listens, if it hands out URLs.
    store: Option<SocketAddr>,
    stop: watch::Sender<()>,
    accepting: Vec<JoinHandle<()>>,
}

/// What a port leads to.
#[derive(Clone, Copy, Debug)]
enum Door {
    /// The server; its object store is behind another port of the same host, if behind any.
    Server {
        store: Option<u16>,
    },
    ObjectStore,
}

impl MemoryLakeFs {
    /// Serves the same state over HTTP on a TCP port, from a task of the current runtime.
    ///
    /// Port 0 takes a free one: [`ServedLakeFs::url`] tells which. Where it hands out presigned URLs, they lead to a second
    /// free port of the same address: an object store is another server than lakeFS, and gets no credentials of it.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on: it is taken, or not ours.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> io::Result<ServedLakeFs> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let mut accepting = Vec::new();
        let mut store = None;
        if self.server.presigns {
            let listener = TcpListener::bind((address.ip(), 0)).await?;
            store = Some(listener.local_addr()?);
            let service = (self.clone(), Door::ObjectStore);
            accepting.push(tokio::spawn(accept(service, listener, stopped.clone())));
        }
        let port = store.map(|store| store.port());
        let service = (self.clone(), Door::Server { store: port });
        accepting.push(tokio::spawn(accept(service, listener, stopped)));
        Ok(ServedLakeFs {
            address,
            store,
            stop,
            accepting,
        })
    }
}

impl ServedLakeFs {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint to give to a client, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where its object store listens, such as `http://127.0.0.1:41235`; `None` when it hands out no presigned URLs.
    #[must_use]
    pub fn object_store_url(&self) -> Option<String> {
        Some(format!("http://{}", self.store?))
    }

    /// Stops listening and waits for the answers that are under way.
    pub async fn shutdown(self) {
        drop(self.stop);
        for accepting in self.accepting {
            // It ends by itself, and has no result: a panic in it has been reported where it happened.
            let _ = accepting.await;
        }
    }
}

/// Takes connections until the other end of `stopped` is dropped, then waits for those there are.
async fn accept(
    service: (MemoryLakeFs, Door),
    listener: TcpListener,
    stopped: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut stop = pin!(closed(stopped.clone()));
    let mut next = async || {
        poll_fn(|context| match stop.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => listener.poll_accept(context).map(Some),
        })
        .await
    };
    while let Some(accepted) = next().await {
        // A connection that failed before it was taken is the client's to retry.
        if let Ok((stream, _)) = accepted {
            connections.spawn(converse(service.clone(), stream, stopped.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn converse(
    (lakefs, door): (MemoryLakeFs, Door),
    stream: TcpStream,
    stopped: watch::Receiver<()>,
) {
    let address = stream.local_addr();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let lakefs = lakefs.clone();
        let address = address.as_ref().ok().copied();
        async move {
            let (mut parts, body) = request.into_parts();
            let response = match (body.collect().await, door) {
                (Ok(body), Door::ObjectStore) => lakefs.respond_as_store(&parts, body.to_bytes()),
                (Ok(body), Door::Server { store }) => {
                    if let Some(origin) = store_origin(&parts, address, store) {
                        parts.extensions.insert(origin);
                    }
                    lakefs.respond(parts, body.to_bytes())
                }
                (Err(error), _) => Failure::bad_request(error.to_string())
                    .into_reply()
                    .into_response(),
            };
            Ok::<_, std::convert::Infallible>(response.map(Full::new))
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop: Pin<&mut _> = pin!(closed(stopped));
    let mut stopping = false;
    // What a client does to its connection is no fault of the server: the result is not looked at.
    let _ = poll_fn(|context| {
        if !stopping && stop.as_mut().poll(context).is_ready() {
            stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    })
    .await;
}

/// Where the sender of a request finds the object store: at the host that it found us at, behind another port.
fn store_origin(parts: &Parts, address: Option<SocketAddr>, port: Option<u16>) -> Option<Origin> {
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = named.and_then(|host| host.parse::<Authority>().ok());
    let named = parts
        .uri
        .authority()
        .or(named.as_ref())
        .map(Authority::host);
    let host = match (named, address?.ip()) {
        (Some(host), _) => host.to_owned(),
        (None, IpAddr::V6(ip)) => format!("[{ip}]"),
        (None, ip) => ip.to_string(),
    };
    Some(Origin(format!("http://{host}:{}", port?).into()))
}

async fn closed(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}
