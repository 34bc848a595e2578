//! An operation, the hooks before it and those after it.
//!
//! No hook runs under a lock: a closure may use the server that asks it. What the hooks before an operation have seen is
//! what happens, or they are asked again.

use std::sync::Arc;

use http::StatusCode;

use super::call::HookEvent;
use super::event::Event;
use super::run::run;
use super::source::has_actions;
use crate::testing::memory::error::Failure;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{self, Commit, CommitParams, Error, ErrorKind, Repository};

/// After so many changes in between, the real server gives up too.
const MAX_TRIES: usize = 10;

/// What is changed, and how its hooks see it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Around<'a> {
    pub(in super::super) branch: &'a str,
    pub(in super::super) tag: &'a str,
    /// Where the hooks before the operation are read from, when it is not the branch.
    pub(in super::super) source_ref: &'a str,
    pub(in super::super) merge_source: &'a str,
    /// Stands before the message of a refusal.
    pub(in super::super) doing: &'a str,
}

/// Carries out a change between the hooks of two events.
///
/// `change` is tried on a copy first, so that its refusals come before the hooks', and must do the same the second time.
/// It answers the commit that the event is about.
pub(in super::super) fn guard(
    server: &Server,
    handle: &Handle,
    [before, after]: [HookEvent; 2],
    around: &Around<'_>,
    change: impl Fn(&mut Repository) -> state::Result<Arc<Commit>>,
) -> Result<Arc<Commit>, Failure> {
    for _ in 0..MAX_TRIES {
        let snapshot = handle.read();
        if snapshot.read_only {
            return Ok(handle.write(change)?);
        }
        let source_ref = source_ref(before, around, &snapshot);
        let source_ref = source_ref.as_str();
        let mut seen = None;
        let mut run_id = String::new();
        if has_actions(server, &snapshot, source_ref) {
            let mut planned = snapshot;
            let commit = change(&mut planned)?;
            run_id = server.ids.run(server.now());
            let event = event_before(before, &run_id, around, source_ref, &commit);
            if let Err(refusal) = run(server, handle, &planned, &event) {
                if before == HookEvent::PreMerge {
                    // The real server has written the commit by then. No branch leads to it.
                    let _ = handle.write(|repository| {
                        repository.keep_commit(commit);
                        Ok(())
                    });
                }
                return Err(refusal.context(around.doing));
            }
            seen = Some(commit);
        }
        let mut is_stale = false;
        let changed = handle.write(|repository| {
            let commit = change(repository)?;
            is_stale = seen.as_ref().is_some_and(|seen| seen.id != commit.id);
            if is_stale {
                return Err(Error::new(ErrorKind::Internal, "changed meanwhile"));
            }
            if matches!(before, HookEvent::PreRevert | HookEvent::PreCommit) {
                repository.set_run_commit(&run_id, &commit.id);
            }
            Ok(commit)
        });
        if !is_stale {
            let commit = changed?;
            run_after(
                server,
                handle,
                event_after(after, server, around, source_ref, &commit),
            );
            return Ok(commit);
        }
    }
    Err(Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many attempts, try again later",
    ))
}

/// Commits what is staged: here the hooks come before the refusals, but for those that only permissions explain.
pub(in super::super) fn commit(
    server: &Server,
    handle: &Handle,
    branch: &str,
    params: &CommitParams,
    change: impl Fn(&mut Repository, CommitParams) -> state::Result<Arc<Commit>>,
) -> Result<Arc<Commit>, Failure> {
    let snapshot = handle.read();
    let mut run_id = String::new();
    if !snapshot.read_only && has_actions(server, &snapshot, branch) {
        let tried = change(&mut snapshot.clone(), params.clone()).err();
        if let Some(error) = tried.filter(|error| error.kind == ErrorKind::Forbidden) {
            return Err(error.into());
        }
        for kind in [HookEvent::PrepareCommit, HookEvent::PreCommit] {
            run_id = server.ids.run(server.now());
            let event = Event {
                kind,
                run_id: run_id.clone(),
                branch: branch.to_owned(),
                tag: String::new(),
                source_ref: branch.to_owned(),
                merge_source: String::new(),
                commit_id: String::new(),
                message: params.message.clone(),
                committer: params.committer.clone(),
                metadata: params.metadata.clone(),
            };
            run(server, handle, &handle.read(), &event)?;
        }
    }
    let commit = handle.write(|repository| {
        let commit = change(repository, params.clone())?;
        repository.set_run_commit(&run_id, &commit.id);
        Ok(commit)
    })?;
    if !snapshot.read_only {
        let around = Around {
            branch,
            ..Around::default()
        };
        let event = event_after(HookEvent::PostCommit, server, &around, branch, &commit);
        run_after(server, handle, event);
    }
    Ok(commit)
}

