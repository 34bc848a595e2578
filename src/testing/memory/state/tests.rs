//! What several modules' tests share, and the tests of whole stories.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    Commit, CommitParams, DiffKind, DiffRow, Entry, EntryData, Error, ErrorKind, Listed,
    MergeParams, Page, Repository, RepositoryParams, Result, Window, tree,
};

pub(super) fn entry(content: &str) -> Entry {
    Entry::new(EntryData {
        checksum: content.into(),
        size: content.len() as i64,
        address: format!("data/{content}").into(),
        modified: jiff::Timestamp::UNIX_EPOCH,
        content_type: "text/plain".into(),
        metadata: Default::default(),
    })
}

pub(super) fn tree<'a>(objects: impl IntoIterator<Item = (&'a str, &'a str)>) -> tree::Tree {
    let mut tree = tree::Tree::default();
    objects
        .into_iter()
        .for_each(|(path, content)| tree.insert(path.into(), entry(content)));
    tree
}

pub(super) fn repository() -> Repository {
    Repository::new(RepositoryParams {
        name: "lake".into(),
        storage_namespace: "mem://lake".into(),
        default_branch: "main".into(),
        created: jiff::Timestamp::UNIX_EPOCH,
        read_only: false,
        bare: false,
    })
}

pub(super) fn put(repository: &mut Repository, branch: &str, path: &str, content: &str) {
    assert_eq!(
        repository.put(branch, path.into(), entry(content), false, false),
        Ok(())
    );
}

pub(super) fn commit(
    repository: &mut Repository,
    branch: &str,
    message: &str,
) -> Result<std::sync::Arc<Commit>> {
    let params = CommitParams {
        committer: "admin".into(),
        message: message.into(),
        metadata: Default::default(),
        created: jiff::Timestamp::UNIX_EPOCH,
        allow_empty: false,
        force: false,
    };
    repository.commit_staged(branch, params, || "run".into())
}

fn list(
    repository: &Repository,
    prefix: &str,
    after: &str,
    delimiter: &str,
    amount: usize,
) -> (Vec<String>, bool) {
    let window = Window {
        prefix: prefix.as_bytes(),
        after: after.as_bytes(),
        delimiter: delimiter.as_bytes(),
        amount,
    };
    let page = repository.list_objects("main", &window).unwrap_or(Page {
        items: vec![],
        has_more: false,
    });
    let name = |listed| match listed {
        Listed::Object(path, _) => String::from_utf8_lossy(&path).into_owned(),
        Listed::CommonPrefix(prefix) => String::from_utf8_lossy(&prefix).into_owned(),
    };
    (page.items.into_iter().map(name).collect(), page.has_more)
}

#[test]
fn listings_merge_staged_and_committed_in_byte_order() {
    let mut lake = repository();
    for path in ["a", "a/2", "a-b", "gone", "z"] {
        put(&mut lake, "main", path, path);
    }
    assert!(commit(&mut lake, "main", "half").is_ok());
    for path in ["a/1", "a.txt", "b/"] {
        put(&mut lake, "main", path, path);
    }
    assert_eq!(lake.delete("main", [&b"gone"[..]], false), Ok(()));

    type Case<'a> = (&'a str, &'a str, &'a str, usize, &'a [&'a str], bool);
    let cases: &[Case<'_>] = &[
        (
            "",
            "",
            "",
            100,
            &["a", "a-b", "a.txt", "a/1", "a/2", "b/", "z"],
            false,
        ),
        (
            "",
            "",
            "/",
            100,
            &["a", "a-b", "a.txt", "a/", "b/", "z"],
            false,
        ),
        ("", "a/1", "/", 2, &["a/", "b/"], true),
        ("", "a/", "/", 2, &["b/", "z"], false),
        ("a/", "A", "", 1, &["a/1"], true),
        ("a/", "b", "", 1, &[], false),
        ("a/", "", "/", 2, &["a/1", "a/2"], false),
        ("nope", "", "/", 2, &[], false),
    ];
    for &(prefix, after, delimiter, amount, expected, more) in cases {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(
            list(&lake, prefix, after, delimiter, amount),
            (expected, more),
            "{prefix} {after} {delimiter}"
        );
    }
}

#[test]
fn equal_content_has_an_equal_metarange_however_it_came_about() {
    let one = tree([("a", "1"), ("b", "2")]);
    let mut other = tree([("b", "2"), ("c", "3"), ("a", "0")]);
    other.remove(&"c".into());
    other.insert("a".into(), entry("1"));
    assert_eq!(one.metarange_id(), other.metarange_id());
    assert_ne!(one.metarange_id(), tree([("a", "1")]).metarange_id());
}

#[test]
fn a_write_that_changes_nothing_is_not_a_change() {
    let mut lake = repository();
    put(&mut lake, "main", "a", "1");
    assert!(commit(&mut lake, "main", "first").is_ok());
    put(&mut lake, "main", "a", "1");
    put(&mut lake, "main", "new", "1");
    assert_eq!(lake.delete("main", [&b"new"[..]], false), Ok(()));

    let refused = commit(&mut lake, "main", "nothing");
    assert_eq!(
        refused.map(drop),
        Err(Error::new(ErrorKind::Invalid, "commit: no changes"))
    );
}

