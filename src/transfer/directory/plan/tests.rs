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
        checksum: "d41d8cd98f00b204e9800998ecf8427e-3".to_owned(),
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
    local.others.insert("link".to_owned(), Reason::SymbolicLink);
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
    let objects = ["../a", "A", "a", "d", "d/e", "m/", "link/x", "n"];
    let remote = remote(objects.map(|path| (path, object(1, 1))));
    let mut local = local([("old", file(1, 1))]);
    local.others.insert("link".to_owned(), Reason::SymbolicLink);

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
