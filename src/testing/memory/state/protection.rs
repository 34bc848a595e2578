//! Which branches are protected, and what from.

use std::sync::Arc;

use super::error::{Error, ErrorKind, Result};
use super::glob::{Glob, Malformed};
use super::proto::Message;
use super::repository::Repository;
use crate::testing::memory::storage::hex;

/// The branch protection rules of a repository. Cheap to copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Protection(Arc<[Rule]>);

#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    glob: std::result::Result<Glob, Malformed>,
}

impl Protection {
    fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        let mut rules: Vec<Rule> = Vec::new();
        for pattern in patterns {
            if rules.iter().all(|rule| rule.pattern != pattern) {
                let glob = Glob::parse(&pattern);
                rules.push(Rule { pattern, glob });
            }
        }
        Self(rules.into())
    }

    fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|rule| rule.pattern.as_str())
    }

    /// The digest of the rules as a real server stores them; empty without any.
    fn etag(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut patterns: Vec<&str> = self.patterns().collect();
        patterns.sort_unstable();
        // Every rule blocks both: writes to what is staged (0), and commits (1).
        let blocked = Message::default().bytes(1, &[0, 1]);
        let stored = patterns.iter().fold(Message::default(), |stored, pattern| {
            let rule = Message::default()
                .text(1, pattern)
                .message(2, blocked.clone());
            stored.message(1, rule)
        });
        hex(&super::ident::Identity::default()
            .raw(stored.as_bytes())
            .finish())
    }

    fn covers(&self, branch: &str) -> Result<bool> {
        let mut covered = false;
        for rule in self.0.iter() {
            match &rule.glob {
                Ok(glob) => covered |= glob.matches(branch),
                Err(Malformed) => {
                    let message = format!("malformed branch pattern {:?}", rule.pattern);
                    return Err(Error::new(ErrorKind::Internal, message));
                }
            }
        }
        Ok(covered)
    }
}

impl Repository {
    /// The patterns of the protected branches, and the tag of this set of rules.
    pub(in super::super) fn protection_rules(&self) -> (Vec<&str>, String) {
        (self.protection.patterns().collect(), self.protection.etag())
    }

    /// Replaces all rules; with `known`, only if they are those that have this tag.
    pub(in super::super) fn set_protection_rules(
        &mut self,
        patterns: Vec<String>,
        known: Option<&str>,
    ) -> Result<()> {
        self.check_writable(false)?;
        if known.is_some_and(|known| known != self.protection.etag()) {
            let message = "Precondition failed";
            return Err(Error::new(ErrorKind::PreconditionFailed, message));
        }
        self.protection = Protection::new(patterns);
        Ok(())
    }

    /// Protects one branch of a new repository.
    pub(in super::super) fn protect(&mut self, branch: &str) {
        self.protection = Protection::new([branch.to_owned()]);
    }

    pub(in super::super) fn add_protection_rule(&mut self, pattern: String) -> Result<()> {
        let patterns = self.protection.patterns().map(str::to_owned);
        let patterns = patterns.chain([pattern]).collect();
        self.set_protection_rules(patterns, None)
    }

    /// Takes a rule away; tells whether it was there.
    pub(in super::super) fn remove_protection_rule(&mut self, pattern: &str) -> Result<bool> {
        let kept = self.protection.patterns().filter(|kept| *kept != pattern);
        let kept: Vec<String> = kept.map(str::to_owned).collect();
        if kept.len() == self.protection.0.len() {
            return Ok(false);
        }
        self.set_protection_rules(kept, None)?;
        Ok(true)
    }

    /// Whether what is staged on a branch may change. No force helps against a protected branch.
    pub(super) fn check_stageable(&self, branch: &str, force: bool) -> Result<()> {
        self.check_unprotected(branch, "cannot write to protected branch")?;
        self.check_writable(force)
    }

    /// Whether a branch may be committed to. Merges, reverts and cherry-picks do not ask.
    pub(super) fn check_committable(&self, branch: &str, force: bool) -> Result<()> {
        self.check_unprotected(branch, "cannot commit to protected branch")?;
        self.check_writable(force)
    }

    /// Whether a branch may be moved to another commit.
    pub(super) fn check_movable(&self, branch: &str, force: bool) -> Result<()> {
        self.check_unprotected(branch, "protected branch")?;
        self.check_writable(force)
    }

    fn check_unprotected(&self, branch: &str, message: &str) -> Result<()> {
        if self.protection.covers(branch)? {
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection(patterns: &[&str]) -> Protection {
        Protection::new(patterns.iter().map(|&pattern| pattern.to_owned()))
    }

    #[test]
    fn equal_rules_have_equal_tags_in_any_order() {
        assert_eq!(protection(&[]).etag(), "");
        let etag = protection(&["main", "release-*"]).etag();
        assert_eq!(etag.len(), 64);
        assert_eq!(etag, protection(&["release-*", "main", "main"]).etag());
        assert_ne!(etag, protection(&["main"]).etag());
    }

    /// As on a real server, which takes any pattern and reads it when it must match it.
    #[test]
    fn a_malformed_rule_fails_every_write() {
        assert!(
            protection(&["main"])
                .covers("dev")
                .is_ok_and(|covered| !covered)
        );
        assert!(protection(&["main", "["]).covers("main").is_err());
    }
}
