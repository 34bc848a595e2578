//! `MemoryLakeFs` answers as the recorded servers did, request by request.

use std::{
    convert::Infallible,
    io::{self, Write as _},
};

use http::{Response, StatusCode};
use lakefs_sdk::{
    Body, BoxError,
    testing::{AccessControl, BlockStore, MemoryLakeFs},
};

use self::{
    clock::Clock,
    scenario::{Scenario, scenarios},
    scope::{SCOPES, Scope},
};
use crate::recorded;

mod clock;
mod compare;
mod hooks;
mod scenario;
mod scope;
mod template;

/// lakeFS's documented example key, which the recordings use.
const KEY: (&str, &str) = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
);

/// The directory of files that the recorded servers were offered from outside.
const EXTERNAL: &str = "/srv/ext";

/// A server as the recorded one was.
fn recorded_server(scenario: &Scenario) -> MemoryLakeFs {
    let clock = Clock::default();
    let lakefs = hooks::surround(MemoryLakeFs::builder(), &clock)
        .block_store(BlockStore::Local)
        .access_key(KEY.0, KEY.1)
        .clock(move || clock.now());
    let lakefs = match scenario.server.as_str() {
        "s3" => lakefs.block_store(BlockStore::S3),
        "acl" => lakefs
            .access_control(AccessControl::Simplified)
            .import_support(false),
        "rbac" => lakefs
            .access_control(AccessControl::InternalWithAcls)
            .import_support(false)
            .sts_code("good", "admin"),
        _ => lakefs,
    };
    let lakefs = if scenario.server == "fresh" || scenario.sets_up() {
        lakefs.unset_up()
    } else {
        lakefs
    };
    lakefs.build()
}

/// Whoever tests against the lakeFS in memory relies on the answers of the real one.
#[tokio::test]
async fn scenarios_replay_as_recorded() -> Result<(), BoxError> {
    let (folder, ours) = recorded::folder();
    let (mut sent, mut held) = (0, 0);
    let mut unexpected = Vec::new();
    // Not by `println!`, which shows nothing where a test passes.
    let mut out = io::stdout();
    for scenario in scenarios(&folder)? {
        let scope = SCOPES
            .iter()
            .find(|scope| ours && scope.scenario == scenario.name)
            .unwrap_or(&Scope::WHOLE);
        if scope.left_out.is_some() {
            continue;
        }
        let outcome = scenario.replay(&recorded_server(&scenario)).await?;
        sent += outcome.sent;
        held += outcome.sent - outcome.differing.len();
        for line in outcome.differing.values() {
            writeln!(out, "{line}")?;
        }
        let known: Vec<usize> = scope.differ.iter().map(|(index, _)| *index).collect();
        let found: Vec<usize> = outcome.differing.into_keys().collect();
        if found != known {
            unexpected.push(format!(
                "{}: expected {known:?} to differ, found {found:?}",
                scenario.name
            ));
        }
    }
    writeln!(out, "{held} of {sent} exchanges as recorded")?;
    // Of other recordings it tells how many hold; what is expected of them, this test cannot know.
    assert!(!ours || unexpected.is_empty(), "{}", unexpected.join("\n"));
    Ok(())
}

/// A replay that takes anything for an answer would prove nothing.
#[tokio::test]
async fn a_replay_notices_every_wrong_answer() -> Result<(), BoxError> {
    let mute = tower::service_fn(async |_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        Ok::<_, Infallible>(response)
    });
    for scenario in scenarios(&recorded::folder().0)? {
        let outcome = scenario.replay(&mute).await?;
        let right: Vec<usize> = (0..outcome.sent)
            .filter(|index| !outcome.differing.contains_key(index))
            .collect();
        assert!(right.is_empty(), "{}: {right:?}", scenario.name);
    }
    Ok(())
}
