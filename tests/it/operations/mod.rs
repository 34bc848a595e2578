//! Every operation's request is what `spec/lakefs.yaml` asks for.
//!
//! The generator reads the same document, so these tests do without it: [`calls`] says by hand what goes in and what
//! JSON must come out, [`spec`] reads the document anew, [`checker`] holds the request against both, [`schema`] validates
//! bodies. [`faults`] shows that the checker can fail, and [`refused`] has what must not leave at all.

use std::collections::BTreeMap;

use lakefs_sdk::{Client, testing::MemoryLakeFs};

use self::{checker::Fill, spec::Spec};

mod calls;
mod checker;
mod faults;
mod mocked;
mod refused;
mod schema;
mod spec;

fn client() -> Client {
    Client::new(MemoryLakeFs::new())
}

/// A value in the wrong place, or encoded in the wrong way, reads or overwrites something else.
#[test]
fn every_request_is_what_the_document_asks_for() {
    let spec = Spec::read().unwrap();
    let faults: Vec<String> = calls::all(&client())
        .iter()
        .flat_map(|sent| {
            let faults = spec.faults(sent).into_iter();
            faults.map(|fault| format!("{} ({:?}): {fault}", sent.id, sent.fill))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// An operation that these tests leave out is one that nobody has checked.
#[test]
fn every_operation_is_called_with_the_least_and_with_everything() {
    let spec = Spec::read().unwrap();
    let ids = spec.ids();
    assert_eq!(ids.len(), 134);
    let mut called: BTreeMap<&str, Vec<Fill>> = BTreeMap::new();
    for sent in calls::all(&client()) {
        called.entry(sent.id).or_default().push(sent.fill);
    }
    for id in &ids {
        assert_eq!(
            called.remove(id),
            Some(vec![Fill::Required, Fill::Everything]),
            "{id}"
        );
    }
    assert!(called.is_empty(), "not in the document: {called:?}");
}
