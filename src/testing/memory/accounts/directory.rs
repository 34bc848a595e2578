//! Who there is: users with their keys, groups, policies, and who has which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;

use super::AccessControl;
use super::policy;
use crate::models::Statement;
use crate::testing::memory::error::Failure;

/// The accounts of a server, as plain data.
#[derive(Debug, Default)]
pub(in super::super) struct Directory {
    pub(in super::super) users: BTreeMap<String, Account>,
    pub(in super::super) groups: BTreeMap<String, Group>,
    pub(in super::super) policies: BTreeMap<String, Arc<Policy>>,
    /// By access key id.
    pub(in super::super) keys: BTreeMap<String, Key>,
    /// External principals: the user that each logs in as.
    pub(in super::super) principals: BTreeMap<String, String>,
    /// Somebody has set the server up.
    pub(in super::super) initialized: bool,
    /// Somebody has said what to be written about.
    pub(in super::super) comm_prefs_set: bool,
    keys_made: u32,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Account {
    pub(in super::super) created: Timestamp,
    pub(in super::super) email: String,
    pub(in super::super) policies: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Group {
    pub(in super::super) created: Timestamp,
    pub(in super::super) description: String,
    pub(in super::super) members: BTreeSet<String>,
    pub(in super::super) policies: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Policy {
    pub(in super::super) created: Timestamp,
    pub(in super::super) statements: Vec<Statement>,
    /// The permission of the ACL that it was made from, empty when it was not.
    pub(in super::super) acl: String,
}

#[derive(Clone)]
pub(in super::super) struct Key {
    pub(in super::super) user: String,
    pub(in super::super) secret: String,
    pub(in super::super) created: Timestamp,
}

/// Why something cannot be done to the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Error {
    NotFound,
    AlreadyExists,
    Invalid,
}

type Result<T> = std::result::Result<T, Error>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("not found"),
            Error::AlreadyExists => Self::new(StatusCode::CONFLICT, "Already exists"),
            Error::Invalid => Self::bad_request("invalid request"),
        }
    }
}

impl std::fmt::Debug for Key {
    /// Leaves out the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Account {
    pub(super) fn new(created: Timestamp) -> Self {
        Self {
            created,
            email: String::new(),
            policies: BTreeSet::new(),
        }
    }
}

// ===== users and their keys =====

impl Directory {
    pub(in super::super) fn user(&self, name: &str) -> Result<&Account> {
        self.users.get(name).ok_or(Error::NotFound)
    }

    pub(in super::super) fn add_user(
        &mut self,
        name: &str,
        email: &str,
        now: Timestamp,
    ) -> Result<()> {
        check_name(name)?;
        if self.users.contains_key(name) {
            return Err(Error::AlreadyExists);
        }
        let account = Account {
            email: email.to_owned(),
            ..Account::new(now)
        };
        self.users.insert(name.to_owned(), account);
        Ok(())
    }

    /// Removes a user and its memberships. Its keys stay, and are good again should it come back.
    pub(in super::super) fn remove_user(&mut self, name: &str) -> Result<()> {
        self.users.remove(name).ok_or(Error::NotFound)?;
        for group in self.groups.values_mut() {
            group.members.remove(name);
        }
        Ok(())
    }

    /// Whose key it is: somebody who is there, and says the right secret.
    pub(in super::super) fn by_key(&self, id: &str, secret: &str) -> Option<&str> {
        let key = self.keys.get(id).filter(|key| key.secret == secret)?;
        self.users.contains_key(&key.user).then_some(&key.user)
    }

    pub(in super::super) fn key_of(&self, user: &str, id: &str) -> Result<&Key> {
        self.user(user)?;
        let key = self.keys.get(id).filter(|key| key.user == user);
        key.ok_or(Error::NotFound)
    }

    pub(in super::super) fn add_key(&mut self, id: &str, key: Key) {
        self.keys.insert(id.to_owned(), key);
    }

    pub(in super::super) fn remove_key(&mut self, user: &str, id: &str) -> Result<()> {
        self.key_of(user, id)?;
        self.keys.remove(id);
        Ok(())
    }

    /// A number for the next key. It counts down, so that lists, which are in the order of ids, begin with the newest.
    pub(in super::super) fn next_key_number(&mut self) -> u32 {
        self.keys_made = self.keys_made.wrapping_add(1);
        u32::MAX - self.keys_made
    }
}

// ===== groups =====

