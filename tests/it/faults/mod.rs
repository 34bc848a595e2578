//! Faults: each does what it says, to the request that it says, and the same again from the same seed.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod chance;
mod kinds;

use lakefs_sdk::{
    Client,
    models::RepositoryCreation,
    testing::{FaultLayer, MemoryLakeFs},
};
use tower::Layer as _;

/// A lakeFS with a repository and an object, with and without faults in front of it.
async fn lakefs(faults: &FaultLayer) -> (Client, Client) {
    let lakefs = MemoryLakeFs::new();
    let plain = Client::new(lakefs.clone());
    plain
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await
        .unwrap();
    plain
        .upload_object("lake", "main", "a")
        .body("0123456789")
        .await
        .unwrap();
    (plain, Client::new(faults.layer(lakefs)))
}
