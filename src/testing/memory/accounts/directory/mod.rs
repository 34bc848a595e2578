//! Who there is: users with their keys, groups, policies, and who has which.

mod policies;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;

use crate::models::Statement;
use crate::testing::memory::error::Failure;

/// The accounts of a server, as plain data.
#[derive(Debug, Default)]
pub(in crate::testing::memory) struct Directory {
    pub(in crate::testing::memory) users: BTreeMap<String, Account>,
    pub(in crate::testing::memory) groups: BTreeMap<String, Group>,
    pub(in crate::testing::memory) policies: BTreeMap<String, Arc<Policy>>,
    /// By access key id.
    pub(in crate::testing::memory) keys: BTreeMap<String, Key>,
    /// External principals: the user that each logs in as.
    pub(in crate::testing::memory) principals: BTreeMap<String, String>,
    /// Somebody has set the server up.
    pub(in crate::testing::memory) initialized: bool,
    /// Somebody has said what to be written about.
    pub(in crate::testing::memory) comm_prefs_set: bool,
    keys_made: u32,
}

#[derive(Clone, Debug)]
pub(in crate::testing::memory) struct Account {
    pub(in crate::testing::memory) created: Timestamp,
    pub(in crate::testing::memory) email: String,
    pub(in crate::testing::memory) policies: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(in crate::testing::memory) struct Group {
    pub(in crate::testing::memory) created: Timestamp,
    pub(in crate::testing::memory) description: String,
    pub(in crate::testing::memory) members: BTreeSet<String>,
    pub(in crate::testing::memory) policies: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(in crate::testing::memory) struct Policy {
    pub(in crate::testing::memory) created: Timestamp,
    pub(in crate::testing::memory) statements: Vec<Statement>,
    /// The permission of the ACL that it was made from, empty when it was not.
    pub(in crate::testing::memory) acl: String,
}

#[derive(Clone)]
pub(in crate::testing::memory) struct Key {
    pub(in crate::testing::memory) user: String,
    pub(in crate::testing::memory) secret: String,
    pub(in crate::testing::memory) created: Timestamp,
}

/// Why something cannot be done to the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing::memory) enum Error {
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
    pub(in crate::testing::memory::accounts) fn new(created: Timestamp) -> Self {
        Self {
            created,
            email: String::new(),
            policies: BTreeSet::new(),
        }
    }
}

// ===== users and their keys =====

impl Directory {
    pub(in crate::testing::memory) fn user(&self, name: &str) -> Result<&Account> {
        self.users.get(name).ok_or(Error::NotFound)
    }

    pub(in crate::testing::memory) fn add_user(
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
    pub(in crate::testing::memory) fn remove_user(&mut self, name: &str) -> Result<()> {
        self.users.remove(name).ok_or(Error::NotFound)?;
        for group in self.groups.values_mut() {
            group.members.remove(name);
        }
        Ok(())
    }

    /// Whose key it is: somebody who is there, and says the right secret.
    pub(in crate::testing::memory) fn by_key(&self, id: &str, secret: &str) -> Option<&str> {
        let key = self.keys.get(id).filter(|key| key.secret == secret)?;
        self.users.contains_key(&key.user).then_some(&key.user)
    }

    pub(in crate::testing::memory) fn key_of(&self, user: &str, id: &str) -> Result<&Key> {
        self.user(user)?;
        let key = self.keys.get(id).filter(|key| key.user == user);
        key.ok_or(Error::NotFound)
    }

    pub(in crate::testing::memory) fn add_key(&mut self, id: &str, key: Key) {
        self.keys.insert(id.to_owned(), key);
    }

    pub(in crate::testing::memory) fn remove_key(&mut self, user: &str, id: &str) -> Result<()> {
        self.key_of(user, id)?;
        self.keys.remove(id);
        Ok(())
    }

    /// A number for the next key. It counts down, so that lists, which are in the order of ids, begin with the newest.
    pub(in crate::testing::memory) fn next_key_number(&mut self) -> u32 {
        self.keys_made = self.keys_made.wrapping_add(1);
        u32::MAX - self.keys_made
    }
}

// ===== groups =====

impl Directory {
    pub(in crate::testing::memory) fn group(&self, name: &str) -> Result<&Group> {
        self.groups.get(name).ok_or(Error::NotFound)
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group> {
        self.groups.get_mut(name).ok_or(Error::NotFound)
    }

    pub(in crate::testing::memory) fn add_group(
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

    pub(in crate::testing::memory::accounts) fn group_or_new(
        &mut self,
        name: &str,
        now: Timestamp,
    ) -> &mut Group {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group {
            created: now,
            description: String::new(),
            members: BTreeSet::new(),
            policies: BTreeSet::new(),
        })
    }

    pub(in crate::testing::memory) fn remove_group(&mut self, name: &str) -> Result<()> {
        self.groups.remove(name).map(drop).ok_or(Error::NotFound)
    }

    pub(in crate::testing::memory) fn add_member(&mut self, group: &str, user: &str) -> Result<()> {
        self.user(user)?;
        added(self.group_mut(group)?.members.insert(user.to_owned()))
    }

    pub(in crate::testing::memory) fn remove_member(
        &mut self,
        group: &str,
        user: &str,
    ) -> Result<()> {
        self.user(user)?;
        self.group_mut(group)?.members.remove(user);
        Ok(())
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
