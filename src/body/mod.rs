//! [`Body`]: the bytes of a request or a response.

use std::{
    any::Any,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use self::stream::{Chunks, Counted};
use crate::{BoxError, Error, Result, error::classify};

mod stream;

type BoxBody = Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>;
type MakeBody = Arc<dyn Fn() -> BoxBody + Send + Sync>;

/// The bytes of a request or a response: empty, in memory, made again on demand, or a stream that can be read once.
///
/// What a body is decides whether a request that carries it may be sent again after a failure:
///
/// | made by | sent again |
/// |---|---|
/// | [`Body::empty`], `From` (bytes, strings) | yes, without a copy |
/// | [`Body::replayable`] | yes, by making it again |
/// | [`Body::from_stream`], [`Body::new`] | only while nothing has been read from it |
///
/// It is read as an [`http_body::Body`], as a [`Stream`] of [`Bytes`], or whole with [`bytes`](Self::bytes) and
/// [`text`](Self::text). A stream that was cut ends in an error, never as if it were complete.
///
/// ```
/// # use lakefs_sdk::Body;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let body = Body::from("id,kind\n1,click\n");
/// assert_eq!(body.size(), Some(16));
/// assert_eq!(body.text().await?, "id,kind\n1,click\n");
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
pub struct Body {
    kind: Kind,
}

/// Small, as requests are moved around a lot: what is rare is behind a box.
enum Kind {
    Bytes(Bytes),
    Stream(BoxBody),
    Rare(Box<Rare>),
}

enum Rare {
    Replayable {
        make: MakeBody,
        hint: SizeHint,
        current: Option<BoxBody>,
    },
    /// Not read yet: [`Spare`] can still take the stream back.
    Unread { slot: Slot, hint: SizeHint },
}

type Slot = Arc<Mutex<Option<BoxBody>>>;

/// What is needed to send a body once more; kept by the retry layer while the body itself is on its way.
pub(crate) enum Spare {
    Bytes(Bytes),
    Make(MakeBody, SizeHint),
    Slot(Slot, SizeHint),
    Spent,
}

// ===== impl Body =====

impl Body {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            kind: Kind::Bytes(Bytes::new()),
        }
    }

    /// A body that is read once. For a body that can be sent again see [`replayable`](Self::replayable).
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // A body of ours stays what it is: a layer that passes it on adds no box.
        let mut body = Some(body);
        if let Some(ours) = (&mut body as &mut dyn Any)
            .downcast_mut::<Option<Self>>()
            .and_then(Option::take)
        {
            return ours;
        }
        match body {
            Some(body) => Self {
                kind: Kind::Stream(Box::pin(body.map_err(Into::into))),
            },
            None => Self::empty(),
        }
    }

    /// A stream of chunks that is read once; its length is unknown, so it is sent chunked.
    ///
    /// A request with such a body is sent again only if its first attempt failed before anything was read.
    pub fn from_stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = std::result::Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Self::unread(Box::pin(Chunks { stream, size: None }))
    }

    /// Like [`from_stream`](Self::from_stream) for a stream of exactly `size` bytes, sent with a `Content-Length`.
    ///
    /// # Errors
    ///
    /// Reading it fails when the stream yields more or fewer bytes.
    pub fn from_sized_stream<S, B, E>(size: u64, stream: S) -> Self
    where
        S: Stream<Item = std::result::Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Self::unread(Box::pin(Chunks {
            stream,
            size: Some(size),
        }))
    }

    /// A body that `make` makes anew for every attempt, such as a file that is opened again.
    ///
    /// Each body that `make` returns must have the same bytes.
    pub fn replayable<F, B>(make: F) -> Self
    where
        F: Fn() -> B + Send + Sync + 'static,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let make: MakeBody = Arc::new(move || Box::pin(make().map_err(Into::into)));
        let first = make();
        let hint = first.size_hint();
        Self {
            kind: Kind::Rare(Box::new(Rare::Replayable {
                make,
                hint,
                current: Some(first),
            })),
        }
    }

    fn unread(body: BoxBody) -> Self {
        let hint = body.size_hint();
        Self {
            kind: Kind::Rare(Box::new(Rare::Unread {
                slot: Arc::new(Mutex::new(Some(body))),
                hint,
            })),
        }
    }

    /// The number of bytes still to come, where it is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        HttpBody::size_hint(self).exact()
    }

    /// The bytes, where they are in memory already.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The same body once more, unless it is a stream that can be read only once.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        match self.spare() {
            Spare::Slot(..) | Spare::Spent => None,
            spare => spare.body(),
        }
    }

    /// Counts what is read of a stream, so that an error says how far it got; and where its sender announced a size, holds it
    /// to that: ending earlier becomes an error.
    pub(crate) fn counted(self, expected: Option<u64>) -> Self {
        let body: BoxBody = match self.kind {
            Kind::Bytes(bytes) => {
                return Self {
                    kind: Kind::Bytes(bytes),
                };
            }
            Kind::Stream(body) => body,
            kind @ Kind::Rare(_) => Box::pin(Self { kind }.map_err(Into::into)),
        };
        Self {
            kind: Kind::Stream(Box::pin(Counted::new(body, expected))),
        }
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    ///
    /// [`is_body`](Error::is_body) when it is cut, [`is_timeout`](Error::is_timeout) when it stalls.
    pub async fn bytes(self) -> Result<Bytes> {
        if let Kind::Bytes(bytes) = self.kind {
            return Ok(bytes);
        }
        Ok(self.collect().await?.to_bytes())
    }

    /// Reads the body to its end, as UTF-8.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes); [`is_decode`](Error::is_decode) when the bytes are not UTF-8.
    pub async fn text(self) -> Result<String> {
        let bytes = self.bytes().await?;
        String::from_utf8(bytes.into())
            .map_err(|error| Error::decode("the body is not UTF-8").with_source(error))
    }

    /// The next chunk, or `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
            .await
            .transpose()
    }

    pub(crate) fn spare(&self) -> Spare {
        match &self.kind {
            Kind::Bytes(bytes) => Spare::Bytes(bytes.clone()),
            Kind::Stream(_) => Spare::Spent,
            Kind::Rare(rare) => match &**rare {
                Rare::Replayable { make, hint, .. } => Spare::Make(Arc::clone(make), *hint),
                Rare::Unread { slot, hint } => Spare::Slot(Arc::clone(slot), *hint),
            },
        }
    }
}

