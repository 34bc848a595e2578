//! [`Lake`]: a repository for one test.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use futures_util::{FutureExt as _, TryStreamExt as _};
use lakefs_sdk::{
    Body, BoxError, Client, Result,
    models::{BranchCreation, Commit, CommitCreation, RepositoryCreation},
};

use crate::server::Server;

/// What a test comes to.
pub(crate) type Outcome = std::result::Result<(), BoxError>;

/// A repository of a test's own, with the branch `main`.
pub(crate) struct Lake {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// Runs a test in a new repository, and deletes that whatever comes of it.
pub(crate) async fn scenario(test: impl AsyncFnOnce(&Lake) -> Outcome) -> Outcome {
    let server = Server::find().await?;
    let client = server.client.clone();
    let name = format!("sdk-live-{:016x}", fastrand::u64(..));
    let lake = Lake {
        server,
        client,
        name,
    };
    lake.create().await?;
    let outcome = AssertUnwindSafe(test(&lake)).catch_unwind().await;
    let deleted = lake.client.delete_repository(&lake.name).force(true).await;
    match outcome {
        Ok(outcome) => outcome?,
        Err(panic) => resume_unwind(panic),
    }
    match deleted {
        // The test has done so itself.
        Err(error) if error.is_not_found() => Ok(()),
        deleted => Ok(deleted?),
    }
}

/// Waits until a server that answers from a cache tells the new state; one in memory does at once.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> Result<bool>) -> Outcome {
    for _ in 0..60 {
        if holds().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Err("did not come to hold within half a minute".into())
}

// ===== impl Lake =====

impl Lake {
    /// Where its objects lie.
    pub(crate) fn namespace(&self) -> String {
        let prefix = self.server.namespace.trim_end_matches('/');
        format!("{prefix}/{}", self.name)
    }

    async fn create(&self) -> Outcome {
        let creation = RepositoryCreation::new(&self.name, self.namespace());
        self.client.create_repository(creation).await?;
        Ok(())
    }

    /// Makes a branch from `main`.
    pub(crate) async fn fork(&self, branch: &str) -> Result<String> {
        let creation = BranchCreation::new(branch, "main");
        self.client.create_branch(&self.name, creation).await
    }

    pub(crate) async fn put(
        &self,
        branch: &str,
        path: &str,
        content: impl Into<Body>,
    ) -> Result<()> {
        let upload = self.client.upload_object(&self.name, branch, path);
        upload.body(content).await.map(drop)
    }

    pub(crate) async fn commit(&self, branch: &str, message: &str) -> Result<Commit> {
        let creation = CommitCreation::new(message);
        self.client.commit(&self.name, branch, creation).await
    }

    /// Puts an object and commits it.
    pub(crate) async fn add(
        &self,
        branch: &str,
        path: &str,
        content: &'static str,
    ) -> Result<Commit> {
        self.put(branch, path, content).await?;
        self.commit(branch, &format!("add {path}")).await
    }

    /// The contents of an object.
    pub(crate) async fn text(&self, reference: &str, path: &str) -> Result<String> {
        let object = self.client.get_object(&self.name, reference, path);
        object.await?.text().await
    }

    /// The paths of all objects.
    pub(crate) async fn paths(&self, reference: &str) -> Result<Vec<String>> {
        let objects = self.client.list_objects(&self.name, reference).items();
        objects.map_ok(|object| object.path).try_collect().await
    }

    /// The id of the commit that a branch, tag or expression points to.
    pub(crate) async fn head(&self, reference: &str) -> Result<String> {
        let commits = self.client.log_commits(&self.name, reference).amount(1);
        let commits = commits.limit(true).await?.results;
        Ok(commits
            .into_iter()
            .next()
            .map(|commit| commit.id)
            .unwrap_or_default())
    }
}

/// A server that is filled by tests that failed on it is not lent to us again.
#[tokio::test]
async fn a_test_that_fails_leaves_nothing_behind() -> Outcome {
    let mut left = Vec::new();
    let failing = scenario(async |lake| {
        left.push((lake.client.clone(), lake.name.clone()));
        Err("failed".into())
    });
    assert_eq!(failing.await.unwrap_err().to_string(), "failed");
    let panicking = AssertUnwindSafe(scenario(async |lake| {
        left.push((lake.client.clone(), lake.name.clone()));
        // As a panic, but without a word on the terminal.
        resume_unwind(Box::new("failed"))
    }));
    assert!(panicking.catch_unwind().await.is_err());
    assert_eq!(left.len(), 2);
    for (client, name) in left {
        eventually(async || match client.get_repository(&name).await {
            Err(error) if error.is_not_found() => Ok(true),
            found => found.map(|_| false),
        })
        .await?;
    }
    Ok(())
}
