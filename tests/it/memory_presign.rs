//! `MemoryLakeFs` and the object store below it: URLs that carry their own permission, and what is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use lakefs_sdk::testing::{BlockStore, MemoryLakeFs};
use lakefs_sdk::{Body, BoxError};
use serde_json::{Value, json};
use tower::{Service, ServiceExt as _};

const MIB: usize = 1024 * 1024;

/// A plain HTTP client, with a socket or without, and where it finds lakeFS.
#[derive(Clone)]
struct Plain<S> {
    service: S,
    endpoint: String,
}

/// An answer that is whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl<S, B> Plain<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    async fn send(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        let response = self
            .service
            .clone()
            .oneshot(request)
            .await
            .map_err(Into::into)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(Into::into)?.to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    async fn put(&self, url: &str, body: impl Into<Bytes>) -> Result<Answer, BoxError> {
        self.send(Request::put(url).body(Body::from(body.into()))?)
            .await
    }

    async fn get(&self, url: &str) -> Result<Answer, BoxError> {
        self.send(Request::get(url).body(Body::empty())?).await
    }

    /// Calls lakeFS, below the repository.
    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Answer, BoxError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1/repositories/lake{path}", self.endpoint));
        let request = match body {
            Value::Null => request.body(Body::empty()),
            json => request
                .header("content-type", "application/json")
                .body(Body::from(json.to_string())),
        };
        self.send(request?).await
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> Result<Value, BoxError> {
        let answer = self.call(method, path, body).await?;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Asks for an address to write to.
    async fn address(&self, path: &str) -> Result<Value, BoxError> {
        let path = format!("/branches/main/staging/backing?path={path}&presign=true");
        self.json(Method::GET, &path, Value::Null).await
    }

    async fn link(&self, path: &str, address: &Value, size: usize) -> Result<Answer, BoxError> {
        let path = format!("/branches/main/staging/backing?path={path}");
        let link = json!({ "staging": address, "checksum": "etag", "size_bytes": size });
        self.call(Method::PUT, &path, link).await
    }

    /// The URL that reading an object is redirected to.
    async fn redirect(&self, path: &str) -> Result<String, BoxError> {
        let path = format!("/refs/main/objects?path={path}&presign=true");
        let answer = self.call(Method::GET, &path, Value::Null).await?;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text());
        Ok(answer.headers["location"].to_str()?.to_owned())
    }
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A client without a socket, of a lakeFS with one repository.
async fn in_memory(lakefs: &MemoryLakeFs) -> Result<Plain<MemoryLakeFs>, BoxError> {
    let client = Plain {
        service: lakefs.clone(),
        endpoint: String::new(),
    };
    let create = json!({ "name": "lake", "storage_namespace": "s3://bucket/lake" });
    let request = Request::post("/api/v1/repositories").header("content-type", "application/json");
    let answer = client
        .send(request.body(Body::from(create.to_string()))?)
        .await?;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    Ok(client)
}

fn with_s3() -> MemoryLakeFs {
    MemoryLakeFs::builder().block_store(BlockStore::S3).build()
}

/// Writes through one URL and reads through another.
async fn round_trip<S, B>(client: &Plain<S>) -> Result<[Uri; 2], BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let address = client.address("a%20b.csv").await?;
    let upload = text(&address["presigned_url"]);
    let put = client.put(upload, "id,kind\n").await?;
    assert_eq!(put.status, StatusCode::OK, "{}", put.text());
    assert_eq!(put.headers["etag"], "\"fc07a090d20122fec90d688147662d68\"");
    let linked = client.link("a%20b.csv", &address, 8).await?;
    assert_eq!(linked.status, StatusCode::OK, "{}", linked.text());

    let download = client.redirect("a%20b.csv").await?;
    let got = client.get(&download).await?;
    assert_eq!(got.text(), "id,kind\n");
    assert_eq!(
        got.headers["content-disposition"],
        "attachment; filename=\"a b.csv\""
    );
    let part = Request::get(&download).header("range", "bytes=3-6");
    let part = client.send(part.body(Body::empty())?).await?;
    assert_eq!(
        (part.status, part.text().as_str()),
        (StatusCode::PARTIAL_CONTENT, "kind")
    );
    Ok([upload.parse()?, download.parse()?])
}

