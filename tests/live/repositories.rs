//! Repositories.

use futures_util::TryStreamExt as _;
use lakefs_sdk::models::RepositoryCreation;

use crate::{Outcome, eventually, scenario};

/// A job that sets up its repository must find it, and whoever sets it up a second time must be told.
#[tokio::test]
async fn a_repository_is_there_from_its_creation_to_its_deletion() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let found = client.get_repository(name).await?;
        assert_eq!(found.default_branch, "main");
        assert_eq!(found.storage_namespace, lake.namespace());
        let listed = client.list_repositories().prefix(name).items();
        let listed: Vec<_> = listed.map_ok(|found| found.id).try_collect().await?;
        assert_eq!(listed, [name.as_str()]);

        let again = RepositoryCreation::new(name, lake.namespace());
        let refused = client.create_repository(again).await.unwrap_err();
        assert!(refused.is_conflict(), "{refused}");

        client.delete_repository(name).await?;
        eventually(async || match client.get_repository(name).await {
            Err(error) if error.is_not_found() => Ok(true),
            found => found.map(|_| false),
        })
        .await
    })
    .await
}

/// A misspelt name must be told from an empty repository.
#[tokio::test]
async fn a_repository_that_does_not_exist_is_not_found() -> Outcome {
    scenario(async |lake| {
        let missing = format!("{}-not", lake.name);
        let error = lake.client.list_branches(&missing).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert!(!error.may_have_taken_effect());
        Ok(())
    })
    .await
}
