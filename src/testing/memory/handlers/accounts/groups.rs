//! Groups, who is in them, and their access-control lists.

use http::StatusCode;

use super::{
    Answer, Paging, check_name, created, describe_user, missing, need_groups, no_content, ok,
};
use crate::models;
use crate::testing::memory::accounts::{acl_policy, acl_statements};
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

pub(in crate::testing::memory::handlers) fn list(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let directory = server.accounts.read();
    let page = Paging::of(server).page(call, directory.groups.keys());
    let described = page.names.iter().filter_map(|name| {
        let group = directory.group(name).ok()?;
        Some(models::Group {
            id: (*name).to_owned(),
            name: Some((*name).to_owned()),
            description: Some(group.description.clone()),
            creation_date: group.created,
        })
    });
    ok(&models::GroupList {
        results: described.collect(),
        pagination: page.pagination,
    })
}

pub(in crate::testing::memory::handlers) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::GroupCreation = call.json()?;
    check_name("Group", &wanted.id)?;
    need_groups(server)?;
    let now = server.now();
    let description = wanted.description.as_deref().unwrap_or_default();
    let mut directory = server.accounts.write();
    directory.add_group(&wanted.id, description, now)?;
    created(&models::Group {
        id: wanted.id.clone(),
        name: Some(wanted.id),
        description: wanted.description,
        creation_date: now,
    })
}

pub(in crate::testing::memory::handlers) fn get(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let name = call.variable("groupId");
    let directory = server.accounts.read();
    let group = directory.group(name).map_err(missing("group"))?;
    ok(&models::Group {
        id: name.to_owned(),
        name: None,
        description: Some(group.description.clone()),
        creation_date: group.created,
    })
}

pub(in crate::testing::memory::handlers) fn delete(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let mut directory = server.accounts.write();
    directory
        .remove_group(call.variable("groupId"))
        .map_err(missing("group"))?;
    no_content()
}

// ===== members =====

pub(in crate::testing::memory::handlers) fn members(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let directory = server.accounts.read();
    let group = directory.group(call.variable("groupId"))?;
    let page = Paging::of(server).page(call, &group.members);
    let described = page.names.iter().filter_map(|name| {
        let account = directory.user(name).ok()?;
        Some(describe_user(name, account))
    });
    ok(&models::UserList {
        results: described.collect(),
        pagination: page.pagination,
    })
}

pub(in crate::testing::memory::handlers) fn add_member(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let mut directory = server.accounts.write();
    directory.add_member(call.variable("groupId"), call.variable("userId"))?;
    Ok(Reply::empty(StatusCode::CREATED))
}

pub(in crate::testing::memory::handlers) fn remove_member(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let mut directory = server.accounts.write();
    directory.remove_member(call.variable("groupId"), call.variable("userId"))?;
    no_content()
}

pub(in crate::testing::memory::handlers) fn of_user(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let user = call.variable("userId");
    let directory = server.accounts.read();
    directory.user(user)?;
    let groups = directory.groups.iter();
    let own = groups.filter(|(_, group)| group.members.contains(user));
    let paging = match Paging::of(server) {
        Paging::Store => Paging::Collected,
        other => other,
    };
    let page = paging.page(call, own.map(|(name, _)| name));
    let described = page.names.iter().filter_map(|name| {
        let group = directory.group(name).ok()?;
        Some(models::Group {
            id: (*name).to_owned(),
            name: Some((*name).to_owned()),
            description: None,
            creation_date: group.created,
        })
    });
    ok(&models::GroupList {
        results: described.collect(),
        pagination: page.pagination,
    })
}

// ===== access-control lists =====

/// A group without any has an ACL too: one that permits nothing. So has a group that does not exist.
pub(in crate::testing::memory::handlers) fn acl(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let directory = server.accounts.read();
    let group = directory.group(call.variable("groupId"));
    let policies = group.into_iter().flat_map(|group| &group.policies);
    let acls: Vec<&str> = policies
        .filter_map(|name| Some(directory.policy(name).ok()?.acl.as_str()))
        .collect();
    let no_acl = |message: &str| {
        let body = serde_json::json!({ "message": message, "no_acl": true });
        Ok(Reply::json(StatusCode::NOT_FOUND, &body))
    };
    match acls[..] {
        [] => ok(&models::ACL::new("")),
        [""] => no_acl("Policy attached to group has no ACL"),
        [permission] => ok(&models::ACL::new(permission)),
        _ => no_acl("Multiple policies attached to group - no ACL"),
    }
}

pub(in crate::testing::memory::handlers) fn set_acl(server: &Server, call: &Call) -> Answer {
    let models::ACL { permission } = call.json()?;
    let group = call.variable("groupId");
    let statements = acl_statements(&permission).ok_or_else(|| {
        Failure::bad_request(format!(
            "{group}: translate ACL {{Permission:{permission}}} to statements: validation error: \
             Bad ACL permission \"{permission}\""
        ))
    })?;
    need_groups(server)?;
    let mut directory = server.accounts.write();
    if !directory.set_acl(group, &permission, statements, server.now()) {
        let policy = acl_policy(group);
        return Err(Failure::not_found(format!(
            "attach policy {policy} to group {group}: not found"
        )));
    }
    Ok(Reply::empty(StatusCode::CREATED))
}
