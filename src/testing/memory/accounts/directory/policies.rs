//! Policies, and to whom they are attached.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Directory, Error, Policy, Result, added};
use crate::testing::memory::accounts::{AccessControl, policy};

impl Directory {
    pub(in crate::testing::memory) fn policy(&self, name: &str) -> Result<&Arc<Policy>> {
        self.policies.get(name).ok_or(Error::NotFound)
    }

    pub(in crate::testing::memory) fn write_policy(
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
    pub(in crate::testing::memory) fn remove_policy(&mut self, name: &str) -> Result<()> {
        self.policies.remove(name).ok_or(Error::NotFound)?;
        let of_users = self.users.values_mut().map(|user| &mut user.policies);
        let of_groups = self.groups.values_mut().map(|group| &mut group.policies);
        for attached in of_users.chain(of_groups) {
            attached.remove(name);
        }
        Ok(())
    }

    pub(in crate::testing::memory) fn attach_to_user(
        &mut self,
        user: &str,
        policy: &str,
    ) -> Result<()> {
        self.user(user)?;
        self.policy(policy)?;
        let account = self.users.get_mut(user).ok_or(Error::NotFound)?;
        added(account.policies.insert(policy.to_owned()))
    }

    pub(in crate::testing::memory) fn detach_from_user(
        &mut self,
        user: &str,
        policy: &str,
    ) -> Result<()> {
        self.user(user)?;
        self.policy(policy)?;
        let account = self.users.get_mut(user).ok_or(Error::NotFound)?;
        account.policies.remove(policy);
        Ok(())
    }

    pub(in crate::testing::memory) fn attach_to_group(
        &mut self,
        group: &str,
        policy: &str,
    ) -> Result<()> {
        self.group(group)?;
        self.policy(policy)?;
        added(self.group_mut(group)?.policies.insert(policy.to_owned()))
    }

    pub(in crate::testing::memory) fn detach_from_group(
        &mut self,
        group: &str,
        policy: &str,
    ) -> Result<()> {
        self.group(group)?;
        self.policy(policy)?;
        self.group_mut(group)?.policies.remove(policy);
        Ok(())
    }

    /// The policies of a user and of the groups it is in, by name.
    pub(in crate::testing::memory) fn effective_policies(
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
