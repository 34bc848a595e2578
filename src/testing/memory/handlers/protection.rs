//! Branch protection rules.

use http::StatusCode;
use http::header::ETAG;

use super::{Answer, no_content, ok};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// The tag of the rules is not quoted, and empty without rules.
pub(super) fn get(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let (patterns, etag) = repository.protection_rules();
    let rules: Vec<models::BranchProtectionRule> = patterns
        .into_iter()
        .map(|pattern| models::BranchProtectionRule {
            pattern: pattern.to_owned(),
        })
        .collect();
    Ok(ok(&rules)?.text_header(ETAG, &etag))
}

pub(super) fn set(server: &Server, call: &Call) -> Answer {
    let rules: Vec<models::BranchProtectionRule> = call.json()?;
    let known = call.header("if-match");
    if known.as_deref() == Some("") {
        return Err(Failure::plain_bad_request(
            "Invalid format for parameter If-Match: parameter 'If-Match' is empty, can't bind its value",
        ));
    }
    let patterns = rules.into_iter().map(|rule| rule.pattern).collect();
    let repository = server.repository(call.repository())?;
    repository.write(|repository| repository.set_protection_rules(patterns, known.as_deref()))?;
    no_content()
}

pub(super) fn add(server: &Server, call: &Call) -> Answer {
    let rule: models::BranchProtectionRule = call.json()?;
    let repository = server.repository(call.repository())?;
    repository.write(|repository| repository.add_protection_rule(rule.pattern))?;
    no_content()
}

/// Answers 404 without a body for a rule that is not there.
pub(super) fn remove(server: &Server, call: &Call) -> Answer {
    let rule: models::BranchProtectionRule = call.json()?;
    let repository = server.repository(call.repository())?;
    let removed =
        repository.write(|repository| repository.remove_protection_rule(&rule.pattern))?;
    if removed {
        return no_content();
    }
    Ok(Reply::empty(StatusCode::NOT_FOUND))
}
