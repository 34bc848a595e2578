//! Objects that arrive in parts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use md5::{Digest, Md5};

use super::{Facts, Shared, Storage, StoreError, Stored, hex};

/// Every part but the last has at least so many bytes.
const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// A multipart upload that was begun, and neither completed nor aborted: on a real object store it costs money until
/// somebody finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingUpload {
    /// The id of the upload.
    pub upload_id: String,
    /// Where the object would lie, such as `s3://bucket/prefix/data/…`.
    pub physical_address: String,
    /// How many parts have arrived.
    pub parts: usize,
    /// The bytes of those parts.
    pub size_bytes: u64,
}

/// The uploads under way, by id. Each has a lock of its own: putting one together holds up no other.
#[derive(Default)]
pub(super) struct Uploads(Mutex<BTreeMap<String, Shared<Upload>>>);

struct Upload {
    location: String,
    parts: BTreeMap<i64, Part>,
    /// Completed while somebody waited for the lock.
    over: bool,
}

struct Part {
    bytes: Bytes,
    md5: [u8; 16],
}

impl Storage {
    pub(in super::super) fn begin_upload(&self, location: String, id: String) {
        let upload = Upload {
            location,
            parts: BTreeMap::new(),
            over: false,
        };
        self.uploads.insert(id, upload);
    }

    /// Takes a part, in place of an earlier one with its number. Answers its ETag, without quotes.
    pub(in super::super) fn put_part(
        &self,
        location: &str,
        id: &str,
        number: i64,
        bytes: Bytes,
    ) -> Result<String, StoreError> {
        let md5: [u8; 16] = Md5::digest(&bytes).into();
        self.uploads.with(location, id, |upload| {
            self.space.take(bytes.len())?;
            if let Some(replaced) = upload.parts.insert(number, Part { bytes, md5 }) {
                self.space.give_back(replaced.bytes.len());
            }
            Ok(hex(&md5))
        })
    }

    /// Takes a part from an object in the store, whole or a range of it.
    pub(in super::super) fn copy_part(
        &self,
        location: &str,
        id: &str,
        number: i64,
        source: &str,
        range: Option<Range<usize>>,
    ) -> Result<String, StoreError> {
        let bytes = self.find(source).ok_or_else(StoreError::no_such_key)?.bytes;
        let bytes = match range {
            None => bytes,
            Some(range) if range.start < range.end && range.end <= bytes.len() => {
                bytes.slice(range)
            }
            Some(_) => {
                let length = bytes.len();
                return Err(StoreError::bad_request(
                    "InvalidArgument",
                    format!("Range specified is not valid for source object of size: {length}"),
                ));
            }
        };
        self.put_part(location, id, number, bytes)
    }

    /// Makes an object of the parts. An upload that was completed before answers with its object again.
    pub(in super::super) fn complete_upload(
        &self,
        location: &str,
        id: &str,
        wanted: &[(i64, &str)],
    ) -> Result<Stored, StoreError> {
        let done = self.uploads.with(location, id, |upload| {
            let facts = upload.check(id, wanted)?;
            let whole = Stored::new(upload.join(wanted), (self.clock)(), facts);
            // The parts make room for the whole, which is no larger.
            self.space.take_anyway(whole.bytes.len());
            self.insert(location.to_owned(), whole);
            self.space.give_back(upload.size());
            upload.over = true;
            Ok(())
        });
        match done {
            Ok(()) => self.uploads.remove(id),
            Err(error) if error.code != "NoSuchUpload" => return Err(error),
            Err(_) => {}
        }
        self.find(location)
            .filter(|stored| stored.upload_id() == Some(id))
            .ok_or_else(StoreError::no_such_upload)
    }

    pub(in super::super) fn abort_upload(
        &self,
        location: &str,
        id: &str,
    ) -> Result<(), StoreError> {
        self.uploads.with(location, id, |upload| {
            self.space.give_back(upload.size());
            upload.over = true;
            Ok(())
        })?;
        self.uploads.remove(id);
        Ok(())
    }

    /// The uploads under way, in the order of their ids.
    pub(in super::super) fn pending_uploads(&self) -> Vec<PendingUpload> {
        let uploads: Vec<_> = self
            .uploads
            .lock()
            .iter()
            .map(|(id, upload)| (id.clone(), upload.clone()))
            .collect();
        let pending = uploads.into_iter().filter_map(|(upload_id, upload)| {
            let upload = upload.lock().unwrap_or_else(PoisonError::into_inner);
            (!upload.over).then(|| PendingUpload {
                upload_id,
                physical_address: upload.location.clone(),
                parts: upload.parts.len(),
                size_bytes: upload.size() as u64,
            })
        });
        pending.collect()
    }
}

// ===== impl Uploads =====

impl Uploads {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Shared<Upload>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, id: String, upload: Upload) {
        self.lock().insert(id, Arc::new(Mutex::new(upload)));
    }

    fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    fn with<T>(
        &self,
        location: &str,
        id: &str,
        act: impl FnOnce(&mut Upload) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let found = self.lock().get(id).cloned();
        let upload = found.ok_or_else(StoreError::no_such_upload)?;
        let mut upload = upload.lock().unwrap_or_else(PoisonError::into_inner);
        if upload.over || upload.location != location {
            return Err(StoreError::no_such_upload());
        }
        act(&mut upload)
    }
}

