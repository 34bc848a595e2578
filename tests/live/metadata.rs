//! User metadata of objects.

use lakefs_sdk::models::UpdateObjectUserMetadata;

use crate::{Outcome, scenario};

/// What a job wrote down beside an object must be there for whoever reads it, in a listing too.
#[tokio::test]
async fn metadata_stays_with_its_object_until_it_is_replaced() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let upload = client.upload_object(name, "main", "a.csv").body("1");
        upload.metadata([("job", "7"), ("rows", "12")]).await?;
        lake.commit("main", "begin").await?;
        let stat = client.stat_object(name, "main", "a.csv").await?;
        let metadata = stat.metadata.unwrap_or_default();
        assert_eq!(
            (metadata["job"].as_str(), metadata["rows"].as_str()),
            ("7", "12")
        );
        let listed = client.list_objects(name, "main").await?.results;
        assert_eq!(listed[0].metadata, Some(metadata));

        let update = UpdateObjectUserMetadata::new([("job", "8")]);
        client
            .update_object_user_metadata(name, "main", "a.csv", update)
            .await?;
        let stat = client.stat_object(name, "main", "a.csv").await?;
        let metadata = stat.metadata.unwrap_or_default();
        assert_eq!(
            metadata.into_iter().collect::<Vec<_>>(),
            [("job".to_owned(), "8".to_owned())]
        );
        assert_eq!(lake.text("main", "a.csv").await?, "1");
        Ok(())
    })
    .await
}
