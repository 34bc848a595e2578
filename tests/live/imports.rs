//! Imports.

use lakefs_sdk::models::{CommitCreation, ImportCreation, ImportLocation, ImportLocationType};

use crate::{Outcome, eventually, scenario};

/// Data that is in the object store already must come in without a copy, and as a commit.
#[tokio::test]
async fn an_import_brings_in_what_is_in_the_object_store() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let can = lake.server.storage.import_support;
        let Some(outside) = lake.server.outside.as_deref().filter(|_| can) else {
            eprintln!("skipped: the server cannot import, or there is nothing to import");
            return Ok(());
        };
        let kind = ImportLocationType::CommonPrefix;
        let location = ImportLocation::new(kind, outside, "in/");
        let creation = ImportCreation::new([location], CommitCreation::new("take it in"));
        let started = match client.import_start(name, "main", creation).await {
            Err(error) if error.is_not_implemented() => {
                eprintln!("skipped: {error}");
                return Ok(());
            }
            started => started?,
        };
        eventually(async || {
            let status = client.import_status(name, "main", &started.id).await?;
            assert_eq!(status.error, None);
            Ok(status.completed)
        })
        .await?;
        let status = client.import_status(name, "main", &started.id).await?;
        let commit = status.commit.ok_or("no commit")?;
        assert_eq!(commit.message, "take it in");
        assert_eq!(lake.head("main").await?, commit.id);
        let paths = lake.paths("main").await?;
        assert_eq!(status.ingested_objects, i64::try_from(paths.len()).ok());
        assert!(!paths.is_empty() && paths.iter().all(|path| path.starts_with("in/")));
        Ok(())
    })
    .await
}
