//! How to test code that uses lakeFS: no server, no socket, three ways.
//!
//! The code under test is a small service of your own, `Publisher`. `cargo test --example unit_test_with_mocks` runs its tests
//! with the test harness; `cargo run` runs the same ones here. They differ in what stands in for lakeFS:
//!
//! - `tower::service_fn`: a closure that answers as you say. The client above is the real one, so what you test includes its
//!   retries and its errors.
//! - `tower_test::mock`: the test looks at each request before it answers, one after the other.
//! - `MemoryLakeFs`: a lakeFS that keeps what was written. Best where several calls belong together.

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
        println!("service_fn: a conflict is no failure");
        tests::the_report_is_uploaded_before_it_is_committed().await;
        println!("tower_test: the report is uploaded before it is committed");
        tests::what_was_published_can_be_read().await;
        println!("MemoryLakeFs: what was published can be read");
    });
}

#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use http::{Method, Request, Response};
    use lakefs_sdk::{Body, testing::MemoryLakeFs};
    use serde_json::json;

    use super::*;

    fn stats() -> Body {
        let stats = json!({ "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "c", "mtime": 0 });
        Body::from(stats.to_string())
    }

    /// A closure answers: by method and path, or by a counter of your own.
    #[cfg_attr(test, tokio::test)]
    pub(super) async fn a_conflict_is_no_failure() {
        let lakefs = tower::service_fn(async |request: Request<Body>| {
            let (status, body) = match request.uri().path().rsplit('/').next() {
                Some("objects") => (201, stats()),
                Some("commits") => (409, Body::empty()),
                _ => (500, Body::empty()),
            };
            Response::builder().status(status).body(body)
        });

        let publisher = Publisher::new(Client::new(lakefs), "lake");

        assert_eq!(publisher.publish("a", "1".to_owned()).await.unwrap(), None);
    }

    /// The test plays the server: it takes each request in turn.
    #[cfg_attr(test, tokio::test)]
    pub(super) async fn the_report_is_uploaded_before_it_is_committed() {
        let (lakefs, mut server) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let lakefs = tower::buffer::Buffer::new(lakefs, 8); // makes it `Sync`, as a transport must be
        let publisher = Publisher::new(Client::new(lakefs), "lake");
        let publishing = tokio::spawn(async move { publisher.publish("a", "1".to_owned()).await });

        let (upload, answer) = server.next_request().await.unwrap();
        assert_eq!(upload.method(), Method::POST);
        assert!(upload.uri().path().ends_with("/branches/main/objects"));
        answer.send_response(Response::new(stats()));
        let (commit, answer) = server.next_request().await.unwrap();
        let sent = commit.into_body().text().await.unwrap();
        assert_eq!(sent, r#"{"message":"publish a"}"#);
        answer.send_error("cable pulled");

        // Nobody knows whether that commit was made: the client does not repeat it, and says so.
        let error = publishing.await.unwrap().unwrap_err();
        assert!(error.is_transport() && error.may_have_taken_effect());
        assert_eq!(error.attempts(), 1);
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
}
