//! What makes sure that no parts stay behind.

use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle, time::Instant};

use super::super::Target;
use crate::{
    Error, Result,
    error::ErrorKind,
    models::{AbortPresignMultipartUpload, PresignMultipartUpload},
    transfer::store::Presigned,
};

/// An upload that was begun. It is aborted when it is dropped, unless it was [completed](Self::completed).
pub(super) struct Pending {
    pub(super) target: Target,
    /// `None` when there is nothing to abort any more.
    abort: Option<Abort>,
    upload: PresignMultipartUpload,
    begun: Instant,
}

/// An abort that is still to be done. Where it cannot be, it says so.
struct Abort {
    target: Target,
    upload_id: String,
    physical_address: String,
    /// That of the upload: whoever drops it may be elsewhere.
    runtime: Handle,
    done: bool,
}

// ===== impl Pending =====

impl Pending {
    /// Begins an upload, in a task of its own: whoever drops this before the answer is there knows no id to abort, but the
    /// task does.
    pub(super) async fn begin(target: &Target, urls: u64) -> Result<Self> {
        let target = target.clone();
        let (answer, asked) = oneshot::channel();
        tokio::spawn(async move {
            let begun = Self::create(target, urls).await;
            // With nobody there, what comes back is dropped here.
            drop(answer.send(begun));
        });
        asked.await.unwrap_or_else(|_| {
            let message = "the upload could not begin: the runtime is shutting down";
            Err(Error::new(ErrorKind::Transport, message))
        })
    }

    async fn create(target: Target, urls: u64) -> Result<Self> {
        let upload = target
            .client
            .create_presign_multipart_upload(&target.repository, &target.branch, &target.path)
            .parts(i64::try_from(urls).unwrap_or(i64::MAX))
            .await?;
        let abort = Abort {
            target: target.clone(),
            upload_id: upload.upload_id.clone(),
            physical_address: upload.physical_address.clone(),
            runtime: Handle::current(),
            done: false,
        };
        Ok(Self {
            target,
            abort: Some(abort),
            upload,
            begun: Instant::now(),
        })
    }

    pub(super) fn upload_id(&self) -> &str {
        &self.upload.upload_id
    }

    pub(super) fn physical_address(&self) -> &str {
        &self.upload.physical_address
    }

    /// The URL that came with the beginning, if one did.
    pub(super) fn given_url(&self, number: u64) -> Option<Result<Presigned>> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        let url = self.upload.presigned_urls.as_ref()?.get(index)?;
        Some(Presigned::parse(url, self.begun))
    }

    /// The object is there: nothing is left to abort.
    pub(super) fn completed(mut self) {
        if let Some(mut abort) = self.abort.take() {
            abort.done = true;
        }
    }

    /// Gives the upload up, and waits until the server knows. Dropping this leaves it to a task.
    pub(super) async fn abort(mut self) {
        if let Some(abort) = self.abort.take() {
            // How it went was reported where it was wrong.
            let _ = abort.start().await;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(abort) = self.abort.take() {
            abort.start();
        }
    }
}

// ===== impl Abort =====

impl Abort {
    /// In a task, which a runtime that is gone drops at once.
    fn start(self) -> JoinHandle<()> {
        let runtime = self.runtime.clone();
        runtime.spawn(self.run())
    }

    async fn run(mut self) {
        let target = &self.target;
        let call = target.client.abort_presign_multipart_upload(
            &target.repository,
            &target.branch,
            &self.upload_id,
            &target.path,
        );
        let body = AbortPresignMultipartUpload::new(&self.physical_address);
        let answer = call.body(body).await;
        self.done = true;
        if let Err(error) = answer {
            report(&self, Some(&error));
        }
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        if !self.done {
            report(self, None);
        }
    }
}

#[cfg(feature = "tracing")]
fn report(abort: &Abort, error: Option<&Error>) {
    let error = error.map_or_else(
        || "there is no runtime any more".to_owned(),
        ToString::to_string,
    );
    tracing::warn!(
        repository = abort.target.repository,
        branch = abort.target.branch,
        path = abort.target.path,
        upload_id = abort.upload_id,
        error,
        "an upload in parts could not be aborted: its parts stay in the object store until they are removed there"
    );
}

#[cfg(not(feature = "tracing"))]
fn report(_: &Abort, _: Option<&Error>) {}
