//! How long things may take, and how often they are tried.

use std::{sync::Arc, time::Duration};

use super::ClientBuilder;
use crate::{
    middleware::retry::{Policy, RetryBudget, SharedPolicy},
    timer::Timer,
};

impl ClientBuilder {
    /// Limits every call: all attempts, the waits between them, and reading a JSON answer. Default: 60 s; `None` for no
    /// limit.
    ///
    /// A streamed body is limited only until it begins, and an upload not at all: both have the
    /// [`idle_timeout`](Self::idle_timeout). [`Call::timeout`](crate::Call::timeout) overrides it, and limits uploads too.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// Limits every attempt, reading a JSON answer included; uploads are not limited by it. Default: 30 s; `None` for no
    /// limit. [`Call::attempt_timeout`](crate::Call::attempt_timeout) overrides it.
    pub fn attempt_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.attempt_timeout = limit.into();
        self
    }

    /// Limits how long a body may stand still, a download while it is waited for and an upload while the server takes nothing.
    /// Default: 30 s; `None` for no limit.
    ///
    /// A transfer that moves may take as long as it likes, and a reader that pauses is never hurried. See
    /// [`idle`](crate::middleware::idle).
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// How fast a body must move at least, in bytes a second, on average over the [`idle_timeout`](Self::idle_timeout).
    /// Default: 0, which asks for one byte in that time.
    pub fn min_bytes_per_second(mut self, rate: u64) -> Self {
        self.min_bytes_per_second = rate;
        self
    }

    /// Limits how long the answer to an upload may take once all of it was sent. Default: 300 s; `None` for no limit.
    ///
    /// Other calls have the [`attempt_timeout`](Self::attempt_timeout) for that.
    pub fn upload_answer_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.upload_answer_timeout = limit.into();
        self
    }

    /// Limits making a connection with the built-in transport: name, TCP, proxy and TLS together. Default: 10 s; `None` for
    /// no limit.
    ///
    /// A transport that is [given](Self::transport) has its own:
    /// [`HyperBuilder::connect_timeout`](crate::transport::HyperBuilder::connect_timeout).
    #[cfg(feature = "hyper")]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = Some(limit.into());
        self
    }

    /// The clock of timeouts and back-off. Default: tokio's, with feature `tokio`; without it there are no timeouts and no
    /// retries until a timer is given.
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// How calls are retried: a [`RetryPolicy`](crate::middleware::retry::RetryPolicy), or a [`Policy`] of your own. Default:
    /// [`RetryPolicy::standard`](crate::middleware::retry::RetryPolicy::standard).
    ///
    /// [`Call::retry`](crate::Call::retry) overrides it. What is retried and what is not:
    /// [`middleware::retry`](crate::middleware::retry).
    pub fn retry(mut self, policy: impl Policy) -> Self {
        self.config.retry_set();
        self.retry = SharedPolicy::new(policy);
        self
    }

    /// How many retries all calls of the client and its clones may spend together, so that an outage is not multiplied.
    /// Default: `RetryBudget::new(100, 10)`; `None` for no limit.
    pub fn retry_budget(mut self, budget: impl Into<Option<RetryBudget>>) -> Self {
        self.retry_budget = budget.into();
        self
    }
}
