//! Any tree, on a bad way: it arrives as it is, or the report says what did not. Never silence.
#![expect(
    clippy::unwrap_used,
    reason = "what a test does with its trees may fail it"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use lakefs_sdk::{
    Client, Result,
    models::RepositoryCreation,
    testing::{BlockStore, Fault, FaultLayer, MemoryLakeFs},
    transfer::{
        Mode, Transfer,
        directory::{Action, Report},
    },
};
use proptest::{collection::vec, prelude::*, sample::select};
use tower::Layer as _;
use walkdir::WalkDir;

use super::tree::HERE;

/// What names are made of.
const PIECES: &[&str] = &[
    "a", "b", "A", "é", "e\u{301}", "日", "😀", " ", "%", "%2F", "+", "#", "?", "&", "=", "..",
    ".", "-", "~", "*", "[", "]", "{", "\\", "'", "\"", "$", ";", ":", "\n", "\u{7f}", "lakefs:",
];

/// What a file is, of which its content follows, so that no two of one size and time differ.
type Facts = (usize, u64);
type Tree = BTreeMap<String, Facts>;
type Contents = BTreeMap<String, (Vec<u8>, i64)>;

fn name() -> impl Strategy<Value = String> {
    let name = vec(select(PIECES), 1..4).prop_map(|pieces| pieces.concat());
    name.prop_filter("a name", |name| name != "." && name != "..")
}

/// A tree of files; what cannot be beside each other is left out.
fn trees() -> impl Strategy<Value = Tree> {
    let size = prop_oneof![3 => 0..200_usize, 1 => 0..65_537_usize];
    // Few names, so that paths meet: those of a tree, and those of one tree and the next.
    let name = prop_oneof![2 => select(&["a", "b", "ü "][..]).prop_map(str::to_owned), 1 => name()];
    let path = vec(name, 1..=4).prop_map(|names| names.join("/"));
    vec((path, (size, 0..3_u64)), 1..24).prop_map(|files| {
        let mut tree = Tree::new();
        for (path, facts) in files {
            let below = format!("{path}/");
            let meets = |other: &String| {
                path.starts_with(&format!("{other}/")) || other.starts_with(&below)
            };
            if !tree.keys().any(meets) {
                tree.insert(path, facts);
            }
        }
        tree
    })
}

fn content(path: &str, (size, time): Facts) -> Vec<u8> {
    let seed = path.bytes().fold(time ^ size as u64, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    let mut content = vec![0; size];
    fastrand::Rng::with_seed(seed).fill(&mut content);
    content
}

/// Makes the directory that of the tree.
fn plant(root: &Path, tree: &Tree) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }
    for (path, facts) in tree {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content(path, *facts)).unwrap();
        let file = fs::File::options().write(true).open(file).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_600_000_000 + facts.1);
        file.set_modified(time).unwrap();
    }
}

fn expected(tree: &Tree) -> Contents {
    let files = tree.iter().map(|(path, facts)| {
        let time = 1_600_000_000 + facts.1 as i64;
        (path.clone(), (content(path, *facts), time))
    });
    files.collect()
}

fn local(root: &Path) -> Contents {
    let files = WalkDir::new(root).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    let contents = files.map(|entry| {
        let path = entry.path().strip_prefix(root).unwrap();
        let modified = entry.metadata().unwrap().modified().unwrap();
        let time = modified.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let content = fs::read(entry.path()).unwrap();
        (path.to_str().unwrap().to_owned(), (content, time))
    });
    contents.collect()
}

async fn remote(client: &Client) -> Contents {
    let call = client.list_objects("lake", "main").prefix("data/");
    let objects = call.user_metadata(true).items().collect().await.unwrap();
    let mut contents = Contents::new();
    for object in objects {
        let read = client.get_object("lake", "main", &*object.path);
        let content = read.await.unwrap().bytes().await.unwrap().to_vec();
        let time = object.metadata.unwrap()["::lakefs::client-mtime"].parse();
        let path = object.path.strip_prefix("data/").unwrap().to_owned();
        contents.insert(path, (content, time.unwrap()));
    }
    contents
}