/// Where the action files of the hooks before an operation are read from.
fn source_ref(before: HookEvent, around: &Around<'_>, repository: &Repository) -> String {
    match before {
        HookEvent::PreMerge => match repository.resolve_commit(around.merge_source) {
            Ok(commit) => commit.id.to_string(),
            // Nothing will be merged.
            Err(_) => String::new(),
        },
        HookEvent::PreDeleteBranch => format!("{}@", around.branch),
        _ if around.source_ref.is_empty() => around.branch.to_owned(),
        _ => around.source_ref.to_owned(),
    }
}

fn event_before(
    kind: HookEvent,
    run_id: &str,
    around: &Around<'_>,
    source_ref: &str,
    commit: &Commit,
) -> Event {
    use HookEvent::*;

    let knows_commit = matches!(
        kind,
        PreMerge | PreCreateTag | PreDeleteTag | PreCreateBranch
    );
    let makes_commit = matches!(kind, PreMerge | PreRevert | PreCherryPick | PreCommit);
    let source_ref = match kind {
        PreCreateTag | PreDeleteTag | PreDeleteBranch => commit.id.to_string(),
        _ => source_ref.to_owned(),
    };
    event(
        kind,
        run_id,
        around,
        source_ref,
        commit,
        [knows_commit, makes_commit],
    )
}

fn event_after(
    kind: HookEvent,
    server: &Server,
    around: &Around<'_>,
    source_ref: &str,
    commit: &Commit,
) -> Event {
    use HookEvent::*;

    let makes_commit = matches!(kind, PostMerge | PostRevert | PostCherryPick | PostCommit);
    let knows_commit = kind != PostDeleteBranch;
    let source_ref = if kind == PostCreateBranch {
        source_ref.to_owned()
    } else {
        commit.id.to_string()
    };
    let run_id = server.ids.run(server.now());
    event(
        kind,
        &run_id,
        around,
        source_ref,
        commit,
        [knows_commit, makes_commit],
    )
}

fn event(
    kind: HookEvent,
    run_id: &str,
    around: &Around<'_>,
    source_ref: String,
    commit: &Commit,
    [knows_commit, makes_commit]: [bool; 2],
) -> Event {
    let made = Some(commit).filter(|_| makes_commit);
    Event {
        kind,
        run_id: run_id.to_owned(),
        branch: around.branch.to_owned(),
        tag: around.tag.to_owned(),
        source_ref,
        merge_source: around.merge_source.to_owned(),
        commit_id: if knows_commit {
            commit.id.to_string()
        } else {
            String::new()
        },
        message: made
            .map(|commit| commit.message.clone())
            .unwrap_or_default(),
        committer: made
            .map(|commit| commit.committer.clone())
            .unwrap_or_default(),
        metadata: made
            .map(|commit| commit.metadata.clone())
            .unwrap_or_default(),
    }
}

/// What happens after an operation cannot fail it any more.
fn run_after(server: &Server, handle: &Handle, event: Event) {
    let repository = handle.read();
    if has_actions(server, &repository, &event.source_ref) {
        let _ = run(server, handle, &repository, &event);
    }
}
