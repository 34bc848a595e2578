//! What is checked in is what the generator writes, and the document still states what it stated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lakefs_codegen::{Files, Result, facts, generate, root};

/// Code that was changed by hand, or not generated after a change of the spec, would be lost with the next generation.
#[test]
fn src_generated_is_what_the_generator_writes() -> Result<()> {
    let folder = root().join("src/generated");
    let written = generate()?;
    let mut found = Files::new();
    read(&folder, &folder, &mut found)?;
    let stale: Vec<String> = written
        .keys()
        .chain(found.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|path| {
            let problem = match (written.get(path), found.get(path)) {
                (Some(written), Some(found)) if written == found => return None,
                (Some(_), Some(_)) => "differs",
                (Some(_), None) => "is missing",
                (None, _) => "is not generated",
            };
            Some(format!("src/generated/{}: {problem}", path.display()))
        })
        .collect();
    assert!(
        stale.is_empty(),
        "not what the generator writes:\n{}\nTo mend it: cargo run -p lakefs-codegen",
        stale.join("\n")
    );
    Ok(())
}

/// Rewording the document must not lose an operation, a parameter, a bound: what no test would miss, a user does.
#[test]
fn the_document_states_the_facts_in_lakefs_facts() -> Result<()> {
    let spec = root().join("spec");
    let stated = facts::digest(&fs::read_to_string(spec.join("lakefs.yaml"))?)?;
    let known = fs::read_to_string(spec.join("lakefs.facts"))?;
    let changed = changes(&known, &stated);
    assert!(
        changed.is_empty(),
        "spec/lakefs.yaml states other facts than spec/lakefs.facts:\n{}\n\
         Mend the document. If the change is meant: cargo run -p lakefs-codegen -- --facts",
        changed.join("\n")
    );
    Ok(())
}

/// A digest that did not notice a lost bound, or noticed a new description, would be of no use.
#[test]
fn facts_are_digested_and_words_are_not() -> Result<()> {
    let document = |parameter: &str, description: &str| {
        facts::digest(&format!(
            "paths: {{/a: {{get: {{operationId: a, description: {description}, parameters: [{parameter}]}}}}}}\n\
             components: {{schemas: {{S: {{properties: {{description: {{type: string}}}}}}}}, parameters: {{}}, \
             responses: {{}}, securitySchemes: {{}}}}\n"
        ))
    };
    let first = document(
        "{name: amount, in: query, schema: {maximum: 1000}}",
        "some words",
    )?;
    let reworded = document(
        "{in: query, schema: {maximum: 1000}, name: amount}",
        "others",
    )?;
    let loosened = document("{name: amount, in: query, schema: {}}", "some words")?;
    assert_eq!(changes(&first, &reworded), [""; 0]);
    assert_eq!(changes(&first, &loosened), ["operation a: differs"]);
    Ok(())
}

/// The pieces of a document whose lines in two digests differ.
fn changes(known: &str, stated: &str) -> Vec<String> {
    let [known, stated] = [known, stated].map(|digest| {
        let lines = digest.lines().filter_map(|line| line.rsplit_once(' '));
        lines.collect::<BTreeMap<_, _>>()
    });
    let pieces: BTreeSet<_> = known.keys().chain(stated.keys()).collect();
    pieces
        .into_iter()
        .filter_map(|piece| {
            let problem = match (known.get(piece), stated.get(piece)) {
                (Some(known), Some(stated)) if known == stated => return None,
                (Some(_), Some(_)) => "differs",
                (Some(_), None) => "is gone",
                (None, _) => "is new",
            };
            Some(format!("{piece}: {problem}"))
        })
        .collect()
}

/// All files below a folder, by their path in it.
fn read(root: &Path, folder: &Path, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(root, &path, files)?;
        } else {
            files.insert(
                path.strip_prefix(root)?.to_owned(),
                fs::read_to_string(&path)?,
            );
        }
    }
    Ok(())
}
