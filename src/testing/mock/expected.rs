//! [`Expected`]: an expectation whose operation is forgotten.

use std::{fmt, panic::Location, sync::Arc};

use super::{Sent, reply::Script};
use crate::testing::difference::Difference;

pub(super) type Matcher = Arc<dyn Fn(&Sent) -> Vec<Difference> + Send + Sync>;

/// An expectation whose operation is forgotten.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) id: &'static str,
    pub(super) place: &'static Location<'static>,
    pub(super) matchers: Vec<Matcher>,
    pub(super) replies: Vec<Arc<Script>>,
    pub(super) count: Option<Count>,
    pub(super) calls: usize,
}

/// How often an expectation is to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

// ===== impl Expected =====

impl Expected {
    pub(super) fn count(&self) -> Count {
        let script = self.replies.len();
        self.count.unwrap_or(Count {
            least: script.max(1),
            most: (script > 1).then_some(script),
        })
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.count().most.is_some_and(|most| self.calls >= most)
    }

    pub(super) fn is_unmet(&self) -> bool {
        self.calls < self.count().least
    }

    /// The reply to the next call; `None` where there is none at all.
    pub(super) fn next(&self) -> Option<&Arc<Script>> {
        self.replies.get(self.calls).or(self.replies.last())
    }

    pub(super) fn differences(&self, sent: &Sent) -> Vec<Difference> {
        let differences = self.matchers.iter().flat_map(|matcher| matcher(sent));
        differences.collect()
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, place) = (self.id, self.place);
        write!(f, "{id}, expected {} at {place}", self.count())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (_, Some(0)) => f.write_str("never"),
            (least, Some(most)) if least == most => f.write_str(&times(least)),
            (0, Some(most)) => write!(f, "at most {}", times(most)),
            (least, Some(most)) => write!(f, "{least} to {}", times(most)),
            (least, None) => write!(f, "at least {}", times(least)),
        }
    }
}

pub(super) fn times(count: usize) -> String {
    match count {
        1 => "1 time".to_owned(),
        count => format!("{count} times"),
    }
}
