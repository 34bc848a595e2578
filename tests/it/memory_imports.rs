//! Imports into a `MemoryLakeFs`, from objects that its builder lays out.

use lakefs_sdk::{
    Client, Result,
    models::{
        CommitCreation, ImportCreation, ImportLocation, ImportLocationType, ImportStatus,
        RepositoryCreation,
    },
    testing::{HookOutcome, MemoryLakeFs, MemoryLakeFsBuilder},
};

fn bucket() -> MemoryLakeFsBuilder {
    MemoryLakeFs::builder()
        .external_object("s3://raw/2024/a.csv", "a")
        .external_object("s3://raw/2024/deep/b.csv", "bb")
        .external_object("s3://raw/readme", "read me")
}

async fn lake(lakefs: MemoryLakeFs) -> Result<Client> {
    let client = Client::new(lakefs);
    let repository = RepositoryCreation::new("lake", "mem://lake");
    client.create_repository(repository).send().await?;
    for path in ["raw/old.csv", "kept.csv"] {
        let upload = client.upload_object("lake", "main", path);
        upload.body("old").send().await?;
    }
    let commit = CommitCreation::new("what was there");
    client.commit("lake", "main", commit).send().await?;
    Ok(client)
}

fn prefix(path: &str, destination: &str) -> ImportLocation {
    ImportLocation::new(ImportLocationType::CommonPrefix, path, destination)
}

async fn start(client: &Client, paths: impl IntoIterator<Item = ImportLocation>) -> Result<String> {
    let commit = CommitCreation::new("bring in").metadata([("source", "raw")]);
    let import = ImportCreation::new(paths, commit);
    Ok(client.import_start("lake", "main", import).send().await?.id)
}

async fn status(client: &Client, id: &str) -> Result<ImportStatus> {
    client.import_status("lake", "main", id).send().await
}

async fn paths(client: &Client) -> Result<Vec<String>> {
    let objects = client.list_objects("lake", "main").send().await?.results;
    Ok(objects.into_iter().map(|object| object.path).collect())
}

/// An import is how a lake begins: its objects, their bytes and its commit must be there.
#[tokio::test]
async fn an_import_commits_objects_that_lie_elsewhere() -> Result<()> {
    let client = lake(bucket().build()).await?;
    let readme = ImportLocation::new(ImportLocationType::Object, "s3://raw/readme", "README");

    let id = start(&client, [prefix("s3://raw/2024/", "raw/"), readme]).await?;

    let status = status(&client, &id).await?;
    assert!(status.completed);
    assert_eq!(status.ingested_objects, Some(3));
    let commit = status.commit.unwrap();
    assert_eq!(commit.message, "bring in");
    assert_eq!(commit.metadata.unwrap()["source"], "raw");
    // What was below a destination is replaced, and nothing else.
    assert_eq!(
        paths(&client).await?,
        ["README", "kept.csv", "raw/a.csv", "raw/deep/b.csv"]
    );
    let stat = client
        .stat_object("lake", "main", "raw/a.csv")
        .send()
        .await?;
    assert_eq!(stat.physical_address, "s3://raw/2024/a.csv");
    let object = client
        .get_object("lake", "main", "raw/deep/b.csv")
        .send()
        .await?;
    assert_eq!(object.body.bytes().await?, "bb");
    Ok(())
}

/// A program need not poll to find what it has imported.
#[tokio::test]
async fn an_import_is_done_before_the_next_request_looks() -> Result<()> {
    let client = lake(bucket().build()).await?;

    start(&client, [prefix("s3://raw/2024/", "raw/")]).await?;

    assert_eq!(
        paths(&client).await?,
        ["kept.csv", "raw/a.csv", "raw/deep/b.csv"]
    );
    Ok(())
}

/// The dangerous destination: an empty one takes the place of the whole branch.
#[tokio::test]
async fn an_import_without_a_destination_replaces_everything() -> Result<()> {
    let client = lake(bucket().build()).await?;

    start(&client, [prefix("s3://raw/2024/", "")]).await?;

    assert_eq!(paths(&client).await?, ["a.csv", "deep/b.csv"]);
    Ok(())
}

/// A cancelled import must not show up later.
#[tokio::test]
async fn a_cancelled_import_changes_nothing() -> Result<()> {
    let client = lake(bucket().build()).await?;
    let id = start(&client, [prefix("s3://raw/2024/", "raw/")]).await?;

    client.import_cancel("lake", "main", &id).send().await?;

    let status = status(&client, &id).await?;
    assert!(!status.completed);
    assert_eq!(status.error.unwrap().message, "import error: Canceled");
    assert_eq!(paths(&client).await?, ["kept.csv", "raw/old.csv"]);
    Ok(())
}

/// What is done cannot be cancelled: the program is told so.
#[tokio::test]
async fn a_completed_import_cannot_be_cancelled() -> Result<()> {
    let client = lake(bucket().build()).await?;
    let id = start(&client, [prefix("s3://raw/2024/", "raw/")]).await?;
    assert!(status(&client, &id).await?.completed);

    let error = client
        .import_cancel("lake", "main", &id)
        .send()
        .await
        .unwrap_err();

    assert!(error.is_conflict(), "{error:?}");
    Ok(())
}

/// Nothing but the status tells that an import has failed, and a failed one never says it completed.
#[tokio::test]
async fn a_failed_import_is_told_by_its_status_alone() -> Result<()> {
    let frozen = bucket().hooks(|_| HookOutcome::fail("frozen")).build();
    let client = lake(frozen).await?;
    let missing = start(&client, [prefix("s3://row/2024/", "raw/")]).await?;
    let missing = status(&client, &missing).await?;
    let upload = client.upload_object("lake", "main", "_lakefs_actions/gate.yaml");
    let action =
        "name: gate\non: {pre-commit: }\nhooks: [{id: no, type: lua, properties: {script: x}}]";
    upload.body(action).send().await?;
    let dirty = start(&client, [prefix("s3://raw/2024/", "raw/")]).await?;
    let dirty = status(&client, &dirty).await?;

    let message = |status: ImportStatus| {
        assert!(!status.completed);
        status.error.unwrap().message
    };
    let missing = message(missing);
    assert!(
        missing.starts_with("import error: error on ingest: NoSuchBucket"),
        "{missing}"
    );
    let expected = "import error: merge import: uncommitted changes (dirty branch)";
    assert_eq!(message(dirty), expected);
    assert_eq!(paths(&client).await?.len(), 3);
    Ok(())
}
