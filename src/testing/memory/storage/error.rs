//! What the object store refuses, in the words of S3.

use http::StatusCode;

use crate::testing::memory::error::Failure;
use crate::testing::memory::ids::Ids;

/// A refusal of the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct StoreError {
    pub(in super::super) status: StatusCode,
    pub(in super::super) code: &'static str,
    pub(in super::super) message: String,
    /// More elements of the XML.
    pub(in super::super) details: Vec<(&'static str, String)>,
}

impl StoreError {
    pub(in super::super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    pub(in super::super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// S3 itself is never full: these are MinIO's words.
    pub(in super::super) fn full() -> Self {
        let message = "Storage backend has reached its minimum free drive threshold. Please delete a few objects to \
            proceed.";
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "XMinioStorageFull",
            message,
        )
    }

    /// S3 and MinIO take no body whose length they do not know before it comes.
    pub(in super::super) fn without_length() -> Self {
        let message = "You must provide the Content-Length HTTP header.";
        Self::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message)
    }

    pub(in super::super) fn no_such_key() -> Self {
        let message = "The specified key does not exist.";
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", message)
    }

    pub(in super::super) fn no_such_upload() -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
            aborted or completed.";
        Self::new(StatusCode::NOT_FOUND, "NoSuchUpload", message)
    }

    pub(in super::super) fn detail(mut self, element: &'static str, text: impl ToString) -> Self {
        self.details.push((element, text.to_string()));
        self
    }

    /// The same as lakeFS passes it on: a 500 with all that its S3 client says.
    pub(in super::super) fn passed_on(self, operation: &str, ids: &Ids) -> Failure {
        let Self {
            status,
            code,
            message,
            ..
        } = self;
        // The one error that the client knows as an answer to this operation.
        let known = (operation, code) == ("AbortMultipartUpload", "NoSuchUpload");
        let kind = if known { "" } else { "api error " };
        Failure::internal(format!(
            "operation error S3: {operation}, https response error StatusCode: {}, RequestID: {}, HostID: {}, \
             {kind}{code}: {message}",
            status.as_u16(),
            ids.uuid(),
            ids.short(),
        ))
    }
}
