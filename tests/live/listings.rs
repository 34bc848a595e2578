//! Listings of objects.

use futures_util::TryStreamExt as _;
use lakefs_sdk::models::PathType;

use crate::{Outcome, scenario};

/// A table that is read in part looks like a table.
#[tokio::test]
async fn a_listing_goes_on_page_by_page() -> Outcome {
    scenario(async |lake| {
        let paths: Vec<_> = (0..25).map(|at| format!("part-{at:04}")).collect();
        for path in &paths {
            lake.put("main", path, "1").await?;
            if path.ends_with('2') {
                lake.commit("main", "some of it").await?;
            }
        }
        let listing = || lake.client.list_objects(&lake.name, "main").amount(10);
        let listed: Vec<_> = listing().items().map_ok(|it| it.path).try_collect().await?;
        assert_eq!(listed, paths);
        let rest = listing().after("part-0021").items();
        let rest: Vec<_> = rest.map_ok(|it| it.path).try_collect().await?;
        assert_eq!(rest, paths[22..]);
        Ok(())
    })
    .await
}

/// A file browser shows a directory, not the million files below it.
#[tokio::test]
async fn a_delimiter_folds_what_is_below() -> Outcome {
    scenario(async |lake| {
        for path in ["a", "t/day=1/x", "t/day=1/y", "t/day=2/x", "t/log", "u/x"] {
            lake.put("main", path, "1").await?;
        }
        let listing = lake.client.list_objects(&lake.name, "main").amount(2);
        let listing = listing.prefix("t/").delimiter("/").items();
        let listed: Vec<_> = listing
            .map_ok(|it| (it.path, it.path_type))
            .try_collect()
            .await?;
        let expected = [
            ("t/day=1/".to_owned(), PathType::CommonPrefix),
            ("t/day=2/".to_owned(), PathType::CommonPrefix),
            ("t/log".to_owned(), PathType::Object),
        ];
        assert_eq!(listed, expected);
        Ok(())
    })
    .await
}
