//! Many objects at once: directories, and prefixes that are copied and deleted.

use std::{fs, path::Path};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lakefs_sdk::transfer::directory::Action;

use crate::{Outcome, lake::Lake, scenario};

const PART: usize = 5 * 1024 * 1024;

/// A few files, one of them in parts.
fn fill(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory.join("day=1/ü"))?;
    for at in 0..20 {
        fs::write(
            directory.join(format!("day=1/{at} +%2F~.csv")),
            format!("id\n{at}\n"),
        )?;
    }
    fs::write(directory.join("day=1/ü/empty"), "")?;
    fs::write(directory.join("large.bin"), vec![b'x'; PART + 1])
}

fn contents(directory: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(contents(&path)?),
            false => found.push((path.display().to_string(), fs::read(&path)?)),
        }
    }
    found.sort();
    Ok(found)
}

/// What is on both sides must not travel again, and what is not must.
#[tokio::test]
async fn a_directory_comes_back_and_moves_only_what_changed() -> Outcome {
    scenario(async |lake| {
        let home = tempfile::tempdir()?;
        let [source, target] = ["source", "target"].map(|name| home.path().join(name));
        fill(&source)?;
        let transfer = lake.client.transfer().concurrency(8).part_size(PART as u64);
        let place = format!("lakefs://{}/main/data/", lake.name);
        let up = || transfer.upload_directory(&source, &*place);
        let down = || transfer.download_directory(&*place, &target);

        let report = up().await?;
        report.check()?;
        assert_eq!(report.count(Action::Upload), 22, "{report}");
        assert_eq!(up().await?.done, []);

        let report = down().await?;
        report.check()?;
        assert_eq!(report.count(Action::Download), 22, "{report}");
        let stripped = |directory: &Path| {
            let prefix = directory.display().to_string();
            let found = contents(directory)?.into_iter();
            Ok::<_, std::io::Error>(
                found
                    .map(|(path, bytes)| (path[prefix.len()..].to_owned(), bytes))
                    .collect::<Vec<_>>(),
            )
        };
        assert!(stripped(&source)? == stripped(&target)?, "other files");
        assert_eq!(down().await?.done, []);
        // Their times came along.
        assert_eq!(transfer.upload_directory(&target, &*place).await?.done, []);

        fs::write(source.join("large.bin"), "small now")?;
        fs::remove_dir_all(source.join("day=1/ü"))?;
        let report = up().delete_extraneous(true).await?;
        report.check()?;
        assert_eq!(
            report.to_string(),
            "1 uploaded, 1 deleted, 20 skipped, 0 failed"
        );
        down().delete_extraneous(true).await?.check()?;
        fs::remove_dir(target.join("day=1/ü")).ok();
        assert!(stripped(&source)? == stripped(&target)?, "other files");
        Ok(())
    })
    .await
}

async fn put_many(lake: &Lake, count: usize) -> lakefs_sdk::Result<()> {
    stream::iter(0..count)
        .map(|at| async move {
            let path = format!("day=1/{at:04}");
            let upload = lake.client.upload_object(&lake.name, "main", path);
            let upload = upload.content_type("text/csv").metadata([("at", "1")]);
            upload.body("1").await.map(drop)
        })
        .buffer_unordered(16)
        .try_collect()
        .await
}

/// A prefix with more than the server takes at once must go as a whole, and nothing beside it.
#[tokio::test]
async fn a_prefix_is_copied_and_deleted_as_a_whole() -> Outcome {
    scenario(async |lake| {
        put_many(lake, 1001).await?;
        lake.put("main", "day=10/a", "stays").await?;
        lake.commit("main", "begin").await?;
        let place = |path: &str| format!("lakefs://{}/main/{path}", lake.name);
        let transfer = lake.client.transfer().concurrency(16);

        let report = transfer
            .copy_recursive(place("day=1/"), place("copy/"))
            .exclude("0[0-8]*")
            .await?;
        report.check()?;
        assert_eq!(report.count(Action::Copy), 101, "{report}");
        let copies = lake.client.list_objects(&lake.name, "main").prefix("copy/");
        let copies: Vec<_> = copies.items().try_collect().await?;
        assert_eq!(copies.len(), 101);
        for copy in copies {
            assert_eq!(copy.content_type.as_deref(), Some("text/csv"));
            let metadata = copy.metadata.unwrap_or_default();
            assert_eq!(metadata.get("at").map(String::as_str), Some("1"));
        }

        for (prefix, count) in [("day=1/", 1001), ("copy/", 101)] {
            let report = transfer.delete_recursive(place(prefix)).await?;
            report.check()?;
            assert_eq!(report.count(Action::Delete), count, "{report}");
        }
        assert_eq!(lake.paths("main").await?, ["day=10/a"]);
        Ok(())
    })
    .await
}
