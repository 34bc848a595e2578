//! Metaranges and ranges, which are objects of the store too, and commits as other repositories have them.

use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, LOCATION, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};

use super::{Answer, no_content, ok, presign};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{CommitParams, CommitRecord, Metarange, Repository};
use crate::testing::memory::storage::address;

/// The address of a metarange or range. Nobody looks whether it is there.
pub(super) fn locate(server: &Server, call: &Call, argument: &str) -> Answer {
    server.repository(call.repository())?;
    let location = address_of(call.variable(argument));
    Ok(ok(&models::StorageURI {
        location: location.clone(),
    })?
    .text_header(LOCATION, &location))
}

pub(super) fn get(server: &Server, call: &Call) -> Answer {
    if !matches!(call.variable("type"), "range" | "meta_range") {
        return Err(Failure::bad_request(
            r#"parameter "type" in path has an error: value is not one of the allowed values ["range","meta_range"]"#,
        ));
    }
    let repository = server.repository(call.repository())?.read();
    let id = call.variable("object_id");
    write_down(server, &repository, id);
    let location = address::location(&repository.storage_namespace, &address_of(id));
    if call.query.is_set("presign") {
        let url = presign::read(server, call, &location, address_of(id).as_bytes())?.url;
        return Ok(Reply::empty(StatusCode::FOUND).text_header(LOCATION, &url));
    }
    let reply = match server.storage.find(&location) {
        Some(stored) => Reply::bytes(StatusCode::OK, "application/octet-stream", stored.bytes),
        None => Failure::new(StatusCode::GONE, "No data").into_reply(),
    };
    Ok(reply
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(X_FRAME_OPTIONS, "SAMEORIGIN")
        .header(CONTENT_SECURITY_POLICY, "default-src 'none'"))
}

/// Writes a metarange and its ranges, unless that was done before.
fn write_down(server: &Server, repository: &Repository, id: &str) {
    let location = address::location(&repository.storage_namespace, &address_of(id));
    if server.storage.find(&location).is_none() {
        if let Some(metarange) = repository.metarange(id) {
            put(server, repository, id, metarange);
        }
    }
}

/// Puts a metarange and its ranges into the object store.
pub(super) fn put(server: &Server, repository: &Repository, id: &str, metarange: Metarange) {
    let put = |id: &str, bytes: Vec<u8>| {
        let namespace = &repository.storage_namespace;
        server.storage.put(namespace, address_of(id), bytes.into());
    };
    let table = metarange.bytes().to_vec();
    for (id, bytes) in metarange.into_ranges() {
        put(&id, bytes);
    }
    put(id, table);
}

fn address_of(id: &str) -> String {
    format!("_lakefs/{id}")
}

pub(super) fn add_commit_record(server: &Server, call: &Call) -> Answer {
    let wanted: models::CommitRecordCreation = call.json()?;
    let repository = server.repository(call.repository())?;
    let record = CommitRecord {
        id: wanted.commit_id,
        parents: wanted.parents,
        metarange_id: wanted.metarange_id,
        // Cut to 32 bits in silence, as the real server does.
        generation: i64::from(wanted.generation as i32),
        version: i64::from(wanted.version as i32),
        params: CommitParams {
            committer: wanted.committer,
            message: wanted.message,
            metadata: wanted.metadata.unwrap_or_default(),
            created: wanted.creation_date,
            allow_empty: true,
            force: wanted.force.unwrap_or(false),
        },
    };
    repository.write(|repository| repository.add_commit_record(record))?;
    no_content()
}
