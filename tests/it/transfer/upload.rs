//! Uploads arrive as they were sent, by every way.

use bytes::Bytes;
use lakefs_sdk::{
    Body, BoxError, Client,
    testing::MemoryLakeFs,
    transfer::{Mode, Upload},
};

use super::lake::{Fate, Lake, MIB, PART, data};

fn arrives(_: &super::lake::Sent) -> Fate {
    Fate::Arrives
}

async fn without_presign() -> (Lake, Client) {
    let memory = MemoryLakeFs::builder().presign(false).build();
    Lake::over(memory, "mem://lake", arrives).await
}

fn upload(client: &Client, mode: Mode) -> Upload {
    client
        .transfer()
        .part_size(PART as u64)
        .mode(mode)
        .upload("lake", "main", "a/b.csv")
        .content_type("text/csv")
        .metadata("Origin", "web")
        .metadata("::lakefs::client-mtime", "12")
}

/// Content type and metadata that get lost by one of the ways would depend on the size of an object.
#[tokio::test]
async fn facts_are_the_same_by_every_way() {
    let (lake, presigning) = Lake::new(arrives).await;
    let (plain, direct) = without_presign().await;
    let cases = [
        (&lake, &presigning, Mode::Auto, 10, "uploadObject"),
        (
            &lake,
            &presigning,
            Mode::Presigned,
            10,
            "linkPhysicalAddress",
        ),
        (&lake, &presigning, Mode::Auto, MIB, "linkPhysicalAddress"),
        (
            &lake,
            &presigning,
            Mode::Auto,
            2 * PART + 1,
            "completePresignMultipartUpload",
        ),
        (
            &lake,
            &presigning,
            Mode::Direct,
            2 * PART + 1,
            "uploadObject",
        ),
        (&plain, &direct, Mode::Auto, 2 * PART + 1, "uploadObject"),
    ];
    for (lake, client, mode, size, last) in cases {
        let content = data(size);
        let stats = upload(client, mode).body(content.clone()).await.unwrap();

        assert_eq!(lake.operations().last(), Some(&last));
        assert_eq!(stats.size_bytes, i64::try_from(size).ok());
        let found = client.stat_object("lake", "main", "a/b.csv").await.unwrap();
        assert_eq!(found.content_type.as_deref(), Some("text/csv"));
        let metadata = found.metadata.unwrap();
        assert_eq!(metadata["origin"], "web", "{last}");
        assert_eq!(metadata["::lakefs::client-mtime"], "12", "{last}");
        assert_eq!(metadata.len(), 2);
        assert_eq!(lake.object("a/b.csv").await, content);
    }
}

/// A store refuses a request that carries lakeFS's credentials or headers that its signature does not cover.
#[tokio::test]
async fn the_store_gets_nothing_that_is_lakefs_own() {
    let (lake, _) = Lake::new(arrives).await;
    let client = Client::builder()
        .transport(lake.clone())
        .endpoint("http://lakefs.example.com")
        .credentials(lakefs_sdk::Credentials::bearer_token("t0ken"))
        .build()
        .unwrap();
    upload(&client, Mode::Auto).body(data(MIB)).await.unwrap();

    let sent = lake.sent();
    let put = sent
        .iter()
        .find(|sent| sent.operation == "presignedPut")
        .unwrap();
    let mut names: Vec<_> = put.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "user-agent"]);
    assert!(
        sent.iter()
            .filter(|sent| sent.operation != "presignedPut")
            .all(|sent| {
                sent.headers.contains_key("authorization")
                    && sent.headers.contains_key("x-request-id")
            })
    );
}

/// What a program's own layers add for a gateway before lakeFS is a secret, and one that stores answer with 400.
#[tokio::test]
async fn the_store_gets_nothing_that_layers_add() {
    let (lake, _) = Lake::new(arrives).await;
    let add = |request: http::Request<Body>| {
        let (mut parts, body) = request.into_parts();
        for (name, value) in [
            ("authorization", "Gateway k3y"),
            ("cookie", "session=1"),
            ("x-tenant", "a"),
        ] {
            parts
                .headers
                .insert(name, http::HeaderValue::from_static(value));
        }
        http::Request::from_parts(parts, body)
    };
    for inside in [false, true] {
        let builder = Client::builder().transport(lake.clone());
        let builder = match inside {
            false => builder.layer(tower::util::MapRequestLayer::new(add)),
            true => builder.attempt_layer(tower::util::MapRequestLayer::new(add)),
        };
        let client = builder.build().unwrap();
        upload(&client, Mode::Presigned)
            .body(data(MIB))
            .await
            .unwrap();
        let transfer = client.transfer().mode(Mode::Presigned);
        let object = transfer.download("lake", "main", "a/b.csv");
        assert_eq!(object.to_bytes().await.unwrap(), data(MIB));
    }

    for sent in lake.sent() {
        let is_store = sent.operation.starts_with("presigned");
        assert_eq!(sent.headers.contains_key("x-tenant"), !is_store, "{sent:?}");
        if is_store {
            assert!(!sent.headers.contains_key("authorization"), "{sent:?}");
            assert!(!sent.headers.contains_key("cookie"), "{sent:?}");
        }
    }
}

