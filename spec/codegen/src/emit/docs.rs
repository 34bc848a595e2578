//! Prose → doc comments.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Operation, Output, Repeat};

const WIDTH: usize = 112;

/// `///` lines, wrapped; paragraphs stay apart and lists stay lists.
pub fn doc(text: &str) -> TokenStream {
    let lines = wrap(text).into_iter().map(|line| {
        if line.is_empty() {
            line
        } else {
            format!(" {line}")
        }
    });
    quote! { #(#[doc = #lines])* }
}

/// `//!` lines.
pub fn inner(text: &str) -> TokenStream {
    let lines = wrap(text).into_iter().map(|line| {
        if line.is_empty() {
            line
        } else {
            format!(" {line}")
        }
    });
    quote! { #(#![doc = #lines])* }
}

/// The first sentence as a paragraph of its own, the rest after it, as rustdoc's summaries want it.
pub fn item(text: &str) -> TokenStream {
    match text.split_once(". ") {
        Some((first, rest)) if !first.ends_with("e.g") && !first.ends_with("i.e") => {
            doc(&format!("{first}.\n\n{rest}"))
        }
        _ => doc(text),
    }
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let hang = if paragraph.starts_with("- ") {
            "  "
        } else {
            ""
        };
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                lines.push(std::mem::replace(&mut line, hang.to_owned()));
            }
            if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Where an operation comes from, and whether it may be repeated.
pub fn source(operation: &Operation) -> String {
    let repeat = match operation.repeat {
        Repeat::Safe => "changes nothing, so it is retried",
        Repeat::Idempotent => "twice is like once, so it is retried",
        Repeat::Once => "not repeated when it may have been done",
    };
    let access = if operation.authenticated {
        ""
    } else {
        "; sent without credentials"
    };
    format!(
        "`{} {}` (operation `{}`); {repeat}{access}.",
        operation.http_method, operation.path, operation.id
    )
}

/// The text of a method of `Client`.
pub fn method(operation: &Operation) -> String {
    let mut text = operation.summary.clone();
    if !operation.description.is_empty() {
        text.push_str("\n\n");
        text.push_str(&operation.description);
    }
    if let Output::Own { doc: Some(doc), .. } = &operation.output {
        text.push_str(&format!("\n\nAnswers: {doc}"));
    }
    text.push_str("\n\n");
    text.push_str(&source(operation));
    let inputs: Vec<_> = operation
        .inputs
        .iter()
        .filter(|input| input.required)
        .collect();
    if !inputs.is_empty() {
        text.push_str("\n\n# Arguments\n");
        for input in inputs {
            text.push_str(&format!("\n- `{}`: {}", input.rust, input.doc));
        }
    }
    text.push_str("\n\n# Errors\n");
    let mut known = operation.failures.clone();
    if operation.authenticated && known.iter().all(|(status, _)| *status != 401) {
        known.push((
            401,
            "The credentials are missing or wrong, or a permission is missing.".into(),
        ));
    }
    for (status, meaning) in &known {
        text.push_str(&format!("\n- {status}, {}: {meaning}", predicate(*status)));
    }
    text.push_str("\n- Besides: whatever keeps a call from being made or answered, see [`Error`](crate::Error).");
    text
}

fn predicate(status: u16) -> String {
    let names: &[&str] = match status {
        401 => &["is_unauthenticated", "is_permission_denied"],
        403 => &["is_permission_denied"],
        404 => &["is_not_found"],
        409 => &["is_conflict"],
        410 => &["is_gone"],
        412 => &["is_precondition_failed"],
        420 | 423 => &["is_throttled"],
        _ => &["is_bad_request"],
    };
    let links: Vec<_> = names
        .iter()
        .map(|name| format!("[`{name}`](crate::Error::{name})"))
        .collect();
    links.join(" or ")
}
