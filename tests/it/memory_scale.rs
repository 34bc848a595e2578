//! `MemoryLakeFs` with many writers at once. What it costs to hold many objects, `benches/memory.rs` measures.

use std::collections::BTreeSet;

use lakefs_sdk::{
    BoxError, Client, Result,
    models::{BranchCreation, CommitCreation, Merge},
    testing::MemoryLakeFs,
};
use tokio::task::JoinSet;

const WRITERS: usize = 8;
const WRITES: usize = 25;

async fn paths(client: &Client, reference: &str) -> Result<BTreeSet<String>> {
    let objects = client.list_objects("lake", reference).amount(1000).items();
    let objects = objects.collect().await?;
    Ok(objects.into_iter().map(|object| object.path).collect())
}

async fn done<T: 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>, BoxError> {
    let mut results = Vec::new();
    while let Some(task) = tasks.join_next().await {
        results.push(task??);
    }
    Ok(results)
}

/// A write that was acknowledged is there from then on, whoever commits, branches, resets or merges meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_acknowledged_write_is_lost_between_commits_and_merges() -> Result<(), BoxError> {
    let lakefs = MemoryLakeFs::builder()
        .repository("lake")
        .branch("side", "main")
        .build();
    let client = Client::new(lakefs);

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let client = client.clone();
        writers.spawn(async move {
            for number in 0..WRITES {
                let path = format!("{writer}/{number}");
                client
                    .upload_object("lake", "main", &path)
                    .body(path.clone())
                    .await?;
                // Read your own writes, committed by somebody else or not.
                let read = client.get_object("lake", "main", &path).await?;
                assert_eq!(read.text().await?, path);
            }
            Ok(())
        });
    }
    let mut committers = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        committers.spawn(async move {
            let mut commits = Vec::new();
            for _ in 0..WRITES {
                let wanted = CommitCreation::new("whatever is there").allow_empty(true);
                commits.push(client.commit("lake", "main", wanted).await?.id);
                client
                    .create_branch("lake", BranchCreation::new(unique(), "main"))
                    .await?;
            }
            Ok(commits)
        });
    }
    let merger = client.clone();
    let merging = tokio::spawn(async move {
        for _ in 0..WRITES {
            let empty = Merge::new().allow_empty(true);
            merger
                .merge_into_branch("lake", "main", "side")
                .body(empty)
                .await?;
        }
        Ok::<_, lakefs_sdk::Error>(())
    });
    done(writers).await?;
    let acknowledged: BTreeSet<String> = done(committers).await?.into_iter().flatten().collect();
    merging.await??;

    assert_eq!(paths(&client, "main").await?.len(), WRITERS * WRITES);
    let last = CommitCreation::new("the rest").allow_empty(true);
    client.commit("lake", "main", last).await?;
    assert_eq!(paths(&client, "main@").await?.len(), WRITERS * WRITES);

    // Each commit has one child: the history is one line, and holds all that were acknowledged.
    let log = client.log_commits("lake", "main").items().collect().await?;
    let held: BTreeSet<&String> = log.iter().map(|commit| &commit.id).collect();
    assert_eq!(log.len(), 4 * WRITES + 2);
    assert_eq!(acknowledged.len(), 4 * WRITES);
    assert!(acknowledged.iter().all(|id| held.contains(id)));
    let parents: BTreeSet<&String> = log.iter().flat_map(|commit| &commit.parents).collect();
    assert_eq!(parents.len(), log.len() - 1);

    let empty = Merge::new().allow_empty(true);
    client
        .merge_into_branch("lake", "main", "side")
        .body(empty)
        .await?;
    assert_eq!(paths(&client, "side").await?.len(), WRITERS * WRITES);
    Ok(())
}

/// A name for a branch that no other has.
fn unique() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("fork-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Of writers who each want to be the first at a path, one is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conditional_write_has_one_winner() -> Result<(), BoxError> {
    let client = Client::new(MemoryLakeFs::builder().repository("lake").build());
    for round in 0..20 {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let client = client.clone();
            writers.spawn(async move {
                let path = format!("lock-{round}");
                let upload = client.upload_object("lake", "main", path);
                match upload.if_none_match("*").body(writer.to_string()).await {
                    Ok(_) => Ok(Some(writer.to_string())),
                    Err(error) if error.is_precondition_failed() => Ok(None),
                    Err(error) => Err(error),
                }
            });
        }
        let winners: Vec<String> = done(writers).await?.into_iter().flatten().collect();
        let path = format!("lock-{round}");
        let held = client.get_object("lake", "main", path).await?;
        assert_eq!(winners, [held.text().await?]);
    }
    Ok(())
}
