//! What is planned, from plain data.

use super::*;

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

const LINUX: Naming = Naming {
    windows: false,
    folds_case: false,
};
const MAC: Naming = Naming {
    windows: false,
    folds_case: true,
};

const LINK: walk::Other = walk::Other {
    reason: Reason::SymbolicLink,
    counts: true,
};

fn file(size: u64, modified: i64) -> LocalFile {
    LocalFile { size, modified }
}

fn object(size: u64, modified: i64) -> RemoteObject {
    RemoteObject {
        size,
        modified,
        checksum: MD5.to_owned(),
        metadata: BTreeMap::new(),
        content_type: None,
    }
}

fn local<const N: usize>(files: [(&str, LocalFile); N]) -> Local {
    Local {
        files: files.map(|(path, file)| (path.to_owned(), file)).into(),
        ..Local::default()
    }
}

fn remote<const N: usize>(objects: [(&str, RemoteObject); N]) -> BTreeMap<String, RemoteObject> {
    objects
        .map(|(path, object)| (path.to_owned(), object))
        .into()
}

fn steps(plan: &Plan) -> Vec<(&str, Action, Reason)> {
    let steps = plan.steps.iter();
    steps
        .map(|step| (&*step.path, step.action, step.reason))
        .collect()
}

#[test]
fn files_are_compared_by_size_then_time_or_checksum() {
    let unknown = RemoteObject {
        checksum: "0x8DC9F1A2B3C4D5E".to_owned(),
        ..object(1, 7)
    };
    for (file, object, how, expected) in [
        (
            file(1, 7),
            object(1, 7),
            Compare::SizeAndTime,
            Verdict::Same,
        ),
        (
            file(2, 7),
            object(1, 7),
            Compare::SizeAndTime,
            Verdict::Differs(Reason::SizeDiffers),
        ),
        (
            file(1, 8),
            object(1, 7),
            Compare::SizeAndTime,
            Verdict::Differs(Reason::TimeDiffers),
        ),
        (
            file(1, 6),
            object(1, 7),
            Compare::SizeAndTime,
            Verdict::Differs(Reason::TimeDiffers),
        ),
        (
            file(1, 8),
            object(1, 7),
            Compare::Checksum,
            Verdict::AskChecksum,
        ),
        (
            file(2, 7),
            object(1, 7),
            Compare::Checksum,
            Verdict::Differs(Reason::SizeDiffers),
        ),
        (
            file(1, 7),
            unknown,
            Compare::Checksum,
            Verdict::Differs(Reason::ChecksumUnknown),
        ),
    ] {
        assert_eq!(
            compare(&file, &object, how),
            expected,
            "{file:?} {object:?} {how:?}"
        );
    }
}

#[test]
fn an_upload_sends_what_is_new_or_differs_and_deletes_only_when_told() {
    let local = local([("a", file(1, 1)), ("b", file(2, 2)), ("c", file(3, 3))]);
    let remote = remote([
        ("b", object(2, 2)),
        ("c", object(3, 9)),
        ("d", object(4, 4)),
        ("e/", object(0, 0)),
    ]);
    let verdicts = Verdicts::from([("c".to_owned(), Verdict::Differs(Reason::TimeDiffers))]);

    let plan = upload(&local, &remote, &verdicts, false);
    let changes = [
        ("a", Action::Upload, Reason::New),
        ("b", Action::Skip, Reason::Same),
        ("c", Action::Upload, Reason::TimeDiffers),
    ];
    assert_eq!(steps(&plan), changes);
    assert_eq!(plan.bytes(), 4);

    let plan = upload(&local, &remote, &verdicts, true);
    let deletes = [
        ("d", Action::Delete, Reason::Extraneous),
        ("e/", Action::Skip, Reason::DirectoryMarker),
    ];
    assert_eq!(steps(&plan), [&changes[..], &deletes].concat());
    assert_eq!(plan.bytes(), 4);
    assert!(
        plan.to_string()
            .contains("delete   d (not in the source)\n"),
        "{plan}"
    );
}

