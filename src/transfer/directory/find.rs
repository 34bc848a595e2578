//! Looks at both sides, and finds what is to be done.

use std::{collections::BTreeMap, path::Path};

use super::{
    Bulk, checksum,
    filter::Filter,
    job::{Job, Place},
    names::Naming,
    plan::{self, Action, Compare, Plan, Reason, Step, Verdict, Verdicts},
    remote::RemoteObject,
    walk::Local,
};
use crate::{Error, Result, transfer::runtime};

/// What was found.
pub(super) struct Found {
    pub(super) plan: Plan,
    /// What could not be looked at.
    pub(super) unreadable: Vec<(String, Error)>,
    /// When files and objects were changed last, in seconds since 1970, by path.
    pub(super) times: BTreeMap<String, i64>,
}

impl Bulk {
    pub(super) async fn find(&self) -> Result<Found> {
        let filter = self.filter()?;
        self.check_destination().await?;
        match self.job()? {
            Job::Upload { root, to } => self.find_upload(root, to, filter).await,
            Job::Download { from, root } => self.find_download(from, root, filter).await,
            Job::Copy { from, to } => self.find_copy(from, to, &filter).await,
            Job::Delete { at } => {
                let objects = at.list(self.transfer.client(), &filter).await?;
                let steps = objects.iter().map(|(path, object)| {
                    Step::new(path, Action::Delete, Reason::Asked, object.size)
                });
                Ok(Found::plan(Plan::new(steps.collect())))
            }
        }
    }

    /// On a ref that is no branch every upload would fail; and the server deletes nothing there, and says that all went well.
    async fn check_destination(&self) -> Result<()> {
        let (to, deletes) = match self.job()? {
            Job::Download { .. } => return Ok(()),
            Job::Upload { to, .. } | Job::Copy { to, .. } => (to, self.delete),
            Job::Delete { at } => (at, true),
        };
        match to.check_branch(self.transfer.client()).await {
            // Whoever may write objects need not be allowed to look at branches.
            Err(error) if error.is_permission_denied() && !deletes => Ok(()),
            outcome => outcome,
        }
    }

    async fn find_upload(&self, root: &Path, to: &Place, filter: Filter) -> Result<Found> {
        let (directory, globs) = (root.to_owned(), filter.clone());
        let local = blocking(move || Local::read(&directory, &globs)).await??;
        let remote = to.list(self.transfer.client(), &filter).await?;
        let verdicts = self.verdicts(root, &local, &remote).await?;
        let plan = plan::upload(&local, &remote, &verdicts, self.delete);
        let times = local.files.iter();
        Ok(Found {
            plan,
            times: times
                .map(|(path, file)| (path.clone(), file.modified))
                .collect(),
            unreadable: local.failed,
        })
    }

    async fn find_download(&self, from: &Place, root: &Path, filter: Filter) -> Result<Found> {
        let remote = from.list_source(self.transfer.client(), &filter).await?;
        let directory = root.to_owned();
        let looked = blocking(move || {
            let naming = Naming::of(&directory, remote.keys().map(String::as_str));
            let local = Local::read_if_there(&directory, &filter)?;
            Ok::<_, Error>((remote, local, naming))
        });
        let (remote, local, naming) = looked.await??;
        let verdicts = self.verdicts(root, &local, &remote).await?;
        let plan = plan::download(&remote, &local, &verdicts, self.delete, naming);
        Ok(Found {
            plan,
            times: remote
                .into_iter()
                .map(|(path, object)| (path, object.modified))
                .collect(),
            // Where nothing is to be deleted, what else is there is of no matter.
            unreadable: match self.delete {
                true => local.failed,
                false => Vec::new(),
            },
        })
    }

    async fn find_copy(&self, from: &Place, to: &Place, filter: &Filter) -> Result<Found> {
        let client = self.transfer.client();
        let sources = from.list_source(client, filter).await?;
        let there = to.list(client, filter).await?;
        let steps = sources.iter().map(|(path, source)| {
            let (action, reason) = match there.get(path) {
                None => (Action::Copy, Reason::New),
                Some(other) => match source.difference(other) {
                    Some(reason) => (Action::Copy, reason),
                    None => (Action::Skip, Reason::Same),
                },
            };
            Step::new(path, action, reason, source.size)
        });
        Ok(Found::plan(Plan::new(steps.collect())))
    }

    /// What the comparison says of each path that is on both sides.
    async fn verdicts(
        &self,
        root: &Path,
        local: &Local,
        remote: &BTreeMap<String, RemoteObject>,
    ) -> Result<Verdicts> {
        let mut verdicts = Verdicts::new();
        let mut asked = Vec::new();
        for (path, file) in &local.files {
            let Some(object) = remote.get(path) else {
                continue;
            };
            let verdict = plan::compare(file, object, self.compare);
            if verdict == Verdict::AskChecksum {
                asked.push((path.clone(), object.checksum.clone()));
            } else {
                verdicts.insert(path.clone(), verdict);
            }
        }
        if self.compare == Compare::Checksum {
            let readers = self.transfer.concurrency.get();
            let part_size = self.transfer.upload_part_size();
            verdicts.extend(checksum::ask(root, asked, part_size, readers).await?);
        }
        Ok(verdicts)
    }
}

// ===== impl Found =====

impl Found {
    fn plan(plan: Plan) -> Self {
        Self {
            plan,
            unreadable: Vec::new(),
            times: BTreeMap::new(),
        }
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let runtime = runtime("a transfer of a directory")?;
    runtime.spawn_blocking(work).await.map_err(|problem| {
        Error::new(
            crate::error::ErrorKind::Unexpected,
            "work on local files was cancelled by the runtime, or panicked",
        )
        .with_source(problem)
    })
}
