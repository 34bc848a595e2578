//! Simulation: several actors at a time call a lakeFS in memory over a way that loses, delays, repeats and spoils what is on
//! it. Whatever happens there, the client keeps its promises. Time is simulated too, so that a minute costs nothing.
//!
//! A history is drawn from a seed: who calls what and when, with which limits, who gives up waiting, and what goes wrong. A
//! [`Witness`](witness::Witness) above and below the faults knows what the client sent and what the server did; a
//! [`Model`](model::Model) follows the server and says what it should look like. Then these must hold:
//!
//! | promise | how it is checked |
//! |---|---|
//! | no acknowledged write is lost | each was done by the server; branches, objects, logs and tags in the end are the model's; a commit that was acknowledged is in the log |
//! | what may not be done twice is sent again only if the server cannot have got it | at most one sending of each commit, merge, branch and tag reached the server; none is in the log twice |
//! | a failed upload is not visible, and no failed call has changed anything, where `may_have_taken_effect()` is false | the server did nothing for it; nothing it wrote was ever to be seen |
//! | a read tells the truth | object, listing and "not found" are what was there at a moment between the call's begin and end, whole |
//! | every call ends within its limit | by the paused clock |
//! | nothing is left behind | no request under way; never more than the permits allow; as many probes as there are permits reach the server together |
//!
//! # What a repeated request excuses
//!
//! A network that delivers a request twice (a proxy that must not, RFC 9110, 9.2.2, but does) has a commit made twice though
//! it was sent once. lakeFS knows no key by which it could tell, so no client can prevent that, and it is no broken promise:
//! - "not twice" counts sendings of the client, whatever became of each on the way. The log is not counted for such a call.
//! - Who is answered by the second of the two may be told `no changes` or `conflict` by a server that has just done the
//!   first. A refusal is as good as certain everywhere else, so `may_have_taken_effect()` is false, and for a doubled sending
//!   that is excused. Only for that one: what the call's other sendings did counts.
//!
//! The model is told of both, so that nothing else is excused: all that the server did twice must be there in the end.
//!
//! An upload or deletion that is tried again may undo what somebody else did between its attempts. That is no lost write: the
//! call lasts until its last attempt, which came later. The model, which goes by what the server did, has it the same way.
//!
//! Two more things are out of a client's hands. A byte that changes on the way is noticed only where it breaks the answer's
//! form, so what such a call returned is not compared; that it says the truth about success and failure is. And a 429 means
//! that the request was not carried out (RFC 6585, 4), so faults that come after the work never are a 429.

mod after;
mod check;
mod model;
mod plan;
mod run;
mod shrink;
mod weather;
mod witness;

use std::{
    collections::BTreeMap,
    env, fmt,
    io::{self, Write as _},
};

use lakefs_sdk::BoxError;

use check::violations;
use plan::Plan;
use run::{History, Outcome, run};

/// Where to begin, and how many histories there are: to bring one back, or to look further.
const SEED: &str = "LAKEFS_SIMULATION_SEED";
const HISTORIES: &str = "LAKEFS_SIMULATION_HISTORIES";

/// How many failing histories are told.
const TOLD: usize = 3;

/// What all histories came to.
#[derive(Default)]
struct Tally {
    histories: usize,
    calls: usize,
    done: usize,
    failed: usize,
    in_doubt: usize,
    abandoned: usize,
    requests: usize,
    faults: BTreeMap<&'static str, usize>,
    violations: usize,
}

/// A promise that breaks once in thousands of calls breaks every day in production, and nobody can tell why.
#[test]
fn no_promise_breaks_in_thousands_of_histories() -> Result<(), BoxError> {
    let first = from_environment(SEED)?.unwrap_or(0);
    let histories = from_environment(HISTORIES)?.unwrap_or(2_000);
    let mut tally = Tally::default();
    let mut broken = 0;
    for seed in first..first.saturating_add(histories) {
        let plan = Plan::of(seed);
        let history = run(&plan)?;
        let violations = violations(&plan, &history);
        tally.add(&history, violations.len());
        if !violations.is_empty() {
            broken += 1;
            if broken <= TOLD {
                tell(&failure(&plan, &violations));
            }
        }
    }
    tell(&tally.to_string());
    assert_eq!(tally.violations, 0, "in {broken} histories, see above");
    Ok(())
}