impl Directory {
    pub(in super::super) fn group(&self, name: &str) -> Result<&Group> {
        self.groups.get(name).ok_or(Error::NotFound)
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group> {
        self.groups.get_mut(name).ok_or(Error::NotFound)
    }

    pub(in super::super) fn add_group(
        &mut self,
        name: &str,
        description: &str,
        now: Timestamp,
    ) -> Result<()> {
        check_name(name)?;
        if self.groups.contains_key(name) {
            return Err(Error::AlreadyExists);
        }
        self.group_or_new(name, now).description = description.to_owned();
        Ok(())
    }

    pub(super) fn group_or_new(&mut self, name: &str, now: Timestamp) -> &mut Group {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group {
            created: now,
            description: String::new(),
            members: BTreeSet::new(),
            policies: BTreeSet::new(),
        })
    }

    pub(in super::super) fn remove_group(&mut self, name: &str) -> Result<()> {
        self.groups.remove(name).map(drop).ok_or(Error::NotFound)
    }

    pub(in super::super) fn add_member(&mut self, group: &str, user: &str) -> Result<()> {
        self.user(user)?;
        added(self.group_mut(group)?.members.insert(user.to_owned()))
    }

    pub(in super::super) fn remove_member(&mut self, group: &str, user: &str) -> Result<()> {
        self.user(user)?;
        self.group_mut(group)?.members.remove(user);
        Ok(())
    }
}

// ===== policies =====

impl Directory {
    pub(in super::super) fn policy(&self, name: &str) -> Result<&Arc<Policy>> {
        self.policies.get(name).ok_or(Error::NotFound)
    }

    pub(in super::super) fn write_policy(
        &mut self,
        access: AccessControl,
        name: &str,
        mut policy: Policy,
        update: bool,
    ) -> Result<()> {
        if !policy.statements.iter().all(policy::is_valid) {
            return Err(Error::Invalid);
        }
        match (self.policies.contains_key(name), update) {
            (false, true) => return Err(Error::NotFound),
            (true, false) => return Err(Error::AlreadyExists),
            _ => {}
        }
        if access.has_acls() {
            for statement in &mut policy.statements {
                statement.condition = None;
            }
        }
        self.policies.insert(name.to_owned(), Arc::new(policy));
        Ok(())
    }

    /// Removes a policy from wherever it is attached, too.
    pub(in super::super) fn remove_policy(&mut self, name: &str) -> Result<()> {
        self.policies.remove(name).ok_or(Error::NotFound)?;
        let of_users = self.users.values_mut().map(|user| &mut user.policies);
        let of_groups = self.groups.values_mut().map(|group| &mut group.policies);
        for attached in of_users.chain(of_groups) {
            attached.remove(name);
        }
        Ok(())
    }

    pub(in super::super) fn attach_to_user(&mut self, user: &str, policy: &str) -> Result<()> {
        self.user(user)?;
        self.policy(policy)?;
        let account = self.users.get_mut(user).ok_or(Error::NotFound)?;
        added(account.policies.insert(policy.to_owned()))
    }

    pub(in super::super) fn detach_from_user(&mut self, user: &str, policy: &str) -> Result<()> {
        self.user(user)?;
        self.policy(policy)?;
        let account = self.users.get_mut(user).ok_or(Error::NotFound)?;
        account.policies.remove(policy);
        Ok(())
    }

    pub(in super::super) fn attach_to_group(&mut self, group: &str, policy: &str) -> Result<()> {
        self.group(group)?;
        self.policy(policy)?;
        added(self.group_mut(group)?.policies.insert(policy.to_owned()))
    }

    pub(in super::super) fn detach_from_group(&mut self, group: &str, policy: &str) -> Result<()> {
        self.group(group)?;
        self.policy(policy)?;
        self.group_mut(group)?.policies.remove(policy);
        Ok(())
    }

    /// The policies of a user and of the groups it is in, by name.
    pub(in super::super) fn effective_policies(
        &self,
        user: &str,
    ) -> Result<BTreeMap<&str, &Arc<Policy>>> {
        let own = &self.user(user)?.policies;
        let groups = self.groups.values();
        let inherited = groups
            .filter(|group| group.members.contains(user))
            .flat_map(|group| &group.policies);
        let named = own.iter().chain(inherited).filter_map(|name| {
            let (name, policy) = self.policies.get_key_value(name)?;
            Some((name.as_str(), policy))
        });
        Ok(named.collect())
    }
}

/// Names are keys of the real server's store, whose parts a slash divides.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.contains('/') {
        return Err(Error::Invalid);
    }
    Ok(())
}

fn added(new: bool) -> Result<()> {
    if new {
        Ok(())
    } else {
        Err(Error::AlreadyExists)
    }
}
