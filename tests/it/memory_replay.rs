//! `MemoryLakeFs` answers as the recorded servers did, request by request.

use std::convert::Infallible;

use http::Response;
use lakefs_sdk::Body;
use lakefs_sdk::testing::{BlockStore, MemoryLakeFs};

use crate::support::replay::{BoxError, Scenario, names};

/// A scenario, and what of it does not hold.
struct Scope {
    scenario: &'static str,
    /// Operations that are not carried out yet: their exchanges are not sent.
    skip: &'static [&'static str],
    /// Exchanges that are known to be answered otherwise, by index, and why.
    differ: &'static [(usize, &'static str)],
}

const fn whole(scenario: &'static str) -> Scope {
    but(scenario, &[])
}

const fn but(scenario: &'static str, skip: &'static [&'static str]) -> Scope {
    Scope {
        scenario,
        skip,
        differ: &[],
    }
}

const SCOPES: &[Scope] = &[
    but("01-server-info", &["getUsageReportSummary"]),
    whole("03-wrong-requests"),
    whole("04-authentication"),
    whole("09-repositories"),
    but(
        "10-repository-read-only",
        &["setGCRules", "setBranchProtectionRules"],
    ),
    but("11-repository-bare", &["dumpRefs", "restoreRefs"]),
    whole("13-repository-metadata"),
    whole("18-branches"),
    whole("19-tags"),
    whole("20-ref-expressions"),
    whole("21-upload"),
    whole("22-object-paths"),
    but("23-get-object", &["getPhysicalAddress"]),
    whole("24-stat-object"),
    whole("25-list-objects"),
    whole("27-list-large"),
    whole("28-copy-object"),
    whole("30-delete-objects"),
    whole("35-commits"),
    whole("37-log-commits"),
    whole("39-diff-refs"),
    whole("41-diff-branch"),
    whole("42-reset-branch"),
    whole("43-revert"),
    whole("44-cherry-pick"),
    whole("47-merge"),
    whole("48-merge-conflicts"),
    but("50-dirty-branches", &["dumpRefs"]),
    whole("58-workflow-etl"),
    whole("60-workflow-experiments"),
];

/// A server as the recorded ones were: objects in a directory, one user with lakeFS's documented example key.
fn recorded_server() -> MemoryLakeFs {
    MemoryLakeFs::builder()
        .block_store(BlockStore::Local)
        .access_key(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
        .build()
}

#[tokio::test]
async fn scenarios_in_scope_replay_as_recorded() -> Result<(), BoxError> {
    let mut unexpected = Vec::new();
    for scope in SCOPES {
        let scenario = Scenario::load(scope.scenario)?;
        let outcome = scenario.replay(&recorded_server(), scope.skip).await?;
        let known: Vec<usize> = scope.differ.iter().map(|(index, _)| *index).collect();
        let found: Vec<usize> = outcome.differing.into_keys().collect();
        if found != known {
            unexpected.push(format!(
                "{}: expected {known:?} to differ, found {found:?}",
                scope.scenario
            ));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    Ok(())
}

/// A replay that takes anything for an answer would prove nothing.
#[tokio::test]
async fn a_replay_notices_every_wrong_answer() -> Result<(), BoxError> {
    let mute = tower::service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
    let outcome = Scenario::load("58-workflow-etl")?
        .replay(&mute, &[])
        .await?;
    assert_eq!(outcome.differing.len(), outcome.sent);
    Ok(())
}

/// A survey of all recordings, to see what is still missing: nothing is asserted.
#[tokio::test]
#[ignore = "prints much and asserts nothing"]
async fn survey_of_all_scenarios() -> Result<(), BoxError> {
    for name in names()? {
        Scenario::load(&name)?
            .replay(&recorded_server(), &[])
            .await?;
    }
    Ok(())
}
