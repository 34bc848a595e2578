//! The object store below the server: bytes by location.
//!
//! [`address`] tells where an address of lakeFS's lies, [`multipart`] takes objects in parts, [`walk`] finds those below a
//! place.

pub(super) mod address;
mod error;
pub(super) mod multipart;
mod stored;
mod walk;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;

pub(super) use error::StoreError;
pub(super) use stored::{Facts, Stored};

use super::server::Clock;
use multipart::Uploads;

/// Objects by location (a URI: see [`address::location`]). Bytes are never copied: a reader shares them with the writer.
pub(super) struct Storage {
    clock: Clock,
    objects: RwLock<BTreeMap<Box<str>, Stored>>,
    uploads: Uploads,
    /// Namespaces that a repository was ever created in; deleting the repository does not empty them.
    occupied: Mutex<HashSet<String>>,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

impl Storage {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            objects: RwLock::default(),
            uploads: Uploads::default(),
            occupied: Mutex::default(),
        }
    }

    /// Keeps bytes as the server itself does, at an address in a storage namespace, and answers their checksum.
    pub(super) fn put(&self, namespace: &str, address: impl AsRef<str>, bytes: Bytes) -> String {
        let location = address::location(namespace, address.as_ref());
        self.put_at(location, bytes, Facts::default())
    }

    /// Keeps bytes at a location, and answers their checksum.
    pub(super) fn put_at(&self, location: String, bytes: Bytes, facts: Facts) -> String {
        let stored = Stored::new(bytes, (self.clock)(), facts);
        let checksum = stored.etag();
        self.insert(location, stored);
        checksum
    }

    /// As [`put_at`](Self::put_at), but only where nothing is: `None` when something is.
    pub(super) fn put_new(&self, location: String, bytes: Bytes, facts: Facts) -> Option<String> {
        let stored = Stored::new(bytes, (self.clock)(), facts);
        let checksum = stored.etag();
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        match objects.entry(location.into_boxed_str()) {
            std::collections::btree_map::Entry::Vacant(place) => place.insert(stored),
            std::collections::btree_map::Entry::Occupied(_) => return None,
        };
        Some(checksum)
    }

    /// Copies an object; `false` when there is none.
    pub(super) fn copy(&self, from: &str, to: String) -> bool {
        let Some(mut stored) = self.find(from) else {
            return false;
        };
        stored.modified = (self.clock)();
        self.insert(to, stored);
        true
    }

    /// What lies at a location, `None` when it is gone.
    pub(super) fn find(&self, location: &str) -> Option<Stored> {
        self.objects
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(location)
            .cloned()
    }

    /// Removes an object; `false` when there was none.
    pub(super) fn remove(&self, location: &str) -> bool {
        self.objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(location)
            .is_some()
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

    fn insert(&self, location: String, stored: Stored) {
        self.objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(location.into_boxed_str(), stored);
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// A lock that is shared by those who hold a copy.
type Shared<T> = Arc<Mutex<T>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn storage() -> Storage {
        Storage::new(Arc::new(|| jiff::Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn checksums_are_md5() {
        let checksum = |bytes: &'static str| storage().put("s3://b", "k", bytes.into());
        assert_eq!(checksum("hello"), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(checksum(""), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn a_namespace_is_taken_once_and_for_all() {
        let storage = storage();
        assert!(storage.occupy("mem://lake"));
        assert!(storage.occupy("mem://lake/nested"));
        assert!(!storage.occupy("mem://lake/"));
        assert!(!storage.occupy("mem://other/../lake"));
    }

    #[test]
    fn what_is_there_is_not_replaced_by_a_conditional_put() {
        let storage = storage();
        let put = |bytes: &'static str| {
            storage.put_new("s3://b/k".into(), bytes.into(), Facts::default())
        };
        assert!(put("first").is_some());
        assert_eq!(put("second"), None);
        assert_eq!(storage.find("s3://b/k").unwrap().bytes, "first");
    }
}
