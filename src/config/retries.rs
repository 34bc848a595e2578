use std::time::Duration;

use super::{Setting, Source, Sourced, line};
use crate::middleware::retry::RetryPolicy;

/// The waits of [`RetryPolicy::standard`], for where only one of the two is set.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The section `server.retries`: how calls are retried. What is `None` is as in [`RetryPolicy::standard`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Retries {
    /// Whether calls are retried at all: `enabled`.
    pub enabled: Option<Sourced<bool>>,
    /// Most attempts, the first included: `max_attempts`. (lakectl makes one more than its documentation says.)
    pub max_attempts: Option<Sourced<u32>>,
    /// The first wait, before it doubles: `min_wait_interval`.
    pub min_wait: Option<Sourced<Duration>>,
    /// The longest wait: `max_wait_interval`.
    pub max_wait: Option<Sourced<Duration>>,
    /// Whether a policy was given in code, in place of these.
    pub(super) whole: Source,
}

// ===== impl Retries =====

impl Retries {
    pub(super) fn in_code() -> Self {
        Self {
            whole: Source::Explicit,
            ..Self::default()
        }
    }

    /// The policy that the settings make, if there are any.
    pub(super) fn policy(&self) -> Option<RetryPolicy> {
        if self.enabled.as_ref().is_some_and(|enabled| !enabled.value) {
            return Some(RetryPolicy::none());
        }
        if self.max_attempts.is_none() && self.min_wait.is_none() && self.max_wait.is_none() {
            return None;
        }
        let mut policy = RetryPolicy::standard();
        if let Some(attempts) = &self.max_attempts {
            policy = policy.max_attempts(attempts.value);
        }
        let min = self.min_wait.as_ref().map(|wait| wait.value);
        let max = self.max_wait.as_ref().map(|wait| wait.value);
        Some(match (min, max) {
            (None, None) => policy,
            (Some(min), max) => policy.backoff(min, max.unwrap_or(WAITS.1).max(min)),
            (None, Some(max)) => policy.backoff(WAITS.0.min(max), max),
        })
    }

    pub(super) fn lines<'a>(&'a self, lines: &mut Vec<Setting<'a>>) {
        let before = lines.len();
        let time = |time: &Duration| format!("{time:?}").into();
        lines.extend(self.enabled.iter().map(|enabled| {
            line("server.retries.enabled", enabled, |enabled| {
                enabled.to_string().into()
            })
        }));
        lines.extend(self.max_attempts.iter().map(|attempts| {
            line("server.retries.max_attempts", attempts, |attempts| {
                attempts.to_string().into()
            })
        }));
        lines.extend(
            self.min_wait
                .iter()
                .map(|wait| line("server.retries.min_wait_interval", wait, time)),
        );
        lines.extend(
            self.max_wait
                .iter()
                .map(|wait| line("server.retries.max_wait_interval", wait, time)),
        );
        if lines.len() == before {
            lines.push(Setting {
                name: "server.retries",
                value: match self.whole {
                    Source::Default => "standard".into(),
                    _ => "a policy".into(),
                },
                source: &self.whole,
            });
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            enabled: None,
            max_attempts: None,
            min_wait: None,
            max_wait: None,
            whole: Source::Default,
        }
    }
}
