//! Objects that lie outside of all repositories, and how an import finds them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::BlockStore;
use super::storage::{LOCAL_BLOCKS, Storage, checksum};

/// Facts of external objects by whole address. The bytes are in the [`Storage`].
#[derive(Debug)]
pub(super) struct External(BTreeMap<Arc<str>, Facts>);

#[derive(Debug)]
struct Facts {
    checksum: String,
    size: u64,
}

/// An object that an import has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) address: &'a Arc<str>,
    /// The address without what leads to the place that was searched.
    pub(super) relative: String,
    pub(super) checksum: &'a str,
    pub(super) size: u64,
}

/// An address, taken apart as a URL.
struct Source<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
}

// ===== impl External =====

impl External {
    pub(super) fn new(objects: BTreeMap<String, Bytes>, storage: &Storage) -> Self {
        let stored = objects.into_iter().map(|(address, bytes)| {
            let address: Arc<str> = address.into();
            let facts = Facts {
                checksum: checksum(&bytes),
                size: bytes.len() as u64,
            };
            storage.put_external(address.clone(), bytes);
            (address, facts)
        });
        Self(stored.collect())
    }

    /// All objects at or below a path. Errors are in the words of the real server.
    pub(super) fn find(&self, store: BlockStore, path: &str) -> Result<Vec<Found<'_>>, String> {
        let source = Source::parse(path);
        let fail = |why: String| {
            Err(format!(
                "creating object-store walker on path {path}: {why}"
            ))
        };
        if !source.is_known() {
            let scheme = source.scheme;
            return fail(format!("invalid storage scheme {scheme}: invalid address"));
        }
        if store != BlockStore::Any && source.scheme != store.name() {
            let name = store.name();
            return fail(format!("expected storage type {name}: invalid address"));
        }
        if store != BlockStore::Local {
            return self.keys(&source);
        }
        let root = source.path.strip_suffix('/').unwrap_or(source.path);
        match self.check(root) {
            Ok(()) if source.host.is_empty() => self.files(root),
            Ok(()) => Err("bad path traversal blocked".into()),
            Err(why) => fail(why.into()),
        }
    }

    /// Objects of a bucket whose keys begin with the source's, relative to its last slash.
    fn keys(&self, source: &Source<'_>) -> Result<Vec<Found<'_>>, String> {
        let bucket = format!("{}://{}/", source.scheme, source.host);
        if self.below(&bucket).next().is_none() {
            return Err("NoSuchBucket: The specified bucket does not exist".into());
        }
        let prefix = bucket + source.path.trim_start_matches('/');
        let base = prefix.rfind('/').map_or(0, |at| at + 1);
        let found = self.below(&prefix);
        Ok(found
            .map(|(address, facts)| facts.found(address, &address[base..]))
            .collect())
    }

    /// A file, or all files of a directory but hidden ones.
    fn files(&self, root: &str) -> Result<Vec<Found<'_>>, String> {
        let place = format!("local://{root}");
        if let Some((address, facts)) = self.0.get_key_value(place.as_str()) {
            let is_hidden = root
                .rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with('.'));
            let file = Some(facts.found(address, ".")).filter(|_| !is_hidden);
            return Ok(file.into_iter().collect());
        }
        let directory = place + "/";
        let mut files = self.below(&directory).peekable();
        if files.peek().is_none() {
            return Err(format!("lstat {root}: no such file or directory"));
        }
        let base = directory.len();
        let shown = files
            .filter(|(address, _)| !address[base..].split('/').any(|name| name.starts_with('.')));
        Ok(shown
            .map(|(address, facts)| facts.found(address, &address[base..]))
            .collect())
    }

    /// Whether files at a path may be read.
    fn check(&self, path: &str) -> Result<(), &'static str> {
        let mut names = path.split('/');
        let is_absolute = names.next() == Some("");
        if !is_absolute || names.any(|name| matches!(name, "" | "." | "..")) {
            return Err("bad path traversal blocked");
        }
        let first = |path: &str| {
            let end = path[1..].find('/').map_or(path.len(), |at| at + 1);
            path[..end].to_owned()
        };
        let files = self
            .0
            .keys()
            .filter_map(|address| address.strip_prefix("local://"));
        let mut allowed = files.filter(|file| file.starts_with('/')).map(first);
        if path.starts_with(LOCAL_BLOCKS) || allowed.any(|place| path.starts_with(&place)) {
            return Ok(());
        }
        Err("forbidden")
    }

    fn below<'a, 'p>(
        &'a self,
        prefix: &'p str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Facts)> + use<'a, 'p> {
        self.0
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(address, _)| address.starts_with(prefix))
    }
}

impl Facts {
    fn found<'a>(&'a self, address: &'a Arc<str>, relative: &str) -> Found<'a> {
        Found {
            address,
            relative: relative.to_owned(),
            checksum: &self.checksum,
            size: self.size,
        }
    }
}

// ===== impl Source =====

impl<'a> Source<'a> {
    fn parse(address: &'a str) -> Self {
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { scheme, host, path }
    }

    fn is_known(&self) -> bool {
        const KNOWN: [&str; 7] = ["s3", "mem", "memory", "local", "gs", "http", "https"];
        KNOWN.contains(&self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(addresses: &[&str]) -> External {
        let objects = addresses
            .iter()
            .map(|address| ((*address).to_owned(), Bytes::from_static(b"x")));
        External::new(objects.collect(), &Storage::default())
    }

    fn relative(found: Result<Vec<Found<'_>>, String>) -> Result<Vec<String>, String> {
        Ok(found?.into_iter().map(|found| found.relative).collect())
    }

    #[test]
    fn buckets_are_searched_by_prefix() {
        let external = external(&["s3://b/d/1", "s3://b/d/s/2", "s3://b/data", "s3://c/d/3"]);
        let find = |path| relative(external.find(BlockStore::Any, path));
        let names = |names: &[&str]| Ok(names.iter().map(ToString::to_string).collect());
        assert_eq!(find("s3://b/d/"), names(&["1", "s/2"]));
        assert_eq!(find("s3://b/d"), names(&["d/1", "d/s/2", "data"]));
        assert_eq!(find("s3://b/none"), names(&[]));
        assert!(find("s3://nowhere/d").is_err());
        assert!(find("ftp://b/d").is_err());
    }

    #[test]
    fn directories_are_walked_as_far_as_it_is_allowed() {
        let external = external(&["local:///srv/d/1", "local:///srv/d/.s/2", "local:///srv/e"]);
        let find = |path| relative(external.find(BlockStore::Local, path));
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