#[test]
fn references_resolve_as_recorded() {
    let mut lake = repository();
    put(&mut lake, "main", "a", "1");
    let first = commit(&mut lake, "main", "first").map(|commit| commit.id.clone());
    let Ok(first) = first else { return };
    assert_eq!(lake.create_tag("t", "main", false), Ok(first.clone()));
    put(&mut lake, "main", "a", "2");
    assert!(commit(&mut lake, "main", "second").is_ok());

    for good in [
        "t",
        "main~1",
        "main^",
        "main~1^0",
        &first.as_str()[..10],
        first.as_str(),
    ] {
        assert_eq!(
            lake.resolve_commit(good).map(|commit| commit.id.clone()),
            Ok(first.clone()),
            "{good}"
        );
    }
    for (bad, message) in [
        ("main~9", "not found"),
        ("main^2", "ref: invalid value: validation error"),
        ("t@", "ref: invalid value: validation error"),
        (
            "main$",
            "ref: invalid value: validation error: should point to a commit",
        ),
        ("nope", "not found"),
    ] {
        let refused = lake.resolve_commit(bad).map(drop);
        assert_eq!(
            refused.map_err(|error| error.message),
            Err(message.to_owned()),
            "{bad}"
        );
    }
}

/// Paths that crowd around the delimiter, where listings go wrong.
fn paths() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[ab/0-]{1,5}", 0..40)
}

/// A tree of few paths with few contents, so that two of them often collide.
fn small_tree() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-e]", "[0-2]", 0..5)
}

fn tree_of(objects: &BTreeMap<String, String>) -> tree::Tree {
    tree(
        objects
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_str())),
    )
}

proptest! {
    /// A client that follows `next_offset` sees every name once, whatever the size of a page.
    #[test]
    fn pages_add_up_to_the_whole_listing(
        committed in paths(), staged in paths(), deleted in paths(),
        prefix in "[ab/]{0,2}", delimiter in "|/|b", amount in 1_usize..5,
    ) {
        let mut lake = repository();
        committed.iter().for_each(|path| put(&mut lake, "main", path, path));
        let _ = commit(&mut lake, "main", "committed");
        staged.iter().for_each(|path| put(&mut lake, "main", path, path));
        prop_assert_eq!(lake.delete("main", deleted.iter().map(String::as_bytes), false), Ok(()));

        let visible = committed.union(&staged).filter(|path| !deleted.contains(*path));
        let names: BTreeSet<String> = visible
            .filter_map(|path| {
                let rest = path.strip_prefix(&prefix)?;
                Some(match rest.find(&delimiter).filter(|_| !delimiter.is_empty()) {
                    Some(end) => format!("{prefix}{}{delimiter}", &rest[..end]),
                    None => path.clone(),
                })
            })
            .collect();
        let whole: BTreeSet<String> = list(&lake, &prefix, "", &delimiter, 1000).0.into_iter().collect();
        let mut paged: Vec<String> = Vec::new();
        loop {
            let after = paged.last().cloned().unwrap_or_default();
            let (page, more) = list(&lake, &prefix, &after, &delimiter, amount);
            prop_assert!(!more || page.len() == amount);
            paged.extend(page);
            if !more {
                break;
            }
        }
        prop_assert_eq!(&paged.iter().cloned().collect::<BTreeSet<_>>(), &whole);
        prop_assert_eq!(paged.len(), whole.len());
        prop_assert_eq!(&names, &whole);
    }

    /// Who looks at the three-dot diff before merging is not surprised.
    #[test]
    fn a_diff_foretells_the_merge(base in small_tree(), left in small_tree(), right in small_tree()) {
        let mut lake = repository();
        let fill = |lake: &mut Repository, branch: &str, objects: &BTreeMap<String, String>| {
            let all: Vec<String> = ('a'..='e').map(String::from).collect();
            let _ = lake.delete(branch, all.iter().map(String::as_bytes), false);
            objects.iter().for_each(|(path, content)| put(lake, branch, path, content));
            let _ = commit(lake, branch, branch);
        };
        fill(&mut lake, "main", &base);
        prop_assert!(lake.create_branch("side", "main", false, false).is_ok());
        fill(&mut lake, "main", &left);
        fill(&mut lake, "side", &right);

        let window = Window { prefix: b"", after: b"", delimiter: b"", amount: 100 };
        let rows = lake.diff_three_dot("main", "side", &window).map(|page| page.items).unwrap_or_default();
        let mut conflict = false;
        let mut foretold = tree_of(&left);
        for row in rows {
            match row {
                DiffRow::Object { kind: DiffKind::Conflict, .. } => conflict = true,
                DiffRow::Object { path, kind: DiffKind::Removed, .. } => foretold.remove(&path),
                DiffRow::Object { path, entry: Some(entry), .. } => foretold.insert(path, entry),
                DiffRow::Object { .. } | DiffRow::CommonPrefix(_) => {}
            }
        }
        let params = MergeParams {
            commit: CommitParams {
                committer: "admin".into(),
                message: "merge".into(),
                metadata: Default::default(),
                created: jiff::Timestamp::UNIX_EPOCH,
                allow_empty: true,
                force: false,
            },
            strategy: super::Strategy::None,
            squash: false,
        };
        match lake.merge("side", "main", params) {
            Ok(commit) => {
                let merged = lake.commit(commit.as_str()).map(|commit| commit.tree.metarange_id());
                prop_assert!(!conflict);
                prop_assert_eq!(merged, Ok(foretold.metarange_id()));
            }
            Err(error) => prop_assert!(conflict && error.kind == ErrorKind::Conflict, "{}", error.message),
        }
    }
}
