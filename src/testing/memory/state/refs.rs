//! Reference expressions: `main`, `v1~2`, `1f2e^2`, `main@`, `main$`.

use std::ops::Bound;
use std::sync::Arc;

use super::commit::{Commit, CommitId};
use super::error::{Error, Result};
use super::repository::{Branch, Repository};

/// A parsed reference expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression<'a> {
    base: &'a str,
    modifiers: Vec<Modifier>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modifier {
    /// `~N`: N first parents back.
    Ancestor(i64),
    /// `^N`: the Nth parent; 0 is the commit itself.
    Parent(i64),
    /// `@`: the head of a branch, without what is staged.
    Committed,
    /// `$`: what is staged on a branch.
    Staged,
}

/// What an expression stands for.
#[derive(Clone, Debug)]
pub(super) struct Resolved<'a> {
    pub(super) commit: CommitId,
    /// Set when reading the reference sees what is staged on a branch.
    pub(super) branch: Option<&'a Branch>,
    /// Written with `$`: it names staged changes, not a commit.
    pub(super) staged: bool,
}

// ===== impl Expression =====

impl<'a> Expression<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let is_sign = |c: char| matches!(c, '~' | '^' | '@' | '$');
        let (base, mut rest) = text.split_at(text.find(is_sign).unwrap_or(text.len()));
        if base.is_empty() {
            return Err(Error::invalid_ref());
        }
        let mut modifiers = Vec::new();
        while let Some(sign) = rest.chars().next() {
            let after = &rest[sign.len_utf8()..];
            let length = after.find(is_sign).unwrap_or(after.len());
            modifiers.push(Modifier::parse(sign, &after[..length])?);
            rest = &after[length..];
        }
        Ok(Self { base, modifiers })
    }
}

impl Modifier {
    fn parse(sign: char, amount: &str) -> Result<Self> {
        let number = || match amount {
            "" => Ok(1),
            digits => digits.parse::<i64>().map_err(|_| {
                Error::invalid_ref()
                    .context(format_args!("could not parse modifier {sign}{digits}"))
            }),
        };
        match sign {
            '~' => number().map(Self::Ancestor),
            '^' => number().map(Self::Parent),
            '@' if amount.is_empty() => Ok(Self::Committed),
            '$' if amount.is_empty() => Ok(Self::Staged),
            _ => Err(Error::invalid_ref()),
        }
    }
}

// ===== resolving =====

impl Repository {
    /// Resolves an expression: a whole commit id first, then a branch, a tag, and last an abbreviated commit id.
    pub(super) fn resolve(&self, expression: &str) -> Result<Resolved<'_>> {
        let Expression { base, modifiers } = Expression::parse(expression)?;
        let (commit, branch) = self.resolve_base(base)?;
        match (modifiers.as_slice(), branch) {
            ([], branch) => {
                return Ok(Resolved {
                    commit,
                    branch,
                    staged: false,
                });
            }
            ([Modifier::Committed], Some(_)) => {
                return Ok(Resolved {
                    commit,
                    branch: None,
                    staged: false,
                });
            }
            ([Modifier::Staged], Some(_)) => {
                return Ok(Resolved {
                    commit,
                    branch,
                    staged: true,
                });
            }
            _ => {}
        }
        let commit = modifiers
            .iter()
            .try_fold(commit, |commit, modifier| self.step(commit, *modifier))?;
        Ok(Resolved {
            commit,
            branch: None,
            staged: false,
        })
    }

    fn resolve_base(&self, base: &str) -> Result<(CommitId, Option<&Branch>)> {
        if let Some(commit) = self.commits.get(base) {
            return Ok((commit.id.clone(), None));
        }
        if let Some(branch) = self.branches.get(base) {
            return Ok((branch.head.clone(), Some(branch)));
        }
        let id = self
            .tags
            .get(base)
            .cloned()
            .or_else(|| self.abbreviated(base));
        id.map(|id| (id, None))
            .ok_or_else(|| Error::not_found("not found"))
    }

    /// The only commit whose id begins with `prefix`.
    fn abbreviated(&self, prefix: &str) -> Option<CommitId> {
        let mut found = self
            .commits
            .range::<_, str>((Bound::Included(prefix), Bound::Unbounded));
        let mut next = || {
            found
                .next()
                .map(|(id, _)| id)
                .filter(|id| id.as_str().starts_with(prefix))
        };
        let first = next()?;
        next().is_none().then(|| first.clone())
    }

    fn step(&self, commit: CommitId, modifier: Modifier) -> Result<CommitId> {
        match modifier {
            Modifier::Ancestor(amount) => (0..amount).try_fold(commit, |commit, _| {
                let parents = &self.commit(commit.as_str())?.parents;
                parents
                    .first()
                    .cloned()
                    .ok_or_else(|| Error::not_found("not found"))
            }),
            Modifier::Parent(0) => Ok(commit),
            Modifier::Parent(number) => {
                let index = usize::try_from(number - 1).map_err(|_| Error::invalid_ref())?;
                self.commit(commit.as_str())?
                    .parents
                    .get(index)
                    .cloned()
                    .ok_or_else(Error::invalid_ref)
            }
            Modifier::Committed | Modifier::Staged => Err(Error::invalid_ref()),
        }
    }

    /// The commit an expression stands for, for those who name a commit (log, tag, get commit).
    pub(in super::super) fn resolve_commit(&self, expression: &str) -> Result<&Arc<Commit>> {
        let resolved = self.resolve(expression)?;
        if resolved.staged {
            let Error { kind, message } = Error::invalid_ref();
            return Err(Error::new(
                kind,
                format!("{message}: should point to a commit"),
            ));
        }
        self.commit(resolved.commit.as_str())
    }

    /// The commit an expression stands for, for those who compare commits (merge, diff, revert).
    pub(super) fn dereference(&self, expression: &str) -> Result<&Arc<Commit>> {
        let resolved = self.resolve(expression)?;
        if resolved.staged {
            return Err(
                Error::invalid("reference to staging area with $ is not a commit")
                    .context(format_args!("reference '{expression}'")),
            );
        }
        self.commit(resolved.commit.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_taken_apart() {
        type Parsed<'a> = std::result::Result<(&'a str, &'a [Modifier]), &'a str>;
        let cases: &[(&str, Parsed<'_>)] = &[
            ("main", Ok(("main", &[]))),
            ("main~", Ok(("main", &[Modifier::Ancestor(1)]))),
            (
                "main~2^3",
                Ok(("main", &[Modifier::Ancestor(2), Modifier::Parent(3)])),
            ),
            (
                "main^^",
                Ok(("main", &[Modifier::Parent(1), Modifier::Parent(1)])),
            ),
            ("main@", Ok(("main", &[Modifier::Committed]))),
            (
                "main$~1",
                Ok(("main", &[Modifier::Staged, Modifier::Ancestor(1)])),
            ),
            ("side..main", Ok(("side..main", &[]))),
            ("", Err("ref: invalid value: validation error")),
            ("~1", Err("ref: invalid value: validation error")),
            ("main@x", Err("ref: invalid value: validation error")),
            (
                "main~x",
                Err("could not parse modifier ~x: ref: invalid value: validation error"),
            ),
            (
                "main^99999999999999999999",
                Err(
                    "could not parse modifier ^99999999999999999999: ref: invalid value: validation error",
                ),
            ),
        ];
        for (text, expected) in cases {
            let parsed = Expression::parse(text);
            let parsed = parsed
                .as_ref()
                .map(|e| (e.base, e.modifiers.as_slice()))
                .map_err(|e| e.message.as_str());
            assert_eq!(parsed, *expected, "{text}");
        }
    }
}
