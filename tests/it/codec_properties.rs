//! What must hold for every value that a caller gives and for every answer that a server, or something before it, sends.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, response::Parts};
use lakefs_sdk::{
    BoxError,
    codec::{Encoder, decode},
    operation::OperationMeta,
};
use proptest::{
    collection::vec, option, prelude::*, sample::select, strategy::ValueTree as _,
    test_runner::TestRunner,
};
use serde_json::{Map, Value, json};

use crate::support::operations::{Decoded, OPERATIONS, operation};

const TWO_PARAMETERS: &OperationMeta = &OperationMeta::new(
    "two",
    Method::GET,
    "/repositories/{repository}/refs/{ref}/objects",
);

/// The most characters that one line of an error has: a quote, and a name and a status around it.
const LINE: usize = 600;

// ===== requests =====

/// Any text, and texts full of what has a meaning in a URL.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a./%2F+&=?#; \\\\\u{e9}]{0,6}"]
}

/// A text that can be a segment of a path.
fn segment() -> impl Strategy<Value = String> {
    text().prop_filter("empty, . and .. are refused", |text| {
        !matches!(text.as_str(), "" | "." | "..")
    })
}

#[derive(Clone, Debug, PartialEq)]
struct Target {
    repository: String,
    reference: String,
    path: String,
    list: Vec<String>,
    after: Option<String>,
}

fn target() -> impl Strategy<Value = Target> {
    let parts = (
        segment(),
        segment(),
        text(),
        vec(text(), 0..4),
        option::of(text()),
    );
    parts.prop_map(|(repository, reference, path, list, after)| Target {
        repository,
        reference,
        path,
        list,
        after,
    })
}

impl Target {
    fn encode(&self) -> lakefs_sdk::Result<String> {
        let request = Encoder::new(TWO_PARAMETERS)
            .path("repository", &self.repository)
            .path("ref", &self.reference)
            .query("path", &self.path)
            .query("list", &self.list)
            .query("after", &self.after)
            .empty()?;
        Ok(request.uri().to_string())
    }

    /// Reads a URI back, and takes nothing that RFC 3986 does not allow.
    fn decode(uri: &str) -> Option<Self> {
        let (path, query) = uri.split_once('?')?;
        let segments: Vec<&str> = path.split('/').collect();
        let ["", "repositories", repository, "refs", reference, "objects"] = segments[..] else {
            return None;
        };
        let mut pairs = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name, unescape(value)?))
        });
        let ("path", path) = pairs.next()?? else {
            return None;
        };
        let (mut list, mut after) = (Vec::new(), None);
        for pair in pairs {
            match pair? {
                ("list", value) if after.is_none() => list.push(value),
                ("after", value) if after.is_none() => after = Some(value),
                _ => return None,
            }
        }
        let (repository, reference) = (unescape(repository)?, unescape(reference)?);
        Some(Self {
            repository,
            reference,
            path,
            list,
            after,
        })
    }
}

