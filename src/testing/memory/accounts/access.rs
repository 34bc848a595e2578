//! What a server's accounts are made from.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::directory::{Account, Directory, Key, Policy};
use super::{ADMIN, builtin};
use crate::models::{Statement, StatementEffect};

/// How a [`MemoryLakeFs`](crate::testing::MemoryLakeFs) decides who may do what.
///
/// It takes an access key too: a server without any lets everybody do everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessControl {
    /// One user, who may do everything, as the open-source server has by itself (`rbac: none`). What is about groups and
    /// policies answers 501.
    #[default]
    None,
    /// Groups with access-control lists (`rbac: simplified`): `Admins`, `Supers`, `Writers` and `Readers`, and those that
    /// are made. What is about policies answers 501.
    Simplified,
    /// Policies (`rbac: internal`): the groups `Admins`, `SuperUsers`, `Developers` and `Viewers` with lakeFS's own
    /// policies such as `FSFullAccess`, external principals, and conditions.
    Internal,
    /// Policies in front of lakeFS's open-source access-control server, as in the recorded traffic: the groups of
    /// [`Simplified`](Self::Simplified), whose policies no list shows, and policies that lose their conditions.
    InternalWithAcls,
}

/// A user that a [`MemoryLakeFs`](crate::testing::MemoryLakeFs) has from the start.
///
/// ```
/// use lakefs_sdk::testing::{AccessControl, MemoryLakeFs, MemoryUser};
///
/// let reader = MemoryUser::new("ann")
///     .access_key("AKIAIOSFODNN7ANN", "secret")
///     .allow("fs:Read*", "*")
///     .allow("fs:List*", "*")
///     .deny("fs:ReadObject", "arn:lakefs:fs:::repository/lake/object/private/*");
/// let lakefs = MemoryLakeFs::builder()
///     .access_control(AccessControl::Internal)
///     .user(reader)
///     .build();
/// # let _ = lakefs;
/// ```
#[derive(Clone)]
#[must_use = "a user is there once a builder has it"]
pub struct MemoryUser {
    name: String,
    keys: Vec<(String, String)>,
    groups: Vec<String>,
    statements: Vec<Statement>,
}

/// What a builder was told about accounts.
#[derive(Clone, Default)]
pub(in super::super) struct Plan {
    pub(in super::super) access: AccessControl,
    pub(in super::super) unset_up: bool,
    /// Access keys of the admin.
    pub(in super::super) keys: Vec<(String, String)>,
    pub(in super::super) users: Vec<MemoryUser>,
    pub(in super::super) sts_codes: Vec<(String, String)>,
}

// ===== impl AccessControl =====

impl AccessControl {
    /// As the server's configuration calls it.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Simplified => "simplified",
            Self::Internal | Self::InternalWithAcls => "internal",
        }
    }

    pub(in super::super) fn is_enforced(self) -> bool {
        self != Self::None
    }

    /// Policies are written and attached by their users.
    pub(in super::super) fn has_policies(self) -> bool {
        matches!(self, Self::Internal | Self::InternalWithAcls)
    }

    /// The open-source access-control server stands behind it.
    pub(in super::super) fn has_acls(self) -> bool {
        matches!(self, Self::Simplified | Self::InternalWithAcls)
    }
}

// ===== impl MemoryUser =====

impl MemoryUser {
    /// Somebody who cannot log in and may do nothing.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            keys: Vec::new(),
            groups: Vec::new(),
            statements: Vec::new(),
        }
    }

    /// Adds an access key.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.keys.push((id.into(), secret.into()));
        self
    }

    /// Puts the user into a group, which is made if it is not there.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.groups.push(name.into());
        self
    }

    /// Allows an action such as `fs:ReadObject` on a resource such as `arn:lakefs:fs:::repository/lake/*`.
    ///
    /// `*` is any text in either, `?` any character. All of a user's own rules are one policy, which has the user's name.
    pub fn allow(self, action: impl Into<String>, resource: impl Into<String>) -> Self {
        self.rule(StatementEffect::Allow, action.into(), resource.into())
    }

    /// Forbids an action on a resource, whatever else allows it. Both are as for [`allow`](Self::allow).
    pub fn deny(self, action: impl Into<String>, resource: impl Into<String>) -> Self {
        self.rule(StatementEffect::Deny, action.into(), resource.into())
    }

    fn rule(mut self, effect: StatementEffect, action: String, resource: String) -> Self {
        self.statements
            .push(Statement::new(effect, resource, [action]));
        self
    }
}

impl std::fmt::Debug for MemoryUser {
    /// Leaves out the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryUser")
            .field("name", &self.name)
            .field("access_key_ids", &ids(&self.keys))
            .field("groups", &self.groups)
            .field("statements", &self.statements)
            .finish()
    }
}

// ===== impl Plan =====

impl std::fmt::Debug for Plan {
    /// Leaves out the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("access", &self.access)
            .field("unset_up", &self.unset_up)
            .field("access_key_ids", &ids(&self.keys))
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Nobody could ever be recognized.
    pub(super) fn is_open(&self) -> bool {
        let nobody_has_keys = self.users.iter().all(|user| user.keys.is_empty());
        !self.unset_up && self.keys.is_empty() && nobody_has_keys
    }

    pub(super) fn carry_out(self, now: Timestamp) -> Directory {
        let mut directory = Directory::default();
        // The access-control server makes its groups when it starts, all else is part of setup.
        if self.access.has_acls() || !self.unset_up {
            directory.set_base_groups(self.access, now);
        }
        if self.unset_up {
            return directory;
        }
        directory.initialized = true;
        let admin = MemoryUser {
            keys: self.keys,
            ..MemoryUser::new(ADMIN).group(builtin::ADMINS)
        };
        for user in std::iter::once(admin).chain(self.users) {
            add(&mut directory, user, now);
        }
        directory
    }
}

fn add(directory: &mut Directory, user: MemoryUser, now: Timestamp) {
    let account = directory
        .users
        .entry(user.name.clone())
        .or_insert_with(|| Account::new(now));
    if !user.statements.is_empty() {
        account.policies.insert(user.name.clone());
        let policy = Policy {
            created: now,
            statements: user.statements,
            acl: String::new(),
        };
        directory
            .policies
            .insert(user.name.clone(), Arc::new(policy));
    }
    for group in user.groups {
        let group = directory.group_or_new(&group, now);
        group.members.insert(user.name.clone());
    }
    for (id, secret) in user.keys {
        let key = Key {
            user: user.name.clone(),
            secret,
            created: now,
        };
        directory.add_key(&id, key);
    }
}

fn ids(keys: &[(String, String)]) -> BTreeSet<&str> {
    keys.iter().map(|(id, _)| id.as_str()).collect()
}
