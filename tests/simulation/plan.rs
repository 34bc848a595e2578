//! [`Plan`]: who calls what in a history, and how bad the way to the server is; all of it drawn from a seed.

use std::{fmt, ops::RangeInclusive, time::Duration};

use fastrand::Rng;
use http::Request;
use lakefs_sdk::testing::FaultLayer;

use crate::weather::{Chance, weather};

/// A call of a plan, by its place in it; sent as the request id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallId(pub(crate) usize);

/// A history before it happens.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// What each actor does, one step after the other, beside the others.
    pub(crate) actors: Vec<Vec<Step>>,
    /// How many requests the client lets be under way.
    pub(crate) permits: usize,
    /// Whether it lets fewer be while the server is overloaded.
    pub(crate) adaptive: bool,
    pub(crate) weather: Vec<Chance>,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: CallId,
    pub(crate) act: Act,
    pub(crate) pause: Duration,
    /// The limit of the call, where it has one of its own.
    pub(crate) limit: Option<Duration>,
    /// When whoever waits for it goes away.
    pub(crate) patience: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Upload {
        branch: &'static str,
        path: &'static str,
        size: usize,
        /// Only where there is nothing yet.
        if_absent: bool,
        /// As a stream that can be sent once.
        streamed: bool,
    },
    Delete {
        branch: &'static str,
        path: &'static str,
    },
    Commit {
        branch: &'static str,
        allow_empty: bool,
    },
    /// From `main`.
    CreateBranch { name: &'static str },
    /// Into `main`.
    Merge {
        source: &'static str,
        strategy: Option<&'static str>,
        allow_empty: bool,
    },
    CreateTag {
        name: &'static str,
        source: &'static str,
    },
    List {
        reference: &'static str,
        amount: i64,
    },
    Get {
        reference: &'static str,
        path: &'static str,
    },
}

pub(crate) const MAIN: &str = "main";
/// The first two are there from the beginning.
pub(crate) const DRAFTS: [&str; 3] = ["draft-0", "draft-1", "draft-2"];
const TAGS: [&str; 4] = ["v1", "v2", "v3", "v4"];
const PATHS: [&str; 5] = ["a.csv", "b/1", "b/2", "b/ü+1%", "c/d/e/1"];

// ===== impl CallId =====

impl CallId {
    /// What no call of the plan sends.
    const NONE: Self = Self(usize::MAX);

    pub(crate) fn parse(text: &str) -> Self {
        let number = text.strip_prefix("call-").and_then(|id| id.parse().ok());
        number.map_or(Self::NONE, Self)
    }

    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let sent = request.headers().get("x-request-id");
        let text = sent.and_then(|id| id.to_str().ok());
        Self::parse(text.unwrap_or_default())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

// ===== impl Plan =====

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut calls = 0;
        let actors = (0..rng.usize(3..=6)).map(|_| {
            (0..rng.usize(5..=15))
                .map(|_| {
                    calls += 1;
                    Step::draw(CallId(calls - 1), &mut rng)
                })
                .collect()
        });
        Self {
            seed,
            actors: actors.collect(),
            permits: rng.usize(1..=4),
            adaptive: rng.u8(0..4) == 0,
            weather: weather(&mut rng),
        }
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.actors.iter().flatten()
    }

    pub(crate) fn faults(&self) -> FaultLayer {
        let layer = FaultLayer::new(self.seed);
        let rules = self.weather.iter().map(Chance::rule);
        rules.fold(layer, FaultLayer::rule)
    }
}

// ===== impl Step =====

impl Step {
    fn draw(id: CallId, rng: &mut Rng) -> Self {
        let limit = match rng.u8(0..10) {
            0..=2 => Some(milliseconds(rng, 50..=5_000)),
            3..=4 => Some(milliseconds(rng, 5_000..=60_000)),
            _ => None,
        };
        Self {
            id,
            act: Act::draw(rng),
            pause: milliseconds(rng, 0..=1_000),
            limit,
            patience: (rng.u8(0..12) == 0).then(|| milliseconds(rng, 0..=3_000)),
        }
    }
}

// ===== impl Act =====

impl Act {
    fn draw(rng: &mut Rng) -> Self {
        let mut pick = |weights: [(&'static str, u8); 4]| {
            let total = weights.iter().map(|(_, weight)| weight).sum();
            let mut at = rng.u8(0..total);
            for (name, weight) in weights {
                if at < weight {
                    return name;
                }
                at -= weight;
            }
            MAIN
        };
        let branch = pick([(MAIN, 2), (DRAFTS[0], 9), (DRAFTS[1], 4), (DRAFTS[2], 1)]);
        let reference = pick([(branch, 12), (TAGS[0], 1), (TAGS[1], 1), (MAIN, 2)]);
        let draft = pick([(DRAFTS[0], 5), (DRAFTS[1], 4), (DRAFTS[2], 1), (MAIN, 0)]);
        let new = pick([(DRAFTS[0], 1), (DRAFTS[1], 1), (DRAFTS[2], 4), (MAIN, 0)]);
        let path = PATHS[rng.usize(0..PATHS.len())];
        match rng.u8(0..100) {
            0..=34 => Self::Upload {
                branch,
                path,
                size: rng.usize(10..=200),
                if_absent: rng.u8(0..5) == 0,
                streamed: rng.u8(0..4) == 0,
            },
            35..=39 => Self::Delete { branch, path },
            40..=53 => Self::Commit {
                branch,
                allow_empty: rng.bool(),
            },
            54..=57 => Self::CreateBranch { name: new },
            58..=67 => Self::Merge {
                source: draft,
                strategy: [None, Some("source-wins"), Some("dest-wins")][rng.usize(0..3)],
                allow_empty: rng.bool(),
            },
            68..=73 => Self::CreateTag {
                name: TAGS[rng.usize(0..TAGS.len())],
                source: branch,
            },
            74..=83 => Self::List {
                reference,
                amount: [2, 5, 100][rng.usize(0..3)],
            },
            _ => Self::Get { reference, path },
        }
    }

    /// Whether it changes something on the server.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self, Self::List { .. } | Self::Get { .. })
    }

    /// Whether doing it twice is more than doing it once.
    pub(crate) fn counts(&self) -> bool {
        self.changes() && !matches!(self, Self::Upload { .. } | Self::Delete { .. })
    }

    /// Whether it makes a commit.
    pub(crate) fn commits(&self) -> bool {
        matches!(self, Self::Commit { .. } | Self::Merge { .. })
    }
}

/// What an upload writes, told from what all others write.
pub(crate) fn content(id: CallId, size: usize) -> Vec<u8> {
    let word = format!("{id};");
    word.bytes().cycle().take(size).collect()
}

pub(crate) fn milliseconds(rng: &mut Rng, range: RangeInclusive<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}
