//! Policies, and to whom they are attached.

use std::collections::BTreeSet;

use http::StatusCode;

use super::{Answer, Page, Paging, check_name, created, missing, need_policies, no_content, ok};
use crate::models;
use crate::testing::memory::accounts::{ACL_PREFIX, Directory, Policy};
use crate::testing::memory::error::Failure;
use crate::testing::memory::handlers::accounts::users::check_only_user;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

pub(in crate::testing::memory::handlers) fn list(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let directory = server.accounts.read();
    let with_acls = server.accounts.access.has_acls();
    let names = directory.policies.keys();
    let names = names.filter(|name| !(with_acls && name.starts_with(ACL_PREFIX)));
    listed(&directory, Paging::Plain.page(call, names))
}

pub(in crate::testing::memory::handlers) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::Policy = call.json()?;
    check_name("Policy", &wanted.id)?;
    need_policies(server)?;
    created(&write(server, wanted, false)?)
}

pub(in crate::testing::memory::handlers) fn update(server: &Server, call: &Call) -> Answer {
    let wanted: models::Policy = call.json()?;
    if wanted.id != call.variable("policyId") {
        return Err(Failure::bad_request("can't update policy id"));
    }
    need_policies(server)?;
    ok(&write(server, wanted, true)?)
}

fn write(server: &Server, wanted: models::Policy, update: bool) -> Result<models::Policy, Failure> {
    check_only_user(&wanted.id)?;
    let now = server.now();
    let policy = Policy {
        created: now,
        statements: wanted.statement.clone(),
        acl: String::new(),
    };
    let access = server.accounts.access;
    let mut directory = server.accounts.write();
    directory.write_policy(access, &wanted.id, policy, update)?;
    // Answered as it was sent, whatever was stored.
    Ok(models::Policy {
        creation_date: Some(now),
        ..wanted
    })
}

pub(in crate::testing::memory::handlers) fn get(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let name = call.variable("policyId");
    let directory = server.accounts.read();
    let policy = directory.policy(name).map_err(missing("policy"))?;
    ok(&describe(name, policy))
}

pub(in crate::testing::memory::handlers) fn delete(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let mut directory = server.accounts.write();
    directory
        .remove_policy(call.variable("policyId"))
        .map_err(missing("policy"))?;
    no_content()
}

// ===== of users =====

pub(in crate::testing::memory::handlers) fn of_user(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let user = call.variable("userId");
    let directory = server.accounts.read();
    if call.query.is_set("effective") {
        let names: Vec<String> = directory
            .effective_policies(user)?
            .into_keys()
            .map(str::to_owned)
            .collect();
        let paging = match Paging::of(server) {
            Paging::Store => Paging::Collected,
            other => other,
        };
        return listed(&directory, paging.page(call, &names));
    }
    let none = BTreeSet::new();
    let account = directory.user(user);
    let own = account.map_or(&none, |account| &account.policies);
    listed(&directory, Paging::of(server).page(call, own))
}

pub(in crate::testing::memory::handlers) fn attach_to_user(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let mut directory = server.accounts.write();
    directory.attach_to_user(call.variable("userId"), call.variable("policyId"))?;
    Ok(Reply::empty(StatusCode::CREATED))
}

pub(in crate::testing::memory::handlers) fn detach_from_user(
    server: &Server,
    call: &Call,
) -> Answer {
    need_policies(server)?;
    let mut directory = server.accounts.write();
    directory.detach_from_user(call.variable("userId"), call.variable("policyId"))?;
    no_content()
}

// ===== of groups =====

pub(in crate::testing::memory::handlers) fn of_group(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let directory = server.accounts.read();
    let none = BTreeSet::new();
    let group = directory.group(call.variable("groupId"));
    let policies = group.map_or(&none, |group| &group.policies);
    listed(&directory, Paging::of(server).page(call, policies))
}

pub(in crate::testing::memory::handlers) fn attach_to_group(
    server: &Server,
    call: &Call,
) -> Answer {
    need_policies(server)?;
    let mut directory = server.accounts.write();
    directory.attach_to_group(call.variable("groupId"), call.variable("policyId"))?;
    Ok(Reply::empty(StatusCode::CREATED))
}

pub(in crate::testing::memory::handlers) fn detach_from_group(
    server: &Server,
    call: &Call,
) -> Answer {
    need_policies(server)?;
    let mut directory = server.accounts.write();
    directory.detach_from_group(call.variable("groupId"), call.variable("policyId"))?;
    no_content()
}

fn listed(directory: &Directory, page: Page<'_>) -> Answer {
    let described = page.names.iter().filter_map(|name| {
        let policy = directory.policy(name).ok()?;
        Some(describe(name, policy))
    });
    ok(&models::PolicyList {
        results: described.collect(),
        pagination: page.pagination,
    })
}

fn describe(name: &str, policy: &Policy) -> models::Policy {
    models::Policy {
        id: name.to_owned(),
        creation_date: Some(policy.created),
        statement: policy.statements.clone(),
    }
}