/// Whoever tests a program that uses presigned URLs needs no socket for it.
#[tokio::test]
async fn presigned_urls_work_in_memory() -> Result<(), BoxError> {
    let urls = round_trip(&in_memory(&with_s3()).await?).await?;
    assert!(
        urls.iter()
            .all(|url| url.host() == Some("mem-object-store.invalid"))
    );
    Ok(())
}

/// Any HTTP client can follow a URL of a served lakeFS; to another host, as on a real object store, so that no client
/// sends its credentials along. To another port is not enough: Go's client (lakectl) does not look at it.
#[tokio::test]
async fn presigned_urls_work_over_tcp() -> Result<(), BoxError> {
    let lakefs = with_s3();
    in_memory(&lakefs).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    let client = Plain {
        service: Client::builder(TokioExecutor::new()).build_http(),
        endpoint: served.url(),
    };
    for url in round_trip(&client).await? {
        let origin = format!("http://{}", url.authority().ok_or("no authority")?);
        assert_eq!(Some(origin), served.object_store_url());
        assert_ne!(url.port_u16(), Some(served.local_addr().port()));
    }
    let by_name = Plain {
        endpoint: served.url().replace("127.0.0.1", "localhost"),
        ..client
    };
    for url in round_trip(&by_name).await? {
        assert_eq!(url.host(), Some("127.0.0.1"));
    }
    served.shutdown().await;
    Ok(())
}

/// A stream of unknown length that works here would fail on the first real store.
#[tokio::test]
async fn a_body_of_unknown_length_is_refused_as_by_s3() -> Result<(), BoxError> {
    async fn refused<S, B>(client: &Plain<S>) -> Result<(), BoxError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone,
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let address = client.address("a").await?;
        let chunks = [Ok::<_, BoxError>(Bytes::from_static(b"data"))];
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let put = Request::put(text(&address["presigned_url"])).body(body)?;
        let put = client.send(put).await?;
        assert_eq!(put.status, StatusCode::LENGTH_REQUIRED, "{}", put.text());
        let expected = "<Code>MissingContentLength</Code>";
        assert!(put.text().contains(expected), "{}", put.text());
        Ok(())
    }
    let lakefs = with_s3();
    refused(&in_memory(&lakefs).await?).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    let client = Plain {
        service: Client::builder(TokioExecutor::new()).build_http(),
        endpoint: served.url(),
    };
    refused(&client).await
}

/// A test of what happens after fifteen minutes does not take fifteen minutes.
#[tokio::test]
async fn urls_and_addresses_expire_by_the_clock_of_the_server() -> Result<(), BoxError> {
    let now = Arc::new(AtomicI64::new(1_700_000_000));
    let clock = now.clone();
    let lakefs = MemoryLakeFs::builder()
        .block_store(BlockStore::S3)
        .clock(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap())
        .build();
    let client = in_memory(&lakefs).await?;
    let address = client.address("a").await?;
    assert_eq!(address["presigned_url_expiry"], 1_700_000_900);
    let url = text(&address["presigned_url"]);

    now.fetch_add(899, Ordering::Relaxed);
    assert_eq!(client.put(url, "data").await?.status, StatusCode::OK);
    now.fetch_add(1, Ordering::Relaxed);
    let late = client.put(url, "late").await?;
    assert_eq!(late.status, StatusCode::FORBIDDEN);
    assert_eq!(late.headers["content-type"], "application/xml");
    let expected = "<Code>AccessDenied</Code><Message>Request has expired</Message>";
    assert!(late.text().contains(expected), "{}", late.text());

    // What was written in time can be linked for a day.
    now.store(1_700_000_000 + 24 * 3600, Ordering::Relaxed);
    assert_eq!(client.link("a", &address, 4).await?.status, StatusCode::OK);
    now.fetch_add(1, Ordering::Relaxed);
    let late = client.link("a", &address, 4).await?;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
    assert!(
        late.text().contains("link address expired"),
        "{}",
        late.text()
    );
    Ok(())
}

