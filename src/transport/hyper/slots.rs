//! How many connections there may be to a host at once.
//!
//! A connection holds a [`Slot`] until it is closed, also while it waits unused in the pool: whoever waits for a slot is at
//! the same time offered every connection to that host that becomes free, so unused ones cannot lock anybody out. That
//! holds only per host, which is why there is no limit over all of them.

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{Either, select};
use http::{
    Uri,
    uri::{Authority, Scheme},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::BoxError;

/// Lets one connection exist.
pub(super) type Slot = OwnedSemaphorePermit;

pub(super) struct Slots {
    per_host: usize,
    /// By what the pool tells hosts apart by.
    hosts: Mutex<HashMap<(Scheme, Authority), Arc<Semaphore>>>,
}

/// A request that has no connection yet.
///
/// hyper-util lets a connection that is under way be finished for the pool when the request got another one meanwhile. One
/// that still waits for its slot would wait on behalf of nobody, and take the slot from a request: with this it gives up.
pub(super) struct Asking(watch::Sender<()>);

tokio::task_local! {
    static ASKING: watch::Receiver<()>;
}

// ===== impl Slots =====

impl Slots {
    pub(super) fn new(per_host: usize) -> Self {
        Self {
            per_host,
            hosts: Mutex::default(),
        }
    }

    /// Waits for a slot for as long as the request asks that is being polled right now.
    pub(super) fn take(
        &self,
        uri: &Uri,
    ) -> impl Future<Output = Result<Slot, BoxError>> + Send + 'static {
        let slots = self.of(uri);
        let asking = ASKING.try_with(Clone::clone).ok();
        async move {
            let taken = slots.acquire_owned();
            let Some(mut asking) = asking else {
                return Ok(taken.await?);
            };
            match select(pin!(taken), pin!(asking.changed())).await {
                Either::Left((taken, _)) => Ok(taken?),
                Either::Right(_) => Err("the request got another connection".into()),
            }
        }
    }

    fn of(&self, uri: &Uri) -> Arc<Semaphore> {
        let host = uri.scheme().cloned().zip(uri.authority().cloned());
        let new = || Arc::new(Semaphore::new(self.per_host));
        let Some(host) = host else {
            return new();
        };
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(host).or_insert_with(new))
    }
}

// ===== impl Asking =====

impl Asking {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Runs `poll` so that a connection that it begins belongs to this request.
    pub(super) fn scope<R>(&self, poll: impl FnOnce() -> R) -> R {
        ASKING.sync_scope(self.0.subscribe(), poll)
    }
}
