//! Mocks: what they expect, what they reply, and how they complain.

mod kept;
mod replies;
mod reports;

use std::panic::{AssertUnwindSafe, catch_unwind};

use lakefs_sdk::testing::MockTransport;

/// What a mock says when it is dropped; `None` where all was as expected.
fn complaint(mock: MockTransport) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(mock))).err()?;
    panic.downcast_ref::<String>().cloned()
}