// ===== impl Upload =====

impl Upload {
    fn size(&self) -> usize {
        self.parts.values().map(|part| part.bytes.len()).sum()
    }

    /// What is known of the object that the wanted parts make.
    fn check(&self, id: &str, wanted: &[(i64, &str)]) -> Result<Facts, StoreError> {
        let mut digest = Md5::new();
        let mut before: Option<(i64, &Part)> = None;
        let mut ordered = true;
        for (number, etag) in wanted {
            let part = self
                .parts
                .get(number)
                .filter(|part| hex(&part.md5) == etag.trim_matches('"'));
            let part = part.ok_or_else(invalid_part)?;
            if let Some((earlier, part)) = before {
                if part.bytes.len() < MIN_PART_BYTES {
                    return Err(StoreError::bad_request(
                        "EntityTooSmall",
                        "Your proposed upload is smaller than the minimum allowed object size.",
                    ));
                }
                ordered &= earlier < *number;
            }
            digest.update(part.md5);
            before = Some((*number, part));
        }
        if !ordered {
            return Err(StoreError::bad_request(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            ));
        }
        let etag = format!("{}-{}", hex(&digest.finalize()), wanted.len());
        let binary = HeaderValue::from_static("binary/octet-stream");
        Ok(Facts {
            headers: Some(HeaderMap::from_iter([(CONTENT_TYPE, binary)])),
            multipart: Some((id.to_owned(), etag)),
            ..Facts::default()
        })
    }

    fn join(&self, wanted: &[(i64, &str)]) -> Bytes {
        let parts: Vec<&Bytes> = wanted
            .iter()
            .filter_map(|(number, _)| Some(&self.parts.get(number)?.bytes))
            .collect();
        if let [only] = parts[..] {
            return only.clone();
        }
        let mut whole = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
        parts
            .into_iter()
            .for_each(|part| whole.extend_from_slice(part));
        whole.freeze()
    }
}

fn invalid_part() -> StoreError {
    StoreError::bad_request(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified \
         entity tag might not have matched the part's entity tag.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "s3://b/k";

    fn storage_with(parts: &[(i64, usize)]) -> (Storage, Vec<String>) {
        let storage = Storage::new(Arc::new(|| jiff::Timestamp::UNIX_EPOCH));
        storage.begin_upload(PLACE.into(), "up".into());
        let put = |&(number, length): &(i64, usize)| {
            let bytes = vec![b'a' + number as u8; length].into();
            storage.put_part(PLACE, "up", number, bytes).unwrap()
        };
        let etags = parts.iter().map(put).collect();
        (storage, etags)
    }

    fn code<T>(result: Result<T, StoreError>) -> &'static str {
        result.map_or_else(|error| error.code, |_| "")
    }

    /// lakeFS's client repeats what it has no answer to.
    #[test]
    fn completing_twice_answers_the_same_and_aborting_then_fails() {
        let (storage, etags) = storage_with(&[(1, 3)]);
        let wanted = [(1, etags[0].as_str())];
        let first = storage.complete_upload(PLACE, "up", &wanted).unwrap();
        assert!(storage.pending_uploads().is_empty());
        let again = storage.complete_upload(PLACE, "up", &[]).unwrap();
        assert_eq!(first.etag(), again.etag());
        assert!(first.etag().ends_with("-1"));
        assert_eq!(code(storage.abort_upload(PLACE, "up")), "NoSuchUpload");
        assert_eq!(
            code(storage.put_part(PLACE, "up", 2, Bytes::new())),
            "NoSuchUpload"
        );
    }

    #[test]
    fn parts_are_checked_for_order_and_size() {
        let (storage, etags) = storage_with(&[(1, MIN_PART_BYTES), (2, MIN_PART_BYTES), (3, 1)]);
        let complete = |numbers: &[usize]| {
            let wanted: Vec<(i64, &str)> = numbers
                .iter()
                .map(|&number| (number as i64, etags[number - 1].as_str()))
                .collect();
            code(storage.complete_upload(PLACE, "up", &wanted))
        };
        assert_eq!(complete(&[2, 1]), "InvalidPartOrder");
        assert_eq!(complete(&[3, 1]), "EntityTooSmall");
        assert_eq!(
            code(storage.complete_upload(PLACE, "up", &[(9, "x")])),
            "InvalidPart"
        );
        assert_eq!(storage.pending_uploads()[0].parts, 3);
        // A part that is left out is thrown away.
        assert_eq!(complete(&[1, 3]), "");
        assert_eq!(storage.find(PLACE).unwrap().bytes.len(), MIN_PART_BYTES + 1);
    }

    #[test]
    fn an_upload_belongs_to_one_place() {
        let (storage, _) = storage_with(&[(1, 1)]);
        assert_eq!(
            code(storage.abort_upload("s3://b/other", "up")),
            "NoSuchUpload"
        );
        assert_eq!(storage.pending_uploads().len(), 1);
    }
}
