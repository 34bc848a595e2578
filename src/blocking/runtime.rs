use std::{
    cell::Cell,
    future::Future,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use tokio::runtime::{Builder, Handle};

use crate::{BoxError, Error, Result, error::ErrorKind};

/// The thread that drives all blocking calls of the process.
static BACKGROUND: Mutex<Option<Handle>> = Mutex::new(None);

thread_local! {
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Runs a future to its end on the thread of the blocking calls, and waits for it.
///
/// For whatever this crate offers as a future only, and for several steps with one wait:
///
/// ```
/// # use lakefs_sdk::{Client, blocking, models::{BranchCreation, RepositoryCreation}, testing::MemoryLakeFs};
/// # fn main() -> lakefs_sdk::Result<()> {
/// # let client = Client::new(MemoryLakeFs::new());
/// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).send_blocking()?;
/// let commit = blocking::run(async move {
///     client.create_branch("lake", BranchCreation::new("draft", "main")).await?;
///     client.get_branch("lake", "draft").await.map(|branch| branch.commit_id)
/// })?;
/// # assert!(!commit.is_empty());
/// # Ok(()) }
/// ```
///
/// The future must not block: no other blocking call of the process goes on meanwhile.
///
/// # Errors
///
/// Those of the future, and:
///
/// - [`is_invalid_input`](Error::is_invalid_input) on the background thread itself, where it would wait for itself.
/// - [`is_connect`](Error::is_connect) when the thread could not be started; nothing was done.
/// - [`is_transport`](Error::is_transport) when the future panicked.
pub fn run<F, T, E>(future: F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    wait(future)?
}

/// [`run`], for a future with any output.
pub(super) fn wait<F>(future: F) -> Result<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    if drives_blocking_calls() {
        return Err(Error::invalid_input(
            "a blocking call on the thread that drives blocking calls (in a layer, a transport, or a future given to \
             `blocking::run`) would wait for itself; await the call there",
        ));
    }
    let background = background()?;
    let (done, result) = mpsc::sync_channel(1);
    let future = in_context(future);
    background.spawn(async move {
        // The other end waits below, and there is room for one.
        let _ = done.send(future.await);
    });
    result.recv().map_err(|_| {
        Error::new(
            ErrorKind::Transport,
            "the call panicked on the thread that drives blocking calls",
        )
    })
}

/// The span and the subscriber of a thread go with it to where it runs.
#[cfg(feature = "tracing")]
fn in_context<F: Future>(future: F) -> impl Future<Output = F::Output> {
    use tracing::instrument::{Instrument, WithSubscriber};

    future.in_current_span().with_current_subscriber()
}

#[cfg(not(feature = "tracing"))]
fn in_context<F: Future>(future: F) -> impl Future<Output = F::Output> {
    future
}

/// Whether this thread is the one that drives blocking calls.
pub(crate) fn drives_blocking_calls() -> bool {
    IS_BACKGROUND.get()
}

fn background() -> Result<Handle> {
    let mut slot = BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(background) = &*slot {
        return Ok(background.clone());
    }
    // A failure is not kept: there may be room for a thread later.
    let background = start(thread::Builder::new())?;
    Ok(slot.insert(background).clone())
}

/// The runtime is made on its thread: where it fails it is dropped there, as tokio lets none be dropped inside of another.
fn start(thread: thread::Builder) -> Result<Handle> {
    let (ready, started) = mpsc::sync_channel(1);
    thread
        .name("lakefs-blocking".to_owned())
        .spawn(
            move || match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    IS_BACKGROUND.set(true);
                    if ready.send(Ok(runtime.handle().clone())).is_ok() {
                        runtime.block_on(std::future::pending::<()>());
                    }
                }
                Err(error) => {
                    // Whoever started it waits.
                    let _ = ready.send(Err(error));
                }
            },
        )
        .map_err(not_started)?;
    started
        .recv()
        .map_err(|_| not_started("it panicked"))?
        .map_err(not_started)
}

fn not_started(cause: impl Into<BoxError>) -> Error {
    Error::new(
        ErrorKind::Connect,
        "the thread that drives blocking calls could not be started",
    )
    .with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process at its limit of threads gets an error that it can handle, not a panic.
    #[test]
    fn a_thread_that_cannot_be_started_is_a_clear_error() {
        let too_large = thread::Builder::new().stack_size(1 << 46);

        let error = start(too_large).err();

        let error = error.expect("no machine has room for such a stack");
        assert!(error.is_connect(), "{error:?}");
        assert!(!error.may_have_taken_effect());
        assert!(format!("{error:#}").contains("could not be started"));
    }
}
