//! Every operation can be mocked: what was sent is read back, and what is replied is what the server answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use lakefs_sdk::testing::MockTransport;
use tower::ServiceExt as _;

use super::{calls, client};
use crate::support::operations::{Decoded, OPERATIONS};

/// A field that a mock reads wrongly is a test that passes for the wrong reason.
#[tokio::test]
async fn every_operation_is_read_back_out_of_its_request() {
    let mut differing = Vec::new();
    for (sent, same) in calls::all(&client()).into_iter().zip(calls::all(&client())) {
        let lakefs = MockTransport::new();
        drop(lakefs.clone().oneshot(sent.request.unwrap()).await);
        let requests = lakefs.requests();
        // It complains of everything, rightly.
        std::mem::forget(lakefs);
        let again = (sent.again)(&requests[0]).map(|again| {
            let (parts, body) = again.into_parts();
            let body = body.as_bytes().cloned().unwrap_or_default();
            (
                parts.method,
                format!("/api/v1{}", parts.uri),
                parts.headers,
                body,
            )
        });
        let (parts, body) = same.request.unwrap().into_parts();
        let body = body.as_bytes().cloned().unwrap_or_default();
        let expected = (parts.method, parts.uri.to_string(), parts.headers, body);
        if again.as_ref().ok() != Some(&expected) {
            differing.push(format!(
                "{} ({:?}): {expected:?} is {again:?}",
                sent.id, sent.fill
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// A deletion that is mocked with 200 and a document hides that the code under test looks for 204.
#[test]
fn an_operation_that_answers_nothing_is_mocked_without_a_body() {
    let mut statuses = BTreeMap::new();
    for operation in OPERATIONS {
        let parts = || {
            Response::builder()
                .status(204)
                .body(())
                .unwrap()
                .into_parts()
                .0
        };
        if let Ok(Decoded::Nothing) = (operation.decode)(parts(), Bytes::new()) {
            let mocked = (operation.answer)(parts(), Bytes::new()).unwrap();
            assert!(mocked.body().size() == Some(0), "{}", operation.meta.id);
            statuses.insert(operation.meta.id, mocked.status().as_u16());
        }
    }
    assert_eq!(
        (statuses["deleteBranch"], statuses["addGroupMembership"]),
        (204, 201)
    );
    assert!(statuses.len() > 30, "{statuses:?}");
}
