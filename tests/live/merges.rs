//! Merges.

use lakefs_sdk::models::Merge;

use crate::{Outcome, scenario};

/// Work on a branch is for nothing if it does not arrive, or arrives in part.
#[tokio::test]
async fn a_merge_brings_all_changes_of_a_branch() -> Outcome {
    scenario(async |lake| {
        lake.add("main", "a.csv", "1").await?;
        lake.add("main", "b.csv", "1").await?;
        lake.fork("dev").await?;
        lake.client
            .delete_object(&lake.name, "dev", "a.csv")
            .await?;
        let theirs = lake.add("dev", "c.csv", "2").await?;
        let ours = lake.add("main", "d.csv", "3").await?;

        let merge = Merge::new().message("bring it in");
        let merge = lake
            .client
            .merge_into_branch(&lake.name, "dev", "main")
            .body(merge);
        let merged = merge.await?.reference;
        assert_eq!(lake.paths("main").await?, ["b.csv", "c.csv", "d.csv"]);
        let commit = lake.client.get_commit(&lake.name, &merged).await?;
        assert_eq!(commit.message, "bring it in");
        assert_eq!(commit.parents, [ours.id, theirs.id]);
        assert_eq!(lake.head("main").await?, merged);

        let again = lake.client.merge_into_branch(&lake.name, "dev", "main");
        let refused = again.await.unwrap_err();
        assert!(refused.is_bad_request(), "{refused}");
        assert_eq!(lake.head("main").await?, merged);
        Ok(())
    })
    .await
}

/// A conflict that is decided by chance loses somebody's work.
#[tokio::test]
async fn a_conflict_changes_nothing_until_somebody_decides() -> Outcome {
    scenario(async |lake| {
        lake.add("main", "a.csv", "1").await?;
        lake.fork("dev").await?;
        lake.add("dev", "a.csv", "theirs").await?;
        let ours = lake.add("main", "a.csv", "ours").await?;

        let merge = || lake.client.merge_into_branch(&lake.name, "dev", "main");
        let refused = merge().await.unwrap_err();
        assert!(refused.is_conflict(), "{refused}");
        assert!(!refused.may_have_taken_effect());
        assert_eq!(lake.head("main").await?, ours.id);
        assert_eq!(lake.text("main", "a.csv").await?, "ours");

        merge().body(Merge::new().strategy("source-wins")).await?;
        assert_eq!(lake.text("main", "a.csv").await?, "theirs");
        Ok(())
    })
    .await
}

/// What was not committed must not be swept into a merge, or away by it.
#[tokio::test]
async fn a_merge_into_changes_that_are_not_committed_is_refused() -> Outcome {
    scenario(async |lake| {
        lake.fork("dev").await?;
        lake.add("dev", "a.csv", "1").await?;
        lake.put("main", "b.csv", "2").await?;
        let merge = lake.client.merge_into_branch(&lake.name, "dev", "main");
        let refused = merge.await.unwrap_err();
        assert!(refused.is_bad_request(), "{refused}");
        assert_eq!(lake.paths("main").await?, ["b.csv"]);
        Ok(())
    })
    .await
}
