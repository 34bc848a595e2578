//! How to test code that uses lakeFS: no server, no socket, three ways.
//!
//! The code under test is a small service of your own, `Publisher`. `cargo test --example unit_test_with_mocks` runs its tests
//! with the test harness; `cargo run` runs the same ones here. They differ in what stands in for lakeFS, under a client that
//! is the real one:
//!
//! - `MockTransport`: the test says what will be asked and what is answered. Best for what is sent, and for answers that are
//!   hard to come by.
//! - `Cassette`: what a server answered once. Best for the answers of a server that the test cannot have. Set
//!   `LAKEFS_CASSETTE=record` to record it anew.
//! - `MemoryLakeFs`: a lakeFS that keeps what was written. Best where several calls belong together; with a `FaultLayer`
//!   over it, for what happens when they fail.

use lakefs_sdk::{
    Client, Result,
    models::{CommitCreation, RepositoryCreation},
};

/// Publishes a report: uploads it to a branch and commits it.
struct Publisher {
    lakefs: Client,
    repository: String,
}

impl Publisher {
    fn new(lakefs: Client, repository: &str) -> Self {
        Self {
            lakefs,
            repository: repository.to_owned(),
        }
    }

    /// The id of the commit; `None` when somebody else has published meanwhile.
    async fn publish(&self, path: &str, report: String) -> Result<Option<String>> {
        let (lakefs, repository) = (&self.lakefs, &self.repository);
        lakefs
            .upload_object(repository, "main", path)
            .body(report)
            .await?;
        let commit = CommitCreation::new(format!("publish {path}"));
        match lakefs.commit(repository, "main", commit).await {
            Ok(commit) => Ok(Some(commit.id)),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

// The harness of `cargo test` has a `main` of its own.
#[cfg(not(test))]
fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        tests::a_conflict_is_no_failure().await;
        println!("MockTransport: a conflict is no failure");
        tests::a_commit_that_may_have_been_made_is_not_repeated().await;
        println!("MockTransport: a commit that may have been made is not repeated");
        tests::the_commit_that_the_server_made_is_told().await;
        println!("Cassette: the commit that the server made is told");
        tests::what_was_published_can_be_read().await;
        println!("MemoryLakeFs: what was published can be read");
        tests::a_bad_connection_loses_nothing().await;
        println!("FaultLayer: a bad connection loses nothing");
    });
}

#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use lakefs_sdk::{
        api::{commits::Commit, objects::UploadObject},
        testing::{Cassette, Fault, FaultLayer, MemoryLakeFs, MockTransport, cassette::Mode},
    };
    use serde_json::json;
    use tower::Layer as _;

    use super::*;

    /// The uploads of a mocked lakeFS succeed.
    fn mock() -> MockTransport {
        let lakefs = MockTransport::new();
        lakefs.on::<UploadObject>().reply_json(json!({
            "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "c", "mtime": 0
        }));
        lakefs
    }

    /// An answer that is hard to come by: somebody else was faster.
    #[cfg_attr(test, tokio::test)]
    pub(super) async fn a_conflict_is_no_failure() {
        let lakefs = mock();
        let commit = Commit::new("lake", "main", CommitCreation::new("publish a"));
        lakefs
            .expect(commit)
            .reply_error(409, "nothing to commit")
            .times(1);

        let publisher = Publisher::new(Client::new(lakefs.clone()), "lake");

        assert_eq!(publisher.publish("a", "1".to_owned()).await.unwrap(), None);
        assert_eq!(lakefs.calls::<UploadObject>()[0].path, "a");
        // Dropping `lakefs` checks that the commit was made as it was expected, and nothing else was asked.
    }

    /// A connection that is lost in the wrong moment.
    #[cfg_attr(test, tokio::test)]
    pub(super) async fn a_commit_that_may_have_been_made_is_not_repeated() {
        let lakefs = mock();
        lakefs.on::<Commit>().reset().times(1);
        let publisher = Publisher::new(Client::new(lakefs.clone()), "lake");

        let error = publisher.publish("a", "1".to_owned()).await.unwrap_err();

        assert!(error.is_transport() && error.may_have_taken_effect());
    }

    /// What a server answered once. With a server of your own in place of the one in memory, record with
    /// `Client::builder().transport(cassette).endpoint(…).credentials(…)`; no secret gets into the file.
    #[cfg_attr(test, tokio::test)]
    pub(super) async fn the_commit_that_the_server_made_is_told() {
        let mode = Mode::from_env().unwrap();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/publish.json");
        let server = MemoryLakeFs::builder()
            .seed(1)
            .clock(|| jiff::Timestamp::UNIX_EPOCH);
        let cassette = Cassette::open(file, mode, server.build()).unwrap();
        let client = Client::new(cassette.clone());
        let repository = RepositoryCreation::new("lake", "mem://lake");
        client.create_repository(repository).await.unwrap();

        let publisher = Publisher::new(client, "lake");
        let commit = publisher.publish("a", "42".to_owned()).await.unwrap();

        assert_eq!(commit.unwrap().len(), 64);
        cassette.verify();
    }

    /// Nothing is played: what was written is there.
    #[cfg_attr(test, tokio::test)]
    pub(super) async fn what_was_published_can_be_read() {
        let lakefs = Client::new(MemoryLakeFs::new());
        let repository = RepositoryCreation::new("lake", "mem://lake");
        lakefs.create_repository(repository).await.unwrap();

        let publisher = Publisher::new(lakefs.clone(), "lake");
        let commit = publisher.publish("a", "42".to_owned()).await.unwrap();

        let read = lakefs.get_object("lake", commit.unwrap(), "a").await;
        assert_eq!(read.unwrap().text().await.unwrap(), "42");
        let log = lakefs.log_commits("lake", "main").await.unwrap();
        assert_eq!(log.results[0].message, "publish a");
    }

    /// The same lakeFS, far away on a bad day: the first connection is refused, then the upload is done and nobody is told.
    #[cfg_attr(test, tokio::test(start_paused = true))]
    pub(super) async fn a_bad_connection_loses_nothing() {
        let lakefs = MemoryLakeFs::new();
        let faults = FaultLayer::new(7).script_on(
            "uploadObject",
            [Some(Fault::Refuse), Some(Fault::ResetAfter)],
        );
        let repository = RepositoryCreation::new("lake", "mem://lake");
        let near = Client::new(lakefs.clone());
        near.create_repository(repository).await.unwrap();

        let publisher = Publisher::new(Client::new(faults.layer(lakefs)), "lake");
        let commit = publisher.publish("a", "42".to_owned()).await.unwrap();

        let read = near.get_object("lake", commit.unwrap(), "a").await;
        assert_eq!(read.unwrap().text().await.unwrap(), "42");
        assert_eq!(faults.injected().len(), 2);
    }
}
