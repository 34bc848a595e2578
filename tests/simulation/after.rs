//! What there is when a history is over: in lakeFS ([`Last`]), and of the client ([`leaks`]).

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{TryStreamExt as _, future::join_all};
use lakefs_sdk::{Client, Result, models::ObjectStats};
use tokio::sync::Barrier;

use crate::{plan::Plan, run::LAKE, witness::Witness};

/// What is there in the end, read on a good way.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Last {
    pub(crate) branches: BTreeMap<String, LastBranch>,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct LastBranch {
    pub(crate) head: String,
    pub(crate) objects: Vec<ObjectStats>,
    /// Ids and messages.
    pub(crate) log: Vec<(String, String)>,
}

/// What is still held when every call is over.
pub(crate) async fn leaks(client: &Client, witness: &Witness, plan: &Plan) -> Vec<String> {
    let mut leaks = Vec::new();
    let permits = plan.permits;
    let log = witness.log().clone();
    for (count, what) in [
        (log.under_way, "connections"),
        (log.at_server, "requests at the server"),
    ] {
        if count > 0 {
            leaks.push(format!("{count} {what} are left"));
        }
    }
    if log.most_under_way > permits {
        let most = log.most_under_way;
        leaks.push(format!("{most} requests at a time for {permits} permits"));
    }
    // An adaptive limit may be as low as one.
    let permits = if plan.adaptive { 1 } else { permits };
    // The server answers when as many are there as there are permits: one that is missing holds all of them up.
    witness.log().gate = Some(Arc::new(Barrier::new(permits)));
    let probes = join_all((0..permits).map(|_| client.get_repository(LAKE).into_future())).await;
    for error in probes.into_iter().filter_map(Result::err) {
        leaks.push(format!("a permit is missing: {error}"));
    }
    leaks
}

/// Reads everything.
pub(crate) async fn look(client: &Client) -> Result<Last> {
    let mut last = Last::default();
    let mut branches = client.list_branches(LAKE).items();
    while let Some(branch) = branches.next().await {
        let branch = branch?;
        let objects = client.list_objects(LAKE, &branch.id).items();
        let log = client.log_commits(LAKE, &branch.id).items();
        let log = log.map_ok(|commit| (commit.id, commit.message));
        let found = LastBranch {
            head: branch.commit_id,
            objects: objects.try_collect().await?,
            log: log.try_collect().await?,
        };
        last.branches.insert(branch.id, found);
    }
    let mut tags = client.list_tags(LAKE).items();
    while let Some(tag) = tags.next().await {
        let tag = tag?;
        last.tags.insert(tag.id, tag.commit_id);
    }
    Ok(last)
}
