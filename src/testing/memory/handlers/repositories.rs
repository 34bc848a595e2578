//! Repositories and their metadata.

use http::StatusCode;

use super::samples;
use super::{Answer, created, no_content, ok, pagination};
use crate::models;
use crate::testing::memory::accounts::{allows, allows_somewhere};
use crate::testing::memory::error::Failure;
use crate::testing::memory::permissions;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{Page, Repository, RepositoryParams};

pub(super) fn list(server: &Server, call: &Call) -> Answer {
    let window = call.window();
    let visible = visible(server, call)?;
    let search = call.query.bytes("search");
    let matching = server.repositories().into_iter().filter(|repository| {
        let name = repository.name.as_bytes();
        let found = search.is_empty() || name.windows(search.len()).any(|part| part == search);
        found && name.starts_with(window.prefix) && name > window.after && visible(&repository.name)
    });
    let page = Page::first(matching, window.amount);
    ok(&models::RepositoryList {
        pagination: pagination(&page, |repository| repository.name.clone()),
        results: page.items.iter().map(describe).collect(),
    })
}

/// Which repositories a caller sees: those that it may list, if there is anything that it may.
fn visible(server: &Server, call: &Call) -> Result<impl Fn(&str) -> bool, Failure> {
    const LIST: &str = "fs:ListRepositories";
    let user = call.user.clone();
    let policies = user
        .as_ref()
        .and_then(|user| server.accounts.policies_of(user));
    if let Some(policies) = &policies {
        let statements = policies.iter().flat_map(|policy| &policy.statements);
        if !allows_somewhere(statements, LIST) {
            return Err(Failure::new(
                StatusCode::UNAUTHORIZED,
                "insufficient permissions",
            ));
        }
    }
    Ok(move |repository: &str| {
        let (Some(user), Some(policies)) = (&user, &policies) else {
            return true;
        };
        let statements = policies.iter().flat_map(|policy| &policy.statements);
        let wanted = permissions::on_repository(LIST, repository);
        allows(statements, &user.name, &wanted)
    })
}

pub(super) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::RepositoryCreation = call.json()?;
    let taken = || {
        Failure::new(
            StatusCode::CONFLICT,
            "error creating repository: not unique",
        )
    };
    if server.repository(&wanted.name).is_ok() {
        return Err(taken());
    }
    if wanted.storage_id.is_some_and(|id| !id.is_empty()) {
        return Err(Failure::bad_request(
            "storage id: invalid value: validation error",
        ));
    }
    if !server.block_store.accepts(&wanted.storage_namespace) {
        let pattern = server.block_store.namespace_pattern();
        return Err(Failure::bad_request(format!(
            "failed to match required regex {pattern}: invalid namespace"
        )));
    }
    let bare = call.query.is_set("bare");
    let with_samples = wanted.sample_data == Some(true) && !bare;
    let read_only = wanted.read_only.unwrap_or(false);
    // Only a repository that is to be written to needs room. A bare one is to find another's objects.
    if !read_only && !bare {
        occupy(server, &wanted.storage_namespace)?;
    }
    let default_branch = wanted
        .default_branch
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "main".into());
    let handle = server.add_repository(RepositoryParams {
        name: wanted.name,
        storage_namespace: wanted.storage_namespace,
        default_branch,
        created: server.now(),
        read_only,
        bare,
    });
    let handle = handle.ok_or_else(taken)?;
    if with_samples {
        samples::add(server, call, &handle)?;
    }
    let repository = handle.read();
    let read_only = Some(read_only).filter(|_| !bare);
    created(&models::Repository {
        read_only,
        ..describe(&repository)
    })
}

fn occupy(server: &Server, namespace: &str) -> Result<(), Failure> {
    let fail = |why: String| {
        Err(Failure::bad_request(format!(
            "failed to create repository: {why}"
        )))
    };
    if namespace
        .split_once("://")
        .is_none_or(|(_, place)| place.is_empty())
    {
        return fail("failed to access storage".into());
    }
    if !server.storage.occupy(namespace) {
        return fail(format!(
            "found lakeFS objects in the storage (:{namespace}) key(_lakefs/dummy): storage namespace already in use"
        ));
    }
    Ok(())
}

pub(super) fn get(server: &Server, call: &Call) -> Answer {
    ok(&describe(&server.repository(call.repository())?.read()))
}

pub(super) fn delete(server: &Server, call: &Call) -> Answer {
    server.remove_repository(call.repository(), call.query.is_set("force"))?;
    no_content()
}

pub(super) fn metadata(server: &Server, call: &Call) -> Answer {
    ok(&server.repository(call.repository())?.read().metadata)
}

pub(super) fn set_metadata(server: &Server, call: &Call) -> Answer {
    let set: models::RepositoryMetadataSet = call.json()?;
    server.repository(call.repository())?.write(|repository| {
        repository.metadata.extend(set.metadata);
        Ok(())
    })?;
    no_content()
}

pub(super) fn delete_metadata(server: &Server, call: &Call) -> Answer {
    let keys: models::RepositoryMetadataKeys = call.json()?;
    server.repository(call.repository())?.write(|repository| {
        repository
            .metadata
            .retain(|key, _| !keys.keys.contains(key));
        Ok(())
    })?;
    no_content()
}

fn describe(repository: &Repository) -> models::Repository {
    models::Repository {
        id: repository.name.clone(),
        creation_date: repository.created,
        default_branch: repository.default_branch.clone(),
        storage_id: Some(String::new()),
        storage_namespace: repository.storage_namespace.clone(),
        read_only: Some(repository.read_only),
    }
}
