//! Runs the hooks of an event: finds the actions, asks about one hook after the other, and keeps what came of it.

use http::StatusCode;

use super::abort::Abort;
use super::action::{Action, Hook};
use super::condition;
use super::event::Event;
use super::log::{Record, record};
use super::source;
use crate::testing::memory::error::Failure;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{HookRun, Repository, Run};

/// Runs all hooks that an event sets off.
///
/// `repository` is where the action files are read, `handle` where the run is kept.
pub(super) fn run(
    server: &Server,
    handle: &Handle,
    repository: &Repository,
    event: &Event,
) -> Result<(), Failure> {
    try_run(server, handle, repository, event).map_err(|Abort { status, message }| {
        let Event { kind, run_id, .. } = event;
        Failure::new(
            status,
            format!("{kind} hook aborted, run id '{run_id}': {message}"),
        )
    })
}

fn try_run(
    server: &Server,
    handle: &Handle,
    repository: &Repository,
    event: &Event,
) -> Result<(), Abort> {
    let mut matching = Vec::new();
    for action in source::load(server, repository, &event.source_ref)? {
        let matches = action.matches(event.kind, &event.branch);
        if matches.map_err(|_| Abort::internal("syntax error in pattern"))? {
            matching.push(action);
        }
    }
    for hook in matching.iter().flat_map(|action| &action.hooks) {
        check_properties(hook)?;
    }
    let mut runs = Vec::new();
    let mut failures = Vec::new();
    for (index, action) in matching.iter().enumerate() {
        failures.extend(run_action(
            server,
            repository,
            event,
            (index, action),
            &mut runs,
        ));
    }
    if !runs.is_empty() {
        keep(handle, event, runs);
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Abort::join(&failures))
    }
}

/// Asks about the hooks of one action; after a failure only those whose condition says so.
fn run_action(
    server: &Server,
    repository: &Repository,
    event: &Event,
    (action_index, action): (usize, &Action),
    runs: &mut Vec<HookRun>,
) -> Option<Abort> {
    let mut failed = None;
    for (hook_index, hook) in action.hooks.iter().enumerate() {
        let mut run = HookRun {
            id: format!("{action_index:04}_{hook_index:04}"),
            action: action.name.clone(),
            hook: hook.id.clone(),
            span: None,
            passed: false,
            output: String::new(),
        };
        let started = server.now();
        let (recorded, status) = match condition(hook, failed.is_none()) {
            Ok(false) => {
                runs.push(run);
                continue;
            }
            Ok(true) => {
                let call = event.call(&repository.name, &action.name, hook, started);
                let outcome = server.hooks.answer(&call);
                let took = server.now().duration_since(started);
                let took = took.try_into().unwrap_or_default();
                (
                    record(&call, outcome, took),
                    StatusCode::PRECONDITION_FAILED,
                )
            }
            Err(failure) => {
                let output = format!("Error: {failure}\n");
                let failure = Some(failure);
                (
                    Record { output, failure },
                    StatusCode::INTERNAL_SERVER_ERROR,
                )
            }
        };
        run.span = Some((started, server.now()));
        run.passed = recorded.failure.is_none();
        run.output = recorded.output;
        if let Some(failure) = recorded.failure {
            let (id, name, hook) = (&run.id, &action.name, &hook.id);
            let message =
                format!("hook run id '{id}' failed on action '{name}' hook '{hook}': {failure}");
            failed.get_or_insert(Abort::new(status, message));
        }
        runs.push(run);
    }
    failed
}

/// Whether a hook runs: by default when all before it passed.
fn condition(hook: &Hook, success: bool) -> Result<bool, String> {
    if hook.condition.is_empty() {
        return Ok(success);
    }
    condition::evaluate(&hook.condition, success)
}

fn keep(handle: &Handle, event: &Event, hooks: Vec<HookRun>) {
    let spans = || hooks.iter().filter_map(|hook| hook.span);
    let run = Run {
        id: event.run_id.clone(),
        branch: event.branch.clone(),
        commit_id: event.commit_id.clone(),
        event: event.kind.as_str(),
        started: spans()
            .map(|(started, _)| started)
            .min()
            .unwrap_or_default(),
        ended: spans().map(|(_, ended)| ended).max().unwrap_or_default(),
        passed: hooks.iter().all(|hook| hook.passed || hook.span.is_none()),
        hooks,
    };
    // Keeping a run fails for no reason.
    let _ = handle.write(|repository| {
        repository.add_run(run);
        Ok(())
    });
}

/// What a real server checks only when it prepares a hook to run.
fn check_properties(hook: &Hook) -> Result<(), Abort> {
    let is_text = |key| {
        hook.properties
            .get(key)
            .is_none_or(|value| value.is_string())
    };
    let text = hook.property("script").unwrap_or_default();
    let path = hook.property("script_path").unwrap_or_default();
    let why = match hook.kind.as_str() {
        "webhook" if !is_text("url") => "webhook url must be string: webhook wrong format",
        "lua" if !is_text("script") => "value of script is not of type string: wrong value type",
        "lua" if text.is_empty() && !is_text("script_path") => {
            "value of script_path is not of type string: wrong value type"
        }
        "lua" if text.is_empty() && path.is_empty() => {
            "'script' or 'script_path' must be supplied: wrong value type"
        }
        _ => return Ok(()),
    };
    Err(Abort::internal(why))
}
