//! The checker notices what is wrong: without these tests it might pass anything.

use http::{HeaderValue, Method, Request, Uri};
use lakefs_sdk::{Body, Client, models::TagCreation, operation::OperationMeta};
use serde_json::{Value, json};

use super::{
    checker::{Sent, everything, odd, required},
    client,
    spec::Spec,
};

/// A call with a parameter in the path, required and optional ones in the query.
fn hard_reset(client: &Client) -> Sent {
    let call = client
        .hard_reset_branch(odd!("repository"), odd!("branch"), odd!("ref"))
        .force(true);
    everything("hardResetBranch", call)
        .odd(["repository", "branch", "ref"])
        .given("force", "true")
}

/// A call with a body.
fn create_tag(client: &Client, body: Value) -> Sent {
    let creation = TagCreation::new(odd!("id"), odd!("ref")).force(true);
    everything("createTag", client.create_tag(odd!("repository"), creation))
        .odd(["repository"])
        .json(body)
}

fn tag() -> Value {
    json!({ "id": odd!("id"), "ref": odd!("ref"), "force": true })
}

/// A call with headers and data.
fn upload(client: &Client) -> Sent {
    let call = client
        .upload_object("repository", "branch", "path")
        .body("data");
    let call = call.content_type("text/plain").metadata([("key", "value")]);
    required("uploadObject", call)
        .named(["repository", "branch", "path"])
        .header("content-type", "text/plain")
        .header("x-lakefs-meta-key", "value")
        .data(b"data")
}

