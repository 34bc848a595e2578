//! Object stores that are not S3, and servers with several of them.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail them")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Response;
use lakefs_sdk::{Body, Client, Error, testing::MemoryLakeFs, transfer::Mode};

use super::lake::{Fate, Lake, MIB, PART, Sent, data, refusal, response};

const OBJECT: &str = r#"{"path":"a","path_type":"object","physical_address":"x://b/x","checksum":"x","size_bytes":1048576,"mtime":1}"#;

fn store(id: &str, kind: &str, presign: bool, multipart: bool) -> String {
    format!(
        r#"{{"blockstore_id":"{id}","blockstore_type":"{kind}","pre_sign_support":{presign},"pre_sign_multipart_upload":{multipart}}}"#
    )
}

fn one(store: &str) -> Fate {
    Fate::Answered(response(200, format!(r#"{{"storage_config":{store}}}"#)))
}

fn address(host: &str) -> Fate {
    let url = format!("http://{host}/c/x");
    let body = format!(r#"{{"physical_address":"{url}","presigned_url":"{url}?sig=s"}}"#);
    Fate::Answered(response(200, body))
}

fn taken(headers: &[(&'static str, &str)]) -> Fate {
    let mut taken: Response<Body> = response(200, "");
    for (name, value) in headers {
        taken.headers_mut().append(*name, value.parse().unwrap());
    }
    Fate::Answered(taken)
}

async fn lake(fates: impl FnMut(&Sent) -> Fate + Send + 'static) -> (Lake, Client) {
    Lake::over(MemoryLakeFs::new(), "mem://lake", fates).await
}

/// Azurite, and an account behind a name of one's own, have no `.blob.` in their host: Azure would refuse the upload.
#[tokio::test]
async fn azure_is_known_by_what_lakefs_says() {
    for (kind, expected) in [("azure", Some("BlockBlob")), ("s3", None), ("gs", None)] {
        let (lake, client) = lake(move |sent| match sent.operation {
            "getConfig" => one(&store("", kind, true, false)),
            "getPhysicalAddress" => address("127.0.0.1:10000"),
            "presignedPut" => taken(&[("etag", "\"0x8D\"")]),
            _ => Fate::Answered(response(200, OBJECT)),
        })
        .await;
        let upload = client.transfer().upload("lake", "main", "a");
        upload.body(data(MIB)).await.unwrap();
        let sent = lake.sent();
        let put = sent.iter().find(|sent| sent.operation == "presignedPut");
        let header = put.unwrap().headers.get("x-ms-blob-type");
        assert_eq!(header.map(|value| value.to_str().unwrap()), expected);
    }
}

/// Google's ETag need not be an MD5; its MD5 is in a header of its own, and so can be compared, and kept as the checksum.
#[tokio::test]
async fn the_md5_that_google_tells_is_the_checksum() {
    // Of other data than is sent: the error says what was read.
    const MD5: (&str, &str) = (
        "kAFQmDzST7DWlj99KOF/cg==",
        "900150983cd24fb0d6963f7d28e17f72",
    );
    let one_line = format!("crc32c=yZRlqg==,md5={}", MD5.0);
    let two_lines = format!("md5={}", MD5.0);
    let etag = ("etag", "\"CKih16GjycICEAE=\"");
    let cases: [&[(&'static str, &str)]; 4] = [
        &[etag, ("x-goog-hash", &one_line)],
        &[
            etag,
            ("x-goog-hash", "crc32c=yZRlqg=="),
            ("x-goog-hash", &two_lines),
        ],
        &[("x-goog-hash", &two_lines)],
        &[
            ("content-md5", MD5.0),
            ("x-goog-hash", "md5=AAAAAAAAAAAAAAAAAAAAAA=="),
        ],
    ];
    for headers in cases {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        for verify in [true, false] {
            let headers = headers.clone();
            let (lake, client) = lake(move |sent| match sent.operation {
                "getConfig" => one(&store("", "gs", true, false)),
                "getPhysicalAddress" => address("storage.googleapis.com"),
                "presignedPut" => {
                    let headers: Vec<_> = headers
                        .iter()
                        .map(|(name, value)| (*name, &**value))
                        .collect();
                    taken(&headers)
                }
                _ => Fate::Answered(response(200, OBJECT)),
            })
            .await;
            let transfer = client.transfer().verify(verify);
            let outcome = transfer.upload("lake", "main", "a").body(data(MIB)).await;
            match verify {
                true => {
                    let error = outcome.unwrap_err();
                    assert!(error.to_string().contains(MD5.1), "{error}");
                    assert_eq!(lake.count("linkPhysicalAddress"), 0);
                }
                false => {
                    outcome.unwrap();
                }
            }
        }
    }
}

/// An ETag that is no MD5 says nothing about the data: it is kept as the checksum, and no upload fails for it.
#[tokio::test]
async fn an_etag_that_is_no_md5_is_not_compared() {
    let (lake, client) = lake(|sent| match sent.operation {
        "getConfig" => one(&store("", "gs", true, false)),
        "getPhysicalAddress" => address("storage.googleapis.com"),
        "presignedPut" => taken(&[
            ("etag", "\"CKih16GjycICEAE=\""),
            ("x-goog-hash", "crc32c=yZRlqg==,md5=not base64"),
        ]),
        _ => Fate::Answered(response(200, OBJECT)),
    })
    .await;
    let upload = client.transfer().upload("lake", "main", "a");
    upload.body(data(MIB)).await.unwrap();
    assert_eq!(lake.count("linkPhysicalAddress"), 1);
}

/// Which stores take parts is for lakeFS to say: today it is S3 alone.
#[tokio::test]
async fn parts_are_sent_where_lakefs_offers_them() {
    for (kind, multipart) in [("gs", true), ("azure", true), ("s3", false)] {
        let (lake, client) = lake(move |sent| match sent.operation {
            "getConfig" => one(&store("", kind, true, multipart)),
            "getPhysicalAddress" | "createPresignMultipartUpload" => {
                refusal(400, "Enough", "was seen")
            }
            _ => Fate::Arrives,
        })
        .await;
        let upload = client.transfer().part_size(PART as u64);
        let upload = upload.upload("lake", "main", "a").body(data(PART + 1));
        upload.await.unwrap_err();
        let expected = match multipart {
            true => "createPresignMultipartUpload",
            false => "getPhysicalAddress",
        };
        assert_eq!(lake.operations(), ["getConfig", expected], "{kind}");
    }
}

/// With several stores, what one cannot do must not keep the others from it.
#[tokio::test]
async fn a_repository_is_asked_for_its_store_once() {
    let several = |asked: Arc<AtomicUsize>| {
        move |sent: &Sent| match sent.operation {
            "getConfig" => {
                let stores = [
                    store("fast", "s3", true, true),
                    store("old", "local", false, false),
                    store("blue", "azure", true, false),
                ];
                let body = format!(r#"{{"storage_config_list":[{}]}}"#, stores.join(","));
                Fate::Answered(response(200, body))
            }
            "getRepository" => {
                asked.fetch_add(1, Ordering::SeqCst);
                let name = sent.uri.path().rsplit('/').next().unwrap();
                if name == "secret" {
                    return refusal(403, "no", "no");
                }
                Fate::Answered(response(
                    200,
                    format!(
                        r#"{{"id":"{name}","creation_date":1,"default_branch":"main","storage_id":"{name}","storage_namespace":"x://y"}}"#
                    ),
                ))
            }
            "getPhysicalAddress" => address("127.0.0.1:1"),
            "presignedPut" => taken(&[("etag", "\"0x8D\"")]),
            "createPresignMultipartUpload" => refusal(400, "Enough", "was seen"),
            _ => Fate::Answered(response(200, OBJECT)),
        }
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let (lake, client) = lake(several(Arc::clone(&asked))).await;
    let transfer = client.transfer().part_size(PART as u64);
    let cases = [
        ("fast", MIB, "linkPhysicalAddress"),
        ("fast", PART + 1, "createPresignMultipartUpload"),
        ("old", MIB, "uploadObject"),
        ("blue", MIB, "linkPhysicalAddress"),
        // Whoever may not know which it is, gets what all of them can.
        ("secret", MIB, "uploadObject"),
    ];
    for _ in 0..2 {
        for (repository, size, last) in cases {
            let upload = transfer.clone().upload(repository, "main", "a");
            // Some end in a refusal: what matters is the way.
            let _ = upload.body(data(size)).await;
            assert_eq!(lake.operations().last(), Some(&last), "{repository}");
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    assert_eq!(lake.count("getConfig"), 1);
    for put in lake.sent() {
        let is_azure = put.headers.contains_key("x-ms-blob-type");
        assert!(!is_azure || put.operation == "presignedPut");
    }

    let insisting = transfer.mode(Mode::Presigned);
    let upload = insisting.upload("old", "main", "a").body(data(MIB));
    let error: Error = upload.await.unwrap_err();
    assert!(error.is_not_implemented(), "{error}");
}

/// Azure takes less than the others in one request: beyond it there are 400s, after all of it was sent.
#[tokio::test]
async fn what_azure_does_not_take_in_one_request_goes_through_lakefs() {
    const LIMIT: u64 = 5_000 * MIB as u64;
    for (kind, size, expected) in [
        ("azure", LIMIT, "presignedPut"),
        ("azure", LIMIT + 1, "uploadObject"),
        ("s3", LIMIT + 1, "presignedPut"),
    ] {
        let (lake, client) = lake(move |sent| match sent.operation {
            "getConfig" => one(&store("", kind, true, false)),
            "getPhysicalAddress" => address("127.0.0.1:10000"),
            // Nothing is read of what there is not.
            _ => Fate::Early(response(400, "enough was seen")),
        })
        .await;
        let never = futures_util::stream::pending::<Result<bytes::Bytes, Error>>();
        let upload = client.transfer().upload("lake", "main", "a");
        let upload = upload.body(Body::from_sized_stream(size, never));
        upload.await.unwrap_err();
        assert_eq!(lake.operations().last(), Some(&expected), "{kind}");
    }
}
