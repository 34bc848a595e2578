//! Whether policies allow something. The rules are those of lakeFS's own evaluator.

use std::fmt;

use super::condition;
use crate::models::{Statement, StatementEffect};

/// Stands for every resource, and in a list of actions for every action.
pub(in super::super) const ALL: &str = "*";

/// The services that actions may belong to.
const SERVICES: [&str; 7] = ["fs", "auth", "ci", "retention", "branches", "pr", "catalog"];

/// Something that is done to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Permission {
    pub(in super::super) action: String,
    pub(in super::super) resource: String,
}

/// Who asks, and from where.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Asker<'a> {
    pub(in super::super) user: &'a str,
    pub(in super::super) address: &'a str,
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// A statement forbids it; the action as the statement has it.
    Denied(String),
    /// No statement allows it.
    Missing(String),
    /// A statement cannot be understood, which might have forbidden it.
    Unclear,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(action) => write!(f, "denied permission to {action}"),
            Self::Missing(action) => write!(f, "not allowed to {action}"),
            Self::Unclear => f.write_str("not allowed"),
        }
    }
}

/// Whether the statements of somebody's policies, in the order of the policies' names, allow something.
pub(in super::super) fn check<'a>(
    statements: impl IntoIterator<Item = &'a Statement>,
    asker: Asker<'_>,
    wanted: &Permission,
) -> Result<(), Refusal> {
    let mut allowed = false;
    for statement in statements {
        match condition::holds(statement.condition.as_ref(), asker.address) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(condition::Unclear) => return Err(Refusal::Unclear),
        }
        let resources = resources(&statement.resource).ok_or(Refusal::Unclear)?;
        for _ in resources
            .iter()
            .filter(|resource| covers_resource(resource, asker.user, &wanted.resource))
        {
            let Some(action) = matching_action(statement, &wanted.action) else {
                continue;
            };
            if statement.effect == StatementEffect::Deny {
                return Err(Refusal::Denied(action.to_owned()));
            }
            allowed = true;
        }
    }
    if allowed {
        Ok(())
    } else {
        Err(Refusal::Missing(wanted.action.clone()))
    }
}

/// Whether something is allowed, where nothing is known of the request: what depends on a condition does not count.
pub(in super::super) fn allows<'a>(
    statements: impl IntoIterator<Item = &'a Statement>,
    user: &str,
    wanted: &Permission,
) -> bool {
    let address = "";
    let unconditional = statements.into_iter().filter(|statement| {
        let conditions = statement.condition.as_ref();
        conditions.is_none_or(|conditions| conditions.is_empty())
            && resources(&statement.resource).is_some()
    });
    check(unconditional, Asker { user, address }, wanted).is_ok()
}

/// Whether an action is allowed on anything at all.
pub(in super::super) fn allows_somewhere<'a>(
    statements: impl IntoIterator<Item = &'a Statement>,
    action: &str,
) -> bool {
    statements
        .into_iter()
        .filter(|statement| statement.effect == StatementEffect::Allow)
        .any(|statement| matching_action(statement, action).is_some())
}

/// Whether a statement may be stored: known services, effects and ARNs.
pub(in super::super) fn is_valid(statement: &Statement) -> bool {
    let known_action = |action: &String| {
        let mut parts = action.split(':');
        let service = parts.next().unwrap_or_default();
        SERVICES.contains(&service) && parts.count() == 1
    };
    let known_effect = matches!(
        statement.effect,
        StatementEffect::Allow | StatementEffect::Deny
    );
    // Not a list of them: the real server can evaluate one, and refuses to store it.
    let is_arn =
        statement.resource.starts_with("arn:") && statement.resource.split(':').count() > 5;
    known_effect
        && statement.action.iter().all(known_action)
        && (is_arn || statement.resource == ALL)
}

fn matching_action<'a>(statement: &'a Statement, action: &str) -> Option<&'a str> {
    let actions = statement.action.iter().map(String::as_str);
    actions
        .into_iter()
        .find(|pattern| wildcard(pattern, action))
}

/// The resources of a statement: one, or a JSON array of several.
fn resources(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return None;
    }
    if !text.starts_with('[') || !text.ends_with(']') {
        return Some(vec![text.to_owned()]);
    }
    serde_json::from_str(text).ok()
}

/// Wildcards stand in the last part of an ARN only, where `${user}` is who asks.
fn covers_resource(pattern: &str, user: &str, resource: &str) -> bool {
    if pattern == ALL {
        return true;
    }
    let pattern = pattern.replace("${user}", user);
    match (Arn::parse(&pattern), Arn::parse(resource)) {
        (Some(pattern), Some(resource)) => {
            pattern.service == resource.service
                && pattern.account == resource.account
                && wildcard(pattern.resource, resource.resource)
        }
        _ => false,
    }
}

struct Arn<'a> {
    service: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", "lakefs", service, _region, account, resource]
                if !service.is_empty() && !resource.is_empty() =>
            {
                Some(Self {
                    service,
                    account,
                    resource,
                })
            }
            _ => None,
        }
    }
}

/// `*` is any text, `?` is one character.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when a match fails: behind the last star, with one more character taken by it.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    (p, t) = (after_star, taken + 1);
                    retry = Some((after_star, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
