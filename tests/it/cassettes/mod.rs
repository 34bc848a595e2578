//! Cassettes: what is recorded is played, and holds no secret.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod recording;
mod replaying;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use futures_util::stream;
use lakefs_sdk::{
    Body, Client,
    models::{BranchCreation, CommitCreation, RepositoryCreation},
};
use serde_json::Value;

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lakefs-cassettes-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("tape.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn document(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Some work whose outcome says everything that the server said.
async fn work(client: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    let made = client.create_repository(RepositoryCreation::new("lake", "mem://lake"));
    seen.push(format!("{:?}", made.await.unwrap()));
    let made = client.create_branch("lake", BranchCreation::new("draft", "main"));
    seen.push(made.await.unwrap());
    let upload = client
        .upload_object("lake", "draft", "a b/ü.bin")
        .body(&[0xff_u8, 0, 1]);
    seen.push(format!(
        "{:?}",
        upload.metadata([("owner", "etl")]).await.unwrap()
    ));
    let stream = stream::iter([Ok::<_, std::io::Error>("{\"b\": 1,\n"), Ok("\"a\": 2}\n")]);
    let upload = client
        .upload_object("lake", "draft", "a.json")
        .body(Body::from_stream(stream));
    seen.push(format!("{:?}", upload.await.unwrap()));
    let commit = client.commit("lake", "draft", CommitCreation::new("two lines\nof text"));
    seen.push(format!("{:?}", commit.await.unwrap()));
    let object = client
        .get_object("lake", "draft", "a b/ü.bin")
        .await
        .unwrap();
    seen.push(format!(
        "{:?} {:?}",
        object.head,
        object.body.bytes().await.unwrap()
    ));
    for range in ["bytes=0-3", "bytes=4-"] {
        let part = client
            .get_object("lake", "draft", "a.json")
            .range(range)
            .await
            .unwrap();
        let head = format!("{:?}", part.head);
        seen.push(head + &part.text().await.unwrap());
    }
    let head = client.head_object("lake", "draft", "a.json").await.unwrap();
    seen.push(format!("{head:?}"));
    seen.push(
        client
            .get_branch("lake", "gone")
            .await
            .unwrap_err()
            .to_string(),
    );
    seen
}
