//! Whether a call may be made: what its operation needs, against what its user is allowed.

mod needs;

use std::borrow::Cow;

use serde_json::Value;

use self::needs::{NEEDS, Needs, OF_POLICIES};
use super::accounts::{ALL, Permission};
use super::error::Failure;
use super::request::Call;
use super::server::Server;

/// Refuses a call that its user may not make.
///
/// The handlers of a few operations look at more before they ask: `mergePullRequest` at where the pull request leads,
/// `deleteObjects` at each path, `createUser` at the name, and `listRepositories` leaves out what may not be seen.
pub(super) fn check(operation: &str, server: &Server, call: &Call) -> Result<(), Failure> {
    let accounts = &server.accounts;
    // Without access control, too, but there the handlers first look whether the request is right.
    if accounts.access.is_enforced()
        && !accounts.access.has_policies()
        && OF_POLICIES.contains(&operation)
    {
        return Err(Failure::not_implemented());
    }
    let Some(user) = call.user.as_ref().filter(|_| accounts.access.is_enforced()) else {
        return Ok(());
    };
    let wanted = wanted(operation, call);
    accounts.authorize(user, &call.headers, &wanted)
}

/// The permission to do something to a user.
pub(super) fn on_user(action: &str, name: &str) -> Permission {
    permission(action, &format!("auth:::user/{name}"))
}

/// The permission to do something to an object.
pub(super) fn on_object(action: &str, repository: &str, path: &str) -> Permission {
    let tail = format!("fs:::repository/{repository}/object/{path}");
    permission(action, &tail)
}

/// The permission to do something to a branch.
pub(super) fn on_branch(action: &str, repository: &str, branch: &str) -> Permission {
    let tail = format!("fs:::repository/{repository}/branch/{branch}");
    permission(action, &tail)
}

/// The permission to do something to a repository.
pub(super) fn on_repository(action: &str, repository: &str) -> Permission {
    permission(action, &format!("fs:::repository/{repository}"))
}

fn permission(action: &str, tail: &str) -> Permission {
    let resource = match tail {
        ALL => ALL.to_owned(),
        tail => format!("arn:lakefs:{tail}"),
    };
    Permission {
        action: action.to_owned(),
        resource,
    }
}

fn wanted(operation: &str, call: &Call) -> Vec<Permission> {
    let needs = NEEDS.iter().find(|(name, _)| *name == operation);
    let needs = needs.map_or(&[] as Needs, |(_, needs)| needs);
    let needs_body = needs.iter().any(|(_, pattern)| pattern.contains("{."));
    let body = if needs_body || operation == "importStart" {
        serde_json::from_slice(&call.body).unwrap_or_default()
    } else {
        Value::Null
    };
    let mut wanted: Vec<Permission> = needs
        .iter()
        .map(|(action, pattern)| permission(action, &fill(pattern, call, &body)))
        .collect();
    if operation == "importStart" {
        for source in body["paths"].as_array().into_iter().flatten() {
            let text = |name: &str| source[name].as_str().unwrap_or_default();
            let from = format!("fs:::namespace/{}", text("path"));
            wanted.push(permission("fs:ImportFromStorage", &from));
            let to = on_object("fs:WriteObject", call.repository(), text("destination"));
            wanted.push(to);
        }
    }
    wanted
}

/// Puts the values of a call into a pattern.
fn fill(pattern: &str, call: &Call, body: &Value) -> String {
    let mut filled = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, (name, after))) = rest
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        let value = match name.as_bytes() {
            [b'?', ..] => call.query.text(&name[1..]).unwrap_or_default(),
            [b'.', ..] => {
                let pointer = name.replace('.', "/");
                Cow::Borrowed(
                    body.pointer(&pointer)
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                )
            }
            _ => Cow::Borrowed(call.variable(name)),
        };
        filled.push_str(&value);
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::memory::contract::OPERATIONS;

    /// For these it is enough to be known, or not even that.
    const FREE: [&str; 14] = [
        "setupCommPrefs",
        "getSetupState",
        "setup",
        "getCurrentUser",
        "login",
        "externalPrincipalLogin",
        "stsLogin",
        "getAuthCapabilities",
        "healthCheck",
        "getLakeFSVersion",
        "getGarbageCollectionConfig",
        "postStatsEvents",
        "getUsageReportSummary",
        "oauthCallback",
    ];

    /// These do not refuse, or ask in their handlers.
    const ELSEWHERE: [&str; 5] = [
        "getConfig",
        "createUser",
        "listRepositories",
        "deleteObjects",
        "mergePullRequest",
    ];

    #[test]
    fn every_operation_needs_something_or_is_known_to_be_free() {
        for operation in OPERATIONS {
            let lists = [
                NEEDS.iter().any(|(name, _)| *name == operation.id),
                FREE.contains(&operation.id),
                ELSEWHERE.contains(&operation.id),
            ];
            let found = lists.into_iter().filter(|list| *list).count();
            assert_eq!(found, 1, "{}", operation.id);
        }
        for (name, _) in NEEDS {
            assert!(
                OPERATIONS.iter().any(|operation| operation.id == *name),
                "{name}"
            );
        }
    }

    #[test]
    fn the_resource_of_a_permission_is_made_from_the_call() {
        let call = Call {
            variables: vec![("repository", "lake".into())],
            query: super::super::request::Query::parse("dest_path=b%2Fc"),
            headers: http::HeaderMap::new(),
            body: br#"{"src_path":"a"}"#.as_slice().into(),
            user: None,
            object_store: Default::default(),
        };
        let resources: Vec<String> = wanted("copyObject", &call)
            .into_iter()
            .map(|permission| permission.resource)
            .collect();
        let expected =
            ["a", "b/c"].map(|path| format!("arn:lakefs:fs:::repository/lake/object/{path}"));
        assert_eq!(resources, expected);
    }
}
