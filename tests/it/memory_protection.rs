//! `MemoryLakeFs` and the rules of a repository: protected branches, retained commits, and refs that move elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use jiff::Timestamp;
use lakefs_sdk::models::{
    BranchCreation, BranchProtectionRule, Commit, CommitCreation, GarbageCollectionRules,
    RefsRestore, RepositoryCreation,
};
use lakefs_sdk::testing::{BlockStore, MemoryLakeFs};
use lakefs_sdk::{Body, BoxError, Client, Result};
use tower::ServiceExt as _;

const NAMESPACE: &str = "s3://bucket/lake";

async fn lake() -> Result<Client> {
    let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3);
    fill(Client::new(lakefs.build())).await
}

/// Makes a lake with one commit on `main`, and a branch `dev` that is one ahead.
async fn fill(client: Client) -> Result<Client> {
    let creation = RepositoryCreation::new("lake", NAMESPACE);
    client.create_repository(creation).await?;
    write(&client, "main", "a.csv").await?;
    let dev = BranchCreation::new("dev", "main");
    client.create_branch("lake", dev).await?;
    write(&client, "dev", "b.csv").await?;
    Ok(client)
}

/// Uploads an object and commits it.
async fn write(client: &Client, branch: &str, path: &str) -> Result<Commit> {
    client.upload_object("lake", branch, path).body("1").await?;
    let creation = CommitCreation::new(format!("add {path}"));
    client.commit("lake", branch, creation).await
}

async fn protect(client: &Client, pattern: &str) -> Result<()> {
    let rules = [BranchProtectionRule::new(pattern)];
    client.set_branch_protection_rules("lake", rules).await
}

async fn log(client: &Client, repository: &str, reference: &str) -> Result<Vec<Commit>> {
    Ok(client.log_commits(repository, reference).await?.results)
}

/// A pipeline that writes to production by mistake must find out in its tests; a merge is how it should have been done.
#[tokio::test]
async fn a_protected_branch_takes_merges_and_nothing_else() -> Result<()> {
    let client = lake().await?;
    let before = client.get_branch("lake", "main").await?.commit_id;
    protect(&client, "ma*").await?;

    let upload = client.upload_object("lake", "main", "c.csv").body("1");
    let refused = [
        upload.force(true).await.map(drop),
        client.delete_object("lake", "main", "a.csv").await,
        client.hard_reset_branch("lake", "main", "main~1").await,
        client
            .commit(
                "lake",
                "main",
                CommitCreation::new("empty").allow_empty(true).force(true),
            )
            .await
            .map(drop),
    ];
    for outcome in refused {
        let error = outcome.unwrap_err();
        assert!(error.is_permission_denied(), "{error}");
        assert!(!error.may_have_taken_effect(), "{error}");
    }
    assert_eq!(client.get_branch("lake", "main").await?.commit_id, before);

    client.merge_into_branch("lake", "dev", "main").await?;
    client.stat_object("lake", "main", "b.csv").await?;
    write(&client, "dev", "c.csv").await?;
    Ok(())
}

/// Two admins who read the same rules and write their own back: the second must not undo the first.
#[tokio::test]
async fn rules_that_changed_in_between_are_not_overwritten() -> Result<()> {
    let client = lake().await?;
    protect(&client, "main").await?;
    let read = client
        .get_branch_protection_rules("lake")
        .send_response()
        .await?;
    let etag = read.headers["etag"].to_str().unwrap().to_owned();
    let set = |pattern| {
        let rules = [BranchProtectionRule::new(pattern)];
        client
            .set_branch_protection_rules("lake", rules)
            .if_match(etag.clone())
    };

    set("release-*").await?;
    let error = set("stable-*").await.unwrap_err();

    assert!(error.is_precondition_failed(), "{error}");
    let rules = client.get_branch_protection_rules("lake").await?;
    assert_eq!(rules, [BranchProtectionRule::new("release-*")]);
    write(&client, "main", "c.csv").await?;
    Ok(())
}

