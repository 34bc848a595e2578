//! The object store below the server: bytes by location.
//!
//! [`address`] tells where an address of lakeFS's lies, [`multipart`] takes objects in parts, [`walk`] finds those below a
//! place.

pub(super) mod address;
mod error;
pub(super) mod multipart;
mod space;
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
use space::Space;

/// Objects by location (a URI: see [`address::location`]). Bytes are never copied: a reader shares them with the writer.
pub(super) struct Storage {
    clock: Clock,
    objects: RwLock<BTreeMap<Box<str>, Stored>>,
    uploads: Uploads,
    space: Space,
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
            space: Space::default(),
            occupied: Mutex::default(),
        }
    }

    /// From now on no more than so many bytes are taken from clients; those that are there stay.
    pub(super) fn limit(&self, capacity: u64) {
        self.space.limit(capacity);
    }

    /// Keeps bytes as the server itself does, at an address in a storage namespace, and answers their checksum. For
    /// them there is always room.
    pub(super) fn put(&self, namespace: &str, address: impl AsRef<str>, bytes: Bytes) -> String {
        let location = address::location(namespace, address.as_ref());
        let stored = Stored::new(bytes, (self.clock)(), Facts::default());
        let checksum = stored.etag();
        self.space.take_anyway(stored.bytes.len());
        self.insert(location, stored);
        checksum
    }

    /// Keeps bytes at a location, and answers their checksum.
    pub(super) fn put_at(
        &self,
        location: String,
        bytes: Bytes,
        facts: Facts,
    ) -> Result<String, StoreError> {
        self.space.take(bytes.len())?;
        let stored = Stored::new(bytes, (self.clock)(), facts);
        let checksum = stored.etag();
        self.insert(location, stored);
        Ok(checksum)
    }

    /// As [`put_at`](Self::put_at), but only where nothing is: `None` when something is.
    pub(super) fn put_new(
        &self,
        location: String,
        bytes: Bytes,
        facts: Facts,
    ) -> Result<Option<String>, StoreError> {
        let stored = Stored::new(bytes, (self.clock)(), facts);
        let checksum = stored.etag();
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        match objects.entry(location.into_boxed_str()) {
            std::collections::btree_map::Entry::Vacant(place) => {
                self.space.take(stored.bytes.len())?;
                place.insert(stored);
                Ok(Some(checksum))
            }
            std::collections::btree_map::Entry::Occupied(_) => Ok(None),
        }
    }

    /// Copies an object; `false` when there is none.
    pub(super) fn copy(&self, from: &str, to: String) -> Result<bool, StoreError> {
        let Some(mut stored) = self.find(from) else {
            return Ok(false);
        };
        self.space.take(stored.bytes.len())?;
        stored.modified = (self.clock)();
        self.insert(to, stored);
        Ok(true)
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
        let removed = self
            .objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(location);
        if let Some(removed) = &removed {
            self.space.give_back(removed.bytes.len());
        }
        removed.is_some()
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

    /// Keeps an object for which room was taken, and gives back that of the one it replaces.
    fn insert(&self, location: String, stored: Stored) {
        let replaced = self
            .objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(location.into_boxed_str(), stored);
        if let Some(replaced) = replaced {
            self.space.give_back(replaced.bytes.len());
        }
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
        assert!(put("first").unwrap().is_some());
        assert_eq!(put("second"), Ok(None));
        assert_eq!(storage.find("s3://b/k").unwrap().bytes, "first");
    }

    #[test]
    fn what_is_replaced_removed_or_was_in_parts_makes_room() {
        let storage = storage();
        storage.limit(10);
        let put = |key: &str, bytes: &'static str| {
            let put = storage.put_at(format!("s3://b/{key}"), bytes.into(), Facts::default());
            put.map(drop).map_err(|error| error.code)
        };
        let full = Err("XMinioStorageFull");
        assert_eq!(put("a", "12345"), Ok(()));
        assert_eq!(put("b", "123456"), full);
        // The new object is there before the old one goes.
        assert_eq!(put("a", "1234"), Ok(()));
        assert_eq!(put("b", "123456"), Ok(()));
        assert_eq!(put("c", "1"), full);
        assert_eq!(put("empty", ""), Ok(()));
        assert!(storage.copy("s3://b/a", "s3://b/d".into()).is_err());
        assert!(storage.remove("s3://b/b"));

        let place = "s3://b/parts";
        storage.begin_upload(place.into(), "up".into());
        let part =
            |number, bytes: &'static str| storage.put_part(place, "up", number, bytes.into());
        part(1, "12").unwrap();
        let etag = part(1, "123").unwrap();
        part(2, "123").unwrap();
        assert!(part(3, "1").is_err());
        storage.complete_upload(place, "up", &[(1, &etag)]).unwrap();
        // The part that was left out is gone.
        assert_eq!(put("e", "123"), Ok(()));
        assert_eq!(put("f", "1"), full);
        storage.remove("s3://b/e");

        storage.begin_upload(place.into(), "again".into());
        storage.put_part(place, "again", 1, "123".into()).unwrap();
        storage.abort_upload(place, "again").unwrap();
        assert_eq!(put("g", "123"), Ok(()));
    }
}
