//! [`Timer`]: the clock behind timeouts and back-off.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

/// A wait that ends when its time has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock that can be waited on.
///
/// With feature `tokio`, which `hyper` and others switch on, a client uses [`TokioTimer`]. Without it, pass your own to
/// [`ClientBuilder::timer`](crate::ClientBuilder::timer); a client without a timer has no timeouts, and does not retry, as
/// it could not wait between attempts.
pub trait Timer: fmt::Debug + Send + Sync + 'static {
    /// Now, on the clock that [`sleep`](Self::sleep) runs on.
    fn now(&self) -> Instant;

    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Whether a [`sleep`](Self::sleep) that begins here and now would end. Where it would not, nothing is tried again.
    fn is_running(&self) -> bool {
        true
    }
}

/// The timer of a client, if it has one.
pub(crate) type SharedTimer = Option<Arc<dyn Timer>>;

/// The timer of a client whose builder was given none.
pub(crate) fn default_timer() -> SharedTimer {
    #[cfg(feature = "tokio")]
    {
        Some(Arc::new(TokioTimer))
    }
    #[cfg(not(feature = "tokio"))]
    {
        None
    }
}

/// tokio's clock, which `tokio::time::pause` stops in tests.
///
/// Outside of a tokio runtime (a test that blocks on a mock, say) nothing can wait: a sleep never ends there, so timeouts do
/// not strike, and nothing is tried again. A runtime must have its time driver (`enable_time` or `enable_all`), without which
/// tokio panics.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TokioTimer;

#[cfg(feature = "tokio")]
impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        match tokio::runtime::Handle::try_current() {
            Ok(_) => Box::pin(tokio::time::sleep(duration)),
            Err(_) => Box::pin(std::future::pending()),
        }
    }

    fn is_running(&self) -> bool {
        tokio::runtime::Handle::try_current().is_ok()
    }
}