/// `None` for anything but unreserved characters and upper-case escapes of UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'%' => {
                let digits = rest.get(..2)?;
                let upper = |digit: &u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
                if !digits.iter().all(upper) {
                    return None;
                }
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = &rest[2..];
            }
            b'-' | b'.' | b'_' | b'~' => bytes.push(*first),
            byte if byte.is_ascii_alphanumeric() => bytes.push(*byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

proptest! {
    /// A name with a slash or a percent sign in it would reach another branch, another object.
    #[test]
    fn a_strict_reader_finds_every_value_in_the_uri(target in target()) {
        let uri = target.encode()?;
        prop_assert_eq!(Target::decode(&uri), Some(target), "{}", uri);
    }

    /// Two objects that share a URI would overwrite each other.
    #[test]
    fn distinct_values_have_distinct_uris(one in target(), other in target()) {
        prop_assert_eq!(one == other, one.encode()? == other.encode()?);
    }

    /// A dot segment, or an empty one, would be normalised away somewhere before the server.
    #[test]
    fn segments_that_change_the_path_are_refused(bad in select(vec!["", ".", ".."]), good in segment()) {
        for (repository, reference) in [(bad, good.as_str()), (good.as_str(), bad)] {
            let encoder = Encoder::new(TWO_PARAMETERS).path("repository", repository);
            let refused = encoder.path("ref", reference).empty();
            prop_assert!(refused.is_err_and(|error| error.is_invalid_input()));
        }
    }
}

// ===== answers =====

/// JSON of any shape whose names are those of the API, so that it gets far into the models.
fn document() -> impl Strategy<Value = Value> {
    let name = select(vec![
        "results",
        "pagination",
        "has_more",
        "next_offset",
        "max_per_page",
        "id",
        "commit_id",
        "path",
        "path_type",
        "physical_address",
        "checksum",
        "mtime",
        "size_bytes",
        "metadata",
        "creation_date",
        "storage_namespace",
        "default_branch",
        "reference",
        "message",
        "type",
        "status",
        "errors",
        "branches",
        "default_retention_days",
        "pattern",
        "user",
        "description",
        "committer",
        "parents",
        "meta_range_id",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        select(vec![
            "object",
            "common_prefix",
            "2024-05-01T12:00:00Z",
            "9999-12-31T23:59:60+14:00"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name.clone(), inner), 0..6).prop_map(|fields| {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                Value::from(fields.collect::<Map<_, _>>())
            }),
        ]
    })
}

/// An entry that is an object, a commit, a branch, a tag and a repository at once, alone and in a page of such.
fn fitting_document() -> impl Strategy<Value = Value> {
    let texts = || vec(text(), 0..3);
    let metadata = option::of(vec((text(), text()), 0..3).prop_map(BTreeMap::from_iter));
    let entry = (
        vec(text(), 12),
        texts(),
        metadata,
        any::<[i64; 5]>(),
        any::<bool>(),
    );
    let entry = entry.prop_map(|(texts, parents, metadata, numbers, flag)| {
        json!({
            "id": texts[0], "commit_id": texts[1], "path": texts[2], "path_type": texts[3],
            "physical_address": texts[4], "checksum": texts[5], "storage_namespace": texts[6],
            "default_branch": texts[7], "message": texts[8], "committer": texts[9], "meta_range_id": texts[10],
            "type": texts[11], "parents": parents, "metadata": metadata, "mtime": numbers[0],
            "size_bytes": numbers[1], "creation_date": numbers[2], "physical_address_expiry": numbers[3],
            "generation": numbers[4], "read_only": flag,
        })
    });
    (vec(entry, 0..3), any::<bool>(), text(), any::<[i64; 2]>()).prop_map(|(entries, more, after, counts)| {
        let mut document = entries.first().cloned().unwrap_or_else(|| json!({}));
        document["pagination"] = json!({
            "has_more": more, "next_offset": after, "results": counts[0], "max_per_page": counts[1],
        });
        document["results"] = entries.into();
        document
    })
}

fn body() -> impl Strategy<Value = Bytes> {
    let long = || {
        prop_oneof![
            text(),
            "[a-z\r\n\t <>&\"\u{85}\u{2028}]{0,900}",
            "\\PC{0,900}"
        ]
    };
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(Bytes::from),
        long().prop_map(Bytes::from),
        document().prop_map(|document| document.to_string().into()),
        fitting_document().prop_map(|document| document.to_string().into()),
        long().prop_map(|message| json!({ "message": message }).to_string().into()),
        (document(), long()).prop_map(|(first, message)| {
            format!("{first}\n{}\n", json!({ "message": message })).into()
        }),
        (long(), long()).prop_map(|(code, message)| {
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>").into()
        }),
        long().prop_map(|title| format!("<!DOCTYPE html><title>{title}</title>").into()),
    ]
}