/// What is done is there, what is not is told. Answers the paths that are done.
fn check(outcome: Result<Report>, wanted: &Contents, found: &Contents) -> BTreeSet<String> {
    let Ok(report) = outcome else {
        return BTreeSet::new();
    };
    let problems = report.problems().map(|step| &step.path);
    let told: BTreeSet<_> = report
        .failed
        .iter()
        .map(|failure| &failure.path)
        .chain(problems)
        .collect();
    for (path, file) in wanted {
        assert!(
            told.contains(path) || found.get(path) == Some(file),
            "{path:?} in {report:?}"
        );
    }
    if report.is_complete() {
        assert_eq!(wanted, found);
    }
    let moved = report
        .done
        .iter()
        .filter(|step| step.action != Action::Delete);
    moved.map(|step| step.path.clone()).collect()
}

/// The rest, when the way is good: all is done then, and nothing twice.
fn finished(
    outcome: Result<Report>,
    before: &BTreeSet<String>,
    wanted: &Contents,
    found: &Contents,
) {
    let report = outcome.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let again: Vec<_> = report
        .done
        .iter()
        .filter(|step| before.contains(&step.path))
        .collect();
    assert!(again.is_empty(), "{again:?}");
    assert_eq!(wanted, found);
}

async fn travel(presigned: bool, mode: Mode, seed: u64, first: &Tree, second: &Tree) {
    let store = match presigned {
        true => (BlockStore::S3, "s3://bucket/lake"),
        false => (BlockStore::Any, "mem://lake"),
    };
    let lakefs = MemoryLakeFs::builder().block_store(store.0).build();
    let plain = Client::new(lakefs.clone());
    let creation = RepositoryCreation::new("lake", store.1);
    plain.create_repository(creation).await.unwrap();
    let faults = FaultLayer::new(seed)
        .chance(0.1, Fault::ResetBefore)
        .chance(0.1, Fault::ResetAfter)
        .chance(0.2, Fault::status(503))
        .chance(0.05, Fault::latency(Duration::from_secs(40)));
    let faulty = Client::new(faults.layer(lakefs)).transfer().mode(mode);
    let good = plain.transfer().mode(mode);
    let (root, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    for (tree, delete) in [(first, false), (second, true)] {
        plant(root.path(), tree);
        let wanted = expected(tree);
        let up = |way: &Transfer| {
            let upload = way.upload_directory(root.path(), HERE);
            upload.delete_extraneous(delete)
        };
        let outcome = up(&faulty).await;
        let before = check(outcome, &wanted, &remote(&plain).await);
        let outcome = up(&good).await;
        finished(outcome, &before, &wanted, &remote(&plain).await);
        assert_eq!(local(root.path()), wanted, "what goes up stays as it is");

        let down = |way: &Transfer| {
            let download = way.download_directory(HERE, copy.path());
            download.delete_extraneous(delete)
        };
        let outcome = down(&faulty).await;
        let before = check(outcome, &wanted, &local(copy.path()));
        let outcome = down(&good).await;
        finished(outcome, &before, &wanted, &local(copy.path()));
        assert!(down(&good).plan().await.unwrap().is_empty());
        assert!(up(&good).plan().await.unwrap().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A file that is missing in a copy of thousands is found when it is needed.
    #[test]
    fn trees_arrive_identical_or_it_is_told_what_did_not(
        first in trees(),
        second in trees(),
        presigned in any::<bool>(),
        insist in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mode = match (presigned, insist) {
            (true, true) => Mode::Presigned,
            (false, true) => Mode::Direct,
            _ => Mode::Auto,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(travel(presigned, mode, seed, &first, &second));
    }
}
