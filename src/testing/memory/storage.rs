//! The object store below the server: bytes by physical address.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use md5::{Digest, Md5};

/// The directory that the recorded servers kept their blocks in stands in every `local://` address.
pub(super) const LOCAL_BLOCKS: &str = "/var/lib/lakefs/blocks";

/// Object bytes by storage namespace and address. Never copied: a reader shares them with the writer.
#[derive(Debug, Default)]
pub(super) struct Storage {
    objects: RwLock<HashMap<Key, Bytes>>,
    /// Namespaces that a repository was ever created in; deleting the repository does not empty them.
    occupied: Mutex<HashSet<String>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    namespace: Arc<str>,
    address: Arc<str>,
}

impl Storage {
    pub(super) fn put(&self, namespace: &str, address: Arc<str>, bytes: Bytes) {
        let key = Key {
            namespace: namespace.into(),
            address,
        };
        self.objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, bytes);
    }

    /// Puts an object where no repository keeps its own, under its whole address.
    pub(super) fn put_external(&self, address: Arc<str>, bytes: Bytes) {
        self.put("", address, bytes);
    }

    /// The bytes at an address, `None` when they are gone.
    pub(super) fn get(&self, namespace: &str, address: &Arc<str>) -> Option<Bytes> {
        let key = Key {
            namespace: if is_absolute(address) { "" } else { namespace }.into(),
            address: address.clone(),
        };
        self.objects
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned()
    }

    /// Takes a namespace for a new repository; `false` when it may hold another one's objects.
    ///
    /// A namespace that climbs with `..` is refused like a taken one: it could lead into a neighbour's.
    pub(super) fn occupy(&self, namespace: &str) -> bool {
        let climbs = namespace.split('/').any(|segment| segment == "..");
        let name = namespace.trim_end_matches('/').to_owned();
        !climbs
            && self
                .occupied
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name)
    }
}

/// Whether an address is a whole one, of an object that lies in no repository's namespace.
fn is_absolute(address: &str) -> bool {
    address.contains("://")
}

/// An address as clients see it.
pub(super) fn physical_address(namespace: &str, address: &str) -> String {
    if is_absolute(address) {
        return match address.strip_prefix("local://") {
            Some(path) => format!("local://{LOCAL_BLOCKS}{path}"),
            None => address.to_owned(),
        };
    }
    let namespace = namespace.trim_end_matches('/');
    match namespace.strip_prefix("local://") {
        Some(path) => format!("local://{LOCAL_BLOCKS}/{path}/{address}"),
        None => format!("{namespace}/{address}"),
    }
}

/// The checksum lakeFS gives an object.
pub(super) fn checksum(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_md5() {
        assert_eq!(checksum(b"hello"), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(checksum(b""), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn a_namespace_is_taken_once_and_for_all() {
        let storage = Storage::default();
        assert!(storage.occupy("mem://lake"));
        assert!(storage.occupy("mem://lake/nested"));
        assert!(!storage.occupy("mem://lake/"));
        assert!(!storage.occupy("mem://other/../lake"));
    }
}
