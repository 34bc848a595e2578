//! Action files: which hooks run at which events.

use std::collections::{BTreeMap, BTreeSet};

use yaml_serde::{Mapping, Value};

use super::call::{HookEvent, HookKind};
use super::glob;
use super::yaml;

const INVALID: &str = "invalid action";

/// An action file, checked.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) name: String,
    /// Events, and the branches each is limited to.
    on: BTreeMap<HookEvent, Vec<String>>,
    pub(super) hooks: Vec<Hook>,
}

/// One hook of an action.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) id: String,
    pub(super) kind: HookKind,
    pub(super) condition: String,
    pub(super) properties: serde_json::Map<String, serde_json::Value>,
}

impl Action {
    /// Reads an action file. Errors are in the words of the real server.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document = yaml::read(bytes)?;
        let field = |name: &str| document.get(name).unwrap_or(&Value::Null);
        let name = yaml::text(field("name"))?;
        let events = yaml::mapping(field("on"))?;
        let hooks = yaml::sequence(field("hooks"))?;
        if name.is_empty() {
            return Err(format!("'name' is required: {INVALID}"));
        }
        if !is_name(&name) {
            return Err(format!("'name' is invalid: {INVALID}"));
        }
        if events.is_empty() {
            return Err(format!("'on' is required: {INVALID}"));
        }
        let on = events.iter().map(|(event, on)| read_event(event, on));
        let on = on.collect::<Result<_, _>>()?;
        let mut ids = BTreeSet::new();
        let hooks = hooks
            .iter()
            .enumerate()
            .map(|(index, hook)| Hook::read(index, yaml::mapping(hook)?, &mut ids));
        Ok(Self {
            hooks: hooks.collect::<Result<_, _>>()?,
            name,
            on,
        })
    }

    /// Whether an event on a branch sets the action off.
    pub(super) fn matches(&self, event: HookEvent, branch: &str) -> Result<bool, glob::BadPattern> {
        let Some(branches) = self.on.get(&event) else {
            return Ok(false);
        };
        if branches.is_empty() {
            return Ok(true);
        }
        for pattern in branches {
            if glob::matches(pattern, branch)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn read_event(event: &Value, on: &Value) -> Result<(HookEvent, Vec<String>), String> {
    let name = yaml::text(event)?;
    let branches = yaml::mapping(on)?;
    let branches = yaml::sequence(branches.get("branches").unwrap_or(&Value::Null))?;
    let branches = branches
        .iter()
        .map(yaml::text)
        .collect::<Result<Vec<_>, _>>()?;
    let event = HookEvent::parse(&name)
        .ok_or_else(|| format!("event '{name}' is not supported: {INVALID}"))?;
    if !branches.is_empty() && name.ends_with("-tag") {
        return Err(
            "'branches' is not supported in tag event types. invalid event parameter".into(),
        );
    }
    Ok((event, branches))
}

impl Hook {
    fn read(index: usize, hook: &Mapping, ids: &mut BTreeSet<String>) -> Result<Self, String> {
        let field = |name: &str| yaml::text(hook.get(name).unwrap_or(&Value::Null));
        let (id, kind, condition) = (field("id")?, field("type")?, field("if")?);
        let properties = hook.get("properties").unwrap_or(&Value::Null);
        if !is_hook_id(&id) {
            return Err(format!("hook[{index}] missing ID: {INVALID}"));
        }
        if !ids.insert(id.clone()) {
            return Err(format!("hook[{index}] duplicate ID '{id}': {INVALID}"));
        }
        let kind = HookKind::parse(&kind)
            .ok_or_else(|| format!("hook[{index}] type '{id}' unknown: {INVALID}"))?;
        let wrong = |why: &str| format!("hook[{index}] type '{}': {why}: {INVALID}", kind.as_str());
        if properties.is_null() {
            return Err(wrong("missing hook properties"));
        }
        let properties = yaml::json(yaml::mapping(properties)?)?;
        for group in required(kind) {
            if !group.iter().any(|key| properties.contains_key(*key)) {
                let either = group.join("' or '");
                return Err(wrong(&format!("'{either}' must be supplied in properties")));
            }
        }
        Ok(Self {
            id,
            kind,
            condition,
            properties,
        })
    }

    /// A property that is text.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_str()
    }
}

/// Of each group, a hook must have one property.
fn required(kind: HookKind) -> &'static [&'static [&'static str]] {
    match kind {
        HookKind::Webhook => &[&["url"]],
        HookKind::Airflow => &[&["url"], &["dag_id"], &["username"], &["password"]],
        HookKind::Lua => &[&["script", "script_path"]],
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name(name: &str) -> bool {
    name.starts_with(is_word)
        && name.len() > 1
        && name.chars().all(|c| is_word(c) || "-. ".contains(c))
}

fn is_hook_id(id: &str) -> bool {
    id.starts_with(|c: char| is_word(c) && !c.is_ascii_digit())
        && (2..=256).contains(&id.len())
        && id.chars().all(|c| is_word(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOKS: &str = "hooks: [{id: check, type: lua, properties: {script: ''}}]";

    fn parsed(text: &str) -> Result<Action, String> {
        Action::parse(text.as_bytes())
    }

    #[test]
    fn actions_match_events_and_branches() {
        let text = format!(
            "name: gate\non:\n  pre-merge:\n    branches: [main, 'v[0-9]']\n  post-commit:\n{HOOKS}"
        );
        let action = parsed(&text).unwrap();
        let matches = |event, branch| action.matches(event, branch);
        assert_eq!(matches(HookEvent::PreMerge, "main"), Ok(true));
        assert_eq!(matches(HookEvent::PreMerge, "v7"), Ok(true));
        assert_eq!(matches(HookEvent::PreMerge, "dev"), Ok(false));
        assert_eq!(matches(HookEvent::PostCommit, "dev"), Ok(true));
        assert_eq!(matches(HookEvent::PreCommit, "main"), Ok(false));
    }

    #[test]
    fn wrong_actions_are_refused_in_the_words_of_the_real_server() {
        let cases = [
            ("on: {pre-commit: {}}", "'name' is required: invalid action"),
            (
                "name: x\non: {pre-commit: }",
                "'name' is invalid: invalid action",
            ),
            ("name: gate", "'on' is required: invalid action"),
            (
                "name: gate\non: {pre-lunch: }",
                "event 'pre-lunch' is not supported: invalid action",
            ),
            (
                "name: gate\non: {pre-create-tag: {branches: [main]}}",
                "'branches' is not supported in tag event types. invalid event parameter",
            ),
            (
                "name: gate\non: {pre-commit: }\nhooks: [{type: lua}]",
                "hook[0] missing ID: invalid action",
            ),
            (
                "name: gate\non: {pre-commit: }\nhooks: [{id: check, type: shell}]",
                "hook[0] type 'check' unknown: invalid action",
            ),
            (
                "name: gate\non: {pre-commit: }\nhooks: [{id: check, type: lua}]",
                "hook[0] type 'lua': missing hook properties: invalid action",
            ),
            (
                "name: gate\non: {pre-commit: }\nhooks: [{id: check, type: lua, properties: {}}]",
                "hook[0] type 'lua': 'script' or 'script_path' must be supplied in properties: invalid action",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parsed(text).unwrap_err(), expected, "{text}");
        }
    }
}
