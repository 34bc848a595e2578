use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;

use super::{Credentials, Exchange, Source};
use crate::{BoxError, Error};

/// How long a token is used before the file is read again.
const FRESH: Duration = Duration::from_secs(60);

/// A token in a file that somebody else keeps fresh.
pub(super) struct TokenFile {
    path: PathBuf,
}

// ===== impl TokenFile =====

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl Source for TokenFile {
    async fn credentials(&self, _: &Exchange) -> Result<Credentials, BoxError> {
        let problem = |problem: &str| {
            Error::invalid_input(format!(
                "the token file {:?} {problem}",
                self.path.display().to_string()
            ))
        };
        let bytes = read(&self.path).await.map_err(|error| {
            problem("cannot be read; does it exist, and may this program read it?")
                .with_source(error)
        })?;
        let text =
            String::from_utf8(bytes).map_err(|_| problem("is not text; it must hold a token"))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(problem("is empty; it must hold a token").into());
        }
        if token.contains(char::is_whitespace) {
            return Err(problem("holds more than one word; it must hold a token alone").into());
        }
        Ok(Credentials::bearer_token(token).refresh_after(FRESH))
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile")
            .field("path", &self.path)
            .finish()
    }
}

/// Reads a file on the pool for what blocks.
pub(super) async fn read(path: &Path) -> Result<Vec<u8>, BoxError> {
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|_| "a file can be read only inside of a tokio runtime")?;
    let path = path.to_owned();
    let bytes = runtime
        .spawn_blocking(move || std::fs::read(path))
        .await??;
    Ok(bytes)
}