/// A failure that does not come back cannot be understood.
#[test]
fn a_seed_brings_its_history_back() -> Result<(), BoxError> {
    for seed in 0..20 {
        let [one, other] = [run(&Plan::of(seed))?, run(&Plan::of(seed))?];
        assert_eq!(one.log.served, other.log.served, "seed {seed}");
        assert_eq!(one.log.sends, other.log.sends, "seed {seed}");
        assert_eq!(one.injected, other.injected, "seed {seed}");
        assert_eq!(one.last, other.last, "seed {seed}");
    }
    Ok(())
}

/// A simulation in which nothing happens, or nothing goes wrong, proves nothing.
#[test]
fn histories_have_all_that_is_to_be_borne() -> Result<(), BoxError> {
    let mut tally = Tally::default();
    for seed in 0..60 {
        tally.add(&run(&Plan::of(seed))?, 0);
    }
    let kinds: Vec<_> = tally.faults.keys().copied().collect();
    assert_eq!(
        kinds,
        [
            "content type",
            "corrupt body",
            "cut body",
            "duplicate",
            "latency",
            "refuse",
            "reset after",
            "reset before",
            "stall after",
            "stall before",
            "stall body",
            "status",
            "status after",
        ]
    );
    assert!(tally.done > tally.calls / 3, "{tally}");
    assert!(tally.in_doubt > 0 && tally.abandoned > 0, "{tally}");
    Ok(())
}

/// What there is to know of a failing history: what broke, the smallest plan that breaks it too, and how to bring it back.
fn failure(plan: &Plan, violations: &[String]) -> String {
    let seed = plan.seed;
    let mut text =
        format!("{SEED}={seed} {HISTORIES}=1 cargo test --test simulation  # brings this back:\n");
    for violation in violations {
        text += &format!("  {violation}\n");
    }
    let small = shrink::shrink(plan);
    text += "  it needs no more than:\n";
    for chance in small.weather.iter().filter(|it| it.probability > 0.0) {
        text += &format!("  {chance:?}\n");
    }
    for (actor, steps) in small.actors.iter().enumerate() {
        for step in steps {
            text += &format!("  actor {actor}: {step:?}\n");
        }
    }
    text
}

fn from_environment(variable: &str) -> Result<Option<u64>, BoxError> {
    let Ok(text) = env::var(variable) else {
        return Ok(None);
    };
    let number = text.trim().parse();
    let number = number.map_err(|error| format!("{variable}={text:?}: {error}"))?;
    Ok(Some(number))
}

/// Past the test harness, which keeps what a passing test prints to itself.
fn tell(text: &str) {
    // Who reads it has gone away: nothing to be done.
    let _ = writeln!(io::stdout(), "{text}");
}

// ===== impl Tally =====

impl Tally {
    fn add(&mut self, history: &History, violations: usize) {
        self.histories += 1;
        self.calls += history.records.len();
        self.requests += history.log.sends.len();
        self.violations += violations;
        for injection in &history.injected {
            *self.faults.entry(injection.fault.name()).or_default() += 1;
        }
        for record in &history.records {
            match &record.outcome {
                Outcome::Done(_) => self.done += 1,
                Outcome::Failed(error) => {
                    self.failed += 1;
                    self.in_doubt += usize::from(error.may_have_taken_effect());
                }
                Outcome::Abandoned => self.abandoned += 1,
                Outcome::Late(_) => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: usize = self.faults.values().sum();
        let kinds: Vec<_> = self.faults.iter().collect();
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        write!(
            f,
            "simulation: {} histories, {} faults injected, {} violations\n  calls: {} ({} done, {} failed, {} of them in doubt, {} abandoned), {} requests\n  faults: {}",
            self.histories,
            faults,
            self.violations,
            self.calls,
            self.done,
            self.failed,
            self.in_doubt,
            self.abandoned,
            self.requests,
            kinds.join(", ")
        )
    }
}
