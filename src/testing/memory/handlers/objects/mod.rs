//! Objects: their bytes, their facts, their listing.

mod multipart;
mod range;
mod read;
mod refusals;
mod upload;

use http::StatusCode;

use super::{Answer, created, no_content, ok, pagination, presign, text};
use crate::models;
use crate::testing::memory::BlockStore;
use crate::testing::memory::error::Failure;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{Entry, EntryData, Listed, Repository, names};
use crate::testing::memory::storage::{StoreError, address};

use refusals::Refusals;

pub(super) use read::{get, head};
pub(in super::super) use upload::DEFAULT_TYPE;
pub(super) use upload::upload;

/// More paths than this in one call are refused.
const MAX_DELETED: usize = 1000;

/// A repository, and the entry that a reference sees at a path.
pub(super) fn find(
    server: &Server,
    name: &str,
    reference: &str,
    path: &[u8],
) -> Result<(Repository, Entry), Failure> {
    names::repository("repository", name)?;
    names::reference("ref", reference)?;
    names::path("path", path)?;
    let repository = server.repository(name)?.read();
    let entry = repository.entry(reference, path)?;
    Ok((repository, entry))
}

/// The repository of a write, for the operations that look for the branch before they read the request.
fn open_branch(server: &Server, call: &Call) -> Result<Handle, Failure> {
    let branch = call.variable("branch");
    let repository = server.repository(call.repository())?;
    names::branch("name", branch)?;
    if !repository.read().has_branch(branch) {
        return Err(Failure::not_found(format!("branch '{branch}' not found")));
    }
    Ok(repository)
}

pub(super) fn stat(server: &Server, call: &Call) -> Answer {
    let path = call.query.bytes("path");
    // The repository is looked up before the other names are checked.
    server.repository(call.repository())?;
    let (repository, entry) = find(server, call.repository(), call.variable("ref"), path)?;
    let with_metadata = call.query.flag("user_metadata").unwrap_or(true);
    let metadata = if with_metadata {
        entry.metadata.clone()
    } else {
        Default::default()
    };
    let mut stats = describe(server, &repository, path, &entry)?;
    presign_stats(server, call, &repository, &entry, &mut stats)?;
    ok(&models::ObjectStats {
        metadata: Some(metadata),
        ..stats
    })
}

pub(super) fn list(server: &Server, call: &Call) -> Answer {
    let window = call.window();
    let reference = call.variable("ref");
    let handle = server.repository(call.repository())?;
    names::reference("ref", reference)?;
    names::optional_path("prefix", window.prefix)?;
    names::optional_path("delimiter", window.delimiter)?;
    let repository = handle.read();
    let page = repository.list_objects(reference, &window)?;
    let with_metadata = call.query.flag("user_metadata").unwrap_or(true);
    let describe_listed = |listed: &Listed| match listed {
        Listed::Object(path, entry) => {
            // Here, unlike in a stat, a bad address is a fault of the server.
            let mut stats = describe(server, &repository, path, entry)
                .map_err(|failure| Failure::internal(failure.message()))?;
            presign_stats(server, call, &repository, entry, &mut stats)?;
            // Here, unlike in a stat, an object without metadata has no field for it.
            let metadata = Some(entry.metadata.clone())
                .filter(|metadata| with_metadata && !metadata.is_empty());
            Ok(models::ObjectStats { metadata, ..stats })
        }
        Listed::CommonPrefix(prefix) => Ok(models::ObjectStats {
            path: text(prefix),
            path_type: models::PathType::CommonPrefix,
            physical_address: String::new(),
            physical_address_expiry: None,
            checksum: String::new(),
            size_bytes: None,
            mtime: jiff::Timestamp::UNIX_EPOCH,
            metadata: None,
            content_type: None,
        }),
    };
    let name = |listed: &Listed| match listed {
        Listed::Object(path, _) => text(path),
        Listed::CommonPrefix(prefix) => text(prefix),
    };
    ok(&models::ObjectStatsList {
        pagination: pagination(&page, name),
        results: page
            .items
            .iter()
            .map(describe_listed)
            .collect::<Result<_, Failure>>()?,
    })
}

pub(super) fn copy(server: &Server, call: &Call) -> Answer {
    let wanted: models::ObjectCopyCreation = call.json()?;
    let branch = call.variable("branch");
    let path = call.query.bytes("dest_path");
    let destination = open_branch(server, call)?;
    if wanted.shallow == Some(true) {
        return Err(Failure::not_implemented());
    }
    let source = wanted.src_ref.filter(|reference| !reference.is_empty());
    let source = source.as_deref().unwrap_or(branch);
    let (repository, entry) = find(
        server,
        call.repository(),
        source,
        wanted.src_path.as_bytes(),
    )?;
    let address = server.ids.address();
    let from = locate(server, &repository, &entry)?;
    let to = address::location(&repository.storage_namespace, &address);
    let copied = server.storage.copy(&from, to.clone());
    if !copied.map_err(|error| refused(server, error, "CopyObject", &to))? {
        return Err(match server.block_store {
            BlockStore::S3 => StoreError::no_such_key().passed_on("CopyObject", &server.ids),
            BlockStore::Local => {
                let file = from.trim_start_matches("local://");
                Failure::internal(format!("open {file}: no such file or directory"))
            }
            BlockStore::Any => vanished(),
        });
    }
    let copied = Entry::new(EntryData {
        address,
        modified: server.now(),
        ..(*entry).clone()
    });
    names::path("path", path)?;
    let force = wanted.force.unwrap_or(false);
    destination
        .write(|repository| repository.put(branch, path.into(), copied.clone(), false, force))?;
    let metadata = Some(copied.metadata.clone());
    created(&models::ObjectStats {
        metadata,
        ..describe(server, &repository, path, &copied)?
    })
}

