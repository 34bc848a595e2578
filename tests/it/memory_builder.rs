//! What a `MemoryLakeFs` can be given from the start, and how it can be made to behave.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::StatusCode;
use jiff::Timestamp;
use lakefs_sdk::{
    Client, Result,
    middleware::retry::RetryPolicy,
    models::{
        BranchCreation, CommitCreation, CredentialsWithSecret, ObjectCopyCreation,
        RepositoryCreation, TagCreation, UserCreation,
    },
    testing::{AccessControl, BlockStore, MemoryLakeFs, MemoryLakeFsBuilder},
};
use tokio::time::Instant;

/// A client that tries everything once.
fn once(lakefs: MemoryLakeFs) -> Result<Client> {
    let client = Client::builder().transport(lakefs);
    client.retry(RetryPolicy::none()).build()
}

/// A history that a test starts from, in a few lines and without a call.
#[tokio::test]
async fn a_repository_is_there_with_its_history() -> Result<()> {
    let lakefs = MemoryLakeFs::builder()
        .repository("lake")
        .default_branch("trunk")
        .storage_namespace("s3://bucket/lake")
        .object("trunk", "a.csv", "1")
        .object("trunk", "b.csv", "2")
        .commit("trunk", "Add two")
        .tag("v1", "trunk")
        .object("trunk", "a.csv", "3")
        .branch("draft", "v1")
        .object("draft", "c.csv", "4")
        .uncommitted_object("draft", "d.csv", "5")
        .repository("other-lake")
        .object("main", "e.csv", "6")
        .build();
    let client = Client::new(lakefs);

    let messages = |reference: &'static str| {
        let log = client.log_commits("lake", reference).items();
        async {
            let commits = log.collect().await?;
            let messages = commits.into_iter().map(|commit| commit.message);
            Ok::<_, lakefs_sdk::Error>(messages.collect::<BTreeSet<_>>())
        }
    };
    let of = |names: &[&str]| BTreeSet::from_iter(names.iter().map(|name| (*name).to_owned()));
    assert_eq!(
        messages("v1").await?,
        of(&["Repository created", "Add two"])
    );
    assert_eq!(
        messages("trunk").await?,
        of(&["Repository created", "Add two", "Preload"])
    );
    let text = async |reference, path| {
        let object = client.get_object("lake", reference, path).await?;
        object.text().await
    };
    assert_eq!(text("trunk", "a.csv").await?, "3");
    assert_eq!(text("draft", "a.csv").await?, "1");
    assert_eq!(text("draft@", "c.csv").await?, "4");
    assert!(text("draft@", "d.csv").await.unwrap_err().is_not_found());
    assert_eq!(text("draft", "d.csv").await?, "5");

    let lake = client.get_repository("lake").await?;
    assert_eq!(lake.default_branch, "trunk");
    let stats = client.stat_object("lake", "trunk", "a.csv").await?;
    assert!(
        stats.physical_address.starts_with("s3://bucket/lake/data/"),
        "{stats:?}"
    );
    let names = client.list_repositories().items().collect().await?;
    assert_eq!(names.len(), 2);
    Ok(())
}

/// What does not fit together is the test's mistake: it should hear of it at once, and of which.
#[test]
fn an_impossible_repository_says_what_is_wrong() {
    let fails = |build: fn(MemoryLakeFsBuilder) -> MemoryLakeFs| {
        let build = || build(MemoryLakeFs::builder());
        let panic = std::panic::catch_unwind(build).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let cases = [
        (
            fails(|lakefs| lakefs.repository("lake").object("draft", "a", "").build()),
            "putting \"a\" on the branch \"draft\": branch not found",
        ),
        (
            fails(|lakefs| lakefs.repository("lake").branch("draft", "mian").build()),
            "making the branch \"draft\" of \"mian\"",
        ),
        (
            fails(|lakefs| lakefs.repository("Lake").build()),
            "the repository \"Lake\" cannot be preloaded: its name",
        ),
        (
            fails(|lakefs| lakefs.repository("lake").repository("lake").build()),
            "is taken",
        ),
        (
            fails(|lakefs| {
                let lakefs = lakefs.block_store(BlockStore::S3).repository("lake");
                lakefs.storage_namespace("mem://lake").build()
            }),
            "does not match ^s3://",
        ),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}");
    }
}

