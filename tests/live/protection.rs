//! Protected branches.

use lakefs_sdk::models::BranchProtectionRule;

use crate::{Outcome, eventually, scenario};

/// Production data changes by merges alone, whoever has the keys.
#[tokio::test]
async fn a_protected_branch_takes_merges_alone() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let rules = [BranchProtectionRule::new("ma*")];
        client.set_branch_protection_rules(name, rules).await?;
        lake.fork("dev").await?;
        lake.add("dev", "a.csv", "1").await?;
        // A real server goes by what it had read before, for some seconds.
        eventually(async || match lake.put("main", "b.csv", "2").await {
            Err(error) if error.is_permission_denied() => Ok(true),
            written => {
                written?;
                client.delete_object(name, "main", "b.csv").await?;
                Ok(false)
            }
        })
        .await?;

        client.merge_into_branch(name, "dev", "main").await?;
        assert_eq!(lake.text("main", "a.csv").await?, "1");
        let deleted = client.delete_object(name, "main", "a.csv").await;
        assert!(deleted.unwrap_err().is_permission_denied());
        Ok(())
    })
    .await
}
