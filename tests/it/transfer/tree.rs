//! Local directories, and a lakeFS to copy them to.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lakefs_sdk::{
    BoxError, Client,
    models::RepositoryCreation,
    testing::MemoryLakeFs,
    transfer::directory::{Action, Reason, Report},
};
use tempfile::TempDir;

pub(super) const HERE: &str = "lakefs://lake/main/data";

pub(super) async fn lake(client: &Client, namespace: &str) -> Result<(), BoxError> {
    let creation = RepositoryCreation::new("lake", namespace);
    client.create_repository(creation).await?;
    Ok(())
}

pub(super) async fn memory() -> Result<Client, BoxError> {
    let client = Client::new(MemoryLakeFs::new());
    lake(&client, "mem://lake").await?;
    Ok(client)
}

/// A directory with these files, all last changed at the same time.
pub(super) fn tree(files: &[(&str, &str)]) -> io::Result<TempDir> {
    let root = tempfile::tempdir()?;
    for (path, content) in files {
        put(root.path(), path, content, 1_600_000_000)?;
    }
    Ok(root)
}

pub(super) fn put(root: &Path, path: &str, content: &str, seconds: u64) -> io::Result<()> {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap_or(root))?;
    fs::write(&file, content)?;
    let opened = fs::File::options().write(true).open(file)?;
    opened.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
}

pub(super) fn modified(file: &Path) -> io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}

pub(super) fn done(report: &Report) -> Vec<(&str, Action, Reason)> {
    let steps = report.done.iter();
    steps
        .map(|step| (&*step.path, step.action, step.reason))
        .collect()
}

/// What each path was left out for.
pub(super) fn skipped(report: &Report) -> Vec<(&str, Reason)> {
    let steps = report.skipped.iter();
    steps.map(|step| (&*step.path, step.reason)).collect()
}

pub(super) fn failed(report: &Report) -> Vec<&str> {
    report.failed.iter().map(|failure| &*failure.path).collect()
}

pub(super) async fn write(client: &Client, path: &str, content: &'static str) {
    let upload = client.upload_object("lake", "main", path).body(content);
    upload.await.unwrap();
}

/// All paths of a ref.
pub(super) async fn objects(client: &Client, reference: &str) -> Vec<String> {
    let objects = client.list_objects("lake", reference).items().collect();
    let objects = objects.await.unwrap().into_iter();
    objects.map(|object| object.path).collect()
}
