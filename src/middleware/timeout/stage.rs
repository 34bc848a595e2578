//! What a call is waiting for, so that a limit that passes can say it.
//!
//! Whoever knows notes it when he returns `Pending`, and whoever keeps the limit reads it in the same poll: so it needs
//! neither a field in every future nor anything in the request, and reaches through layers of the user's.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
};

thread_local! {
    static STAGE: Cell<&'static str> = const { Cell::new(ANSWER) };
}

const ANSWER: &str = "the server's answer";

/// Before a future is polled that may know better.
pub(crate) fn reset() {
    STAGE.set(ANSWER);
}

/// From a future that is about to return `Pending`.
pub(crate) fn waiting_for(what: &'static str) {
    STAGE.set(what);
}

/// Awaits a future of which `what` is what it waits for.
pub(crate) async fn while_waiting_for<F: Future>(what: &'static str, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            waiting_for(what);
        }
        polled
    })
    .await
}

/// After a future returned `Pending`.
pub(crate) fn current() -> &'static str {
    STAGE.get()
}