/// Whoever migrates a repository relies on what is restored being what was dumped: same ids, same history, same objects.
#[tokio::test]
async fn dumped_refs_restore_into_a_bare_repository() -> Result<()> {
    let client = lake().await?;
    client.merge_into_branch("lake", "dev", "main").await?;
    let task = client.dump_submit("lake").await?;
    let dump = client.dump_status("lake", task.id).await?;
    assert!(dump.done && dump.error.is_none(), "{dump:?}");
    let refs = dump.refs.expect("the metaranges of the dump");
    assert_eq!(client.dump_refs("lake").await?, refs);

    let copy = RepositoryCreation::new("copy", NAMESPACE);
    client.create_repository(copy).bare(true).await?;
    let restore = RefsRestore::new(
        refs.commits_meta_range_id,
        refs.tags_meta_range_id,
        refs.branches_meta_range_id,
    );
    client.restore_refs("copy", restore.clone()).await?;

    assert_eq!(
        log(&client, "copy", "main").await?,
        log(&client, "lake", "main").await?
    );
    let object = client.get_object("copy", "dev", "b.csv").await?;
    assert_eq!(object.bytes().await?, "1");
    // What is written to the copy stays there.
    client
        .upload_object("copy", "main", "c.csv")
        .body("2")
        .await?;
    let elsewhere = client.stat_object("lake", "main", "c.csv").await;
    assert!(elsewhere.is_err_and(|error| error.is_not_found()));
    // It is bare no longer.
    assert!(client.restore_refs("copy", restore).await.is_err());

    let other = RepositoryCreation::new("other", "s3://bucket/other");
    client.create_repository(other).bare(true).await?;
    let restore = client.dump_refs("lake").await?;
    let restore = RefsRestore::new(
        restore.commits_meta_range_id,
        restore.tags_meta_range_id,
        restore.branches_meta_range_id,
    );
    let task = client.restore_submit("other", restore).await?;
    let status = client.restore_status("other", task.id).await?;
    assert!(status.done, "{status:?}");
    assert_eq!(
        status.error.as_deref(),
        Some("No data"),
        "another namespace has no such dump"
    );
    Ok(())
}

/// A garbage collector that is told too few commits deletes data that is still in use.
#[tokio::test]
async fn a_collection_is_told_to_spare_what_the_rules_retain() -> Result<(), BoxError> {
    let now = Arc::new(AtomicI64::new(0));
    let clock = now.clone();
    let lakefs = MemoryLakeFs::builder()
        .block_store(BlockStore::S3)
        .clock(move || Timestamp::from_second(clock.load(Relaxed)).unwrap_or_default())
        .build();
    let client = fill(Client::new(lakefs.clone())).await?;
    let error = client
        .prepare_garbage_collection_commits("lake")
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let rules = GarbageCollectionRules::new(7, []);
    client.set_gc_rules("lake", rules).await?;
    now.store(100 * 24 * 60 * 60, Relaxed);
    let young = write(&client, "dev", "c.csv").await?;

    let prepared = client.prepare_garbage_collection_commits("lake").await?;

    let url = prepared.gc_commits_presigned_url.unwrap_or_default();
    let read = http::Request::get(url).body(Body::empty())?;
    let listed = lakefs.oneshot(read).await?.into_body().bytes().await?;
    let listed = String::from_utf8(listed.to_vec())?;
    let mut listed: Vec<&str> = listed.lines().collect();
    assert_eq!(listed.remove(0), "commit_id,expired,metarange_id");
    let main = client.get_commit("lake", "main").await?;
    let parent = client.get_commit("lake", "dev~1").await?;
    // Both heads, and what came before the young one; not the oldest, which none of them needs.
    let mut expected =
        [young, main, parent].map(|commit| format!("{},false,{}", commit.id, commit.meta_range_id));
    expected.sort();
    assert_eq!(listed, expected);

    let task = client
        .prepare_garbage_collection_commits_async("lake")
        .await?;
    let status = client
        .prepare_garbage_collection_commits_status("lake", task.id)
        .await?;
    assert!(status.completed && status.result.is_some(), "{status:?}");
    Ok(())
}
