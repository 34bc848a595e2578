//! What lakeFS hands out no URLs for, and what a reader can ask for beside the bytes.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;

use crate::testing::memory::service::Door;
use crate::testing::{BlockStore, MemoryLakeFs};

const PATH: &str = "/bucket/some key";

struct Store(MemoryLakeFs);

impl Store {
    fn with_object() -> Self {
        let builder = MemoryLakeFs::builder().block_store(BlockStore::S3);
        let lakefs = builder.clock(|| Timestamp::UNIX_EPOCH).build();
        let store = Self(lakefs);
        let put = [("content-type", "text/csv"), ("cache-control", "no-cache")];
        assert_eq!(
            store.send(Method::PUT, &[], &put, "0123456789").status(),
            200
        );
        store
    }

    fn send(
        &self,
        method: Method,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Response<Bytes> {
        let server = Arc::clone(&self.0.server);
        let url = server
            .signer
            .presign(super::ORIGIN, &method, PATH, query, server.now())
            .url;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let (reply, _) = self.0.respond(parts, body.into(), Door::ObjectStore);
        reply.into_response()
    }
}

fn code(response: &Response<Bytes>) -> String {
    let body = String::from_utf8_lossy(response.body());
    let code = body
        .split("<Code>")
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    format!(
        "{} {}",
        response.status().as_u16(),
        code.unwrap_or_default()
    )
}

#[test]
fn what_was_put_is_answered_with_its_headers() {
    let store = Store::with_object();
    let head = store.send(Method::HEAD, &[], &[], "");
    let facts = [
        "content-type",
        "cache-control",
        "content-length",
        "accept-ranges",
    ];
    let facts = facts.map(|name| head.headers()[name].to_str().unwrap());
    assert_eq!(facts, ["text/csv", "no-cache", "10", "bytes"]);
    assert!(head.body().is_empty());

    let query = [
        ("response-content-type", "text/plain"),
        ("response-etag", "x"),
    ];
    let get = store.send(Method::GET, &query, &[], "");
    assert_eq!(get.headers()["content-type"], "text/plain");
    assert_eq!(
        get.headers()["etag"],
        "\"781e5e245d69b566979b86e28d23f2c7\""
    );
}

#[test]
fn conditions_and_ranges_are_obeyed() {
    let store = Store::with_object();
    let etag = "\"781e5e245d69b566979b86e28d23f2c7\"";
    let get = |name, value| code(&store.send(Method::GET, &[], &[(name, value)], ""));
    assert_eq!(get("if-none-match", etag), "304 ");
    assert_eq!(get("if-match", "\"other\""), "412 PreconditionFailed");
    assert_eq!(get("range", "bytes=10-"), "416 InvalidRange");
    assert_eq!(get("range", "bytes=9-"), "206 ");
    let put = store.send(Method::PUT, &[], &[("if-none-match", "*")], "");
    assert_eq!(code(&put), "412 PreconditionFailed");
}

#[test]
fn what_was_deleted_is_not_there() {
    let store = Store::with_object();
    assert_eq!(store.send(Method::DELETE, &[], &[], "").status(), 204);
    assert_eq!(store.send(Method::DELETE, &[], &[], "").status(), 204);
    let get = store.send(Method::GET, &[], &[], "");
    assert_eq!(code(&get), "404 NoSuchKey");
    assert!(String::from_utf8_lossy(get.body()).contains("<Key>some key</Key>"));
}

#[test]
fn what_it_does_not_do_is_refused() {
    let store = Store::with_object();
    let post = store.send(Method::POST, &[], &[], "");
    assert_eq!(code(&post), "405 MethodNotAllowed");
    let part = [("uploadId", "gone"), ("partNumber", "0")];
    assert_eq!(
        code(&store.send(Method::PUT, &part, &[], "")),
        "400 InvalidArgument"
    );
    let part = [("uploadId", "gone"), ("partNumber", "1")];
    assert_eq!(
        code(&store.send(Method::PUT, &part, &[], "")),
        "404 NoSuchUpload"
    );
}
