//! Objects.

use bytes::Bytes;
use futures_util::stream;
use lakefs_sdk::{
    Body, Error,
    models::{Answer, ObjectCopyCreation, PathList},
};

use crate::{Outcome, scenario};

/// Stored is what was given, byte for byte, whatever is in it and in its name.
#[tokio::test]
async fn an_object_comes_back_as_it_was_put() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let path = "tables/ü b+c%2F=1/part~0.bin";
        let content: Bytes = (0..=255).cycle().take(100_000).collect();
        let upload = client.upload_object(name, "main", path);
        let written = upload
            .content_type("application/x-test")
            .body(content.clone());
        let written = written.await?;
        assert_eq!(
            (written.path.as_str(), written.size_bytes),
            (path, Some(100_000))
        );

        let read = client.get_object(name, "main", path).await?;
        assert_eq!(
            read.head.content_type.as_deref(),
            Some("application/x-test")
        );
        assert_eq!(read.bytes().await?, content);
        let stat = client.stat_object(name, "main", path).await?;
        assert_eq!(stat.checksum, written.checksum);
        assert_eq!(
            client.head_object(name, "main", path).await?.content_length,
            Some(100_000)
        );
        assert_eq!(lake.paths("main").await?, [path]);
        Ok(())
    })
    .await
}

/// What is produced while it is sent has no length that could be announced.
#[tokio::test]
async fn a_stream_arrives_whole() -> Outcome {
    scenario(async |lake| {
        let chunks = (0..64).map(|at| Ok::<_, Error>(Bytes::from(vec![at; 4096])));
        lake.put("main", "a.bin", Body::from_stream(stream::iter(chunks)))
            .await?;
        let read = lake.client.get_object(&lake.name, "main", "a.bin").await?;
        let expected: Vec<u8> = (0..64).flat_map(|at| vec![at; 4096]).collect();
        assert_eq!(read.bytes().await?, expected);
        Ok(())
    })
    .await
}

/// Columnar files are read by their footers: a range that is off by one is garbage.
#[tokio::test]
async fn a_range_is_a_part_of_the_object() -> Outcome {
    scenario(async |lake| {
        lake.put("main", "a.txt", "0123456789").await?;
        let get = |range: &str| {
            lake.client
                .get_object(&lake.name, "main", "a.txt")
                .range(range)
        };
        for (range, expected) in [("bytes=2-4", "234"), ("bytes=7-", "789"), ("bytes=-1", "9")] {
            let part = get(range).await?;
            assert_eq!(part.answer, Answer::Partial, "{range}");
            assert_eq!(part.text().await?, expected, "{range}");
        }
        let beyond = get("bytes=10-20").await.unwrap_err();
        assert_eq!(
            beyond.status().map(|status| status.as_u16()),
            Some(416),
            "{beyond}"
        );
        Ok(())
    })
    .await
}

/// Two writers that both think they are the first lose one another's work.
#[tokio::test]
async fn a_condition_keeps_what_is_there() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        let put = |content| {
            let upload = client.upload_object(name, "main", "a.txt");
            upload.if_none_match("*").body(content)
        };
        put("first").await?;
        let refused = put("second").await.unwrap_err();
        assert!(refused.is_precondition_failed(), "{refused}");
        assert!(!refused.may_have_taken_effect());

        let read = client.get_object(name, "main", "a.txt").await?;
        let etag = read.head.etag.clone().unwrap_or_default();
        assert_eq!(read.text().await?, "first");
        let again = client.get_object(name, "main", "a.txt").if_none_match(etag);
        assert_eq!(again.await?.answer, Answer::NotModified);
        Ok(())
    })
    .await
}

/// A copy that goes with its source is none.
#[tokio::test]
async fn a_copy_stays_when_its_source_is_deleted() -> Outcome {
    scenario(async |lake| {
        let (client, name) = (&lake.client, &lake.name);
        lake.add("main", "a.csv", "1").await?;
        lake.fork("dev").await?;
        let copy = ObjectCopyCreation::new("a.csv").src_ref("main");
        client.copy_object(name, "dev", "b.csv", copy).await?;
        client.delete_object(name, "dev", "a.csv").await?;
        assert_eq!(lake.paths("dev").await?, ["b.csv"]);
        assert_eq!(lake.text("dev", "b.csv").await?, "1");
        let missing = lake.text("dev", "a.csv").await.unwrap_err();
        assert!(missing.is_not_found(), "{missing}");
        Ok(())
    })
    .await
}

/// Cleaning up a partition must leave nothing of it, and everything else.
#[tokio::test]
async fn many_objects_are_deleted_at_once() -> Outcome {
    scenario(async |lake| {
        for path in ["day=1/a", "day=1/b", "day=2/a"] {
            lake.put("main", path, "1").await?;
        }
        lake.commit("main", "begin").await?;
        let paths = PathList::new(["day=1/a", "day=1/b", "day=1/none"]);
        let deleted = lake
            .client
            .delete_objects(&lake.name, "main", paths)
            .await?;
        assert_eq!(deleted.errors, []);
        assert_eq!(lake.paths("main").await?, ["day=2/a"]);
        Ok(())
    })
    .await
}
