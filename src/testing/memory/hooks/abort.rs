//! Why an operation was aborted.

use http::StatusCode;

/// A reason, and the status it is answered with.
#[derive(Clone, Debug)]
pub(super) struct Abort {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Abort {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Several reasons, as Go joins them; the status is that of the most telling one.
    pub(super) fn join(reasons: &[Self]) -> Self {
        let telling = [
            StatusCode::NOT_FOUND,
            StatusCode::GONE,
            StatusCode::PRECONDITION_FAILED,
        ];
        let status = telling
            .into_iter()
            .find(|status| reasons.iter().any(|reason| reason.status == *status));
        let heading = match reasons.len() {
            1 => "1 error occurred:".to_owned(),
            count => format!("{count} errors occurred:"),
        };
        let lines: String = reasons
            .iter()
            .map(|reason| format!("\n\t* {}", reason.message))
            .collect();
        Self::new(
            status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            format!("{heading}{lines}\n\n"),
        )
    }
}
