//! File systems to which names that differ are one: a hard link, made at the right moment, is what they look like.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{fs, path::Path, sync::Mutex};

use lakefs_sdk::{
    Client,
    transfer::{
        Transfer,
        directory::{Action, Reason},
        progress::Event,
    },
};

use super::tree::{HERE, done, failed, memory, skipped, tree, write};

/// An e with an accent, in one character and in two.
const ONE: &str = "caf\u{e9}";
const TWO: &str = "cafe\u{301}";

/// Makes a name lead to the file of another one when so many objects are done.
fn meeting(client: &Client, root: &Path, after: usize, file: &str, name: &str) -> Transfer {
    let (file, name) = (root.join(file), root.join(name));
    let left = Mutex::new(after);
    client.transfer().progress(move |event| {
        if matches!(event, Event::ObjectDone { .. }) {
            let mut left = left.lock().unwrap();
            *left = left.wrapping_sub(1);
            if *left == 0 {
                let _ = fs::remove_file(&name);
                fs::hard_link(&file, &name).unwrap();
            }
        }
    })
}

/// A mirror on a disk that does not care how accents are written: it deleted what it had just downloaded.
#[tokio::test]
async fn another_name_of_a_file_that_was_downloaded_is_not_deleted() {
    let client = memory().await.unwrap();
    write(&client, &format!("data/{ONE}"), "new").await;
    let root = tree(&[(TWO, "old"), ("gone", "x")]).unwrap();

    let transfer = meeting(&client, root.path(), 1, ONE, TWO);
    let mirror = transfer.download_directory(HERE, root.path());
    let report = mirror.delete_extraneous(true).await.unwrap();
    assert_eq!(
        done(&report),
        [
            (ONE, Action::Download, Reason::New),
            ("gone", Action::Delete, Reason::Extraneous),
        ]
    );
    assert_eq!(skipped(&report), [(TWO, Reason::SameFile)]);
    assert!(report.is_complete());
    assert_eq!(fs::read(root.path().join(TWO)).unwrap(), b"new");
}

/// Two objects, one file: whichever is written last is there, and nobody knew that the other is not.
#[tokio::test]
async fn objects_that_become_one_file_are_told() {
    let client = memory().await.unwrap();
    for path in [ONE, TWO, "other"] {
        write(&client, &format!("data/{path}"), "new").await;
    }
    let root = tree(&[("extraneous", "x")]).unwrap();
    let transfer = meeting(&client, root.path(), 3, ONE, TWO);
    let mirror = transfer.download_directory(HERE, root.path());
    let report = mirror.delete_extraneous(true).await.unwrap();
    assert_eq!(done(&report), [("other", Action::Download, Reason::New)]);
    assert_eq!(failed(&report), [TWO, ONE]);
    let message = report.failed[0].to_string();
    assert!(message.contains("one of them is written over"), "{message}");
    assert_eq!(skipped(&report), [("extraneous", Reason::Withheld)]);
}

/// The other object was here already, and is not any more.
#[tokio::test]
async fn an_object_that_is_written_over_another_ones_file_is_told() {
    let client = memory().await.unwrap();
    write(&client, &format!("data/{ONE}"), "here").await;
    let root = tree(&[]).unwrap();
    let first = client.transfer().download_directory(HERE, root.path());
    assert!(first.await.unwrap().is_complete());

    write(&client, &format!("data/{TWO}"), "new").await;
    let transfer = meeting(&client, root.path(), 1, TWO, ONE);
    let report = transfer.download_directory(HERE, root.path()).await;
    assert_eq!(failed(&report.unwrap()), [TWO]);
}

/// Files that have two names on purpose are nobody's mistake.
#[tokio::test]
async fn hard_links_that_were_there_are_left_alone() {
    let client = memory().await.unwrap();
    for path in [ONE, TWO] {
        write(&client, &format!("data/{path}"), "same").await;
    }
    let root = tree(&[]).unwrap();
    let download = client.transfer().download_directory(HERE, root.path());
    assert!(download.clone().await.unwrap().is_complete());
    fs::remove_file(root.path().join(TWO)).unwrap();
    for name in [TWO, "extraneous"] {
        fs::hard_link(root.path().join(ONE), root.path().join(name)).unwrap();
    }
    write(&client, "data/\u{fc}", "new").await;

    let report = download.delete_extraneous(true).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(
        done(&report),
        [
            ("extraneous", Action::Delete, Reason::Extraneous),
            ("\u{fc}", Action::Download, Reason::New),
        ]
    );
}
