//! The server over TCP.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::MemoryLakeFs;
use super::object_store::{Origin, Unannounced};
use super::service::Door;

/// The most memory that a body gets before it has arrived.
const MAX_RESERVED_BYTES: usize = 64 * 1024 * 1024;

/// A [`MemoryLakeFs`] that listens on a TCP port.
///
/// [`shutdown`](Self::shutdown) lets it finish what it is doing; dropped, it stops at once, and cuts its connections.
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
#[derive(Clone)]
struct Served {
    lakefs: MemoryLakeFs,
    door: Door,
    /// The port of the object store, at the same host.
    store: Option<u16>,
}

impl MemoryLakeFs {
    /// Serves the same state over HTTP on a TCP port, from tasks of the current runtime: HTTP/1.1 with keep-alive, and HTTP/2
    /// to clients that know beforehand (there is no TLS to agree on it).
    ///
    /// Port 0 takes a free one: [`ServedLakeFs::url`] tells which. Where it hands out presigned URLs, they lead to a second
    /// free port of the same address, and of 127.0.0.1 to its other name, `localhost`: an object store is another server
    /// than lakeFS, and gets no credentials of it.
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
            let service = Served {
                lakefs: self.clone(),
                door: Door::ObjectStore,
                store: None,
            };
            accepting.push(tokio::spawn(accept(service, listener, stopped.clone())));
        }
        let service = Served {
            lakefs: self.clone(),
            door: Door::LakeFs,
            store: store.map(|store| store.port()),
        };
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

    /// Where its object store listens, such as `http://localhost:41235`; `None` when it hands out no presigned URLs.
    #[must_use]
    pub fn object_store_url(&self) -> Option<String> {
        let store = self.store?;
        Some(if store.ip() == Ipv4Addr::LOCALHOST {
            format!("http://localhost:{}", store.port())
        } else {
            format!("http://{store}")
        })
    }

    /// Stops listening, closes idle connections, and waits for the answers to requests that have begun to arrive.
    ///
    /// A request that never arrives whole is waited for as well: given up, as in a `timeout`, this stops at once like a drop.
    pub async fn shutdown(mut self) {
        // Fails when nobody listens any more: then there is nothing to stop.
        let _ = self.stop.send(());
        for accepting in &mut self.accepting {
            // It ends by itself, and has no result: a panic in it has been reported where it happened.
            let _ = accepting.await;
        }
    }
}

impl Drop for ServedLakeFs {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

/// Takes connections until it is told to stop, then waits for those there are.
async fn accept(service: Served, listener: TcpListener, stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    let mut stop = pin!(told(stopped.clone()));
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

async fn converse(served: Served, stream: TcpStream, stopped: watch::Receiver<()>) {
    let address = stream.local_addr().ok();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let Served {
            lakefs,
            door,
            store,
        } = served.clone();
        async move {
            let (mut parts, body) = request.into_parts();
            if let Some(origin) = store_origin(&parts, address, store) {
                parts.extensions.insert(origin);
            }
            if body.size_hint().exact().is_none() {
                parts.extensions.insert(Unannounced);
            }
            let response = lakefs.answer(parts, whole(body), door).await;
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop: Pin<&mut _> = pin!(told(stopped));
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

/// Where the sender of a request finds the object store: at the host that it found us at, behind another port. Of this
/// machine it gets the other name: many clients send their credentials to any port of a host, but to no other host.
fn store_origin(parts: &Parts, address: Option<SocketAddr>, port: Option<u16>) -> Option<Origin> {
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = named.and_then(|host| host.parse::<Authority>().ok());
    let named = parts
        .uri
        .authority()
        .or(named.as_ref())
        .map(Authority::host);
    let host = match (named, address?.ip()) {
        (Some("127.0.0.1"), _) => "localhost".to_owned(),
        (Some("localhost"), IpAddr::V4(ip)) => ip.to_string(),
        (Some(host), _) => host.to_owned(),
        (None, IpAddr::V6(ip)) => format!("[{ip}]"),
        (None, ip) => ip.to_string(),
    };
    Some(Origin(format!("http://{host}:{}", port?).into()))
}

/// Waits for a word, or for there to be nobody left to give it.
async fn told(mut stopped: watch::Receiver<()>) {
    let _ = stopped.changed().await;
}

/// Reads a body into one piece of memory, without a second copy of a large one.
async fn whole(mut body: Incoming) -> hyper::Result<Bytes> {
    let announced = body.size_hint().lower();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        if whole.is_empty() {
            // What only claims to be larger gets room as it arrives.
            let room = usize::try_from(announced).unwrap_or(usize::MAX);
            whole.reserve(room.min(MAX_RESERVED_BYTES));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
