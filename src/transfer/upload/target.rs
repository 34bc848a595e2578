//! [`Target`]: where an object goes.

use crate::{Client, Error, LakeFsUri, Result, models::ObjectStats};

/// The longest path that lakeFS takes, in bytes.
const MAX_PATH: usize = 1024;

/// Where an object goes.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) client: Client,
    pub(super) repository: String,
    pub(super) branch: String,
    pub(super) path: String,
}

// ===== impl Target =====

impl Target {
    pub(super) fn of(client: Client, uri: &LakeFsUri) -> Self {
        Self {
            client,
            repository: uri.repository().to_owned(),
            branch: uri.reference().to_owned(),
            path: uri.path().to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.path.is_empty() {
            return Err(Error::invalid_input(
                "`path` is empty; give the path that the object is to have",
            ));
        }
        if self.path.len() > MAX_PATH {
            return Err(Error::invalid_input(format!(
                "`path` has {} bytes; lakeFS takes at most {MAX_PATH}",
                self.path.len()
            )));
        }
        Ok(())
    }

    /// What is at the path now.
    pub(super) async fn look(&self) -> Result<ObjectStats> {
        let Self {
            client,
            repository,
            branch,
            path,
        } = self;
        let call = client.stat_object(repository, branch, path);
        call.user_metadata(true).await
    }
}
