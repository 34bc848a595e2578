//! What became of hooks: runs, the hooks of a run, and what they have put out.

use http::StatusCode;
use http::header::CONTENT_DISPOSITION;
use jiff::Timestamp;

use super::{Answer, ok, pagination};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{HookRun, Page, Run};

/// The beginning of time in Go: when a skipped hook has started.
const NEVER: Timestamp = Timestamp::constant(-62_135_596_800, 0);

pub(super) fn list_runs(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let text = |name| call.query.text(name).unwrap_or_default();
    let (branch, commit, after) = (text("branch"), text("commit"), text("after"));
    if !branch.is_empty() && !commit.is_empty() {
        return Err(Failure::bad_request(
            "can't use both branchID and MergedCommitID: parameters conflict",
        ));
    }
    let page = repository.list_runs(&branch, &commit, &after, call.window().amount);
    ok(&models::ActionRunList {
        pagination: pagination(&page, |run| run.id.clone()),
        results: page.items.iter().map(|run| describe(run)).collect(),
    })
}

pub(super) fn get_run(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let run = repository.run(call.variable("run_id"));
    let run = run.ok_or_else(|| Failure::not_found("not found: not found"))?;
    ok(&describe(run))
}

/// A run that is not known has no hooks.
pub(super) fn list_hooks(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let run = repository.run(call.variable("run_id"));
    let window = call.window();
    let hooks = run.map_or(&[][..], |run| &run.hooks).iter();
    let hooks = hooks.filter(|hook| hook.id.as_bytes() > window.after);
    let page = Page::first(hooks, window.amount);
    ok(&models::HookRunList {
        pagination: pagination(&page, |hook| hook.id.clone()),
        results: page.items.iter().map(|hook| describe_hook(hook)).collect(),
    })
}

/// A hook that was skipped has put out nothing, of no type.
pub(super) fn output(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let id = call.variable("hook_run_id");
    let run = repository.run(call.variable("run_id"));
    let hook = run.and_then(|run| run.hooks.iter().find(|hook| hook.id == id));
    let hook = hook.ok_or_else(|| Failure::not_found("not found"))?;
    if hook.span.is_none() {
        return Ok(Reply::empty(StatusCode::OK));
    }
    let output = hook.output.clone();
    Ok(
        Reply::bytes(StatusCode::OK, "application/octet-stream", output).text_header(
            CONTENT_DISPOSITION,
            &format!("attachment; filename={id}.log"),
        ),
    )
}

fn describe(run: &Run) -> models::ActionRun {
    models::ActionRun {
        run_id: run.id.clone(),
        branch: run.branch.clone(),
        start_time: run.started,
        end_time: Some(run.ended),
        event_type: run.event.to_owned(),
        status: if run.passed {
            models::ActionRunStatus::Completed
        } else {
            models::ActionRunStatus::Failed
        },
        commit_id: run.commit_id.clone(),
    }
}

fn describe_hook(hook: &HookRun) -> models::HookRun {
    models::HookRun {
        hook_run_id: hook.id.clone(),
        action: hook.action.clone(),
        hook_id: hook.hook.clone(),
        start_time: hook.span.map_or(NEVER, |(started, _)| started),
        end_time: hook.span.map(|(_, ended)| ended),
        status: match hook.span {
            Some(_) if hook.passed => models::HookRunStatus::Completed,
            Some(_) => models::HookRunStatus::Failed,
            None => models::HookRunStatus::Unknown("skipped".into()),
        },
    }
}
