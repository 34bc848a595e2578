//! YAML → [`model`](crate::model). Stops on everything that it does not know, naming where it stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use heck::ToSnakeCase;
use openapiv3::{OpenAPI, ReferenceOr};
use yaml_serde::Value;

use crate::{Result, model::*, overlay::Overlay};

mod operations;
mod schemas;

/// Settings of `Call` that a parameter must not be named like.
const RESERVED: [&str; 10] = [
    "send",
    "send_response",
    "timeout",
    "header",
    "retry",
    "into_request",
    "pages",
    "items",
    "operation",
    "client",
];

/// Reads a document and its overlay.
///
/// # Errors
///
/// When one of them cannot be read, or says something that the generator does not know.
pub fn read(document: &Path, overlay: &Path) -> Result<Api> {
    let text = fs::read_to_string(document)?;
    let reader = Reader {
        api: yaml_serde::from_str(&text)?,
        raw: yaml_serde::from_str(&text)?,
        overlay: yaml_serde::from_str(&fs::read_to_string(overlay)?)?,
        enums: BTreeMap::new(),
        used: BTreeSet::new(),
    };
    reader.read()
}

struct Reader {
    api: OpenAPI,
    /// The same document untyped, for the descriptions beside a `$ref`, which OpenAPI 3.0 drops.
    raw: Value,
    overlay: Overlay,
    enums: BTreeMap<String, Enum>,
    /// What the overlay was asked for, to notice entries that mean nothing.
    used: BTreeSet<String>,
}

impl Reader {
    fn read(mut self) -> Result<Api> {
        let mut groups: Vec<Group> = self
            .overlay
            .groups
            .iter()
            .map(|(tag, doc)| Group {
                tag: tag.clone(),
                module: tag.to_snake_case(),
                doc: doc.clone(),
                operations: Vec::new(),
                models: Vec::new(),
            })
            .collect();
        let mut requests = BTreeSet::new();
        let paths = self.api.paths.paths.clone();
        for (path, item) in &paths {
            let ReferenceOr::Item(item) = item else {
                return Err(format!("{path}: a path that is a reference").into());
            };
            for (method, operation) in item.iter() {
                let id = operation
                    .operation_id
                    .clone()
                    .ok_or_else(|| format!("{method} {path}: no operationId"))?;
                let parameters: Vec<_> = item
                    .parameters
                    .iter()
                    .chain(&operation.parameters)
                    .cloned()
                    .collect();
                let operation_read = self
                    .operation(&id, method, path, operation, &parameters)
                    .map_err(|error| format!("{id}: {error}"))?;
                for input in &operation_read.inputs {
                    self.reach(&input.ty, &mut requests)?;
                }
                let group = groups
                    .iter_mut()
                    .find(|group| operation.tags.contains(&group.tag))
                    .ok_or_else(|| format!("{id}: none of its tags is a group of the overlay"))?;
                group.operations.push(Operation {
                    tag: group.tag.clone(),
                    ..operation_read
                });
            }
        }
        self.models(&mut groups, &requests)?;
        let api = Api {
            groups,
            enums: self.enums,
        };
        unknown("operations", self.overlay.operations.keys(), &self.used)?;
        unknown("statuses", self.overlay.statuses.keys(), &self.used)?;
        unknown("enums", self.overlay.enums.keys(), &self.used)?;
        for (section, names) in [
            ("unix_seconds", &self.overlay.unix_seconds),
            ("secrets", &self.overlay.secrets),
            ("presigned", &self.overlay.presigned),
            ("lenient", &self.overlay.lenient),
            ("maps", &self.overlay.maps),
        ] {
            unknown(section, names.iter(), &self.used)?;
        }
        Ok(api)
    }

    // ===== names =====

    fn words(&self, name: &str) -> String {
        self.overlay
            .words
            .iter()
            .fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
    }

    fn name(&self, wire: &str) -> String {
        self.overlay
            .names
            .get(wire)
            .cloned()
            .unwrap_or_else(|| self.words(wire).to_snake_case())
    }
}

fn last(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

fn unknown<'n>(
    section: &str,
    names: impl Iterator<Item = &'n String>,
    used: &BTreeSet<String>,
) -> Result<()> {
    let unknown: Vec<_> = names
        .filter(|name| !used.contains(*name))
        .cloned()
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "the overlay's `{section}` has entries that mean nothing: {}",
            unknown.join(", ")
        )
        .into())
    }
}
