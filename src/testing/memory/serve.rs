//! The server over TCP.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;

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

/// A [`MemoryLakeFs`] that listens on a TCP port. Dropping it stops the listening.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct ServedLakeFs {
    address: SocketAddr,
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl MemoryLakeFs {
    /// Serves the same state over HTTP on a TCP port, from a task of the current runtime.
    ///
    /// Port 0 takes a free one: [`ServedLakeFs::url`] tells which.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on: it is taken, or not ours.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> io::Result<ServedLakeFs> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let accepting = tokio::spawn(accept(self.clone(), listener, stopped));
        Ok(ServedLakeFs {
            address,
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

    /// Stops listening and waits for the answers that are under way.
    pub async fn shutdown(self) {
        drop(self.stop);
        // It ends by itself, and has no result: a panic in it has been reported where it happened.
        let _ = self.accepting.await;
    }
}

/// Takes connections until the other end of `stopped` is dropped, then waits for those there are.
async fn accept(lakefs: MemoryLakeFs, listener: TcpListener, stopped: watch::Receiver<()>) {
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
            connections.spawn(converse(lakefs.clone(), stream, stopped.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn converse(lakefs: MemoryLakeFs, stream: TcpStream, stopped: watch::Receiver<()>) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let lakefs = lakefs.clone();
        async move {
            let (parts, body) = request.into_parts();
            let response = match body.collect().await {
                Ok(body) => lakefs.respond(parts, body.to_bytes()),
                Err(error) => Failure::bad_request(error.to_string())
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

async fn closed(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}
