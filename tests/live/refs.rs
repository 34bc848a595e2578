//! Tags, expressions and differences.

use futures_util::TryStreamExt as _;
use lakefs_sdk::models::{DiffType, TagCreation};

use crate::{Outcome, scenario};

/// A model is trained on a tag: if it moves, nobody can train it again.
#[tokio::test]
async fn a_tag_stays_where_it_was_put() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let first = lake.add("main", "a.csv", "1").await?;
        let tag = client
            .create_tag(name, TagCreation::new("v1", "main"))
            .await?;
        assert_eq!(tag.commit_id, first.id);

        lake.add("main", "a.csv", "2").await?;
        assert_eq!(lake.text("v1", "a.csv").await?, "1");
        let again = client.create_tag(name, TagCreation::new("v1", "main"));
        let refused = again.await.unwrap_err();
        assert!(refused.is_conflict(), "{refused}");
        assert_eq!(client.get_tag(name, "v1").await?.commit_id, first.id);

        client.delete_tag(name, "v1").await?;
        assert!(client.get_tag(name, "v1").await.unwrap_err().is_not_found());
        Ok(())
    })
    .await
}

/// Scripts say `main~1` and abbreviate ids as people do.
#[tokio::test]
async fn an_expression_names_what_came_before() -> Outcome {
    scenario(async |lake| {
        let first = lake.add("main", "a.csv", "1").await?;
        lake.add("main", "a.csv", "2").await?;
        lake.put("main", "a.csv", "3").await?;
        for (reference, expected) in [
            ("main", "3"),
            ("main@", "2"),
            ("main~1", "1"),
            ("main^", "1"),
            (&first.id[..16], "1"),
        ] {
            assert_eq!(
                lake.text(reference, "a.csv").await?,
                expected,
                "{reference}"
            );
        }
        Ok(())
    })
    .await
}

/// A review of a change is as good as the list of what changed.
#[tokio::test]
async fn a_difference_tells_what_was_added_changed_and_removed() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        for path in ["changed", "kept", "removed"] {
            lake.put("main", path, "1").await?;
        }
        lake.commit("main", "begin").await?;
        lake.fork("dev").await?;
        lake.put("dev", "added", "1").await?;
        lake.put("dev", "changed", "2").await?;
        client.delete_object(name, "dev", "removed").await?;
        let expected = [
            ("added".to_owned(), DiffType::Added),
            ("changed".to_owned(), DiffType::Changed),
            ("removed".to_owned(), DiffType::Removed),
        ];

        let staged = client.diff_branch(name, "dev").amount(2).items();
        let staged: Vec<_> = staged
            .map_ok(|it| (it.path, it.r#type))
            .try_collect()
            .await?;
        assert_eq!(staged, expected);

        lake.commit("dev", "change").await?;
        let between = client.diff_refs(name, "main", "dev").amount(2).items();
        let between: Vec<_> = between
            .map_ok(|it| (it.path, it.r#type))
            .try_collect()
            .await?;
        assert_eq!(between, expected);
        Ok(())
    })
    .await
}
