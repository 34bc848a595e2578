//! [`FaultLayer`]: makes the way to a server a bad one, as often and as repeatably as a test wants.
//!
//! It goes over any transport, [`MemoryLakeFs`](super::MemoryLakeFs) in the first place, and under the whole stack of a
//! client: what it does to a request, the client's retries and time limits have to bear.
//!
//! Faults come by chance ([`chance`](FaultLayer::chance), [`rule`](FaultLayer::rule)) or by script
//! ([`script`](FaultLayer::script), [`script_on`](FaultLayer::script_on)). Chance is drawn from the seed, the method and URL
//! of a request and how often it came before, not from the order in which tasks run: the same seed gives the same faults.
//!
//! ```
//! use lakefs_sdk::{Client, models::RepositoryCreation, testing::{Fault, FaultLayer, MemoryLakeFs}};
//! use tower::Layer as _;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let faults = FaultLayer::new(7)
//!     .script_on("createRepository", [Some(Fault::status(503)), None, Some(Fault::ResetAfter)])
//!     .chance(0.2, Fault::latency(std::time::Duration::from_secs(2)));
//! let client = Client::new(faults.layer(MemoryLakeFs::new()));
//!
//! // A 503 is no reason to repeat what may have been done.
//! let error = client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await.unwrap_err();
//! assert!(error.is_server() && error.may_have_taken_effect());
//! client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//!
//! // The second one is made, and nobody is told.
//! let error = client.create_repository(RepositoryCreation::new("pond", "mem://pond")).await.unwrap_err();
//! assert!(error.is_transport() && error.may_have_taken_effect());
//! assert_eq!(client.get_repository("pond").await?.id, "pond");
//! assert_eq!(faults.counts()["reset after"], 1);
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! ```

use std::{collections::BTreeMap, env, fmt, sync::Arc, thread};

use tower::Layer;

mod corrupt;
mod kind;
mod rule;
mod service;
mod state;

use self::state::Shared;
pub use self::{
    kind::{Fault, Seen},
    rule::Rule,
    service::Faulty,
    state::Injection,
};

/// The environment variable that [`FaultLayer::random`] reads.
const SEED: &str = "LAKEFS_FAULT_SEED";

/// Adds [`Faulty`] to a stack: see the [module](self). Copies share the rules, the scripts and what was injected.
///
/// When a thread that holds one panics, its seed and what it injected are printed.
#[derive(Clone, Debug)]
pub struct FaultLayer {
    handle: Handle,
}

/// What layer and services share, and tell when a test fails.
#[derive(Clone)]
struct Handle {
    shared: Arc<Shared>,
}

// ===== impl FaultLayer =====

impl FaultLayer {
    /// No faults yet; chance will be drawn from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let handle = Handle {
            shared: Arc::new(Shared::new(seed)),
        };
        Self { handle }
    }

    /// As [`new`](Self::new) with the seed in `LAKEFS_FAULT_SEED`, or with a random one where that is not set to a number.
    ///
    /// A test that fails prints the seed; the variable brings the same faults back.
    #[must_use]
    pub fn random() -> Self {
        let given = env::var(SEED)
            .ok()
            .and_then(|seed| seed.trim().parse().ok());
        Self::new(given.unwrap_or_else(|| fastrand::u64(..)))
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.handle.shared.seed
    }

    /// Adds a fault to every request with this probability, from 0 to 1.
    #[must_use]
    pub fn chance(self, probability: f64, fault: Fault) -> Self {
        self.rule(Rule::new(fault).probability(probability))
    }

    /// Adds a fault by a rule.
    ///
    /// Rules are asked in the order in which they were added, and the first one that hits decides; latency is added to
    /// whatever happens else.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        self.handle.shared.state().add_rule(rule);
        self
    }

    /// What happens to the next requests, one after the other; `None` lets one pass. Then chance decides.
    #[must_use]
    pub fn script(self, faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        self.handle.shared.state().add_script(None, faults);
        self
    }

    /// What happens to the next requests of an operation, named by its id such as `commit`.
    #[must_use]
    pub fn script_on(
        self,
        operation: &str,
        faults: impl IntoIterator<Item = Option<Fault>>,
    ) -> Self {
        let operation = Some(operation.to_owned());
        self.handle.shared.state().add_script(operation, faults);
        self
    }

    /// Lets everything pass, or not any more. Off, a test can look at what has become of the server.
    pub fn set_enabled(&self, enabled: bool) {
        self.handle.shared.state().enabled = enabled;
    }

    /// What was injected so far.
    #[must_use]
    pub fn injected(&self) -> Vec<Injection> {
        self.handle.shared.state().injected.clone()
    }

    /// How often each [kind](Fault::name) of fault was injected so far.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.handle.shared.counts()
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty::new(inner, self.handle.clone())
    }
}

// ===== impl Handle =====

impl Drop for Handle {
    fn drop(&mut self) {
        if thread::panicking() && self.shared.tells_now() {
            eprintln!(
                "{SEED}={} brings these faults back: {:?}",
                self.shared.seed,
                self.shared.counts()
            );
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("seed", &self.shared.seed)
            .field("injected", &self.shared.counts())
            .finish_non_exhaustive()
    }
}
