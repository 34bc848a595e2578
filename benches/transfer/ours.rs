//! The work by this crate, everything on that is on by default.

use std::{net::SocketAddr, path::Path};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lakefs_sdk::{
    Body, Client, Credentials,
    transfer::{Mode, Transfer},
};

use crate::{CONCURRENCY, FILES, Failure, KEY, PART, SECRET, SIZE, file_name, stub::Repeated};

pub(crate) struct Ours {
    transfer: Transfer,
}

// ===== impl Ours =====

impl Ours {
    /// `base` is what stands before `/api/v1`: the stub offers presigned URLs below `/presigned`.
    pub(crate) fn new(server: SocketAddr, base: &str) -> Result<Self, Failure> {
        let client = Client::builder()
            .endpoint(format!("http://{server}{base}"))
            .credentials(Credentials::access_key(KEY, SECRET))
            .build()?;
        Ok(Self {
            transfer: client.transfer().part_size(PART).verify(false),
        })
    }

    pub(crate) fn map(self, settings: impl FnOnce(Transfer) -> Transfer) -> Self {
        Self {
            transfer: settings(self.transfer),
        }
    }

    pub(crate) async fn down(&self, path: &str) -> Result<u64, Failure> {
        let mut body = self
            .transfer
            .download("lake", "main", path)
            .stream()
            .await?;
        let mut size = 0;
        while let Some(chunk) = body.chunk().await? {
            size += chunk.len() as u64;
        }
        Ok(size)
    }

    pub(crate) async fn down_to_file(&self, target: &Path) -> Result<u64, Failure> {
        let download = self
            .transfer
            .download("lake", "main", format!("plain-{SIZE}"));
        Ok(download.to_file(target).await?.size_bytes)
    }

    pub(crate) async fn up(&self, chunk: Bytes) -> Result<u64, Failure> {
        let body = Body::replayable(move || Repeated::new(chunk.clone(), SIZE));
        self.upload(|upload| upload.body(body)).await
    }

    pub(crate) async fn up_from_file(&self, source: &Path) -> Result<u64, Failure> {
        self.upload(|upload| upload.file(source)).await
    }

    async fn upload(
        &self,
        with: impl FnOnce(lakefs_sdk::transfer::Upload) -> lakefs_sdk::transfer::Upload,
    ) -> Result<u64, Failure> {
        let upload = self
            .transfer
            .upload("lake", "main", format!("plain-{SIZE}"));
        let stats = with(upload).await?;
        Ok(stats
            .size_bytes
            .and_then(|size| size.try_into().ok())
            .ok_or("no size")?)
    }

    pub(crate) async fn many_up(&self, content: Bytes) -> Result<u64, Failure> {
        let uploads = stream::iter(0..FILES).map(|at| {
            let path = format!("many/{}", file_name(at));
            self.transfer
                .upload("lake", "main", path)
                .body(content.clone())
                .into_future()
        });
        let total = uploads
            .buffer_unordered(CONCURRENCY)
            .try_fold(0, |total, stats| async move {
                Ok(total + stats.size_bytes.unwrap_or_default())
            });
        Ok(total.await?.try_into()?)
    }

    pub(crate) async fn many_down(&self) -> Result<u64, Failure> {
        let downloads = stream::iter(0..FILES).map(|at| {
            let path = format!("many/{}", file_name(at));
            self.transfer.download("lake", "main", path).to_bytes()
        });
        let contents = downloads.buffer_unordered(CONCURRENCY);
        let total = contents.try_fold(0, |total, content| async move {
            Ok(total + content.len() as u64)
        });
        Ok(total.await?)
    }

    pub(crate) async fn directory_up(&self, source: &Path) -> Result<u64, Failure> {
        let transfer = self.transfer.clone().concurrency(CONCURRENCY);
        let report = transfer
            .upload_directory(source, "lakefs://lake/main/new")
            .await?;
        report.check()?;
        Ok(report.bytes())
    }

    pub(crate) async fn directory_down(&self, target: &Path) -> Result<u64, Failure> {
        let transfer = self.transfer.clone().concurrency(CONCURRENCY);
        let report = transfer
            .download_directory("lakefs://lake/main/many", target)
            .await?;
        report.check()?;
        Ok(report.bytes())
    }
}

/// Through lakeFS in one request, one after the other.
pub(crate) fn single(transfer: Transfer) -> Transfer {
    transfer.mode(Mode::Direct).concurrency(1)
}