/// A directory that could not be read has files that are not known, not files that are gone.
#[test]
fn nothing_is_deleted_for_what_could_not_be_read() {
    let mut local = local([]);
    local.failed.push((
        "x".to_owned(),
        crate::Error::invalid_input("permission denied"),
    ));
    local.others.insert("link".to_owned(), LINK);
    let remote = remote([("x/a", object(1, 1)), ("link/b", object(1, 1))]);

    let plan = upload(&local, &remote, &Verdicts::new(), true);
    assert_eq!(
        steps(&plan),
        [
            ("link", Action::Skip, Reason::SymbolicLink),
            ("x/a", Action::Skip, Reason::Withheld)
        ]
    );
}

#[test]
fn a_download_refuses_what_cannot_be_a_file_here() {
    let objects = ["../a", "A", "a", "d", "d/e", "f/", "link/x", "n"];
    let mut remote = remote(objects.map(|path| (path, object(1, 1))));
    remote.insert("m/".to_owned(), object(0, 1));
    let mut local = local([("old", file(1, 1))]);
    local.others.insert("link".to_owned(), LINK);

    let plan = download(&remote, &local, &Verdicts::new(), true, MAC);
    assert_eq!(
        steps(&plan),
        [
            (
                "../a",
                Action::Skip,
                Reason::UnsafeName("has a part `.` or `..`")
            ),
            ("A", Action::Skip, Reason::CaseCollision),
            ("a", Action::Skip, Reason::CaseCollision),
            ("d", Action::Skip, Reason::AlsoDirectory),
            ("d/e", Action::Download, Reason::New),
            ("f/", Action::Skip, Reason::UnsafeName("ends in a slash")),
            ("link/x", Action::Skip, Reason::SymbolicLink),
            ("m/", Action::Skip, Reason::DirectoryMarker),
            ("n", Action::Download, Reason::New),
            ("old", Action::Delete, Reason::Extraneous),
        ]
    );
    let on_linux = download(&remote, &local, &Verdicts::new(), true, LINUX);
    assert_eq!(on_linux.changes().count(), 5);
}

/// On a file system that folds case, `a` is the file of the object `A`.
#[test]
fn a_file_that_an_object_stands_for_in_another_case_is_not_deleted() {
    let remote = remote([("A", object(1, 1))]);
    let plan = download(
        &remote,
        &local([("a", file(1, 1))]),
        &Verdicts::new(),
        true,
        MAC,
    );
    assert_eq!(steps(&plan), [("A", Action::Download, Reason::New)]);
}

/// A file became a directory, and another directory a file: a mirror would never get there.
#[test]
fn what_is_in_the_way_is_deleted_where_that_is_allowed_and_told_otherwise() {
    let remote = remote([("a/b", object(1, 1)), ("c", object(1, 1))]);
    let local = local([("a", file(1, 1)), ("c/d", file(1, 1)), ("e", file(1, 1))]);

    let plan = download(&remote, &local, &Verdicts::new(), true, LINUX);
    assert_eq!(
        steps(&plan),
        [
            ("a", Action::Delete, Reason::InTheWay),
            ("a/b", Action::Download, Reason::New),
            ("c", Action::Download, Reason::New),
            ("c/d", Action::Delete, Reason::InTheWay),
            ("e", Action::Delete, Reason::Extraneous),
        ]
    );
    let plan = download(&remote, &local, &Verdicts::new(), false, LINUX);
    assert_eq!(
        steps(&plan),
        [
            ("a/b", Action::Skip, Reason::InTheWay),
            ("c", Action::Skip, Reason::InTheWay),
        ]
    );
    assert!(plan.steps.iter().all(|step| step.reason.is_problem()));
}

#[test]
fn what_a_killed_download_left_is_not_uploaded() {
    let leftover = "a/.lakefs-0123456789abcdef.part";
    let local = local([(leftover, file(1, 1)), (".lakefs-mine.part", file(1, 1))]);
    let plan = upload(&local, &remote([]), &Verdicts::new(), true);
    assert_eq!(
        steps(&plan),
        [
            (".lakefs-mine.part", Action::Upload, Reason::New),
            (leftover, Action::Skip, Reason::Leftover),
        ]
    );
}

/// A name with a line break or an escape in it would write what it likes into a log or a terminal.
#[test]
fn a_line_shows_control_characters_escaped() {
    let step = Step::new("a\ndelete   b\u{1b}[2J", Action::Skip, Reason::Same, 1);
    assert_eq!(
        step.to_string(),
        r#"skip     "a\ndelete   b\u{1b}[2J" (unchanged)"#
    );
}
