//! `MemoryLakeFs` answers as the recorded servers did, request by request.

use std::{
    convert::Infallible,
    io::{self, Write as _},
};

use http::{Response, StatusCode};
use lakefs_sdk::{
    Body, BoxError,
    testing::{BlockStore, MemoryLakeFs},
};

use self::{
    scenario::scenarios,
    scope::{SCOPES, Scope},
};
use crate::recorded;

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

/// A server as the recorded one was.
fn recorded_server(_server: &str) -> MemoryLakeFs {
    hooks::surround(MemoryLakeFs::builder())
        .block_store(BlockStore::Local)
        .access_key(KEY.0, KEY.1)
        .build()
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
        let outcome = scenario
            .replay(&recorded_server(&scenario.server), scope.skip)
            .await?;
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
        let outcome = scenario.replay(&mute, &[]).await?;
        let right: Vec<usize> = (0..outcome.sent)
            .filter(|index| !outcome.differing.contains_key(index))
            .collect();
        assert!(right.is_empty(), "{}: {right:?}", scenario.name);
    }
    Ok(())
}
