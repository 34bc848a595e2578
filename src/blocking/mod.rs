//! The same calls without async: [`Call::send_blocking`](crate::Call::send_blocking).
//!
//! There is no second client. A [`Client`](crate::Client), its calls and their setters are what they are everywhere; only the
//! last step differs:
//!
//! | with async | without |
//! |---|---|
//! | `call.await`, [`call.send()`](crate::Call::send) | [`call.send_blocking()`](crate::Call::send_blocking) |
//! | [`call.send_response()`](crate::Call::send_response) | [`call.send_response_blocking()`](crate::Call::send_response_blocking) |
//! | [`call.items()`](crate::Call::items), [`call.pages()`](crate::Call::pages) | the same and `.blocking()`: an iterator |
//! | [`Body`](crate::Body) as a stream | [`body.into_reader()`](crate::Body::into_reader): a [`Read`](std::io::Read) |
//! | [`Body::from_stream`](crate::Body::from_stream) | [`Body::from_reader`](crate::Body::from_reader) |
//! | any other future | [`run`] |
//!
//! ```
//! # use lakefs_sdk::{Body, Client, models::{CommitCreation, RepositoryCreation}, testing::MemoryLakeFs};
//! # use std::io::{BufRead, Cursor};
//! # fn main() -> Result<(), lakefs_sdk::BoxError> {
//! let client = Client::new(MemoryLakeFs::new());
//! client.create_repository(RepositoryCreation::new("lake", "mem://lake")).send_blocking()?;
//!
//! let input = Cursor::new("id,kind\n1,click\n"); // a file, a pipe, a decoder
//! client.upload_object("lake", "main", "events.csv").body(Body::from_reader(input)).send_blocking()?;
//! client.commit("lake", "main", CommitCreation::new("add events")).send_blocking()?;
//!
//! for object in client.list_objects("lake", "main").items().blocking() {
//!     assert_eq!(object?.path, "events.csv");
//! }
//! let object = client.get_object("lake", "main", "events.csv").send_blocking()?;
//! let lines: Vec<_> = object.into_reader()?.lines().collect::<std::io::Result<_>>()?;
//! assert_eq!(lines, ["id,kind", "1,click"]);
//! # Ok(()) }
//! ```
//!
//! # How it works
//!
//! All blocking calls of a process are driven by one background thread with a small tokio runtime, started by the first of
//! them, while the caller's thread waits. It belongs to the process and not to a client, so that a client can be dropped
//! anywhere without a thread to wait for, and is never stopped.
//!
//! - **Inside of async code** a blocking call works, and blocks the runtime's thread, as any blocking call does: nothing
//!   else runs on that thread meanwhile. Use `.await` there, or tokio's `spawn_blocking` around it. What only that very
//!   thread could bring about never comes, and the call waits until its time limit: the answer of a
//!   [`MemoryLakeFs`](crate::testing::MemoryLakeFs) that is *served* by the same current-thread runtime (one that is the
//!   transport itself has no such trouble), the rest of a [`Body`](crate::Body) that was received with async.
//! - **Connections** of the built-in transport are driven by the background thread for blocking calls, and by the caller's
//!   runtime for async ones. Each have a pool of their own, so that a blocking call never waits for a connection whose
//!   runtime it has stopped. Another transport may have one pool for both: then do not use one client both ways on a thread
//!   of a runtime.
//! - **On the background thread itself**, in a layer or a transport or a future that is given to [`run`], nothing could
//!   drive the call: it is an [`is_invalid_input`](crate::Error::is_invalid_input) error at once. Await there.
//! - **Costs**: a call goes to another thread and back, some tens of microseconds, and so does every page of a
//!   listing, and every chunk that a reader gets from the network. Many threads share the one that drives; what is
//!   expensive, decoding answers, is done on the caller's. For hundreds of calls at once use async.
//! - **Waiting** cannot be cancelled from outside; the limits of the call hold
//!   ([`Call::timeout`](crate::Call::timeout), [`ClientBuilder::timeout`](crate::ClientBuilder::timeout)). tokio's clock of
//!   the background runtime is real time, also where a test has paused its own.
//! - With feature `tracing` a call is in the span, and in the subscriber, of whoever made it.

mod call;
mod listing;
#[cfg(feature = "transfer")]
mod object;
mod reader;
mod runtime;

#[cfg(feature = "transfer")]
pub use self::object::ObjectReader;
#[cfg(feature = "hyper")]
pub(crate) use self::runtime::drives_blocking_calls;
pub use self::{
    listing::{Items, Pages},
    reader::Reader,
    runtime::run,
};