/// With a seed and a clock, what a program prints can be compared with what it printed yesterday.
#[tokio::test]
async fn the_same_program_gets_the_same_ids_twice() -> Result<()> {
    let mut seen = BTreeSet::new();
    for seed in [7, 7, 8] {
        let lakefs = MemoryLakeFs::builder()
            .seed(seed)
            .clock(|| Timestamp::UNIX_EPOCH)
            .latency(Duration::ZERO..Duration::from_micros(1))
            .access_control(AccessControl::Internal)
            .repository("lake")
            .object("main", "a", "1")
            .build();
        let client = Client::new(lakefs);
        let uploaded = client.upload_object("lake", "main", "b").body("2").await?;
        let commit = client
            .commit("lake", "main", CommitCreation::new("two"))
            .await?;
        let preloaded = client.stat_object("lake", "main", "a").await?;
        client.create_user().body(UserCreation::new("ann")).await?;
        let CredentialsWithSecret {
            access_key_id: key,
            secret_access_key: secret,
            ..
        } = client.create_credentials("ann").await?;
        seen.insert(format!(
            "{} {} {} {key} {secret}",
            preloaded.physical_address, uploaded.physical_address, commit.id
        ));
    }
    assert_eq!(seen.len(), 2, "{seen:#?}");
    Ok(())
}

/// A program that takes the first page for all of them works on small repositories only.
#[tokio::test]
async fn small_pages_make_every_listing_go_on() -> Result<()> {
    let mut lakefs = MemoryLakeFs::builder()
        .max_page_size(2)
        .repository("lake")
        .object("main", "0", "");
    for number in 1..5 {
        let name = format!("name-{number}");
        lakefs = lakefs
            .object("main", &name, "")
            .branch(&name, "main")
            .tag(format!("tag-{number}"), "main");
    }
    let client = Client::new(lakefs.build());

    let page = client.list_objects("lake", "main").amount(1000).await?;
    assert!(page.pagination.has_more && page.results.len() == 2);
    let objects = client.list_objects("lake", "main").amount(1000).items();
    assert_eq!(objects.collect().await?.len(), 5);
    assert_eq!(
        client.list_branches("lake").items().collect().await?.len(),
        5
    );
    assert_eq!(client.list_tags("lake").items().collect().await?.len(), 4);
    let log = client.log_commits("lake", "main");
    assert_eq!(log.items().collect().await?.len(), 5);
    let diff = client.diff_refs("lake", "main~4", "main");
    assert_eq!(diff.items().collect().await?.len(), 5);
    // A limited log says nothing of what follows, so it cannot be cut short.
    let limited = client.log_commits("lake", "main").amount(3).limit(true);
    assert_eq!(limited.await?.results.len(), 3);
    Ok(())
}

/// Timeouts and retries of a program are tested in no time: the clock is tokio's.
#[tokio::test(start_paused = true)]
async fn latency_passes_before_and_after_a_change_takes_effect() -> Result<()> {
    let second = Duration::from_secs(1);
    let lakefs = MemoryLakeFs::builder()
        .latency(second)
        .repository("lake")
        .build();
    let client = once(lakefs)?;
    let start = Instant::now();
    client.get_repository("lake").await?;
    assert_eq!(start.elapsed(), second);

    let create = |name: &str, timeout: Duration| {
        client
            .create_tag("lake", TagCreation::new(name, "main"))
            .timeout(timeout)
    };
    let too_early = create("early", second / 4).await.unwrap_err();
    let too_late = create("late", second * 3 / 4).await.unwrap_err();
    assert!(too_early.is_timeout() && too_late.is_timeout());
    let tags = client.list_tags("lake").items().collect().await?;
    assert_eq!(
        tags.iter().map(|tag| &*tag.id).collect::<Vec<_>>(),
        ["late"]
    );
    Ok(())
}

