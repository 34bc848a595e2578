//! What is done to a few objects costs the same, however many others there are.

use super::entry::COMPARISONS;
use super::tests::{commit, put, repository};
use super::{MergeParams, Repository, Strategy, Window};

const OBJECTS: usize = 50_000;
const CHANGES: usize = 10;

/// A walk through all objects would compare all of them.
const MAY_COMPARE: usize = 2_000;

fn path(number: usize) -> String {
    format!("table/{number:06}")
}

/// Many objects on `main`, and a branch that has changed a few, removed a few and added a few.
fn parted() -> Repository {
    let mut lake = repository();
    for number in 0..OBJECTS {
        put(&mut lake, "main", &path(number), "old");
    }
    commit(&mut lake, "main", "fill").unwrap();
    lake.create_branch("draft", "main", false, false).unwrap();
    let step = OBJECTS / CHANGES;
    for number in (0..OBJECTS).step_by(step) {
        put(&mut lake, "draft", &path(number), "new");
        put(&mut lake, "draft", &(path(number + 1) + "/added"), "new");
        let removed = path(number + 2);
        lake.delete("draft", [removed.as_bytes()], false).unwrap();
    }
    lake
}

fn compared<T>(act: impl FnOnce() -> T) -> (T, usize) {
    let before = COMPARISONS.get();
    let result = act();
    (result, COMPARISONS.get() - before)
}

#[test]
fn a_commit_a_diff_and_a_merge_of_few_changes_do_not_walk_through_the_rest() {
    let mut lake = parted();
    let window = Window {
        prefix: b"",
        after: b"",
        delimiter: b"",
        amount: 1000,
    };
    let mut costs = Vec::new();
    let (committed, cost) = compared(|| commit(&mut lake, "draft", "change"));
    costs.push(("commit", cost));
    let params = MergeParams {
        commit: super::CommitParams {
            committer: String::new(),
            message: String::new(),
            metadata: Default::default(),
            created: jiff::Timestamp::UNIX_EPOCH,
            allow_empty: false,
            force: false,
        },
        strategy: Strategy::None,
        squash: false,
    };
    let head = committed.unwrap().id.to_string();
    // The other side has moved much further.
    for number in 0..OBJECTS / 2 {
        put(&mut lake, "main", &format!("other/{number:06}"), "new");
    }
    commit(&mut lake, "main", "move on").unwrap();

    let (page, cost) = compared(|| lake.diff_three_dot("main", "draft", &window).unwrap());
    assert_eq!(page.items.len(), 3 * CHANGES);
    costs.push(("three-dot diff", cost));
    let (page, cost) = compared(|| lake.diff_two_dot(&format!("{head}~1"), "draft", &window));
    assert_eq!(page.unwrap().items.len(), 3 * CHANGES);
    costs.push(("two-dot diff", cost));
    let (merged, cost) = compared(|| lake.merge("draft", "main", params));
    merged.unwrap();
    costs.push(("merge", cost));
    assert!(
        costs.iter().all(|(_, cost)| *cost < MAY_COMPARE),
        "{costs:?}"
    );
}
