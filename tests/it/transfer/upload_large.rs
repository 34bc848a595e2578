//! Objects that no test holds: from sparse files, to a lakeFS that counts and forgets.
#![cfg(unix)]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail them"
)]

use std::{
    collections::BTreeMap,
    io::Write as _,
    os::unix::fs::FileExt as _,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use lakefs_sdk::{Body, BoxError, Client, operation::OperationMeta, transfer::Mode};
use tempfile::NamedTempFile;

use super::lake::response;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;
const PART: u64 = 8 * MIB;
const MARK: &[u8] = b"beyond what 32 bits can count";
/// Not where a part or a chunk begins.
const AT: u64 = 4 * GIB + 12_345;

/// What a body was: its size, and where the mark was in it.
type Seen = (u64, Option<u64>);

/// A lakeFS and its store.
#[derive(Clone, Default)]
struct Abyss {
    /// By the number of the part; 0 stands for all of an object.
    seen: Arc<Mutex<BTreeMap<u64, Seen>>>,
    /// Parts from this one on are refused.
    refuses: u64,
}

// ===== impl Abyss =====

impl Abyss {
    fn refusing(part: u64) -> Self {
        Self {
            refuses: part,
            ..Self::default()
        }
    }

    fn client(&self) -> Client {
        let this = self.clone();
        Client::new(tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move { this.answer(request).await }
        }))
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let stats = |size: u64| {
            format!(
                r#"{{"path":"a","path_type":"object","physical_address":"s3://b/x","checksum":"x","size_bytes":{size},"mtime":1}}"#
            )
        };
        let uri = request.uri().clone();
        let answer = match OperationMeta::of(&request).map_or("", |meta| meta.id) {
            "getConfig" => response(
                200,
                r#"{"storage_config":{"blockstore_type":"s3","pre_sign_support":true,"pre_sign_multipart_upload":true}}"#,
            ),
            "createPresignMultipartUpload" => response(
                201,
                r#"{"upload_id":"u","physical_address":"s3://b/x","presigned_urls":[]}"#,
            ),
            "uploadPart" => {
                let number = uri.path().rsplit('/').next().unwrap_or_default();
                let url = format!(r#"{{"presigned_url":"http://store.invalid/x?part={number}"}}"#);
                response(200, url)
            }
            "presignedPut" => {
                let number: u64 = uri
                    .query()
                    .and_then(|query| query.strip_prefix("part="))
                    .unwrap_or("0")
                    .parse()?;
                if self.refuses != 0 && number >= self.refuses {
                    return Ok(response(403, "<Error><Code>AccessDenied</Code></Error>"));
                }
                let seen = swallow(request.into_body()).await?;
                self.seen.lock().unwrap().insert(number, seen);
                let mut taken = response(200, "");
                taken.headers_mut().insert("etag", "\"opaque\"".parse()?);
                taken
            }
            "uploadObject" => {
                let seen = swallow(request.into_body()).await?;
                self.seen.lock().unwrap().insert(0, seen);
                response(201, stats(seen.0))
            }
            "completePresignMultipartUpload" => {
                let size = self
                    .seen
                    .lock()
                    .unwrap()
                    .values()
                    .map(|(size, _)| size)
                    .sum();
                response(200, stats(size))
            }
            "abortPresignMultipartUpload" => response(204, ""),
            other => panic!("not expected: {other:?}"),
        };
        Ok(answer)
    }
}

async fn swallow(mut body: Body) -> Result<Seen, BoxError> {
    let (mut size, mut mark) = (0, None);
    while let Some(chunk) = body.chunk().await? {
        // All else is zero, and the mark is short.
        let at = (AT % MIB) as usize;
        for start in (at % 4096..chunk.len()).step_by(4096) {
            if chunk[start..].starts_with(MARK) {
                mark = Some(size + start as u64);
            }
        }
        size += chunk.len() as u64;
    }
    Ok((size, mark))
}

/// A file that has nothing on the disk but the mark.
fn sparse(size: u64) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.flush().unwrap();
    file.as_file().set_len(size).unwrap();
    file.as_file().write_all_at(MARK, AT).unwrap();
    file
}

/// A size or an offset in 32 bits would end or repeat such a file somewhere, silently.
#[tokio::test]
async fn five_gib_arrive_in_parts_each_at_its_place() {
    const SIZE: u64 = 5 * GIB + 7;
    let (abyss, file) = (Abyss::default(), sparse(SIZE));
    let transfer = abyss.client().transfer().verify(false).part_size(PART);

    let stats = transfer
        .upload("lake", "main", "a")
        .file(file.path())
        .await
        .unwrap();

    assert_eq!(stats.size_bytes, i64::try_from(SIZE).ok());
    let seen = abyss.seen.lock().unwrap();
    assert_eq!(seen.len() as u64, SIZE.div_ceil(PART));
    for (number, (size, mark)) in &*seen {
        let start = (number - 1) * PART;
        assert_eq!(*size, PART.min(SIZE - start), "part {number}");
        let marked = (start..start + size).contains(&AT).then(|| AT - start);
        assert_eq!(*mark, marked, "part {number}");
    }
}

#[tokio::test]
async fn five_gib_arrive_in_one_request() {
    const SIZE: u64 = 5 * GIB + 7;
    let (abyss, file) = (Abyss::default(), sparse(SIZE));
    let transfer = abyss.client().transfer().verify(false).mode(Mode::Direct);

    let stats = transfer
        .upload("lake", "main", "a")
        .file(file.path())
        .await
        .unwrap();

    assert_eq!(stats.size_bytes, i64::try_from(SIZE).ok());
    assert_eq!(abyss.seen.lock().unwrap()[&0], (SIZE, Some(AT)));
}

/// O20: 10,000 parts of the usual size hold 80 GiB; the parts of a larger file grow.
#[tokio::test]
async fn the_parts_of_five_tib_are_large_enough() {
    const SIZE: u64 = 5 * 1024 * GIB;
    let (abyss, file) = (Abyss::refusing(2), sparse(SIZE));
    let transfer = abyss.client().transfer().verify(false).concurrency(1);

    let upload = transfer.upload("lake", "main", "a").file(file.path());

    assert!(upload.await.unwrap_err().is_permission_denied());
    let seen = abyss.seen.lock().unwrap();
    let (part, _) = seen[&1];
    assert!(part * 10_000 >= SIZE && part % MIB == 0, "{part}");
    assert!(part < 600 * MIB, "{part}");
}

/// O20: a stream does not say how much there is, and its first parts are small: the later ones must make up for it.
#[tokio::test]
async fn the_parts_of_a_stream_grow_with_it() {
    const LEAST: u64 = 5 * MIB;
    let abyss = Abyss::default();
    let chunk = Bytes::from(vec![0; LEAST as usize]);
    let chunks = std::iter::repeat_with(move || Ok::<_, BoxError>(chunk.clone())).take(1_284);
    let transfer = abyss.client().transfer().verify(false).part_size(LEAST);

    let upload = transfer.upload("lake", "main", "a");
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let stats = upload.body(body).await.unwrap();

    assert_eq!(stats.size_bytes, i64::try_from(1_284 * LEAST).ok());
    let seen = abyss.seen.lock().unwrap();
    let sizes: Vec<_> = seen.values().map(|(size, _)| size / MIB).collect();
    assert!(sizes[..1_281].iter().all(|size| *size == 5));
    assert_eq!(sizes[1_281..], [6, 6, 3]);
}
