//! [`violations`]: which promises a history breaks.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use lakefs_sdk::{Error, testing::Fault};

use crate::{
    after::LastBranch,
    model::{self, Model, Tree},
    plan::{Act, CallId, DRAFTS, MAIN, Plan, content},
    run::{Answer, History, Outcome, Record},
    witness::Served,
};

/// A history with what is known of it from all sides.
struct Checker<'a> {
    history: &'a History,
    model: Model,
    /// Sends that reached the server twice.
    doubled: BTreeSet<usize>,
    /// Calls of which an answer came with another byte than was sent.
    corrupted: BTreeSet<CallId>,
    found: Vec<String>,
}

/// All that is wrong; empty when nothing is.
pub(crate) fn violations(plan: &Plan, history: &History) -> Vec<String> {
    let mut checker = Checker::new(history);
    checker.follow(plan);
    for record in &history.records {
        checker.check_sends(record);
        match &record.outcome {
            Outcome::Done(answer) => checker.check_done(record, answer),
            Outcome::Failed(error) => checker.check_failed(record, error),
            Outcome::Abandoned => {}
            Outcome::Late(took) => checker.say(record, format!("took {took:?}")),
        }
    }
    checker.check_commits();
    checker.check_last();
    checker.found.extend(history.leaks.iter().cloned());
    checker.found
}

// ===== impl Checker =====

impl<'a> Checker<'a> {
    fn new(history: &'a History) -> Self {
        let sent = |fault: fn(&Fault) -> bool| {
            let injected = history.injected.iter();
            let hit = injected.filter(move |injection| fault(&injection.fault));
            hit.filter_map(|injection| usize::try_from(injection.request).ok())
        };
        let call = |send: usize| history.log.sends.get(send).copied();
        Self {
            history,
            model: Model::new(&history.first, &[MAIN, DRAFTS[0], DRAFTS[1]]),
            doubled: sent(|fault| matches!(fault, Fault::Duplicate(_))).collect(),
            corrupted: sent(|fault| matches!(fault, Fault::CorruptBody { .. }))
                .filter_map(call)
                .collect(),
            found: Vec::new(),
        }
    }

    fn say(&mut self, record: &Record, what: impl AsRef<str>) {
        let (id, act, what) = (record.step.id, &record.step.act, what.as_ref());
        self.found
            .push(format!("{id} {act:?}: {what}: {:?}", record.outcome));
    }

