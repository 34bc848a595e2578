//! [`Server`]: the lakeFS that a test runs on.

use std::env;

use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client, Credentials,
    models::StorageConfig,
    testing::{BlockStore, MemoryLakeFs},
    transport::{HttpTransport, Hyper},
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

/// The documentation's example keys, for the lakeFS in memory.
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// What there is to import into the lakeFS in memory.
const OUTSIDE: &str = "s3://outside/collection/";

/// Sends requests without a client of lakeFS's, as to presigned URLs.
pub(crate) type Plain = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// A lakeFS, and what a test must know of it.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) plain: Plain,
    pub(crate) storage: StorageConfig,
    /// What the storage namespaces of the tests begin with.
    pub(crate) namespace: String,
    /// A prefix in the object store with at least one object to import, where there is one.
    pub(crate) outside: Option<String>,
}

/// Where a real server is, and how to get in: all that is read of the environment.
pub(crate) struct Environment {
    /// `LAKEFS_TEST_ENDPOINT`, such as `http://localhost:8000`.
    endpoint: String,
    /// `LAKEFS_TEST_ACCESS_KEY_ID` and `LAKEFS_TEST_SECRET_ACCESS_KEY`: of a user who may create and delete repositories.
    access_key: String,
    secret_key: String,
    /// `LAKEFS_TEST_NAMESPACE`: what storage namespaces begin with, such as `s3://bucket/live`. Optional where the server has
    /// a default.
    namespace: Option<String>,
    /// `LAKEFS_TEST_IMPORT`: a prefix of the object store with something to import. Optional.
    outside: Option<String>,
}

// ===== impl Environment =====

impl Environment {
    /// `None` when no real server is named.
    fn read() -> Result<Option<Self>, BoxError> {
        let read = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let Some(endpoint) = read("LAKEFS_TEST_ENDPOINT") else {
            return Ok(None);
        };
        let key =
            |name| read(name).ok_or_else(|| format!("LAKEFS_TEST_ENDPOINT is set, {name} is not"));
        Ok(Some(Self {
            endpoint,
            access_key: key("LAKEFS_TEST_ACCESS_KEY_ID")?,
            secret_key: key("LAKEFS_TEST_SECRET_ACCESS_KEY")?,
            namespace: read("LAKEFS_TEST_NAMESPACE"),
            outside: read("LAKEFS_TEST_IMPORT"),
        }))
    }
}

// ===== impl Server =====

impl Server {
    pub(crate) async fn find() -> Result<Self, BoxError> {
        match Environment::read()? {
            Some(environment) => Self::real(environment).await,
            None => Self::in_memory().await,
        }
    }

    async fn in_memory() -> Result<Self, BoxError> {
        let lakefs = MemoryLakeFs::builder()
            .access_key(ACCESS_KEY, SECRET_KEY)
            .block_store(BlockStore::S3)
            .external_object(format!("{OUTSIDE}a.csv"), "1")
            .external_object(format!("{OUTSIDE}b/c.csv"), "23")
            .build();
        let client = Client::builder()
            .transport(lakefs.clone())
            .credentials(Credentials::access_key(ACCESS_KEY, SECRET_KEY));
        let namespace = Some("s3://live".to_owned());
        Self::new(client.build()?, lakefs, namespace, Some(OUTSIDE.to_owned())).await
    }

    async fn real(environment: Environment) -> Result<Self, BoxError> {
        let Environment {
            endpoint,
            access_key,
            secret_key,
            namespace,
            outside,
        } = environment;
        let client = Client::builder()
            .endpoint(endpoint)
            .credentials(Credentials::access_key(access_key, secret_key));
        let plain = Hyper::builder().build()?;
        Self::new(client.build()?, plain, namespace, outside).await
    }

    async fn new(
        client: Client,
        plain: impl HttpTransport,
        namespace: Option<String>,
        outside: Option<String>,
    ) -> Result<Self, BoxError> {
        let storage = client.get_config().await?.storage_config;
        let storage = storage.ok_or("the server does not tell its object store")?;
        let namespace = namespace.or_else(|| storage.default_namespace_prefix.clone());
        let namespace = namespace.filter(|prefix| !prefix.is_empty());
        let missing = || {
            let example = &storage.blockstore_namespace_example;
            format!(
                "the server has no default namespace: set LAKEFS_TEST_NAMESPACE, as in {example}"
            )
        };
        let plain = plain
            .map_response(|response| response.map(Body::new))
            .map_err(Into::into);
        Ok(Self {
            namespace: namespace.ok_or_else(missing)?,
            client,
            plain: BoxCloneSyncService::new(plain),
            storage,
            outside,
        })
    }
}
