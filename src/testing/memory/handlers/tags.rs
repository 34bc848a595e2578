//! Tags.

use super::{Answer, created, no_content, ok, pagination, reference};
use crate::models;
use crate::testing::memory::hooks::{Around, HookEvent, guard};
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::names;

pub(super) fn list(server: &Server, call: &Call) -> Answer {
    let repository = server.repository(call.repository())?.read();
    let page = repository.list_tags(&call.window());
    ok(&models::RefList {
        pagination: pagination(&page, |(name, _)| (*name).to_owned()),
        results: page
            .items
            .iter()
            .map(|(name, commit)| reference(name, commit))
            .collect(),
    })
}

pub(super) fn create(server: &Server, call: &Call) -> Answer {
    let wanted: models::TagCreation = call.json()?;
    names::repository("repository", call.repository())?;
    names::tag("tagID", &wanted.id)?;
    let repository = server.repository(call.repository())?;
    let force = wanted.force.unwrap_or(false);
    let around = Around {
        tag: &wanted.id,
        source_ref: &wanted.reference,
        ..Around::default()
    };
    let events = [HookEvent::PreCreateTag, HookEvent::PostCreateTag];
    let commit = guard(server, &repository, events, &around, |repository| {
        let commit = repository.create_tag(&wanted.id, &wanted.reference, force)?;
        Ok(repository.resolve_commit(commit.as_str())?.clone())
    })?;
    created(&reference(&wanted.id, &commit.id))
}

pub(super) fn get(server: &Server, call: &Call) -> Answer {
    let name = call.variable("tag");
    names::repository("repository", call.repository())?;
    names::tag("tagID", name)?;
    let repository = server.repository(call.repository())?.read();
    ok(&reference(name, repository.tag(name)?))
}

pub(super) fn delete(server: &Server, call: &Call) -> Answer {
    let name = call.variable("tag");
    names::repository("repository", call.repository())?;
    names::tag("tagID", name)?;
    let repository = server.repository(call.repository())?;
    let around = Around {
        tag: name,
        source_ref: name,
        ..Around::default()
    };
    let events = [HookEvent::PreDeleteTag, HookEvent::PostDeleteTag];
    guard(server, &repository, events, &around, |repository| {
        let commit = repository.tag(name).cloned();
        repository.delete_tag(name, call.query.is_set("force"))?;
        Ok(repository.resolve_commit(commit?.as_str())?.clone())
    })?;
    no_content()
}
