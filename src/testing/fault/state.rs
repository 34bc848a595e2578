//! Which fault happens to which request.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use http::request::Parts;

use super::{Fault, Rule};
use crate::testing::operation_of;

/// A fault that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injection {
    /// Which request it happened to, counted from 0 in the order of arrival.
    pub request: u64,
    /// The id of its operation; `None` where it is of none.
    pub operation: Option<&'static str>,
    /// What happened, every range drawn.
    pub fault: Fault,
}

pub(super) struct Shared {
    pub(super) seed: u64,
    state: Mutex<State>,
    told: AtomicBool,
}

pub(super) struct State {
    pub(super) enabled: bool,
    pub(super) injected: Vec<Injection>,
    rules: Vec<Active>,
    scripts: Vec<Script>,
    requests: u64,
    /// How often each method and URL came.
    seen: HashMap<u64, u64>,
}

/// A rule at work.
struct Active {
    rule: Rule,
    /// How many more requests its storm lasts.
    storm: u32,
    hits: usize,
}

struct Script {
    operation: Option<String>,
    faults: VecDeque<Option<Fault>>,
}

/// What is to happen to a request.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) request: u64,
    pub(super) operation: Option<&'static str>,
    /// Latencies, and after them at most one other fault.
    pub(super) faults: Vec<Fault>,
}

// ===== impl Shared =====

impl Shared {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            state: Mutex::new(State {
                enabled: true,
                injected: Vec::new(),
                rules: Vec::new(),
                scripts: Vec::new(),
                requests: 0,
                seen: HashMap::new(),
            }),
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to tell the seed: once.
    pub(super) fn tells_now(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for injection in &self.state().injected {
            *counts.entry(injection.fault.name()).or_default() += 1;
        }
        counts
    }

    pub(super) fn decide(&self, parts: &Parts) -> Decision {
        let operation = operation_of(parts);
        let mut state = self.state();
        let request = state.requests;
        state.requests += 1;
        let mut faults = Vec::new();
        if state.enabled {
            let key = key(parts);
            let nth = state.seen.entry(key).or_default();
            *nth += 1;
            let mut chance =
                fastrand::Rng::with_seed(self.seed ^ key.rotate_left(17) ^ (*nth).rotate_left(43));
            faults = match state.scripted(operation) {
                Some(scripted) => scripted.into_iter().collect(),
                None => state.by_chance(operation, &mut chance),
            };
            for fault in &mut faults {
                *fault = fault.drawn(&mut chance);
            }
        }
        Decision {
            request,
            operation,
            faults,
        }
    }
}

// ===== impl State =====

impl State {
    pub(super) fn add_rule(&mut self, rule: Rule) {
        self.rules.push(Active {
            rule,
            storm: 0,
            hits: 0,
        });
    }

    pub(super) fn add_script(
        &mut self,
        operation: Option<String>,
        faults: impl IntoIterator<Item = Option<Fault>>,
    ) {
        let faults = faults.into_iter().collect();
        self.scripts.push(Script { operation, faults });
    }

    /// The next line of the first script that is about an operation and not over.
    fn scripted(&mut self, operation: Option<&str>) -> Option<Option<Fault>> {
        let about = |script: &Script| match &script.operation {
            Some(id) => Some(id.as_str()) == operation,
            None => true,
        };
        let mut scripts = self.scripts.iter_mut().filter(|script| about(script));
        scripts.find_map(|script| script.faults.pop_front())
    }

    fn by_chance(&mut self, operation: Option<&str>, chance: &mut fastrand::Rng) -> Vec<Fault> {
        let mut faults = Vec::new();
        for active in &mut self.rules {
            // Drawn for every rule, so that one rule's filter does not change what the next one draws.
            let drawn = chance.f64() < active.rule.probability;
            if !active.rule.is_about(operation) || !active.hits_now(drawn) {
                continue;
            }
            let fault = active.rule.fault.clone();
            let goes_on = matches!(fault, Fault::Latency(_));
            faults.push(fault);
            if !goes_on {
                break;
            }
        }
        faults
    }
}

// ===== impl Active =====

impl Active {
    fn hits_now(&mut self, drawn: bool) -> bool {
        if self.rule.most.is_some_and(|most| self.hits >= most) {
            return false;
        }
        if self.storm > 0 {
            self.storm -= 1;
        } else if drawn {
            self.storm = self.rule.burst.saturating_sub(1);
        } else {
            return false;
        }
        self.hits += 1;
        true
    }
}

/// The same in every run: FNV-1a of the method and what is behind the host.
fn key(parts: &Parts) -> u64 {
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let bytes = parts.method.as_str().bytes().chain(target.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
