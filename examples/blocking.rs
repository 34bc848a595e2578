//! lakeFS without async: a plain `fn main` that uploads from a reader, lists with an iterator, commits, and reads back.
//!
//! `cargo run --example blocking` runs on a lakeFS in memory.
//! `Client::builder().endpoint(…).credentials(…).build()?` makes the same client over a real one.

use std::io::{BufRead as _, Cursor, Read as _};

use lakefs_sdk::{
    Body, BoxError, Client,
    models::{CommitCreation, RepositoryCreation},
    testing::MemoryLakeFs,
};

fn main() -> Result<(), BoxError> {
    let client = Client::new(MemoryLakeFs::new());
    let repository = client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .send_blocking()?;
    let main = repository.default_branch;

    // Whatever reads: here bytes, else a file, a pipe, a decoder. It is streamed, in flat memory.
    let events = Cursor::new("id,kind\n1,click\n2,view\n");
    client
        .upload_object("lake", &main, "events.csv")
        .body(Body::from_reader(events))
        .content_type("text/csv")
        .send_blocking()?;
    // With a length that is known the server is told.
    let zeros = std::io::repeat(0).take(1_000_000);
    client
        .upload_object("lake", &main, "zeros.bin")
        .body(Body::from_sized_reader(1_000_000, zeros))
        .send_blocking()?;

    for object in client.list_objects("lake", &main).items().blocking() {
        let object = object?;
        println!(
            "{} has {} bytes",
            object.path,
            object.size_bytes.unwrap_or_default()
        );
    }
    let commit = client
        .commit("lake", &main, CommitCreation::new("Add the first events"))
        .send_blocking()?;
    println!("Committed {}", &commit.id[..8]);

    let object = client
        .get_object("lake", &commit.id, "events.csv")
        .send_blocking()?;
    let mut kinds = Vec::new();
    for line in object.into_reader()?.lines().skip(1) {
        kinds.extend(line?.split(',').nth(1).map(str::to_owned));
    }
    println!("Kinds: {}", kinds.join(", "));
    assert_eq!(kinds, ["click", "view"]);
    Ok(())
}