/// Latencies in a range differ, and repeat with the seed.
#[tokio::test(start_paused = true)]
async fn latencies_in_a_range_repeat_with_a_seed() -> Result<()> {
    let ms = Duration::from_millis;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let lakefs = MemoryLakeFs::builder().seed(3).latency(ms(10)..ms(500));
        let client = Client::new(lakefs.build());
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            client.list_repositories().await?;
            times.push(start.elapsed());
        }
        assert!(times.iter().all(|time| (ms(10)..=ms(502)).contains(time)));
        assert!(times.iter().any(|time| *time != times[0]), "{times:?}");
        runs.push(times);
    }
    assert_eq!(runs[0], runs[1]);
    Ok(())
}

/// A disk that is full fails uploads as lakeFS does, and leaves no trace of them.
#[tokio::test]
async fn a_full_store_refuses_uploads_and_copies_and_takes_them_again_when_there_is_room()
-> Result<()> {
    let stores = [
        (BlockStore::Any, "mem://extra", "no space left on device"),
        (
            BlockStore::Local,
            "local://extra",
            "no space left on device",
        ),
        (BlockStore::S3, "s3://extra", "XMinioStorageFull"),
    ];
    for (store, namespace, expected) in stores {
        let lakefs = MemoryLakeFs::builder()
            .block_store(store)
            .capacity(10)
            .repository("lake")
            // What is preloaded fits, however large, and counts.
            .object("main", "large", "12345678")
            .build();
        let client = once(lakefs.clone())?;
        let upload = |path| client.upload_object("lake", "main", path).body("1234");
        let error = upload("a").await.unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
        assert!(error.message().contains(expected), "{error}");
        let copy = client.copy_object("lake", "main", "b", ObjectCopyCreation::new("large"));
        assert!(
            copy.await
                .unwrap_err()
                .status()
                .is_some_and(|status| status == 500)
        );
        let names = client
            .list_objects("lake", "main")
            .items()
            .collect()
            .await?;
        assert_eq!(names.len(), 1);

        // Only bytes need room.
        client
            .create_repository(RepositoryCreation::new("extra", namespace))
            .await?;
        client
            .create_branch("lake", BranchCreation::new("draft", "main"))
            .await?;
        let large = client.stat_object("lake", "main", "large").await?;
        assert!(lakefs.lose_object(&large.physical_address));
        upload("a").await?;
    }
    Ok(())
}

/// A log of requests is for reading and for keeping: it must not hold what opens doors.
#[tokio::test]
async fn requests_are_told_of_without_secrets() -> Result<()> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let lakefs = MemoryLakeFs::builder()
        .block_store(BlockStore::S3)
        .on_request(move |request| {
            let mut shown = request.clone();
            shown.duration = Duration::from_micros(1500);
            seen.lock().unwrap().push(shown.to_string());
        })
        .repository("lake")
        .object("main", "a b", "data")
        .build();
    let client = Client::new(lakefs);
    let read = client
        .get_object("lake", "main", "a b")
        .presign(true)
        .await?;
    assert_eq!(read.text().await?, "data");
    let _ = client.get_branch("lake", "none").await.unwrap_err();

    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!(
        lines[0],
        "GET /api/v1/repositories/lake/refs/main/objects?path=a%20b&presign=true 302 getObject 1.5ms"
    );
    assert!(lines[1].starts_with("GET /lake/data/"), "{lines:#?}");
    assert!(lines[1].ends_with(" 200 object_store 1.5ms"), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("Signature")));
    assert_eq!(
        lines[2],
        "GET /api/v1/repositories/lake/branches/none 404 getBranch 1.5ms"
    );
    Ok(())
}
