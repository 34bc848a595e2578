//! [`Allowance`]: how often a piece of an upload may fail before the upload does.

use std::time::Duration;

use crate::{Error, transfer::store};

/// How often a piece is sent, each time by a call that is repeated by itself.
const ATTEMPTS: u32 = 5;
/// The longest wait before the second; it doubles with each.
const WAIT: Duration = Duration::from_millis(500);

/// What is left of the attempts of one piece: a part, or an object that is sent whole.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    failures: u32,
}

// ===== impl Allowance =====

impl Allowance {
    /// Waits before the piece is sent once more; `false` where it should not be.
    pub(super) async fn renew(&mut self, error: &Error) -> bool {
        self.failures += 1;
        if self.failures >= ATTEMPTS || !store::is_transient(error) {
            return false;
        }
        tokio::time::sleep(wait(WAIT, self.failures)).await;
        true
    }
}

/// How long to wait after so many failures: from a half of the longest wait to all of it, so that many do not come at once.
pub(super) fn wait(first: Duration, failures: u32) -> Duration {
    let most = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}
