//! Of many paths, those that the caller may not delete.

use http::StatusCode;
use http::header::X_CONTENT_TYPE_OPTIONS;
use serde_json::json;

use super::{Answer, ok};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::permissions;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// Paths that were refused, and how.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<(String, Failure)>);

impl Refusals {
    /// Keeps the paths that may be deleted.
    pub(super) fn sort_out(
        server: &Server,
        call: &Call,
        mut paths: Vec<String>,
    ) -> (Vec<String>, Self) {
        let mut refused = Self::default();
        let accounts = &server.accounts;
        let asked = call.user.as_ref().filter(|_| accounts.access.is_enforced());
        if let Some(user) = asked {
            paths.retain(|path| {
                let needed = permissions::on_object("fs:DeleteObject", call.repository(), path);
                let checked = accounts.authorize(user, &call.headers, &[needed]);
                checked
                    .map_err(|failure| refused.0.push((path.clone(), failure)))
                    .is_ok()
            });
        }
        (paths, refused)
    }

    pub(super) fn errors(&self) -> Vec<models::ObjectError> {
        let describe = |(path, failure): &(String, Failure)| models::ObjectError {
            status_code: i64::from(failure.status().as_u16()),
            message: "Unauthorized".into(),
            path: Some(path.clone()),
        };
        self.0.iter().map(describe).collect()
    }

    /// The real server answers each refusal as it meets it, and all errors once more behind them.
    pub(super) fn answer(self, list: &models::ObjectErrorList) -> Answer {
        if self.0.is_empty() {
            return ok(list);
        }
        let errors = list.errors.iter().map(|error| {
            format!(
                "{{\"message\":{},\"path\":{},\"status_code\":{}}}",
                json!(error.message),
                json!(error.path),
                error.status_code
            )
        });
        let errors: Vec<String> = errors.collect();
        let refusals = self
            .0
            .iter()
            .map(|(_, failure)| format!("{}\n", json!({ "message": failure.message() })));
        let body =
            refusals.collect::<String>() + &format!("{{\"errors\":[{}]}}\n", errors.join(","));
        let reply = Reply::bytes(StatusCode::UNAUTHORIZED, "application/json", body);
        Ok(reply.header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
    }
}
