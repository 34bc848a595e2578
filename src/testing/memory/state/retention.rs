//! Garbage collection: how long commits are retained, and what a collection may not take away.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};

use super::commit::CommitId;
use super::error::{Error, Result};
use super::listing::View;
use super::repository::Repository;
use crate::testing::memory::storage::address;

/// For how many days the commits of a branch are retained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct RetentionRules {
    pub(in super::super) default_days: i32,
    pub(in super::super) branches: Vec<(String, i32)>,
}

impl RetentionRules {
    fn days(&self, branch: Option<&str>) -> i32 {
        let rule = self
            .branches
            .iter()
            .find(|(name, _)| Some(name.as_str()) == branch);
        rule.map_or(self.default_days, |(_, days)| *days)
    }
}

impl Repository {
    pub(in super::super) fn retention_rules(&self) -> Result<RetentionRules> {
        // They are stored as a message, and rules that say nothing are an empty one, which counts as none.
        let rules = self.store.retention();
        rules
            .filter(|rules| *rules != RetentionRules::default())
            .ok_or_else(|| Error::not_found("not found"))
    }

    /// Sets the rules, or takes them away. They belong to the storage namespace, not to the repository alone.
    pub(in super::super) fn set_retention_rules(
        &self,
        rules: Option<RetentionRules>,
    ) -> Result<()> {
        self.check_writable(false)?;
        self.store.set_retention(rules);
        Ok(())
    }

    /// The commits that are to be retained, with their metaranges.
    ///
    /// These are the heads of the branches, and from each head and each commit that is nobody's first parent on, along the
    /// first parents, all until the first that is older than the rules ask for, and that one too.
    pub(in super::super) fn retained_commits(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<CommitId, String>> {
        let rules = self
            .retention_rules()
            .map_err(|error| error.context("get gc rules"))?;
        let mut heads: BTreeSet<(&CommitId, Option<&str>)> = self
            .branches
            .iter()
            .map(|(name, branch)| (&branch.head, Some(name.as_str())))
            .collect();
        let on_branches: HashSet<&CommitId> = heads.iter().map(|(commit, _)| *commit).collect();
        let first_parents: HashSet<&CommitId> = self
            .commits
            .values()
            .filter_map(|commit| commit.parents.first())
            .collect();
        let dangling = self
            .commits
            .keys()
            .filter(|id| !first_parents.contains(id) && !on_branches.contains(id));
        heads.extend(dangling.map(|id| (id, None)));

        let mut retained = BTreeSet::new();
        let mut walked: HashMap<&CommitId, Timestamp> = HashMap::new();
        for (head, branch) in heads {
            let age = SignedDuration::from_hours(24 * i64::from(rules.days(branch)));
            let threshold = now.saturating_sub(age).unwrap_or(now);
            let commit = self.commit(head.as_str())?;
            let mut created = commit.created;
            // A commit on no branch is looked at as the parent of a head of the same age.
            let mut next = match branch {
                Some(_) => {
                    retained.insert(head);
                    walked.insert(head, threshold);
                    commit.parents.first()
                }
                None => Some(head),
            };
            while let Some(parent) = next {
                if walked
                    .get(parent)
                    .is_some_and(|walked| *walked <= threshold)
                {
                    break;
                }
                if created > threshold {
                    retained.insert(parent);
                }
                walked.insert(parent, threshold);
                let commit = self.commit(parent.as_str())?;
                created = commit.created;
                next = commit.parents.first();
            }
        }
        let with_metarange = |id: &CommitId| {
            let commit = self.commit(id.as_str())?;
            Ok((id.clone(), commit.metarange_id.clone()))
        };
        retained.into_iter().map(with_metarange).collect()
    }

    /// Whether anything is staged whose data a collection would have to spare, from a path of a branch on.
    pub(in super::super) fn has_uncommitted_data(&self, branch: &str, path: &[u8]) -> Result<bool> {
        let namespace = format!("{}/", self.storage_namespace.trim_end_matches('/'));
        for (name, found) in self
            .branches
            .range::<_, str>((Bound::Included(branch), Bound::Unbounded))
        {
            let from = if name == branch { path } else { b"" };
            let View { tree, staging } = self.branch_view(found)?;
            let staged = staging.into_iter().flatten();
            let differs = staged
                .filter(|(path, _)| &***path >= from)
                .filter_map(|(path, entry)| Some((path, entry.as_ref()?)))
                .filter(|(path, entry)| tree.get(path) != Some(entry));
            let mut own = differs.filter(|(_, entry)| {
                address::is_relative(&entry.address) || entry.address.starts_with(&namespace)
            });
            if own.next().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, put, repository};
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn retained(repository: &Repository, days_later: i32) -> Vec<String> {
        let now = Timestamp::UNIX_EPOCH + DAY * days_later;
        let commits = repository.retained_commits(now).unwrap_or_default();
        let message = |id: &CommitId| repository.commit(id.as_str()).map(|c| c.message.clone());
        let mut messages: Vec<String> = commits.keys().filter_map(|id| message(id).ok()).collect();
        messages.sort();
        messages
    }

    /// `main` is at two, and nobody is at the lost commit any more, which was made on top of two.
    fn lake() -> Repository {
        let mut lake = repository();
        for message in ["one", "two", "lost"] {
            put(&mut lake, "main", message, message);
            assert!(commit(&mut lake, "main", message).is_ok());
        }
        assert_eq!(lake.hard_reset("main", "main~1", true), Ok(()));
        lake
    }

    #[test]
    fn old_commits_are_retained_only_as_heads() {
        let lake = lake();
        assert!(lake.retained_commits(Timestamp::UNIX_EPOCH).is_err());
        let rules = RetentionRules {
            default_days: 7,
            branches: vec![("main".into(), 2)],
        };
        assert_eq!(lake.set_retention_rules(Some(rules)), Ok(()));

        let all = ["Repository created", "lost", "one", "two"];
        assert_eq!(retained(&lake, 1), all);
        // Past the rule of the branch, the default still holds for the commit that is on none.
        assert_eq!(retained(&lake, 3), all);
        assert_eq!(retained(&lake, 8), ["two"]);
    }

    #[test]
    fn rules_that_say_nothing_are_none() {
        let lake = lake();
        let nothing = Some(RetentionRules::default());
        assert_eq!(lake.set_retention_rules(nothing), Ok(()));
        assert!(lake.retention_rules().is_err());
    }

    #[test]
    fn only_what_is_staged_and_new_has_data_to_spare() {
        let mut lake = lake();
        let staged = |lake: &Repository, branch: &str, path: &str| {
            lake.has_uncommitted_data(branch, path.as_bytes())
        };
        assert_eq!(staged(&lake, "", ""), Ok(false));
        assert_eq!(lake.delete("main", [&b"one"[..]], false), Ok(()));
        assert_eq!(staged(&lake, "", ""), Ok(false));
        put(&mut lake, "main", "new", "new");
        assert_eq!(staged(&lake, "", ""), Ok(true));
        assert_eq!(staged(&lake, "main", "new"), Ok(true));
        assert_eq!(staged(&lake, "main", "o"), Ok(false));
        assert_eq!(staged(&lake, "next", ""), Ok(false));
    }
}