/// A program that mends a URL, or uses one for something else, finds out in its tests.
#[tokio::test]
async fn a_url_is_good_for_what_it_was_signed_for_alone() -> Result<(), BoxError> {
    let client = in_memory(&with_s3()).await?;
    let address = client.address("a").await?;
    let url = text(&address["presigned_url"]);
    for changed in [format!("{url}0"), url.replace("data/", "data/x")] {
        let refused = client.put(&changed, "data").await?;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(
            refused
                .text()
                .contains("<Code>SignatureDoesNotMatch</Code>")
        );
    }
    assert_eq!(client.get(url).await?.status, StatusCode::FORBIDDEN);
    let bare = url.split('?').next().unwrap_or_default();
    assert!(client.get(bare).await?.text().contains("AccessDenied"));

    // As S3, it takes no second proof of who is asking, and no header of its own that is not signed.
    let with = |name, value| Request::put(url).header(name, value).body(Body::empty());
    let refused = client
        .send(with("authorization", "Basic a2V5OnNlY3JldA==")?)
        .await?;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let refused = client.send(with("x-amz-meta-k", "v")?).await?;
    assert!(
        refused
            .text()
            .contains("<HeadersNotSigned>x-amz-meta-k</HeadersNotSigned>")
    );

    // Nothing of all that was written.
    client.link("a", &address, 4).await?;
    let read = client
        .call(Method::GET, "/refs/main/objects?path=a", Value::Null)
        .await?;
    assert_eq!(read.status, StatusCode::GONE);
    Ok(())
}

/// A body that was broken on its way is not kept.
#[tokio::test]
async fn a_digest_of_the_body_is_checked() -> Result<(), BoxError> {
    let client = in_memory(&with_s3()).await?;
    let address = client.address("a").await?;
    let url = text(&address["presigned_url"]);
    for (digest, body, code) in [
        ("jXd/OF09/siBXSD3SWAm3A==", "data", ""),
        ("jXd/OF09/siBXSD3SWAm3A==", "dada", "BadDigest"),
        ("nonsense", "data", "InvalidDigest"),
    ] {
        let put = Request::put(url).header("content-md5", digest);
        let put = client.send(put.body(Body::from(body))?).await?;
        assert_eq!(put.status.is_success(), code.is_empty(), "{}", put.text());
        assert!(put.text().contains(code), "{}", put.text());
    }
    Ok(())
}

/// A large file arrives in parts, in any order, and is one object afterwards.
#[tokio::test]
async fn three_parts_become_one_object() -> Result<(), BoxError> {
    let lakefs = with_s3();
    in_memory(&lakefs).await?;
    let served = lakefs.serve("127.0.0.1:0").await?;
    let client = Plain {
        service: Client::builder(TokioExecutor::new()).build_http(),
        endpoint: served.url(),
    };
    let uploads = "/branches/main/staging/pmpu";
    let begun = client
        .json(
            Method::POST,
            &format!("{uploads}?path=big&parts=3"),
            Value::Null,
        )
        .await?;
    let parts = [vec![b'a'; 5 * MIB], vec![b'b'; 5 * MIB], b"end".to_vec()];
    let mut etags = Vec::new();
    for (index, part) in parts.iter().enumerate().rev() {
        let url = text(&begun["presigned_urls"][index]);
        let put = client.put(url, part.clone()).await?;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text());
        let etag = put.headers["etag"].to_str()?.to_owned();
        etags.insert(0, json!({ "part_number": index + 1, "etag": etag }));
    }
    let [pending] = &lakefs.pending_uploads()[..] else {
        panic!("one upload is under way");
    };
    assert_eq!(
        (pending.parts, pending.size_bytes),
        (3, 10 * MIB as u64 + 3)
    );
    assert_eq!(pending.physical_address, text(&begun["physical_address"]));

    let complete = json!({ "physical_address": begun["physical_address"], "parts": etags });
    let path = format!("{uploads}/{}?path=big", text(&begun["upload_id"]));
    let object = client.json(Method::PUT, &path, complete).await?;
    assert!(text(&object["checksum"]).ends_with("-3"), "{object}");
    assert_eq!(lakefs.pending_uploads(), []);

    let read = client
        .call(Method::GET, "/refs/main/objects?path=big", Value::Null)
        .await?;
    assert!(read.body == parts.concat(), "other bytes came back");
    let presigned = client.get(&client.redirect("big").await?).await?;
    assert!(presigned.body == read.body, "other bytes came back");
    Ok(())
}

