//! What is done with references: history, differences, merges.

use std::sync::Arc;

use http::StatusCode;

use super::{Answer, commits, ok, pagination, text};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::hooks::{Around, HookEvent, guard};
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{
    Commit, CommitParams, DiffKind, DiffRow, LogParams, MergeParams, Page, Strategy, names,
};

pub(super) fn log(server: &Server, call: &Call) -> Answer {
    let reference = call.variable("ref");
    names::repository("repository", call.repository())?;
    names::reference("ref", reference)?;
    let repository = server.repository(call.repository())?.read();
    let (after, stop_at) = (call.query.text("after"), call.query.text("stop_at"));
    let since = match call.query.text("since").filter(|since| !since.is_empty()) {
        Some(since) => Some(since.parse().map_err(|_| {
            Failure::plain_bad_request(format!(
                "Invalid format for parameter since: error parsing '{since}' as RFC3339"
            ))
        })?),
        None => None,
    };
    let params = LogParams {
        after: after.as_deref().unwrap_or_default(),
        amount: call.window().amount,
        limit: call.query.is_set("limit"),
        first_parent: call.query.is_set("first_parent"),
        since,
        stop_at: stop_at.as_deref().unwrap_or_default(),
        objects: call.query.all("objects").collect(),
        prefixes: call.query.all("prefixes").collect(),
    };
    let page = repository.log(reference, &params)?;
    ok(&models::CommitList {
        pagination: pagination(&page, |commit| commit.id.to_string()),
        results: page
            .items
            .iter()
            .map(|commit| commits::describe(commit))
            .collect(),
    })
}

pub(super) fn diff(server: &Server, call: &Call) -> Answer {
    let (left, right) = (call.variable("leftRef"), call.variable("rightRef"));
    names::repository("repositoryName", call.repository())?;
    names::reference("left", left)?;
    names::reference("right", right)?;
    let repository = server.repository(call.repository())?.read();
    let page = match call.query.text("type").as_deref() {
        Some("two_dot") => repository.diff_two_dot(left, right, &call.window())?,
        _ => repository.diff_three_dot(left, right, &call.window())?,
    };
    ok(&diff_list(&page, call.query.is_set("include_right_stats")))
}

/// The real server answers the two commits in each other's place.
pub(super) fn merge_base(server: &Server, call: &Call) -> Answer {
    let (source, destination) = (
        call.variable("sourceRef"),
        call.variable("destinationBranch"),
    );
    names::repository("repository", call.repository())?;
    names::reference("destination", destination)?;
    names::reference("source", source)?;
    let repository = server.repository(call.repository())?.read();
    let bases = repository.merge_base(destination, source)?;
    ok(&models::FindMergeBaseResult {
        source_commit_id: bases.from.id.to_string(),
        destination_commit_id: bases.to.id.to_string(),
        base_commit_id: bases.base.id.to_string(),
    })
}

pub(super) fn merge(server: &Server, call: &Call) -> Answer {
    let wanted: models::Merge = call.json()?;
    let (source, destination) = (
        call.variable("sourceRef"),
        call.variable("destinationBranch"),
    );
    names::repository("repository", call.repository())?;
    names::branch("destination", destination)?;
    names::reference("source", source)?;
    let strategy = Strategy::parse(wanted.strategy.as_deref().unwrap_or_default())?;
    let repository = server.repository(call.repository())?;
    let message = wanted.message.filter(|message| !message.is_empty());
    let params = MergeParams {
        commit: CommitParams {
            committer: call.committer(),
            message: message.unwrap_or_else(|| merge_message(source, destination)),
            metadata: wanted.metadata.unwrap_or_default(),
            created: server.now(),
            allow_empty: wanted.allow_empty.unwrap_or(false),
            force: wanted.force.unwrap_or(false),
        },
        strategy,
        squash: wanted.squash_merge.unwrap_or(false),
    };
    match merge_into(server, &repository, source, destination, &params) {
        Ok(commit) => ok(&models::MergeResult {
            reference: commit.id.to_string(),
        }),
        // A conflict has the shape of a result rather than of an error.
        Err(failure) if failure.status() == StatusCode::CONFLICT => Ok(Reply::json(
            StatusCode::CONFLICT,
            &models::MergeResult {
                reference: String::new(),
            },
        )),
        Err(failure) => Err(failure),
    }
}

pub(super) fn merge_message(source: &str, destination: &str) -> String {
    format!("Merge '{source}' into '{destination}'")
}

/// Merges a reference into a branch, between the hooks for it.
pub(super) fn merge_into(
    server: &Server,
    repository: &Handle,
    source: &str,
    destination: &str,
    params: &MergeParams,
) -> Result<Arc<Commit>, Failure> {
    let around = Around {
        branch: destination,
        merge_source: source,
        doing: &format!("update branch {destination}"),
        ..Around::default()
    };
    let events = [HookEvent::PreMerge, HookEvent::PostMerge];
    guard(server, repository, events, &around, |repository| {
        let merged = repository.merge(source, destination, params.clone())?;
        Ok(repository.resolve_commit(merged.as_str())?.clone())
    })
}

/// A page of differences; with `stats`, what is known of the entry that stands for each.
pub(super) fn diff_list(page: &Page<DiffRow>, stats: bool) -> models::DiffList {
    let name = |row: &DiffRow| match row {
        DiffRow::Object { path, .. } => text(path),
        DiffRow::CommonPrefix(prefix) => text(prefix),
    };
    let describe = |row: &DiffRow| match row {
        DiffRow::Object { kind, entry, .. } => models::Diff {
            r#type: match kind {
                DiffKind::Added => models::DiffType::Added,
                DiffKind::Removed => models::DiffType::Removed,
                DiffKind::Changed => models::DiffType::Changed,
                DiffKind::Conflict => models::DiffType::Conflict,
            },
            path: name(row),
            path_type: models::PathType::Object,
            size_bytes: Some(entry.as_ref().map_or(0, |entry| entry.size)),
            right: entry
                .as_ref()
                .filter(|_| stats)
                .map(|entry| models::DiffObjectStat {
                    checksum: entry.checksum.clone(),
                    mtime: entry.modified,
                    content_type: entry.content_type.clone(),
                    metadata: Some(entry.metadata.clone()),
                }),
        },
        DiffRow::CommonPrefix(_) => models::Diff {
            r#type: models::DiffType::PrefixChanged,
            path: name(row),
            path_type: models::PathType::CommonPrefix,
            size_bytes: None,
            right: None,
        },
    };
    models::DiffList {
        pagination: pagination(page, name),
        results: page.items.iter().map(describe).collect(),
    }
}
