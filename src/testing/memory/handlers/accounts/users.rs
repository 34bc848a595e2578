//! Users and their access keys.

use jiff::Timestamp;

use super::{
    Answer, Page, Paging, check_name, created, describe_user, missing, need_groups, no_content, ok,
};
use crate::models;
use crate::testing::memory::accounts::{Error, Key};
use crate::testing::memory::error::Failure;
use crate::testing::memory::handlers::emails;
use crate::testing::memory::permissions;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

pub(in crate::testing::memory::handlers) fn list(server: &Server, call: &Call) -> Answer {
    let directory = server.accounts.read();
    let page = if server.accounts.access.is_enforced() {
        Paging::of(server).page(call, directory.users.keys())
    } else {
        // Whatever was asked for: there is one.
        Page::whole(directory.users.keys())
    };
    let described = page.names.iter().filter_map(|name| {
        let account = directory.user(name).ok()?;
        Some(describe_user(name, account))
    });
    ok(&models::UserList {
        results: described.collect(),
        pagination: page.pagination,
    })
}

pub(in crate::testing::memory::handlers) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::UserCreation = call.json()?;
    check_name("User", &wanted.id)?;
    let invited = if wanted.invite_user == Some(true) {
        let address = emails::address(&wanted.id);
        Some(address.ok_or_else(|| Failure::bad_request("Invalid email format"))?)
    } else {
        None
    };
    let name = invited.map_or_else(|| wanted.id.clone(), str::to_lowercase);
    if let Some(user) = &call.user {
        let needed = permissions::on_user("auth:CreateUser", &name);
        server.accounts.authorize(user, &call.headers, &[needed])?;
    }
    let mut directory = server.accounts.write();
    if let Some(email) = invited {
        need_groups(server)?;
        directory.add_user(email, email, server.now())?;
        // Who is invited has not come yet.
        return created(&new_user(email, Timestamp::UNIX_EPOCH));
    }
    if !server.accounts.access.is_enforced() {
        check_only_user(&name)?;
        if !directory.users.is_empty() {
            return Err(Error::AlreadyExists.into());
        }
    }
    let now = server.now();
    directory.add_user(&name, "", now)?;
    created(&new_user(&name, now))
}

fn new_user(name: &str, created: Timestamp) -> models::User {
    models::User {
        id: name.to_owned(),
        creation_date: created,
        friendly_name: None,
        email: None,
    }
}

/// Where there is one user only, lakeFS keeps it by itself, and says what is wrong with its name.
pub(in crate::testing::memory::handlers) fn check_only_user(name: &str) -> Result<(), Failure> {
    let fault = match name {
        "" => "empty name",
        name if name.contains('/') => "name contains delimiter /",
        _ => return Ok(()),
    };
    Err(Failure::bad_request(format!("{fault}: validation error")))
}

pub(in crate::testing::memory::handlers) fn get(server: &Server, call: &Call) -> Answer {
    let name = call.variable("userId");
    let directory = server.accounts.read();
    let account = directory.user(name).map_err(missing("user"))?;
    ok(&describe_user(name, account))
}

pub(in crate::testing::memory::handlers) fn delete(server: &Server, call: &Call) -> Answer {
    let name = call.variable("userId");
    let mut directory = server.accounts.write();
    directory.remove_user(name).map_err(missing("user"))?;
    if !server.accounts.access.is_enforced() {
        directory.keys.retain(|_, key| key.user != name);
    }
    no_content()
}

// ===== access keys =====

pub(in crate::testing::memory::handlers) fn list_keys(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let user = call.variable("userId");
    let directory = server.accounts.read();
    let known = directory.users.contains_key(user);
    let own = directory
        .keys
        .iter()
        .filter(|(_, key)| known && key.user == user);
    let page = Paging::of(server).page(call, own.map(|(id, _)| id));
    let described = page.names.iter().filter_map(|id| {
        let key = directory.keys.get(*id)?;
        Some(describe_key(id, key))
    });
    ok(&models::CredentialsList {
        results: described.collect(),
        pagination: page.pagination,
    })
}

/// The one time that the secret is told.
pub(in crate::testing::memory::handlers) fn create_key(server: &Server, call: &Call) -> Answer {
    let user = call.variable("userId");
    let mut directory = server.accounts.write();
    directory.user(user)?;
    let is_only_key = !directory.keys.values().any(|key| key.user == user);
    if !server.accounts.access.is_enforced() && !is_only_key {
        return Err(Failure::bad_request(
            "exceeded number of allowed credentials: invalid request",
        ));
    }
    let now = server.now();
    let (id, key) = server
        .accounts
        .create_key(&mut directory, user, &server.ids, now);
    created(&with_secret(&id, &key))
}

pub(in crate::testing::memory::handlers) fn get_key(server: &Server, call: &Call) -> Answer {
    let (user, id) = (call.variable("userId"), call.variable("accessKeyId"));
    let directory = server.accounts.read();
    let key = directory.key_of(user, id).map_err(missing("credentials"))?;
    ok(&describe_key(id, key))
}

pub(in crate::testing::memory::handlers) fn delete_key(server: &Server, call: &Call) -> Answer {
    need_groups(server)?;
    let (user, id) = (call.variable("userId"), call.variable("accessKeyId"));
    let mut directory = server.accounts.write();
    directory
        .remove_key(user, id)
        .map_err(missing("credentials"))?;
    no_content()
}

fn describe_key(id: &str, key: &Key) -> models::Credentials {
    models::Credentials {
        access_key_id: id.to_owned(),
        creation_date: key.created,
    }
}

pub(in crate::testing::memory::handlers) fn with_secret(
    id: &str,
    key: &Key,
) -> models::CredentialsWithSecret {
    models::CredentialsWithSecret {
        access_key_id: id.to_owned(),
        secret_access_key: key.secret.clone(),
        creation_date: key.created,
    }
}
