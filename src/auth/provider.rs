use std::{any::type_name, fmt};

use async_trait::async_trait;

use super::{Credentials, Exchange};
use crate::{BoxError, Result};

/// Gives credentials when they are needed: from a vault, a metadata service, a login of your own.
///
/// It is asked when there are none yet, ahead of their expiry, and when the server refuses them; never twice at once, and
/// never more often than [that](crate::auth). It has 30 s, where the client has a timer. Dropping its future must do no harm.
///
/// What it returns is an access key, a token or a cookie, with [`expires_in`](Credentials::expires_in) or
/// [`expires_at`](Credentials::expires_at) where that is known; another provider is an error.
///
/// ```
/// use async_trait::async_trait;
/// use lakefs_sdk::{BoxError, Client, Credentials, auth::CredentialsProvider, testing::MemoryLakeFs};
/// use std::time::Duration;
///
/// struct Vault;
///
/// #[async_trait]
/// impl CredentialsProvider for Vault {
///     async fn credentials(&self) -> Result<Credentials, BoxError> {
///         // Ask the vault here.
///         Ok(Credentials::access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI").expires_in(Duration::from_secs(3600)))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let client = Client::builder()
///     .credentials(Credentials::provider(Vault))
///     .transport(MemoryLakeFs::builder().access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI").build())
///     .build()?;
/// assert_eq!(client.get_current_user().await?.user.id, "admin");
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait CredentialsProvider: Send + Sync + 'static {
    /// The credentials to send from now on.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. A call that has no other credentials fails with
    /// [`is_unauthenticated`](crate::Error::is_unauthenticated), and this as its source; there must be no secret in it.
    async fn credentials(&self) -> Result<Credentials, BoxError>;
}

/// Where credentials come from that are not at hand. `Debug` shows no secret.
#[async_trait]
pub(crate) trait Source: fmt::Debug + Send + Sync + 'static {
    /// Finds what cannot work before anything is sent.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// `lakefs` is the way to the server, without credentials.
    async fn credentials(&self, lakefs: &Exchange) -> Result<Credentials, BoxError>;
}

/// A provider of the user's.
pub(super) struct Provided<P>(pub(super) P);

#[async_trait]
impl<P: CredentialsProvider> Source for Provided<P> {
    async fn credentials(&self, _: &Exchange) -> Result<Credentials, BoxError> {
        self.0.credentials().await
    }
}

impl<P> fmt::Debug for Provided<P> {
    /// The type alone: a derived `Debug` of the provider would show what it keeps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", type_name::<P>())
    }
}
