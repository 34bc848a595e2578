//! Branches: what they point at, what is staged on them, and undoing either.

use http::StatusCode;

use super::refs::diff_list;
use super::{Answer, commits, created, no_content, ok, pagination, reference};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::hooks::{Around, HookEvent, guard};
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{CommitParams, names};

/// The repository of an operation on a branch, after both names were checked.
fn open(server: &Server, call: &Call) -> Result<Handle, Failure> {
    names::repository("repository", call.repository())?;
    names::branch("branch", call.variable("branch"))?;
    server.repository(call.repository())
}

pub(super) fn list(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let page = repository.list_branches(&call.window(), call.query.is_set("show_hidden"));
    ok(&models::RefList {
        pagination: pagination(&page, |(name, _)| (*name).to_owned()),
        results: page
            .items
            .iter()
            .map(|(name, commit)| reference(name, commit))
            .collect(),
    })
}

/// Answers the bare commit id as text, whatever the API document says.
pub(super) fn create(server: &Server, call: &Call) -> Answer {
    const RULE: &str = "branch id must consist of letters, digits, underscores and dashes, and cannot start with a dash";
    let wanted: models::BranchCreation = call.json()?;
    names::repository("repository", call.repository())?;
    names::branch("branch", &wanted.name).map_err(|mut error| {
        if !wanted.name.is_empty() {
            error.message = format!("{}: {RULE}", error.message);
        }
        error
    })?;
    names::reference("ref", &wanted.source)?;
    let repository = server.repository(call.repository())?;
    let (hidden, force) = (
        wanted.hidden.unwrap_or(false),
        wanted.force.unwrap_or(false),
    );
    let around = Around {
        branch: &wanted.name,
        source_ref: &wanted.source,
        ..Around::default()
    };
    let events = [HookEvent::PreCreateBranch, HookEvent::PostCreateBranch];
    let head = guard(server, &repository, events, &around, |repository| {
        let head = repository.create_branch(&wanted.name, &wanted.source, hidden, force)?;
        Ok(repository.resolve_commit(head.as_str())?.clone())
    })?;
    Ok(Reply::text(StatusCode::CREATED, head.id.to_string()))
}

pub(super) fn get(server: &Server, call: &Call) -> Answer {
    let repository = open(server, call)?.read();
    let name = call.variable("branch");
    ok(&reference(name, repository.head(name)?))
}

pub(super) fn delete(server: &Server, call: &Call) -> Answer {
    let name = call.variable("branch");
    names::repository("repository", call.repository())?;
    names::branch("name", name)?;
    let repository = server.repository(call.repository())?;
    let around = Around {
        branch: name,
        ..Around::default()
    };
    let events = [HookEvent::PreDeleteBranch, HookEvent::PostDeleteBranch];
    guard(server, &repository, events, &around, |repository| {
        let head = repository.head(name).cloned();
        repository.delete_branch(name, call.query.is_set("force"))?;
        Ok(repository.resolve_commit(head?.as_str())?.clone())
    })?;
    no_content()
}

pub(super) fn diff(server: &Server, call: &Call) -> Answer {
    let repository = open(server, call)?.read();
    let page = repository.diff_staged(call.variable("branch"), &call.window())?;
    ok(&diff_list(&page, false))
}

pub(super) fn reset(server: &Server, call: &Call) -> Answer {
    let wanted: models::ResetCreation = call.json()?;
    let branch = call.variable("branch");
    let path = wanted.path.unwrap_or_default();
    let force = wanted.force.unwrap_or(false);
    let is_object = matches!(wanted.r#type, models::ResetCreationType::Object);
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    if is_object {
        names::path("path", path.as_bytes())?;
    }
    let repository = server.repository(call.repository())?;
    repository.write(|repository| match wanted.r#type {
        models::ResetCreationType::Object => repository.reset_path(branch, path.as_bytes(), force),
        models::ResetCreationType::CommonPrefix => {
            repository.reset_prefix(branch, path.as_bytes(), force)
        }
        _ => repository.reset(branch, force),
    })?;
    no_content()
}

pub(super) fn hard_reset(server: &Server, call: &Call) -> Answer {
    let branch = call.variable("branch");
    let to = call.query.text("ref").unwrap_or_default();
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    names::reference("ref", &to)?;
    let repository = server.repository(call.repository())?;
    repository
        .write(|repository| repository.hard_reset(branch, &to, call.query.is_set("force")))?;
    no_content()
}

pub(super) fn revert(server: &Server, call: &Call) -> Answer {
    let wanted: models::RevertCreation = call.json()?;
    let branch = call.variable("branch");
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    names::reference("ref", &wanted.reference)?;
    let parent = usize::try_from(wanted.parent_number).map_err(|_| {
        Failure::bad_request("argument parentNumber: invalid value: validation error")
    })?;
    let mut params = CommitParams {
        committer: call.committer(),
        message: format!("Revert {}", wanted.reference),
        metadata: Default::default(),
        created: server.now(),
        allow_empty: wanted.allow_empty.unwrap_or(false),
        force: wanted.force.unwrap_or(false),
    };
    override_commit(&mut params, wanted.commit_overrides);
    let repository = server.repository(call.repository())?;
    let around = around_update(branch);
    let events = [HookEvent::PreRevert, HookEvent::PostRevert];
    guard(server, &repository, events, &around, |repository| {
        let commit = repository.revert(branch, &wanted.reference, parent, params.clone())?;
        Ok(repository.resolve_commit(commit.as_str())?.clone())
    })?;
    no_content()
}

pub(super) fn cherry_pick(server: &Server, call: &Call) -> Answer {
    let wanted: models::CherryPickCreation = call.json()?;
    let branch = call.variable("branch");
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    names::reference("ref", &wanted.reference)?;
    let parent = match wanted.parent_number {
        Some(number) if number <= 0 => {
            return Err(Failure::bad_request(
                "argument parentNumber: value should be greater than 0: invalid value: validation error",
            ));
        }
        number => number.and_then(|number| usize::try_from(number).ok()),
    };
    let repository = server.repository(call.repository())?;
    let now = server.now();
    let force = wanted.force.unwrap_or(false);
    let around = around_update(branch);
    let events = [HookEvent::PreCherryPick, HookEvent::PostCherryPick];
    let commit = guard(server, &repository, events, &around, |repository| {
        repository.cherry_pick(branch, &wanted.reference, parent, force, |picked| {
            let mut params = CommitParams {
                committer: call.committer(),
                message: picked.message.clone(),
                metadata: picked.metadata.clone(),
                created: now,
                allow_empty: false,
                force,
            };
            override_commit(&mut params, wanted.commit_overrides.clone());
            params
        })
    })?;
    created(&commits::describe(&commit))
}

fn around_update(branch: &str) -> Around<'_> {
    Around {
        branch,
        doing: "update branch",
        ..Around::default()
    }
}

fn override_commit(params: &mut CommitParams, overrides: Option<models::CommitOverrides>) {
    let Some(overrides) = overrides else { return };
    if let Some(message) = overrides.message.filter(|message| !message.is_empty()) {
        params.message = message;
    }
    if let Some(metadata) = overrides.metadata {
        params.metadata = metadata;
    }
}
