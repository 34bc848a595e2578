//! What lies below a place of the object store: what an import brings in.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use super::address::{self, Uri};
use super::{Storage, Stored};
use crate::testing::memory::BlockStore;

/// An object that was found.
#[derive(Debug)]
pub(in super::super) struct Found {
    /// A URI.
    pub(in super::super) address: Arc<str>,
    /// The address without what leads to the place that was searched.
    pub(in super::super) relative: String,
    pub(in super::super) stored: Stored,
}

type Objects = BTreeMap<Box<str>, Stored>;

impl Storage {
    /// All objects at or below a place. Errors are in the words of the real server.
    pub(in super::super) fn walk(
        &self,
        store: BlockStore,
        outside: &[String],
        place: &str,
    ) -> Result<Vec<Found>, String> {
        let uri = Uri::parse_reference(place).map_err(|fault| {
            let quoted = address::go_quote(place);
            format!("could not parse storage URI <nil>: parse {quoted}: {fault}")
        })?;
        let fail = |why: &str| {
            Err(format!(
                "creating object-store walker on path {place}: {why}"
            ))
        };
        let Some(scheme) = uri.known_scheme() else {
            let scheme = uri.scheme;
            return fail(&format!("invalid storage scheme {scheme}: invalid address"));
        };
        if store != BlockStore::Any && scheme != store.name() {
            let name = store.name();
            return fail(&format!("expected storage type {name}: invalid address"));
        }
        if store != BlockStore::Local {
            return self.keys(scheme, &uri);
        }
        let key = uri.key();
        let root = key.strip_suffix('/').unwrap_or(&key);
        match address::check_local(root, outside) {
            Ok(()) if uri.host.is_empty() => self.files(root),
            Ok(()) => Err("bad path traversal blocked".into()),
            Err(failure) => fail(failure.message()),
        }
    }

    /// Objects of a bucket whose keys begin with the URI's, relative to its last slash.
    fn keys(&self, scheme: &str, uri: &Uri<'_>) -> Result<Vec<Found>, String> {
        let bucket = format!("{scheme}://{}/", uri.host);
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        if below(&objects, &bucket).next().is_none() && !self.is_occupied(&bucket) {
            return Err("NoSuchBucket: The specified bucket does not exist".into());
        }
        let prefix = bucket + uri.key().trim_start_matches('/');
        let base = prefix.rfind('/').map_or(0, |at| at + 1);
        let found = below(&objects, &prefix);
        Ok(found
            .map(|(address, stored)| Found::new(address, &address[base..], stored))
            .collect())
    }

    /// A file, or all files of a directory but hidden ones.
    fn files(&self, root: &str) -> Result<Vec<Found>, String> {
        let place = format!("local://{root}");
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((address, stored)) = objects.get_key_value(place.as_str()) {
            let is_hidden = root
                .rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with('.'));
            let file = Some(Found::new(address, ".", stored)).filter(|_| !is_hidden);
            return Ok(file.into_iter().collect());
        }
        let directory = place + "/";
        let mut files = below(&objects, &directory).peekable();
        if files.peek().is_none() {
            return Err(format!("lstat {root}: no such file or directory"));
        }
        let base = directory.len();
        let shown = files
            .filter(|(address, _)| !address[base..].split('/').any(|name| name.starts_with('.')));
        Ok(shown
            .map(|(address, stored)| Found::new(address, &address[base..], stored))
            .collect())
    }

    /// Whether a repository was ever created in a bucket.
    fn is_occupied(&self, bucket: &str) -> bool {
        let occupied = self.occupied.lock().unwrap_or_else(PoisonError::into_inner);
        occupied
            .iter()
            .any(|namespace| format!("{namespace}/").starts_with(bucket))
    }
}

impl Found {
    fn new(address: &str, relative: &str, stored: &Stored) -> Self {
        Self {
            address: address.into(),
            relative: relative.to_owned(),
            stored: stored.clone(),
        }
    }
}

fn below<'a, 'p>(
    objects: &'a Objects,
    prefix: &'p str,
) -> impl Iterator<Item = (&'a str, &'a Stored)> + use<'a, 'p> {
    objects
        .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .map(|(address, stored)| (&**address, stored))
        .take_while(move |(address, _)| address.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(addresses: &[&str]) -> Storage {
        let storage = Storage::new(Arc::new(|| jiff::Timestamp::UNIX_EPOCH));
        for address in addresses {
            storage.put("", address, "x".into());
        }
        storage
    }

    fn relative(found: Result<Vec<Found>, String>) -> Result<Vec<String>, String> {
        Ok(found?.into_iter().map(|found| found.relative).collect())
    }

    #[test]
    fn buckets_are_searched_by_prefix() {
        let storage = storage(&["s3://b/d/1", "s3://b/d/s/2", "s3://b/data", "s3://c/d/3"]);
        assert!(storage.occupy("s3://lakes"));
        let find = |place| relative(storage.walk(BlockStore::Any, &[], place));
        let names = |names: &[&str]| Ok(names.iter().map(ToString::to_string).collect());
        assert_eq!(find("s3://b/d/"), names(&["1", "s/2"]));
        assert_eq!(find("s3://b/d"), names(&["d/1", "d/s/2", "data"]));
        assert_eq!(find("s3://b/none"), names(&[]));
        assert_eq!(find("s3://lakes/none"), names(&[]));
        assert!(find("s3://nowhere/d").is_err());
        assert!(find("s3://lake/d").is_err());
        let walker = "creating object-store walker on path";
        let unknown = format!("{walker} nonsense: invalid storage scheme : invalid address");
        assert_eq!(find("nonsense"), Err(unknown));
        let unreadable =
            "could not parse storage URI <nil>: parse \"s3://b/%zz\": invalid URL escape \"%zz\"";
        assert_eq!(find("s3://b/%zz"), Err(unreadable.into()));
    }

    #[test]
    fn directories_are_walked_as_far_as_it_is_allowed() {
        let storage = storage(&["local:///srv/d/1", "local:///srv/d/.s/2", "local:///srv/e"]);
        let outside = ["/srv".to_owned()];
        let find = |place| relative(storage.walk(BlockStore::Local, &outside, place));
        let names = |names: &[&str]| Ok(names.iter().map(ToString::to_string).collect());
        assert_eq!(find("local:///srv/d/"), names(&["1"]));
        assert_eq!(find("local:///srv/e"), names(&["."]));
        let missing = "lstat /srv/x: no such file or directory";
        assert_eq!(find("local:///srv/x/"), Err(missing.into()));
        let walker = "creating object-store walker on path";
        let forbidden = format!("{walker} local:///etc/: forbidden");
        assert_eq!(find("local:///etc/"), Err(forbidden));
        let climbing = format!("{walker} local:///srv/../etc: bad path traversal blocked");
        assert_eq!(find("local:///srv/../etc"), Err(climbing));
        let other = format!("{walker} s3://b/x: expected storage type local: invalid address");
        assert_eq!(find("s3://b/x"), Err(other));
    }
}