/// What to spoil, and what the checker must say of it.
type Spoilt = (fn(&mut Request<Body>), &'static str);

fn check(good: impl Fn() -> Sent, spoilt: &[Spoilt]) -> Result<(), String> {
    let spec = Spec::read()?;
    let faults = spec.faults(&good());
    if !faults.is_empty() {
        return Err(format!("the good request has faults: {faults:?}"));
    }
    for (at, (spoil, expected)) in spoilt.iter().enumerate() {
        let mut sent = good();
        spoil(sent.request.as_mut().map_err(|error| error.to_string())?);
        let faults = spec.faults(&sent);
        if faults.len() != 1 || !faults[0].contains(expected) {
            return Err(format!("{at}: {faults:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

/// The request with another target.
fn retarget(request: &mut Request<Body>, from: &str, to: &str) {
    let target = request.uri().to_string();
    let spoilt = target.replacen(from, to, 1);
    if spoilt != target {
        *request.uri_mut() = Uri::try_from(spoilt).unwrap_or_default();
    }
}

fn insert(request: &mut Request<Body>, name: &'static str, value: &'static str) {
    let value = HeaderValue::from_static(value);
    request.headers_mut().insert(name, value);
}

fn send(request: &mut Request<Body>, body: Value) {
    *request.body_mut() = Body::from(body.to_string());
}

#[test]
fn a_wrong_method_or_target_is_a_fault() {
    let spoilt: [Spoilt; 17] = [
        (|request| *request.method_mut() = Method::POST, "the method"),
        // The value, encoded twice, not at all, or cut.
        (|request| retarget(request, "%20", "%2520"), "the path has"),
        (|request| retarget(request, "%2F", "/"), "other segments"),
        (|request| retarget(request, "%2B", "+"), "as it is"),
        (|request| retarget(request, "%25", "%"), "the path has"),
        (
            |request| retarget(request, "?ref=ref%20", "?ref=ref+"),
            "as it is",
        ),
        (
            |request| retarget(request, "?ref=ref%20", "?ref=ref%2520"),
            "the query is",
        ),
        (|request| retarget(request, "%C3%BC", "%C3"), "not UTF-8"),
        (
            |request| retarget(request, "?ref=ref%20", "?ref=ref%2x"),
            "without two digits",
        ),
        // Another place.
        (
            |request| retarget(request, "/hard_reset", "/reset"),
            "the path has",
        ),
        (
            |request| retarget(request, "/api/v1", "/api/v2"),
            "not below the API",
        ),
        (
            |request| retarget(request, "/api", "http://lakefs/api"),
            "has a host",
        ),
        // Pairs that are missing, wrong, or too many.
        (
            |request| retarget(request, "&force=true", ""),
            "the query is",
        ),
        (
            |request| retarget(request, "force=true", "force=1"),
            "the query is",
        ),
        (
            |request| retarget(request, "force=true", "force"),
            "the query has",
        ),
        (
            |request| retarget(request, "force=true", "force=true&force=true"),
            "the query is",
        ),
        (
            |request| retarget(request, "force=true", "force=true&amount=1"),
            "the query is",
        ),
    ];
    check(|| hard_reset(&client()), &spoilt).unwrap();
}

#[test]
fn a_wrong_header_is_a_fault() {
    let spoilt: [Spoilt; 7] = [
        (
            |request| {
                request.headers_mut().remove("content-type");
            },
            "the headers are",
        ),
        (
            |request| insert(request, "content-type", "text/css"),
            "the headers are",
        ),
        (
            |request| insert(request, "x-lakefs-meta-key", "valu"),
            "the headers are",
        ),
        (
            |request| insert(request, "if-match", "value"),
            "the headers are",
        ),
        (
            |request| insert(request, "accept", "text/css"),
            "the headers are",
        ),
        (
            |request| {
                request.headers_mut().remove("accept");
            },
            "the headers are",
        ),
        (
            |request| *request.body_mut() = Body::from("dat"),
            "the body is",
        ),
    ];
    check(|| upload(&client()), &spoilt).unwrap();
}

#[test]
fn a_wrong_body_is_a_fault() {
    let spoilt: [Spoilt; 7] = [
        (
            |request| {
                send(
                    request,
                    json!({ "id": odd!("ref"), "ref": odd!("id"), "force": true }),
                )
            },
            "the body is",
        ),
        (
            |request| {
                send(
                    request,
                    json!({ "id": odd!("id"), "reference": odd!("ref"), "force": true }),
                )
            },
            "lacks \"ref\"",
        ),
        (
            |request| {
                let body =
                    json!({ "id": odd!("id"), "ref": odd!("ref"), "force": true, "hidden": true });
                send(request, body);
            },
            "no such property",
        ),
        (
            |request| {
                send(
                    request,
                    json!({ "id": odd!("id"), "ref": odd!("ref"), "force": "true" }),
                )
            },
            "body.force",
        ),
        (
            |request| {
                send(
                    request,
                    json!({ "id": odd!("id"), "ref": null, "force": true }),
                )
            },
            "body.ref",
        ),
        (|request| *request.body_mut() = Body::empty(), "EOF"),
        (|request| send(request, json!([])), "no object"),
    ];
    check(|| create_tag(&client(), tag()), &spoilt).unwrap();
}

#[test]
fn wrong_metadata_is_a_fault() {
    static OTHER: OperationMeta =
        OperationMeta::new("createTag", Method::POST, "/repositories/{repository}/tags")
            .with_tag("tags")
            .without_credentials();
    let spoilt: [Spoilt; 2] = [
        (
            |request| request.extensions_mut().clear(),
            "no OperationMeta",
        ),
        (
            |request| {
                request.extensions_mut().insert::<&OperationMeta>(&OTHER);
            },
            "OperationMeta says otherwise",
        ),
    ];
    check(|| create_tag(&client(), tag()), &spoilt).unwrap();
}

/// A test that states too little, or what the document does not have, would check too little.
#[test]
fn a_call_that_states_too_little_is_a_fault() {
    let spec = Spec::read().unwrap();
    let client = client();
    let least = || client.get_tag("repository", "tag");
    let forced = || {
        client
            .delete_tag(odd!("repository"), odd!("tag"))
            .force(true)
    };
    let stated = [
        (
            required("getTag", least()).named(["repository"]),
            "should give tag",
        ),
        (
            required("getTag", least()).named(["repository", "tag", "tags"]),
            "no parameter tags",
        ),
        (
            everything("deleteTag", forced()).odd(["repository", "tag"]),
            "should give force",
        ),
        (
            everything("getTag", least()).named(["repository", "tag"]),
            "too plain",
        ),
        (
            create_tag(&client, json!({ "id": odd!("id") })),
            "the body is",
        ),
        (
            required("getTags", least()).named(["repository", "tag"]),
            "no such operation",
        ),
        (
            required("getTag", client.get_tag("repository", "")),
            "was refused",
        ),
    ];
    for (sent, expected) in stated {
        let faults = spec.faults(&sent);
        assert!(
            faults.iter().any(|fault| fault.contains(expected)),
            "{faults:?} instead of {expected:?}"
        );
    }
}
