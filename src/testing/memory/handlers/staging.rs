//! Objects whose bytes do not come through the server: they lie in the object store already, or will.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::objects::DEFAULT_TYPE;
use super::{Answer, created, ok, presign, text};
use crate::models;
use crate::testing::memory::error::Failure;
use crate::testing::memory::ids::Ids;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;
use crate::testing::memory::state::{Entry, EntryData, Error, ErrorKind, names};
use crate::testing::memory::storage::address;

/// How long an address may be linked after it was given out.
const ADDRESS_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// As Go reads base64: bits that are left over mean nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Gives out an address to write to, for a branch that need not exist.
pub(super) fn address(server: &Server, call: &Call) -> Answer {
    // Whatever is wrong but a missing repository counts as a fault of the server.
    let internal = |failure: Failure| match failure.status() {
        StatusCode::NOT_FOUND => failure,
        _ => Failure::internal(failure.message()),
    };
    let repository = server
        .repository(call.repository())
        .map_err(internal)?
        .read();
    let address = new_address(server, call);
    let namespace = &repository.storage_namespace;
    let location = address::location(namespace, &address);
    let mut answer = json!({ "physical_address": location, "presigned_url": null });
    if call.query.is_set("presign") {
        let presigned = presign::write(server, call, &location).map_err(internal)?;
        answer["presigned_url"] = presigned.url.into();
        answer["presigned_url_expiry"] = presigned.expires.as_second().into();
    }
    ok(&answer)
}

/// Makes an object of what was written to an address.
pub(super) fn link(server: &Server, call: &Call) -> Answer {
    let wanted: models::StagingMetadata = call.json()?;
    let branch = call.variable("branch");
    let path = call.query.bytes("path");
    let handle =
        server
            .repository(call.repository())
            .map_err(|failure| match failure.status() {
                StatusCode::NOT_FOUND => failure,
                _ => Failure::internal(failure.message()),
            })?;
    let whole = wanted.staging.physical_address.unwrap_or_default();
    let namespace = handle.read().storage_namespace;
    let relative = address::relative(&namespace, &whole);
    if let Some(address) = relative {
        check_address(server, call, address)?;
    }
    let checksum = wanted.checksum.trim_matches(['"', ' ']);
    if checksum.is_empty() {
        return Err(Failure::bad_request("checksum is required"));
    }
    let if_absent = match (call.header("if-match"), call.header("if-none-match")) {
        (None, None) => false,
        (None, Some(tag)) if tag == "*" => true,
        _ => return Err(Failure::not_implemented()),
    };
    let entry = Entry::new(EntryData {
        checksum: checksum.to_owned(),
        size: wanted.size_bytes,
        address: relative.unwrap_or(&whole).into(),
        modified: wanted.mtime.unwrap_or_else(|| server.now()),
        content_type: type_or_default(wanted.content_type),
        metadata: wanted.user_metadata.unwrap_or_default(),
    });
    names::branch("branch", branch)?;
    names::path("path", path)?;
    let force = wanted.force.unwrap_or(false);
    handle
        .write(|repository| repository.put(branch, path.into(), entry.clone(), if_absent, force))
        .map_err(|error| match error.kind {
            ErrorKind::PreconditionFailed => Error::new(error.kind, "Precondition failed"),
            _ => error,
        })?;
    ok(&models::ObjectStats {
        metadata: Some(entry.metadata.clone()),
        ..describe(path, &entry, whole)
    })
}

/// Makes an object of what lies in the object store, wherever that is.
pub(super) fn stage(server: &Server, call: &Call) -> Answer {
    let wanted: models::ObjectStageCreation = call.json()?;
    let branch = call.variable("branch");
    let path = call.query.bytes("path");
    let handle = server.repository(call.repository())?;
    let whole = wanted.physical_address;
    let namespace = handle.read().storage_namespace;
    let shown = address::physical_address(server.block_store, &server.outside, &namespace, &whole)?;
    if !server.block_store.accepts(&whole) {
        let store = server.block_store.name();
        return Err(Failure::bad_request(format!(
            "physical address is not valid for block adapter: {store}"
        )));
    }
    let entry = Entry::new(EntryData {
        checksum: wanted.checksum,
        size: wanted.size_bytes,
        address: address::relative(&namespace, &whole)
            .unwrap_or(&whole)
            .into(),
        modified: wanted.mtime.unwrap_or_else(|| server.now()),
        content_type: type_or_default(wanted.content_type),
        metadata: wanted.metadata.unwrap_or_default(),
    });
    names::branch("branch", branch)?;
    names::path("path", path)?;
    let force = wanted.force.unwrap_or(false);
    handle.write(|repository| repository.put(branch, path.into(), entry.clone(), false, force))?;
    created(&describe(path, &entry, shown))
}

/// An address to write to; its signature binds it to one path of one branch.
pub(super) fn new_address(server: &Server, call: &Call) -> String {
    let address = server.ids.dated_address(server.now());
    let signature = server.signer.sign_text(&signed_text(call, &address));
    format!("{address},{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Refuses an address, relative to the storage namespace, that was not given out for this path, or too long ago.
pub(super) fn check_address(server: &Server, call: &Call, address: &str) -> Result<(), Failure> {
    let Some((address, signature)) = address.rsplit_once(',') else {
        return Err(Failure::bad_request(
            "address is not signed: link address invalid",
        ));
    };
    let signed = signed_text(call, address);
    let signature = LENIENT.decode(signature).map_err(|_| {
        Failure::bad_request(format!(
            "malformed address signature: {signed}: link address invalid"
        ))
    })?;
    if signature != server.signer.sign_text(&signed) {
        return Err(Failure::bad_request(
            "invalid address signature: invalid address",
        ));
    }
    let given_out = Ids::address_time(address).unwrap_or(Timestamp::MIN);
    if server.now().duration_since(given_out) > ADDRESS_LIFE {
        return Err(Failure::bad_request("link address expired"));
    }
    Ok(())
}

/// A part of the namespace's data, of an upload that names it whole.
pub(super) fn relative_address<'a>(namespace: &str, whole: &'a str) -> Result<&'a str, Failure> {
    address::relative(namespace, whole).ok_or_else(|| {
        Failure::bad_request("physical address must be relative to the storage namespace")
    })
}

fn signed_text(call: &Call, address: &str) -> String {
    // In the order of the real server's fields: one of its messages shows it.
    let fields = [
        ("Repository", call.repository()),
        ("Branch", call.variable("branch")),
        ("Path", &text(call.query.bytes("path"))),
        ("PhysicalAddress", address),
    ];
    let fields =
        fields.map(|(name, value)| format!("\"{name}\":{}", serde_json::Value::from(value)));
    format!("{{{}}}", fields.join(","))
}

pub(super) fn type_or_default(content_type: Option<String>) -> String {
    content_type
        .filter(|content_type| !content_type.is_empty())
        .unwrap_or_else(|| DEFAULT_TYPE.to_owned())
}

/// The facts of an object that was just put in place, without its metadata.
pub(super) fn describe(
    path: &[u8],
    entry: &Entry,
    physical_address: String,
) -> models::ObjectStats {
    models::ObjectStats {
        path: text(path),
        path_type: models::PathType::Object,
        physical_address,
        physical_address_expiry: None,
        checksum: entry.checksum.clone(),
        size_bytes: Some(entry.size),
        mtime: entry.modified,
        metadata: None,
        content_type: Some(entry.content_type.clone()),
    }
}
