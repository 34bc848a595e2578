//! The main job in one page: create a repository, upload, commit, branch, change, diff, merge.
//!
//! `cargo run --example quickstart` runs on a lakeFS in memory. With `LAKECTL_SERVER_ENDPOINT_URL` in the environment it
//! runs on that server, with the credentials of `LAKECTL_CREDENTIALS_ACCESS_KEY_ID` and
//! `LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY`, or of `~/.lakectl.yaml`; set `LAKEFS_STORAGE_NAMESPACE` (such as `s3://bucket/prefix`) to where the repository may keep its data there.

use std::env;

use lakefs_sdk::{
    Client, Result,
    models::{BranchCreation, CommitCreation, Merge, RepositoryCreation},
    testing::MemoryLakeFs,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let client = connect()?;
    let repository = repository_name();
    let namespace = match set("LAKEFS_STORAGE_NAMESPACE") {
        Some(prefix) => format!("{}/{repository}", prefix.trim_end_matches('/')),
        None => format!("local://{repository}"),
    };

    let created = client
        .create_repository(RepositoryCreation::new(&repository, namespace))
        .await?;
    println!("Repositories:");
    let mut repositories = client.list_repositories().items();
    while let Some(repository) = repositories.next().await {
        println!("  {}", repository?.id);
    }
    let main = created.default_branch;
    println!("Default branch: {main}");

    // What is uploaded is staged on the branch until it is committed.
    client
        .upload_object(&repository, &main, "events/2026-11-24.csv")
        .body("id,kind\n1,click\n")
        .content_type("text/csv")
        .await?;
    client
        .upload_object(&repository, &main, "README.md")
        .body("# Events\n")
        .metadata([("owner", "data-team")])
        .await?;
    let commit = client
        .commit(
            &repository,
            &main,
            CommitCreation::new("Add the first events"),
        )
        .await?;
    println!(
        "Committed {} by {}: {}",
        &commit.id[..8],
        commit.committer,
        commit.message
    );

    // A branch is free: nothing is copied.
    let draft_commit = client
        .create_branch(&repository, BranchCreation::new("draft", &main))
        .await?;
    assert_eq!(draft_commit, commit.id);
    client
        .upload_object(&repository, "draft", "events/2026-11-25.csv")
        .body("id,kind\n2,view\n")
        .content_type("text/csv")
        .await?;
    client
        .delete_object(&repository, "draft", "README.md")
        .await?;
    client
        .commit(
            &repository,
            "draft",
            CommitCreation::new("Add a day, drop the readme"),
        )
        .await?;

    println!("Branches:");
    for branch in client.list_branches(&repository).items().collect().await? {
        println!("  {} at {}", branch.id, branch.commit_id);
    }

    println!("Differences of draft from {main}:");
    for change in client
        .diff_refs(&repository, &main, "draft")
        .items()
        .collect()
        .await?
    {
        println!("  {} {}", change.r#type, change.path);
    }
    let merged = client
        .merge_into_branch(&repository, "draft", &main)
        .body(Merge::new().message("Publish the draft"))
        .await?;
    println!("Merged as {}", &merged.reference[..8]);

    println!("Objects on {main}:");
    for object in client
        .list_objects(&repository, &main)
        .items()
        .collect()
        .await?
    {
        println!(
            "  {} ({} bytes)",
            object.path,
            object.size_bytes.unwrap_or_default()
        );
    }
    let text = client
        .get_object(&repository, &main, "events/2026-11-25.csv")
        .await?
        .text()
        .await?;
    assert_eq!(text, "id,kind\n2,view\n");

    match client.get_repository("nonexistent").await {
        Ok(found) => println!("Unexpected: there is a repository {}", found.id),
        Err(error) if error.is_not_found() => println!("As expected, not found: {error}"),
        Err(error) if error.is_unauthenticated() => println!("Authentication failed: {error}"),
        Err(error) if error.is_permission_denied() => println!("Access denied: {error}"),
        Err(error) => println!("Another error: {error}"),
    }

    client.delete_repository(&repository).await?;
    Ok(())
}

/// A real server where the environment names one, else a lakeFS in memory.
fn connect() -> Result<Client> {
    if set("LAKECTL_SERVER_ENDPOINT_URL").is_none() {
        println!("(on a lakeFS in memory: LAKECTL_SERVER_ENDPOINT_URL is not set)");
        return Ok(Client::new(MemoryLakeFs::new()));
    }
    let client = Client::from_env()?;
    // What it talks to, and which variable or file says so; without secrets.
    print!("{}", client.config());
    Ok(client)
}

/// A variable that is set to something.
fn set(name: &str) -> Option<String> {
    env::var(name)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// A name that is new on a server where this has run before.
fn repository_name() -> String {
    let seconds = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_secs());
    format!("quickstart-{seconds}")
}