fn parts() -> impl Strategy<Value = Parts> {
    let status = prop_oneof![
        100_u16..=999,
        Just(200),
        Just(201),
        Just(206),
        Just(302),
        Just(409)
    ];
    let value = || {
        let bytes = prop_oneof![
            vec(any::<u8>(), 0..20),
            select(vec![
                "application/json",
                "text/html; charset=utf-8",
                "text/plain",
                "3",
                "-1",
                "99999999999999999999"
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        bytes.prop_filter_map("not a header's value", |bytes| {
            HeaderValue::from_bytes(&bytes).ok()
        })
    };
    let name = select(vec![
        "content-type",
        "content-length",
        "content-range",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "x-request-id",
        "x-lakefs-meta-a",
    ]);
    let headers = vec((name, value()), 0..6);
    (status, headers).prop_filter_map("not a response", |(status, headers)| {
        let response = Response::builder().status(status);
        let response = headers
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.header(name, value)
            });
        Some(response.body(()).ok()?.into_parts().0)
    })
}

proptest! {
    /// A proxy's odd answer must become an error of one call, never a panic that takes the program along.
    #[test]
    fn no_answer_makes_an_operation_panic(parts in parts(), body in body()) {
        for operation in OPERATIONS {
            let decoded = (operation.decode)(parts.clone(), body.clone());
            if let Err(error) = &decoded {
                prop_assert_eq!(error.status(), Some(parts.status), "{}", operation.meta.id);
                let line = error.to_string();
                prop_assert!(!line.contains(['\n', '\r']), "{}: {:?}", operation.meta.id, line);
                prop_assert!(line.chars().count() < LINE, "{}: {:?}", operation.meta.id, line);
            }
        }
    }

    /// What was read and is written again must be read as the same: a program may store what it got.
    #[test]
    fn what_was_decoded_survives_another_round(document in prop_oneof![document(), fitting_document()]) {
        let parts = Response::builder().status(StatusCode::OK).body(())?.into_parts().0;
        for operation in OPERATIONS {
            let first = (operation.decode)(parts.clone(), Bytes::from(document.to_string()));
            // Bare text is no JSON.
            let Ok(Decoded::Document(first @ (Value::Object(_) | Value::Array(_)))) = first else {
                continue;
            };
            let second = (operation.decode)(parts.clone(), Bytes::from(first.to_string()))?;
            prop_assert_eq!(second, Decoded::Document(first), "{}", operation.meta.id);
        }
    }

    /// Logs are read by lines: an error page or a schema in a message must not flood them.
    #[test]
    fn an_error_is_one_short_line(parts in parts(), body in body()) {
        let error = decode::error(&parts, &body);
        let line = error.to_string();
        prop_assert!(!line.contains(['\n', '\r']), "{:?}", line);
        prop_assert!(line.chars().count() < LINE, "{:?}", line);
        prop_assert!(!error.message().is_empty());
    }
}

/// Properties of documents that nothing decodes would hold for nothing.
#[test]
fn fitting_documents_fit() -> Result<(), BoxError> {
    let document = fitting_document().prop_filter("empty", |document| document["id"].is_string());
    let document = document
        .new_tree(&mut TestRunner::deterministic())
        .map_err(|reason| reason.to_string())?
        .current();
    for id in [
        "statObject",
        "getCommit",
        "getBranch",
        "getRepository",
        "listObjects",
        "logCommits",
        "diffRefs",
    ] {
        let parts = Response::new(()).into_parts().0;
        let decoder = operation(id).ok_or(id)?;
        (decoder.decode)(parts, Bytes::from(document.to_string()))?;
    }
    Ok(())
}

/// An operation that is not in the table would not be checked by any of these.
#[test]
fn the_table_holds_every_operation_once() {
    let mut ids: Vec<&str> = OPERATIONS
        .iter()
        .map(|operation| operation.meta.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), OPERATIONS.len()), (134, 134));
}