/// Whoever asked not to overwrite must not do so because the object is large.
#[tokio::test]
async fn conditions_hold_by_every_way() {
    let (lake, presigning) = Lake::new(arrives).await;
    let (_, direct) = without_presign().await;
    for client in [&presigning, &direct] {
        for size in [10, MIB, 2 * PART] {
            let conditional = || {
                upload(client, Mode::Auto)
                    .if_none_match("*")
                    .body(data(size))
            };
            client
                .delete_object("lake", "main", "a/b.csv")
                .await
                .unwrap();
            conditional().await.unwrap();
            let error = conditional().await.unwrap_err();
            assert!(error.is_precondition_failed(), "{size}: {error}");
            let error = upload(client, Mode::Auto)
                .if_match("x")
                .body(data(size))
                .await;
            assert!(error.unwrap_err().is_not_implemented());
        }
    }
    assert_eq!(lake.count("createPresignMultipartUpload"), 0);
}

/// O4: an object without a path cannot be asked for.
#[tokio::test]
async fn an_empty_path_is_refused_before_anything_is_sent() {
    let (lake, client) = Lake::new(arrives).await;
    for path in [String::new(), "a".repeat(1025)] {
        let error = client
            .transfer()
            .upload("lake", "main", path)
            .await
            .unwrap_err();
        assert!(
            error.is_invalid_input() && error.to_string().contains("`path`"),
            "{error}"
        );
    }
    assert_eq!(lake.sent().len(), 0);
}

/// The server's settings do not change between two files.
#[tokio::test]
async fn the_configuration_is_asked_for_once() {
    let (lake, client) = Lake::new(arrives).await;
    let transfer = client.transfer();
    for path in ["a", "b", "c"] {
        transfer
            .clone()
            .upload("lake", "main", path)
            .body(data(MIB))
            .await
            .unwrap();
    }
    assert_eq!(lake.count("getConfig"), 1);
}

/// A file must arrive as it is, whether it is empty, one request, or several parts.
#[tokio::test]
async fn files_arrive_whole() {
    let (lake, client) = Lake::new(arrives).await;
    let path = std::env::temp_dir().join(format!("lakefs-upload-{}", std::process::id()));
    for size in [0, 1, 64 * 1024, MIB + 1, PART, 3 * PART + 7] {
        for mode in [Mode::Auto, Mode::Direct] {
            std::fs::write(&path, data(size)).unwrap();
            let stats = upload(&client, mode).file(&path).await.unwrap();
            assert_eq!(stats.size_bytes, i64::try_from(size).ok());
            assert!(lake.object("a/b.csv").await == data(size), "{size}");
        }
    }
    std::fs::remove_file(&path).unwrap();
    let error = upload(&client, Mode::Auto).file(&path).await.unwrap_err();
    assert!(
        error.is_invalid_input() && error.to_string().contains("lakefs-upload"),
        "{error}"
    );
    let error = upload(&client, Mode::Auto)
        .file(std::env::temp_dir())
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains("directory"), "{error:#}");
}

/// The length of what comes from a pipe or a compressor is known at its end only.
#[tokio::test]
async fn streams_of_unknown_length_arrive_whole() {
    let (lake, client) = Lake::new(arrives).await;
    let (_, direct) = without_presign().await;
    for size in [0, 3, MIB, PART, PART + 1, 3 * PART] {
        for chunk in [100_000, 3 * MIB] {
            let chunks: Vec<_> = data(size)
                .chunks(chunk)
                .map(Bytes::copy_from_slice)
                .collect();
            let stream = || {
                let chunks = chunks.clone().into_iter().map(Ok::<_, BoxError>);
                Body::from_stream(futures_util::stream::iter(chunks))
            };
            upload(&client, Mode::Auto).body(stream()).await.unwrap();
            assert!(lake.object("a/b.csv").await == data(size), "{size}");
            upload(&direct, Mode::Auto).body(stream()).await.unwrap();
            let conditional = upload(&client, Mode::Auto)
                .if_none_match("*")
                .body(stream())
                .await;
            assert!(conditional.unwrap_err().is_precondition_failed());
        }
    }
    upload(&client, Mode::Auto)
        .reader(std::io::Cursor::new(data(3 * PART)))
        .await
        .unwrap();
    assert!(lake.object("a/b.csv").await == data(3 * PART));
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// A stream that fails must not become an object that ends where it did.
#[tokio::test]
async fn a_stream_that_fails_makes_no_object() {
    let (lake, client) = Lake::new(arrives).await;
    for before in [1, PART + 1, 3 * PART] {
        let chunks = [Ok(data(before)), Err("the disk is gone")];
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let error = upload(&client, Mode::Auto).body(body).await.unwrap_err();
        assert!(
            format!("{error:#}").contains("the disk is gone"),
            "{error:#}"
        );
        assert!(
            client
                .stat_object("lake", "main", "a/b.csv")
                .await
                .unwrap_err()
                .is_not_found()
        );
    }
    assert_eq!(lake.memory.pending_uploads(), []);
}
