//! A connection, however it was made: over TCP or a Unix socket, through a proxy, with TLS or without.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower::Service;

use super::slots::Slot;

/// What bytes go over; a box, so that TLS can lie inside of TLS without a type for each depth.
pub(super) struct Stream {
    io: Box<dyn Io>,
    http2: bool,
    forwarded: bool,
    /// Given back when the connection is closed.
    _slot: Option<Slot>,
}

pub(super) trait Io: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Io for T {}

/// A connector that has its connection already, for the handshakes of others.
pub(super) struct Established(pub(super) Option<Stream>);

// ===== impl Stream =====

impl Stream {
    pub(super) fn new(io: impl Io + 'static) -> Self {
        Self {
            io: Box::new(io),
            http2: false,
            forwarded: false,
            _slot: None,
        }
    }

    /// HTTP/2 was agreed on.
    #[cfg(feature = "rustls")]
    pub(super) fn http2(mut self, agreed: bool) -> Self {
        self.http2 = agreed;
        self
    }

    /// It ends at a proxy, which must be told the whole URL.
    pub(super) fn forwarded(mut self) -> Self {
        self.forwarded = true;
        self
    }

    pub(super) fn holding(mut self, slot: Option<Slot>) -> Self {
        self._slot = slot;
        self
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.forwarded);
        if self.http2 {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write_vectored(cx, buffers)
    }
}

// ===== impl Established =====

impl Service<Uri> for Established {
    type Response = Stream;
    type Error = io::Error;
    type Future = Ready<io::Result<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(
            self.0
                .take()
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        )
    }
}
