//! What a `MemoryLakeFs` of a million objects costs, on Linux: memory, and the time of single operations beside that on a
//! small one.
//!
//! `cargo bench --bench memory` fails where a million objects need more than a gibibyte, or where the work of a branch, a
//! commit, a merge or a diff of ten changes grows with the number of objects.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run has nothing to report"
)]

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use lakefs_sdk::{
    Client, Result,
    models::{BranchCreation, CommitCreation, DiffRefsType, Merge, RepositoryCreation},
    testing::MemoryLakeFs,
};

const GIBIBYTE: u64 = 1024 * 1024 * 1024;
const SMALL: usize = 1_000;
const LARGE: usize = 1_000_000;
const CHANGES: usize = 10;

/// Linear work would take a thousand times as long.
const MAY_GROW: f64 = 20.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let before = resident();
    let (small, _) = filled(SMALL).await?;
    let (large, filling) = filled(LARGE).await?;
    let used = resident() - before;
    println!(
        "{LARGE} objects: {} MiB, {} bytes an object, {:.1} µs an upload",
        used >> 20,
        used / LARGE as u64,
        filling.as_secs_f64() * 1e6 / LARGE as f64
    );
    assert!(used < GIBIBYTE, "more than a gibibyte");

    let small = changed(&small, SMALL).await?;
    let large = changed(&large, LARGE).await?;
    let mut grew = Vec::new();
    for ((what, small), (_, large)) in small.into_iter().zip(large) {
        let growth = large.as_secs_f64() / small.as_secs_f64();
        println!("{what}: {small:?} of {SMALL} objects, {large:?} of {LARGE}, {growth:.1} times");
        if growth > MAY_GROW {
            grew.push(what);
        }
    }
    assert!(grew.is_empty(), "grows with the objects: {grew:?}");
    Ok(())
}

/// A repository of so many objects on its main branch, and how long it took.
async fn filled(objects: usize) -> Result<(Client, Duration)> {
    let client = Client::new(MemoryLakeFs::new());
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await?;
    let start = Instant::now();
    for number in 0..objects {
        client
            .upload_object("lake", "main", path(number))
            .body("")
            .await?;
    }
    commit(&client, "main").await?;
    Ok((client, start.elapsed()))
}

/// Spread over the repository.
fn path(number: usize) -> String {
    format!(
        "tables/events/day={:03}/part-{number:08}.parquet",
        number % 365
    )
}

/// How long single operations take at best: a machine that does something else makes them longer, never shorter.
async fn changed(client: &Client, objects: usize) -> Result<BTreeMap<&'static str, Duration>> {
    let mut best = BTreeMap::new();
    let mut note = |what, start: Instant| {
        let time = start.elapsed();
        let best = best.entry(what).or_insert(time);
        *best = time.min(*best);
    };
    for round in 0..10 {
        let branch = format!("draft-{round}");
        let start = Instant::now();
        client
            .create_branch("lake", BranchCreation::new(&branch, "main"))
            .await?;
        note("branch", start);

        let start = Instant::now();
        for number in 0..CHANGES {
            let path = path(number * (objects / CHANGES) + round);
            client
                .upload_object("lake", &branch, path)
                .body(branch.clone())
                .await?;
        }
        note("ten uploads", start);

        let start = Instant::now();
        commit(client, &branch).await?;
        note("commit of ten", start);

        for kind in [DiffRefsType::ThreeDot, DiffRefsType::TwoDot] {
            let what = match kind {
                DiffRefsType::TwoDot => "two-dot diff",
                _ => "three-dot diff",
            };
            let start = Instant::now();
            let diff = client
                .diff_refs("lake", "main", &branch)
                .r#type(kind)
                .await?;
            note(what, start);
            assert_eq!(diff.results.len(), CHANGES);
        }

        // Main moves on, so that the merge is a true one.
        client
            .upload_object("lake", "main", format!("elsewhere/{round}"))
            .body("")
            .await?;
        commit(client, "main").await?;
        let start = Instant::now();
        client
            .merge_into_branch("lake", &branch, "main")
            .body(Merge::new())
            .await?;
        note("merge of ten", start);
    }
    Ok(best)
}

async fn commit(client: &Client, branch: &str) -> Result<()> {
    client
        .commit("lake", branch, CommitCreation::new("change"))
        .await?;
    Ok(())
}

/// What of the process is in memory, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().trim_end_matches("kB").trim();
    kib.parse::<u64>().unwrap() * 1024
}
