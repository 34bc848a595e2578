//! Branches.

use lakefs_sdk::models::{BranchCreation, ResetCreation, ResetCreationType};

use crate::{Outcome, scenario};

/// A pipeline that works on a branch must not be seen by those who read the other one.
#[tokio::test]
async fn a_branch_starts_at_its_source_and_goes_its_own_way() -> Outcome {
    scenario(async |lake| {
        let first = lake.add("main", "a.csv", "1").await?;
        assert_eq!(lake.fork("dev").await?, first.id);
        assert_eq!(lake.text("dev", "a.csv").await?, "1");

        lake.add("dev", "b.csv", "2").await?;
        lake.put("dev", "a.csv", "3").await?;
        assert_eq!(lake.paths("dev").await?, ["a.csv", "b.csv"]);
        assert_eq!(lake.paths("main").await?, ["a.csv"]);
        assert_eq!(lake.text("main", "a.csv").await?, "1");

        lake.client.delete_branch(&lake.name, "dev").await?;
        let gone = lake.client.get_branch(&lake.name, "dev").await.unwrap_err();
        assert!(gone.is_not_found(), "{gone}");
        Ok(())
    })
    .await
}

/// Two jobs that choose the same name must not work on one branch.
#[tokio::test]
async fn a_branch_is_created_once_and_only_from_what_exists() -> Outcome {
    scenario(async |lake| {
        lake.fork("dev").await?;
        let again = lake.fork("dev").await.unwrap_err();
        assert!(again.is_conflict(), "{again}");
        assert!(!again.may_have_taken_effect());

        let creation = BranchCreation::new("other", "nowhere");
        let call = lake.client.create_branch(&lake.name, creation);
        let missing = call.await.unwrap_err();
        assert!(missing.is_not_found(), "{missing}");
        Ok(())
    })
    .await
}

/// What a failed job has left behind must go without a trace.
#[tokio::test]
async fn a_reset_forgets_what_was_not_committed() -> Outcome {
    scenario(async |lake| {
        lake.add("main", "a.csv", "1").await?;
        lake.put("main", "a.csv", "2").await?;
        lake.put("main", "b.csv", "3").await?;
        let reset = ResetCreation::new(ResetCreationType::Reset);
        lake.client.reset_branch(&lake.name, "main", reset).await?;
        assert_eq!(lake.paths("main").await?, ["a.csv"]);
        assert_eq!(lake.text("main", "a.csv").await?, "1");
        Ok(())
    })
    .await
}
