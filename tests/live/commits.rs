//! Commits and the log.

use futures_util::TryStreamExt as _;
use lakefs_sdk::models::{CommitCreation, RevertCreation};

use crate::{Outcome, scenario};

/// Whoever looks for what made the data must find what was written down.
#[tokio::test]
async fn a_commit_keeps_its_message_metadata_and_parent() -> Outcome {
    scenario(async |lake| {
        let before = lake.head("main").await?;
        lake.put("main", "a.csv", "1").await?;
        let creation = CommitCreation::new("load, täglich").metadata([("job", "etl 7")]);
        let made = lake.client.commit(&lake.name, "main", creation).await?;

        let read = lake.client.get_commit(&lake.name, &made.id).await?;
        assert_eq!(read, made);
        assert_eq!(read.message, "load, täglich");
        assert_eq!(read.parents, [before]);
        assert_eq!(read.metadata.unwrap_or_default()["job"], "etl 7");
        assert_eq!(lake.head("main").await?, made.id);
        Ok(())
    })
    .await
}

/// A commit that says nothing hides those that do.
#[tokio::test]
async fn a_commit_of_nothing_is_refused_unless_it_is_meant() -> Outcome {
    scenario(async |lake| {
        let refused = lake.commit("main", "nothing").await.unwrap_err();
        assert!(refused.is_bad_request(), "{refused}");
        assert!(!refused.may_have_taken_effect());

        let creation = CommitCreation::new("nothing").allow_empty(true);
        let made = lake.client.commit(&lake.name, "main", creation).await?;
        assert_eq!(lake.head("main").await?, made.id);
        Ok(())
    })
    .await
}

/// A log that ends at the first page looks like a short history.
#[tokio::test]
async fn the_log_goes_back_to_the_beginning_page_by_page() -> Outcome {
    scenario(async |lake| {
        let mut expected = Vec::new();
        for path in ["a", "b", "c", "d", "e"] {
            expected.insert(0, lake.add("main", path, "1").await?.id);
        }
        let log = lake.client.log_commits(&lake.name, "main").amount(2);
        let log: Vec<_> = log.items().map_ok(|commit| commit.id).try_collect().await?;
        // And the commit that the repository began with.
        assert_eq!(log.len(), 6);
        assert_eq!(log[..5], expected);
        Ok(())
    })
    .await
}

/// A bad load must be taken back without losing what came after it.
#[tokio::test]
async fn a_revert_takes_back_one_commit_and_leaves_the_rest() -> Outcome {
    scenario(async |lake| {
        lake.add("main", "a.csv", "1").await?;
        let bad = lake.add("main", "a.csv", "bad").await?;
        lake.add("main", "b.csv", "2").await?;

        let revert = RevertCreation::new(&bad.id, 0);
        lake.client
            .revert_branch(&lake.name, "main", revert)
            .await?;
        assert_eq!(lake.text("main", "a.csv").await?, "1");
        assert_eq!(lake.paths("main").await?, ["a.csv", "b.csv"]);
        assert_eq!(lake.text(&bad.id, "a.csv").await?, "bad");
        Ok(())
    })
    .await
}