/// A program that gives up cleans up: parts that nobody completes are paid for.
#[tokio::test]
async fn an_aborted_upload_leaves_nothing() -> Result<(), BoxError> {
    let lakefs = with_s3();
    let client = in_memory(&lakefs).await?;
    let uploads = "/branches/main/staging/pmpu";
    let begun = client
        .json(
            Method::POST,
            &format!("{uploads}?path=big&parts=1"),
            Value::Null,
        )
        .await?;
    let url = text(&begun["presigned_urls"][0]);
    client.put(url, "part").await?;
    assert_eq!(lakefs.pending_uploads().len(), 1);

    let path = format!("{uploads}/{}?path=big", text(&begun["upload_id"]));
    let abort = json!({ "physical_address": begun["physical_address"] });
    let aborted = client.call(Method::DELETE, &path, abort).await?;
    assert_eq!(aborted.status, StatusCode::NO_CONTENT, "{}", aborted.text());
    assert_eq!(lakefs.pending_uploads(), []);
    let late = client.put(url, "part").await?;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert!(
        late.text().contains("<Code>NoSuchUpload</Code>"),
        "{}",
        late.text()
    );
    Ok(())
}

/// Data can vanish below a lakeFS that still knows of it.
#[tokio::test]
async fn a_lost_object_is_still_listed() -> Result<(), BoxError> {
    let lakefs = MemoryLakeFs::builder()
        .block_store(BlockStore::S3)
        .external_object("s3://elsewhere/data.csv", "id,kind\n")
        .build();
    let client = in_memory(&lakefs).await?;
    let stage =
        json!({ "physical_address": "s3://elsewhere/data.csv", "checksum": "c", "size_bytes": 8 });
    client
        .json(Method::PUT, "/branches/main/objects?path=a", stage)
        .await?;
    let read = || client.call(Method::GET, "/refs/main/objects?path=a", Value::Null);
    assert_eq!(read().await?.text(), "id,kind\n");

    let stat = client
        .json(Method::GET, "/refs/main/objects/stat?path=a", Value::Null)
        .await?;
    assert!(lakefs.lose_object(text(&stat["physical_address"])));
    assert!(!lakefs.lose_object(text(&stat["physical_address"])));
    assert_eq!(read().await?.status, StatusCode::GONE);
    client
        .json(Method::GET, "/refs/main/objects/stat?path=a", Value::Null)
        .await?;
    let gone = client.get(&client.redirect("a").await?).await?;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(
        gone.text().contains("<Code>NoSuchKey</Code>"),
        "{}",
        gone.text()
    );
    Ok(())
}

/// A program must manage where the object store is kept to itself.
#[tokio::test]
async fn without_presigning_it_is_refused_as_by_a_real_server() -> Result<(), BoxError> {
    let lakefs = MemoryLakeFs::builder()
        .block_store(BlockStore::S3)
        .presign(false)
        .build();
    let client = in_memory(&lakefs).await?;
    client
        .json(Method::POST, "/branches/main/objects?path=a", Value::Null)
        .await?;
    for (status, method, path) in [
        (400, Method::GET, "/refs/main/objects?path=a&presign=true"),
        (
            400,
            Method::GET,
            "/refs/main/objects/stat?path=a&presign=true",
        ),
        (400, Method::GET, "/refs/main/objects/ls?presign=true"),
        (
            500,
            Method::GET,
            "/branches/main/staging/backing?path=a&presign=true",
        ),
        (
            501,
            Method::POST,
            "/branches/main/staging/pmpu?path=a&parts=1",
        ),
    ] {
        let answer = client.call(method, path, Value::Null).await?;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    let config = client.get("/api/v1/config").await?.text();
    assert!(config.contains("\"pre_sign_support\":false"), "{config}");
    assert_eq!(lakefs.serve("127.0.0.1:0").await?.object_store_url(), None);
    Ok(())
}