// ===== impl Spare =====

impl Spare {
    /// The body to send next; `None` when some of it is gone.
    pub(crate) fn body(&self) -> Option<Body> {
        let rare = match self {
            Self::Bytes(bytes) => return Some(Body::from(bytes.clone())),
            Self::Make(make, hint) => Rare::Replayable {
                make: Arc::clone(make),
                hint: *hint,
                current: None,
            },
            Self::Slot(slot, hint) => {
                slot.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .as_ref()?;
                Rare::Unread {
                    slot: Arc::clone(slot),
                    hint: *hint,
                }
            }
            Self::Spent => return None,
        };
        Some(Body {
            kind: Kind::Rare(Box::new(rare)),
        })
    }
}

// ===== reading =====

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        if let Kind::Rare(rare) = &mut self.kind {
            let taken = match &mut **rare {
                Rare::Replayable { make, current, .. } => current.take().or_else(|| Some(make())),
                // Taking it marks it as read: from here on nobody else can send it.
                Rare::Unread { slot, .. } => {
                    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
                }
            };
            match taken {
                Some(body) => self.kind = Kind::Stream(body),
                None => {
                    return Poll::Ready(Some(Err(Error::cut(
                        "the stream was already read by another attempt",
                    ))));
                }
            }
        }
        let frame = match &mut self.kind {
            Kind::Bytes(bytes) if bytes.is_empty() => None,
            Kind::Bytes(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Kind::Stream(body) => {
                ready!(body.as_mut().poll_frame(cx)).map(|frame| frame.map_err(classify::body))
            }
            Kind::Rare(_) => None,
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::Stream(body) => body.is_end_stream(),
            Kind::Rare(rare) => match &**rare {
                Rare::Replayable { current, .. } => {
                    current.as_ref().is_some_and(|body| body.is_end_stream())
                }
                Rare::Unread { .. } => false,
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(body) => body.size_hint(),
            Kind::Rare(rare) => match &**rare {
                Rare::Replayable { hint, .. } | Rare::Unread { hint, .. } => *hint,
            },
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            match ready!(self.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_trailers) => {}
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

// ===== conversions =====

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Bytes(bytes),
        }
    }
}

macro_rules! from_bytes {
    ($($from:ty),*) => {$(
        impl From<$from> for Body {
            fn from(value: $from) -> Self {
                Self::from(Bytes::from(value))
            }
        }
    )*};
}

from_bytes!(&'static str, &'static [u8], String, Vec<u8>);

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(value: &'static [u8; N]) -> Self {
        Self::from(Bytes::from_static(value))
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    /// The kind and the size; never the bytes, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Bytes(_) => "bytes",
            Kind::Rare(rare) if matches!(**rare, Rare::Replayable { .. }) => "replayable",
            Kind::Rare(_) | Kind::Stream(_) => "stream",
        };
        f.debug_struct("Body")
            .field("kind", &kind)
            .field("size", &self.size())
            .finish()
    }
}
