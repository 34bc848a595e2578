//! Files for Hive that list where the objects of a directory lie.

use super::{Answer, created, text};
use crate::models;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{Listed, Window, names};
use crate::testing::memory::storage::address;

/// Where the files go, below the storage namespace.
const FOLDER: &str = "symlinks";

/// Writes a file for each directory and answers where they are.
pub(super) fn create(server: &Server, call: &Call) -> Answer {
    let reference = call.variable("branch");
    let repository = server.repository(call.repository())?.read();
    let prefix = call.query.bytes("location");
    names::reference("ref", reference)?;
    names::optional_path("prefix", prefix)?;
    let namespace = &repository.storage_namespace;
    let write = |directory: &str, addresses: &[String]| {
        let file = format!(
            "{FOLDER}/{}/{reference}/{directory}/symlink.txt",
            repository.name
        );
        let content = addresses.join("\n");
        server.storage.put(namespace, file, content.into());
    };
    let (mut directory, mut addresses) = (String::new(), Vec::new());
    let mut after = Vec::new();
    loop {
        let page = repository.list_objects(
            reference,
            &Window {
                prefix,
                after: &after,
                delimiter: b"",
                amount: 1000,
            },
        )?;
        for listed in &page.items {
            let Listed::Object(path, entry) = listed else {
                continue;
            };
            let store = server.block_store;
            let address =
                address::physical_address(store, &server.outside, namespace, &entry.address)?;
            let path = text(path);
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if parent != directory {
                write(&directory, &addresses);
                parent.clone_into(&mut directory);
                addresses.clear();
            }
            addresses.push(address);
        }
        match page.items.last() {
            Some(Listed::Object(path, _)) if page.has_more => after = path.to_vec(),
            _ => break,
        }
    }
    if !addresses.is_empty() {
        write(&directory, &addresses);
    }
    created(&models::StorageURI {
        location: format!("{namespace}/{FOLDER}"),
    })
}
