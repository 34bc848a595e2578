//! [`shrink`]: a smaller plan that still breaks a promise.

use crate::{check::violations, plan::Plan, run::run};

/// Leaves out whatever can be left out: kinds of faults, whole actors, single steps.
pub(crate) fn shrink(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    // Left in its place, as what is behind it would draw other numbers.
    for kind in 0..plan.weather.len() {
        let mut better = plan.clone();
        better.weather[kind].probability = 0.0;
        if breaks(&better) {
            plan = better;
        }
    }
    plan = without(plan, |plan| &mut plan.actors);
    for actor in 0..plan.actors.len() {
        plan = without(plan, |plan| &mut plan.actors[actor]);
    }
    plan
}

/// The plan without those entries of a list that it can spare, tried from the last.
fn without<T>(mut plan: Plan, list: impl Fn(&mut Plan) -> &mut Vec<T>) -> Plan {
    for entry in (0..list(&mut plan).len()).rev() {
        let mut smaller = plan.clone();
        list(&mut smaller).remove(entry);
        if breaks(&smaller) {
            plan = smaller;
        }
    }
    plan
}

fn breaks(plan: &Plan) -> bool {
    run(plan).is_ok_and(|history| !violations(plan, &history).is_empty())
}
