//! What the copies of a mock share: expectations, calls, and what is wrong with them.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::request::Parts;

use super::{
    Sent,
    expected::{Expected, times},
    reply::Script,
};
use crate::{Error, testing::difference::Difference};

#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) expectations: Vec<Expected>,
    pub(super) calls: Vec<Call>,
}

/// A request that arrived.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) sent: Sent,
    /// Why it was not expected, where it was not.
    problem: Option<Problem>,
}

/// Why a call was not expected.
#[derive(Clone)]
struct Problem {
    /// The nearest expectation at that time.
    nearest: Option<String>,
    differences: Vec<String>,
}

// ===== impl Shared =====

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn expect(&self, expected: Expected) -> usize {
        let mut state = self.state();
        state.expectations.push(expected);
        state.expectations.len() - 1
    }

    /// Takes a call that is to be refused without reading its body, where the body plays no role.
    pub(super) fn take_refusal(&self, parts: &Parts) -> Option<Arc<Script>> {
        let sent = Sent::new(parts, bytes::Bytes::new());
        let mut state = self.state();
        let mut meant = state.expectations.iter_mut();
        let first = meant.find(|expected| sent.is_of(expected.id) && !expected.is_exhausted())?;
        let script = Arc::clone(first.next()?);
        if !first.matchers.is_empty() || !script.refuses() {
            return None;
        }
        first.calls += 1;
        state.calls.push(Call {
            sent,
            problem: None,
        });
        Some(script)
    }

    /// Takes a call: the reply of the first expectation that it meets.
    pub(super) fn take(&self, sent: &Sent) -> Result<Arc<Script>, Error> {
        // Matchers are the test's code, which may want to look at the mock: no lock is held.
        let expectations = self.state().expectations.clone();
        let compared: Vec<(usize, Vec<Difference>)> = expectations
            .iter()
            .enumerate()
            .filter(|(_, expected)| sent.is_of(expected.id))
            .map(|(index, expected)| (index, expected.differences(sent)))
            .collect();
        let mut state = self.state();
        let met = compared
            .iter()
            .filter(|(_, differences)| differences.is_empty())
            .map(|(index, _)| *index)
            .find(|index| !state.expectations[*index].is_exhausted());
        let reply = met.map(|index| state.expectations[index].next().cloned());
        let problem = match reply {
            Some(Some(script)) => {
                if let Some(index) = met {
                    state.expectations[index].calls += 1;
                }
                let sent = sent.clone();
                state.calls.push(Call {
                    sent,
                    problem: None,
                });
                return Ok(script);
            }
            Some(None) => Problem {
                nearest: met.map(|index| state.expectations[index].to_string()),
                differences: vec!["it has no reply".to_owned()],
            },
            None => state.problem(compared),
        };
        let message = problem.message(sent);
        state.calls.push(Call {
            sent: sent.clone(),
            problem: Some(problem),
        });
        Err(Error::invalid_input(message))
    }

    /// Everything that is not as expected; `None` where all is.
    pub(super) fn report(&self) -> Option<String> {
        let (expectations, calls) = {
            let state = self.state();
            (state.expectations.clone(), state.calls.clone())
        };
        let mut report = String::new();
        for (number, call) in (1..).zip(&calls) {
            if let Some(problem) = &call.problem {
                // Writing to a String cannot fail.
                let _ = writeln!(
                    report,
                    "call {number} was not expected: {}",
                    call.sent.title()
                );
                let _ = writeln!(report, "    sent: {}", call.sent.fields());
                let _ = match &problem.nearest {
                    Some(nearest) => writeln!(report, "    nearest expectation: {nearest}"),
                    None => writeln!(report, "    there is no expectation"),
                };
                for difference in &problem.differences {
                    let _ = writeln!(report, "        {difference}");
                }
            }
        }
        for expected in expectations.iter().filter(|expected| expected.is_unmet()) {
            let _ = writeln!(report, "called {}: {expected}", times(expected.calls));
            let nearest = (1..)
                .zip(&calls)
                .filter(|(_, call)| call.problem.is_some() && call.sent.is_of(expected.id))
                .map(|(number, call)| (number, expected.differences(&call.sent)))
                .min_by_key(|(_, differences)| differences.len());
            if let Some((number, differences)) = nearest {
                let _ = writeln!(report, "    nearest call: {number}");
                for difference in differences {
                    let _ = writeln!(report, "        {difference}");
                }
            }
        }
        (!report.is_empty()).then(|| format!("not what the mock expected:\n{report}"))
    }
}

// ===== impl State =====

impl State {
    /// Why no expectation takes a call.
    fn problem(&self, compared: Vec<(usize, Vec<Difference>)>) -> Problem {
        // Among equals one that could still be met.
        let nearest = compared.into_iter().min_by_key(|(index, differences)| {
            (differences.len(), self.expectations[*index].is_exhausted())
        });
        if let Some((index, differences)) = nearest {
            let expected = &self.expectations[index];
            let mut lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            if lines.is_empty() {
                lines.push(format!("it was called {} already", times(expected.calls)));
            }
            return Problem {
                nearest: Some(expected.to_string()),
                differences: lines,
            };
        }
        let other = self.expectations.iter();
        let other = other.min_by_key(|expected| !expected.is_unmet());
        Problem {
            nearest: other.map(ToString::to_string),
            differences: other
                .map(|_| "it is of another operation".to_owned())
                .into_iter()
                .collect(),
        }
    }
}

// ===== impl Problem =====

impl Problem {
    /// On one line.
    fn message(&self, sent: &Sent) -> String {
        let title = sent.title();
        let differences = self.differences.join("; ");
        match &self.nearest {
            Some(nearest) => format!(
                "the mock does not expect {title}; the nearest expectation is {nearest}: {differences}"
            ),
            None => format!("the mock does not expect {title}; it has no expectation"),
        }
    }
}
