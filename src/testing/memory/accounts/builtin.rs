//! The groups and policies that a server has from the start.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::AccessControl;
use super::directory::{Directory, Policy};
use super::policy::ALL;
use crate::models::{Statement, StatementEffect};

/// The group that the first user is in.
pub(super) const ADMINS: &str = "Admins";

/// How the names of the policies made from ACLs begin.
pub(in super::super) const ACL_PREFIX: &str = "ACL(_-_)";

const OWN_USER: &str = "arn:lakefs:auth:::user/${user}";

const FS_READ: &[&str] = &["fs:List*", "fs:Read*"];
const FS_FULL: &[&str] = &["fs:*"];
const FS_READ_WRITE: &[&str] = &[
    "fs:Read*",
    "fs:List*",
    "fs:WriteObject",
    "fs:DeleteObject",
    "fs:RevertBranch",
    "fs:CreateBranch",
    "fs:CreateTag",
    "fs:DeleteBranch",
    "fs:DeleteTag",
    "fs:CreateCommit",
];
const FS_READ_CONFIG: &[&str] = &["fs:ReadConfig"];
const REPOSITORIES_READ: &[&str] = &[
    "ci:Read*",
    "retention:Get*",
    "branches:Get*",
    "pr:Read*",
    "pr:List*",
    "fs:ReadConfig",
];
const REPOSITORIES_FULL: &[&str] = &["ci:*", "retention:*", "branches:*", "pr:*", "fs:ReadConfig"];
const OWN_CREDENTIALS: &[&str] = &[
    "auth:CreateCredentials",
    "auth:DeleteCredentials",
    "auth:ListCredentials",
    "auth:ReadCredentials",
];
const CATALOG_READ: &[&str] = &[
    "catalog:ListNamespaces",
    "catalog:GetNamespace",
    "catalog:ListTables",
    "catalog:ReadTable",
    "catalog:ListViews",
    "catalog:ReadView",
];
const EVERYTHING: &[&str] = &[
    "fs:*",
    "auth:*",
    "ci:*",
    "retention:*",
    "branches:*",
    "pr:*",
];

/// The policies that setup makes where policies are in use.
const POLICIES: &[(&str, &[&str], &str)] = &[
    ("FSFullAccess", FS_FULL, ALL),
    ("FSReadWriteAll", FS_READ_WRITE, ALL),
    ("FSReadAll", FS_READ, ALL),
    ("RepoManagementFullAccess", REPOSITORIES_FULL, ALL),
    ("PRReadWriteAll", &["pr:*"], ALL),
    ("CatalogReadAll", CATALOG_READ, ALL),
    ("CatalogReadWriteAll", &["catalog:*"], ALL),
    ("RepoManagementReadAll", REPOSITORIES_READ, ALL),
    ("AuthFullAccess", &["auth:*"], ALL),
    ("AuthManageOwnCredentials", OWN_CREDENTIALS, OWN_USER),
];

const GROUPS: &[(&str, &[&str])] = &[
    (
        ADMINS,
        &[
            "FSFullAccess",
            "CatalogReadWriteAll",
            "AuthFullAccess",
            "RepoManagementFullAccess",
        ],
    ),
    (
        "SuperUsers",
        &[
            "FSFullAccess",
            "CatalogReadWriteAll",
            "AuthManageOwnCredentials",
            "RepoManagementReadAll",
        ],
    ),
    (
        "Developers",
        &[
            "FSReadWriteAll",
            "PRReadWriteAll",
            "CatalogReadWriteAll",
            "AuthManageOwnCredentials",
            "RepoManagementReadAll",
        ],
    ),
    (
        "Viewers",
        &["FSReadAll", "CatalogReadAll", "AuthManageOwnCredentials"],
    ),
];

const ACL_GROUPS: [(&str, &str); 4] = [
    (ADMINS, "Admin"),
    ("Supers", "Super"),
    ("Writers", "Write"),
    ("Readers", "Read"),
];

/// What an ACL permits, `None` when there is no such permission.
pub(in super::super) fn acl_statements(permission: &str) -> Option<Vec<Statement>> {
    let own = allow(OWN_CREDENTIALS, OWN_USER);
    Some(match permission {
        "Read" => vec![allow(FS_READ, ALL), allow(FS_READ_CONFIG, ALL), own],
        "Write" => vec![
            allow(FS_READ_WRITE, ALL),
            own,
            allow(REPOSITORIES_READ, ALL),
        ],
        "Super" => vec![allow(FS_FULL, ALL), own, allow(REPOSITORIES_READ, ALL)],
        "Admin" => vec![allow(EVERYTHING, ALL)],
        _ => return None,
    })
}

/// The name of the policy that a group's ACL becomes.
pub(in super::super) fn acl_policy(group: &str) -> String {
    format!("{ACL_PREFIX}{group}")
}

fn allow(actions: &[&str], resource: &str) -> Statement {
    Statement::new(StatementEffect::Allow, resource, actions.iter().copied())
}

impl Directory {
    /// Makes the groups and policies that there are before anybody makes one.
    pub(in super::super) fn set_base_groups(&mut self, access: AccessControl, now: Timestamp) {
        if access.has_acls() {
            for (group, permission) in ACL_GROUPS {
                self.group_or_new(group, now);
                let statements = acl_statements(permission).unwrap_or_default();
                self.set_acl(group, permission, statements, now);
            }
        } else if access.has_policies() {
            for (name, actions, resource) in POLICIES {
                let policy = Policy {
                    created: now,
                    statements: vec![allow(actions, resource)],
                    acl: String::new(),
                };
                self.policies.insert((*name).to_owned(), Arc::new(policy));
            }
            for (group, policies) in GROUPS {
                self.group_or_new(group, now).policies =
                    policies.iter().map(|name| (*name).to_owned()).collect();
            }
        }
    }

    /// Gives a group an ACL, whose policy becomes its only one. The policy is there even when the group is not.
    pub(in super::super) fn set_acl(
        &mut self,
        group: &str,
        permission: &str,
        statements: Vec<Statement>,
        now: Timestamp,
    ) -> bool {
        let name = acl_policy(group);
        let policy = Policy {
            created: now,
            statements,
            acl: permission.to_owned(),
        };
        self.policies.insert(name.clone(), Arc::new(policy));
        let group = self.groups.get_mut(group);
        group
            .map(|group| group.policies = BTreeSet::from([name]))
            .is_some()
    }
}