    /// What the server did for a call.
    fn served(&self, call: CallId) -> impl Iterator<Item = &'a Served> {
        let served = self.history.log.served.iter();
        served.filter(move |served| served.call == call)
    }

    /// The requests of a call that the server said yes to.
    fn effects(&self, record: &Record) -> Vec<&'a Served> {
        let served = self.served(record.step.id);
        let changed = served.filter(|served| served.status.is_success());
        changed.filter(|_| record.step.act.changes()).collect()
    }

    fn was_doubled(&self, served: &Served) -> bool {
        self.doubled.contains(&served.send)
    }

    // ----- the server, against the model -----

    /// What the server did must be what the calls asked for.
    fn follow(&mut self, plan: &Plan) {
        let acts: BTreeMap<CallId, &Act> = plan.steps().map(|step| (step.id, &step.act)).collect();
        for (at, served) in self.history.log.served.iter().enumerate() {
            let Some(act) = acts.get(&served.call) else {
                self.found.push(format!("nobody asked for {served:?}"));
                continue;
            };
            if served.status == StatusCode::NOT_IMPLEMENTED || served.status.is_server_error() {
                self.found.push(format!("the server failed: {served:?}"));
            }
            if let Err(fault) = self.model.follow(at, act, served) {
                self.found
                    .push(format!("{} {act:?}: the server: {fault}", served.call));
            }
        }
    }

    /// Nothing is lost and nothing is there that should not be.
    fn check_last(&mut self) {
        let last = &self.history.last;
        let (expected, found): (BTreeSet<_>, BTreeSet<_>) = (
            self.model.branches.keys().collect(),
            last.branches.keys().collect(),
        );
        if expected != found {
            let fault = format!("the branches are {found:?}, they should be {expected:?}");
            self.found.push(fault);
        }
        for (name, branch) in &last.branches {
            self.check_last_branch(name, branch);
        }
        let commits = &self.model.commits;
        let tags = self.model.tags.iter();
        let expected: BTreeMap<_, _> = tags
            .map(|(tag, at)| (tag.clone(), commits[*at].id.clone()))
            .collect();
        if expected != last.tags {
            let fault = format!("the tags are {:?}, they should be {expected:?}", last.tags);
            self.found.push(fault);
        }
    }

    fn check_last_branch(&mut self, name: &str, found: &LastBranch) {
        let Some(branch) = self.model.branches.get(name) else {
            return;
        };
        let mut faults = Vec::new();
        if self.model.head(branch) != found.head {
            faults.push(format!("{name} points to {}", found.head));
        }
        let log = found.log.iter().map(|(id, _)| id.as_str()).collect();
        if self.model.log(branch) != log || log.len() != found.log.len() {
            faults.push(format!("{name} has the log {:?}", found.log));
        }
        let expected = self.model.tree(name);
        let shown: Tree = found
            .objects
            .iter()
            .map(|object| (object.path.clone(), writer(object)))
            .collect();
        if expected != shown {
            faults.push(format!("{name} has {shown:?}, it should have {expected:?}"));
        }
        self.found.extend(faults);
    }

    // ----- the client, against the server -----

    /// What may not be done twice is not sent again once the server may have got it.
    fn check_sends(&mut self, record: &Record) {
        if !record.step.act.counts() {
            return;
        }
        let reached: BTreeSet<usize> = self
            .served(record.step.id)
            .map(|served| served.send)
            .collect();
        if reached.len() > 1 {
            self.say(record, "was sent again after the server got it");
        }
    }

    fn check_done(&mut self, record: &Record, answer: &Answer) {
        if record.step.act.changes() && self.effects(record).is_empty() {
            self.say(record, "was acknowledged and not done");
        }
        if self.corrupted.contains(&record.step.id) {
            return;
        }
        match (answer, &record.step.act) {
            (Answer::Changed(Some(id)), act) if act.counts() => {
                let effects = self.effects(record);
                let answered = |served: &&Served| model::id_in(served).as_ref() == Ok(id);
                if !effects.iter().any(answered) {
                    self.say(record, "answered another commit than the server");
                }
            }
            (Answer::Listed(objects), Act::List { reference, .. }) => {
                let shown: Tree = objects
                    .iter()
                    .map(|object| (object.path.clone(), writer(object)))
                    .collect();
                let known = self.model.paths(reference);
                let paths: BTreeSet<_> = known.chain(shown.keys().map(String::as_str)).collect();
                let wrong = paths.into_iter().find(|path| {
                    let seen = self.model.seen(reference, path, record.during);
                    !seen.contains(&shown.get(*path).copied())
                });
                if let Some(path) = wrong.map(str::to_owned) {
                    self.say(record, format!("is wrong about {path}"));
                }
            }
            (Answer::Got(content), Act::Get { reference, path }) => {
                let seen = self.model.seen(reference, path, record.during);
                let mut written = seen.iter().filter_map(|writer| self.written((*writer)?));
                if !written.any(|written| written == *content) {
                    self.say(record, format!("is not what was written, {seen:?}"));
                }
            }
            _ => {}
        }
    }

    fn check_failed(&mut self, record: &Record, error: &Error) {
        let (id, act) = (record.step.id, &record.step.act);
        if error.may_have_taken_effect() {
            if !act.changes() {
                self.say(record, "is said to have changed something");
            }
            return;
        }
        let effects = self.effects(record);
        // Whoever is answered by the second of two does not hear what the first one did.
        if effects.iter().any(|served| !self.was_doubled(served)) {
            self.say(record, "is said to have done nothing, and did");
        }
        if effects.is_empty() && self.model.ever_seen(id) {
            self.say(record, "is said to have done nothing, and is there");
        }
        if let (true, Act::Get { reference, path }) = (error.is_not_found(), act) {
            let seen = self.model.seen(reference, path, record.during);
            if !seen.contains(&None) {
                self.say(record, format!("did not find {seen:?}"));
            }
        }
    }

    /// Commits in the logs, by the calls that made them, whatever the server's side says.
    fn check_commits(&mut self) {
        let logs = self.history.last.branches.values();
        let all: BTreeSet<_> = logs.flat_map(|branch| &branch.log).collect();
        let mut made = BTreeMap::<CallId, usize>::new();
        for (_, message) in all {
            *made.entry(CallId::parse(message)).or_default() += 1;
        }
        for record in &self.history.records {
            let id = record.step.id;
            if !record.step.act.commits() || self.served(id).any(|sent| self.was_doubled(sent)) {
                continue;
            }
            let times = made.get(&id).copied().unwrap_or_default();
            let fits = match &record.outcome {
                Outcome::Done(_) => times == 1,
                Outcome::Failed(error) if !error.may_have_taken_effect() => times == 0,
                _ => times <= 1,
            };
            if !fits {
                self.say(record, format!("is in the log {times} times"));
            }
        }
    }

    fn written(&self, by: CallId) -> Option<Vec<u8>> {
        let mut records = self.history.records.iter();
        let record = records.find(|record| record.step.id == by)?;
        match record.step.act {
            Act::Upload { size, .. } => Some(content(by, size)),
            _ => None,
        }
    }
}

/// The call that wrote an object.
fn writer(object: &lakefs_sdk::models::ObjectStats) -> CallId {
    let metadata = object.metadata.as_ref();
    let call = metadata.and_then(|metadata| metadata.get("call"));
    CallId::parse(call.map(String::as_str).unwrap_or_default())
}