pub(super) fn delete(server: &Server, call: &Call) -> Answer {
    let branch = call.variable("branch");
    let path = call.query.bytes("path");
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    names::path("path", path)?;
    let repository = server.repository(call.repository())?;
    repository.write(|repository| repository.delete(branch, [path], call.query.is_set("force")))?;
    no_content()
}

/// Answers 200 whatever happened. What is missing (object, branch, repository) counts as deleted.
pub(super) fn delete_many(server: &Server, call: &Call) -> Answer {
    let models::PathList { paths } = call.json()?;
    if paths.len() > MAX_DELETED {
        return Err(Failure::bad_request(format!(
            "request size exceeded, max paths is set to {MAX_DELETED}"
        )));
    }
    let (paths, refusals) = Refusals::sort_out(server, call, paths);
    let deleted = delete_all(server, call, &paths);
    let status = match &deleted {
        Ok(()) => None,
        Err(failure) if failure.missing => None,
        Err(failure) if failure.status() == StatusCode::FORBIDDEN => Some(StatusCode::FORBIDDEN),
        Err(_) => Some(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let mut errors = refusals.errors();
    if let (Err(failure), Some(status)) = (deleted, status) {
        errors.extend(paths.into_iter().map(|path| models::ObjectError {
            status_code: i64::from(status.as_u16()),
            message: failure.message().to_owned(),
            path: Some(path),
        }));
    }
    let list = models::ObjectErrorList { errors };
    refusals.answer(&list)
}

fn delete_all(server: &Server, call: &Call, paths: &[String]) -> Result<(), Failure> {
    let branch = call.variable("branch");
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    for (index, path) in paths.iter().enumerate() {
        names::path(&format!("path[{index}]"), path.as_bytes())?;
    }
    let repository = server.repository(call.repository())?;
    let paths = paths.iter().map(String::as_bytes);
    Ok(repository
        .write(|repository| repository.delete(branch, paths, call.query.is_set("force")))?)
}

/// Answers success for a repository that does not exist, as the real server does.
pub(super) fn set_user_metadata(server: &Server, call: &Call) -> Answer {
    let wanted: models::UpdateObjectUserMetadata = call.json()?;
    let branch = call.variable("branch");
    let path = call.query.bytes("path");
    names::repository("repository", call.repository())?;
    names::branch("branch", branch)?;
    names::path("path", path)?;
    if let Ok(repository) = server.repository(call.repository()) {
        repository
            .write(|repository| repository.set_user_metadata(branch, path.into(), wanted.set))?;
    }
    no_content()
}

pub(super) fn underlying_properties(server: &Server, call: &Call) -> Answer {
    server.repository(call.repository())?;
    let (repository, entry) = find(
        server,
        call.repository(),
        call.variable("ref"),
        call.query.bytes("path"),
    )?;
    let location = locate(server, &repository, &entry)
        .map_err(|failure| Failure::internal(failure.message()))?;
    let missing = || Failure::internal("not found");
    let stored = server.storage.find(&location).ok_or_else(missing)?;
    let class = match server.block_store {
        BlockStore::S3 => Some(stored.storage_class().unwrap_or_default()),
        BlockStore::Any | BlockStore::Local => None,
    };
    ok(&serde_json::json!({ "storage_class": class }))
}

/// The facts of an object, without its metadata.
fn describe(
    server: &Server,
    repository: &Repository,
    path: &[u8],
    entry: &Entry,
) -> Result<models::ObjectStats, Failure> {
    let address = shown_address(server, repository, entry)?;
    Ok(super::staging::describe(path, entry, address))
}

fn shown_address(
    server: &Server,
    repository: &Repository,
    entry: &Entry,
) -> Result<String, Failure> {
    let namespace = &repository.storage_namespace;
    address::physical_address(
        server.block_store,
        &server.outside,
        namespace,
        &entry.address,
    )
}

/// Where the bytes of an entry lie, unless that is no place at all.
pub(super) fn locate(
    server: &Server,
    repository: &Repository,
    entry: &Entry,
) -> Result<String, Failure> {
    if !address::is_relative(&entry.address) {
        shown_address(server, repository, entry)?;
    }
    Ok(address::location(
        &repository.storage_namespace,
        &entry.address,
    ))
}

/// Puts a URL in the place of the address, for a call that asks for it.
fn presign_stats(
    server: &Server,
    call: &Call,
    repository: &Repository,
    entry: &Entry,
    stats: &mut models::ObjectStats,
) -> Result<(), Failure> {
    if call.query.is_set("presign") {
        let location = locate(server, repository, entry)?;
        let presigned = presign::read(server, call, &location, stats.path.as_bytes())?;
        stats.physical_address = presigned.url;
        stats.physical_address_expiry = Some(presigned.expires);
    }
    Ok(())
}

/// A write that the object store refused, in the words of its kind; other kinds than S3 refuse for one reason alone.
fn refused(server: &Server, error: StoreError, operation: &str, location: &str) -> Failure {
    match server.block_store {
        BlockStore::S3 => error.passed_on(operation, &server.ids),
        BlockStore::Local => {
            let file = location.trim_start_matches("local://");
            Failure::internal(format!("write {file}: no space left on device"))
        }
        BlockStore::Any => Failure::internal("no space left on device"),
    }
}

fn vanished() -> Failure {
    Failure::new(StatusCode::GONE, "No data")
}
