//! URLs that let a client reach the object store itself.

use http::Method;

use crate::testing::memory::BlockStore;
use crate::testing::memory::error::Failure;
use crate::testing::memory::object_store::{self, Presigned};
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// A URL to read what lies at a location; with a name, the one to save it under.
pub(super) fn read(
    server: &Server,
    call: &Call,
    location: &str,
    path: &[u8],
) -> Result<Presigned, Failure> {
    let disposition = attachment(&super::text(path));
    let query = [
        ("response-content-disposition", disposition.as_str()),
        ("x-id", "GetObject"),
    ];
    let query = if path.is_empty() { &query[1..] } else { &query };
    sign(server, call, &Method::GET, location, query)
}

/// A URL to put an object at a location.
pub(super) fn write(server: &Server, call: &Call, location: &str) -> Result<Presigned, Failure> {
    sign(
        server,
        call,
        &Method::PUT,
        location,
        &[("x-id", "PutObject")],
    )
}

/// A URL to put a part of an upload to a location.
pub(super) fn write_part(
    server: &Server,
    call: &Call,
    location: &str,
    upload_id: &str,
    number: i64,
) -> Result<String, Failure> {
    if !server.presigns {
        return Err(not_supported(match server.block_store {
            BlockStore::Any => "get presign upload part url: ",
            BlockStore::Local | BlockStore::S3 => "",
        }));
    }
    let number = number.to_string();
    let query = [
        ("partNumber", number.as_str()),
        ("uploadId", upload_id),
        ("x-id", "UploadPart"),
    ];
    Ok(sign(server, call, &Method::PUT, location, &query)?.url)
}

fn sign(
    server: &Server,
    call: &Call,
    method: &Method,
    location: &str,
    query: &[(&str, &str)],
) -> Result<Presigned, Failure> {
    if !server.presigns {
        return Err(not_supported(match server.block_store {
            BlockStore::Any => "get pre signed url: ",
            BlockStore::Local => "local adapter presigned URL: ",
            BlockStore::S3 => "",
        }));
    }
    let (origin, path) = (&call.object_store.0, object_store::path(location));
    Ok(server
        .signer
        .presign(origin, method, &path, query, server.now()))
}

fn not_supported(doing: &str) -> Failure {
    Failure::bad_request(format!("{doing}operation not supported"))
}

/// The value of `Content-Disposition` that offers a file for saving, as Go's `mime.FormatMediaType` writes it.
fn attachment(path: &str) -> String {
    let name = match path.trim_end_matches('/') {
        "" => "/",
        path => path.rsplit('/').next().unwrap_or_default(),
    };
    let is_special = |byte: u8| b"()<>@,;:\\\"/[]?=".contains(&byte);
    if name
        .bytes()
        .any(|byte| !(b' '..=b'~').contains(&byte) && byte != b'\t')
    {
        let encoded = name.bytes().map(|byte| {
            let plain =
                (b'!'..0x7f).contains(&byte) && !b"*'%".contains(&byte) && !is_special(byte);
            match plain {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            }
        });
        return format!(
            "attachment; filename*=utf-8''{}",
            encoded.collect::<String>()
        );
    }
    if name
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !is_special(byte))
    {
        return format!("attachment; filename={name}");
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("attachment; filename=\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_to_save_under_are_written_as_go_does() {
        let cases = [
            ("a/f.txt", "attachment; filename=f.txt"),
            ("a/", "attachment; filename=a"),
            ("/", "attachment; filename=\"/\""),
            ("a b.txt", "attachment; filename=\"a b.txt\""),
            ("say \"x\"", "attachment; filename=\"say \\\"x\\\"\""),
            ("ä b.txt", "attachment; filename*=utf-8''%C3%A4%20b.txt"),
        ];
        for (path, expected) in cases {
            assert_eq!(attachment(path), expected);
        }
    }
}
