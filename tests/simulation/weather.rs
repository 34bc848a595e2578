//! What goes wrong on the way to the server.

use std::time::Duration;

use fastrand::Rng;
use lakefs_sdk::testing::{
    Fault,
    fault::{Rule, Seen},
};

use crate::plan::milliseconds;

/// What goes wrong with a request now and then, and with how many in a row.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    pub(crate) fault: Fault,
    pub(crate) probability: f64,
    burst: u32,
}

// ===== impl Chance =====

impl Chance {
    pub(crate) fn rule(&self) -> Rule {
        let rule = Rule::new(self.fault.clone());
        rule.probability(self.probability).burst(self.burst)
    }
}

/// Some kinds of faults, each rare; one history in eight has a good day.
pub(crate) fn weather(rng: &mut Rng) -> Vec<Chance> {
    let latency = Fault::latency(milliseconds(rng, 1..=1_500));
    let mut weather = vec![Chance {
        fault: latency,
        probability: 0.5,
        burst: 1,
    }];
    if rng.u8(0..8) == 0 {
        return weather;
    }
    let seconds = Duration::from_secs(rng.u64(0..=3));
    let overload = |status| Fault::Status {
        status,
        retry_after: Some(seconds),
    };
    let faults = [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::StallBefore,
        Fault::StallAfter,
        Fault::cut_body(),
        Fault::StallBody { after: 0..=4096 },
        Fault::corrupt_body(),
        overload(429),
        overload(503),
        Fault::status(500),
        Fault::StatusAfter { status: 500 },
        Fault::StatusAfter { status: 504 },
        Fault::Duplicate(Seen::First),
        Fault::Duplicate(Seen::Second),
        Fault::ContentType("text/html"),
    ];
    for fault in faults {
        if rng.bool() {
            continue;
        }
        let storms = matches!(fault, Fault::Status { .. });
        let burst = if storms { rng.u32(1..=6) } else { 1 };
        weather.push(Chance {
            fault,
            probability: rng.f64() * 0.06 / f64::from(burst).sqrt(),
            burst,
        });
    }
    weather
}
