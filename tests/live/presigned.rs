//! Presigned URLs: data that goes to the object store and comes from it, past lakeFS.

use http::Request;
use lakefs_sdk::{
    Body,
    models::{Answer, StagingMetadata},
};
use tower::ServiceExt as _;

use crate::{Outcome, scenario};

/// Bulk data should not pass through lakeFS where it need not; it must be the same data.
#[tokio::test]
async fn what_is_written_past_lakefs_is_read_past_it() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        if !lake.server.storage.pre_sign_support {
            eprintln!("skipped: the server hands out no URLs of its object store");
            return Ok(());
        }
        let place = client
            .get_physical_address(name, "main", "a b.csv")
            .presign(true)
            .await?;
        let url = place.presigned_url.clone().ok_or("no URL to write to")?;
        // Azure asks for it, others do not mind.
        let put = Request::put(url).header("x-ms-blob-type", "BlockBlob");
        let put = lake
            .server
            .plain
            .clone()
            .oneshot(put.body(Body::from("id,kind\n"))?)
            .await?;
        assert!(put.status().is_success(), "{}", put.status());
        let etag = put
            .headers()
            .get("etag")
            .ok_or("no ETag of what was written")?;
        let etag = etag.to_str()?.trim_matches('"').to_owned();
        let staging = StagingMetadata::new(place, etag, 8);
        client
            .link_physical_address(name, "main", "a b.csv", staging)
            .await?;

        let get = || client.get_object(name, "main", "a b.csv").presign(true);
        assert_eq!(get().await?.text().await?, "id,kind\n");
        let redirect = get().follow_redirects(false).await?;
        assert!(
            matches!(redirect.answer, Answer::Redirect(_)),
            "{redirect:?}"
        );
        assert_eq!(lake.text("main", "a b.csv").await?, "id,kind\n");
        Ok(())
    })
    .await
}
