//! Runs a plan: objects side by side, deletions last.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::{
    Bulk, ahead,
    delete::{self, Outcome},
    find::{Found, blocking},
    job::Job,
    one::{self, Made},
    plan::{Action, Reason, Step},
    report::Report,
    same_file,
};
use crate::{
    Error, Result,
    transfer::{disk::Disk, progress::Event},
};

/// What the moves of one run share.
struct Shared {
    slots: Semaphore,
    disk: Disk,
    made: Made,
}

impl Bulk {
    pub(super) async fn run(self) -> Result<Report> {
        let Found {
            plan,
            unreadable,
            times,
        } = self.find().await?;
        let place = self.job()?.place();
        let progress = &self.transfer.progress;
        progress.tell(|| Event::Planned {
            objects: u64::try_from(plan.changes().count()).unwrap_or(u64::MAX),
            bytes: plan.bytes(),
        });
        let (mut report, steps) = Report::begin(plan, unreadable);
        for step in &report.skipped {
            let path = place.path(&step.path);
            progress.tell(|| Event::ObjectSkipped { path: &path });
        }
        let (deletes, moves): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|step| step.action == Action::Delete);
        let (obstacles, deletes): (Vec<_>, Vec<_>) = deletes
            .into_iter()
            .partition(|step| step.reason == Reason::InTheWay);
        self.delete(&mut report, obstacles).await?;

        let shared = Shared {
            slots: Semaphore::new(self.most_slots()),
            disk: Disk::default(),
            made: Made::default(),
        };
        let (this, shared) = (&self, &shared);
        let root = match self.job()? {
            Job::Upload { root, .. } => root.as_path(),
            _ => Path::new(""),
        };
        let mut moves = ahead::read(root, moves)
            .map(|(step, content)| {
                let time = times.get(&step.path).copied().unwrap_or_default();
                async move {
                    let outcome = this.step(&step, time, content, shared).await;
                    (step, outcome.map_err(Arc::new))
                }
            })
            .buffer_unordered(self.transfer.concurrency.get());
        while let Some((step, outcome)) = moves.next().await {
            self.settle(&mut report, step, outcome);
        }
        drop(moves);
        self.fail_shared(&mut report).await?;
        self.delete_extraneous(&mut report, deletes).await?;
        Ok(report.finish())
    }

    fn most_slots(&self) -> usize {
        self.transfer.concurrency.get().min(Semaphore::MAX_PERMITS)
    }

    /// Moves one object, while it has as many slots as it has parts.
    async fn step(
        &self,
        step: &Step,
        time: i64,
        content: Option<Bytes>,
        shared: &Shared,
    ) -> Result<()> {
        let wanted = self.slots(step);
        // Never closed, so there is always a permit in the end.
        let _permit = shared.slots.acquire_many(wanted).await;
        let path = self.job()?.place().path(&step.path);
        self.transfer.progress.tell(|| Event::ObjectStarted {
            path: &path,
            bytes: Some(step.bytes),
        });
        let transfer = self
            .transfer
            .clone()
            .concurrency(usize::try_from(wanted).unwrap_or(usize::MAX));
        match self.job()? {
            Job::Upload { root, to } => one::upload(&transfer, root, to, step, time, content).await,
            Job::Download { from, root } => {
                one::download(
                    &transfer,
                    from,
                    root,
                    step,
                    time,
                    &shared.disk,
                    &shared.made,
                )
                .await
            }
            Job::Copy { from, to } => one::copy(&transfer, from, to, step).await,
            Job::Delete { .. } => Ok(()),
        }
    }

    fn slots(&self, step: &Step) -> u32 {
        let parts = match step.action {
            Action::Upload => step.bytes.div_ceil(self.transfer.upload_part_size()),
            Action::Download => step.bytes.div_ceil(self.transfer.part_size),
            _ => 1,
        };
        let most = u32::try_from(self.most_slots()).unwrap_or(u32::MAX);
        u32::try_from(parts).unwrap_or(u32::MAX).clamp(1, most)
    }

    /// Tells of objects of which one was written over the other, as their paths are names of one file.
    async fn fail_shared(&self, report: &mut Report) -> Result<()> {
        let Job::Download { root, .. } = self.job()? else {
            return Ok(());
        };
        let (written, kept) = (report.written(), report.kept());
        if !same_file::may_be(written.iter().chain(&kept)) {
            return Ok(());
        }
        let root = root.clone();
        let shared = blocking(move || same_file::shared(&root, &written, &kept)).await?;
        for (path, other) in shared {
            let place = report.done.iter().position(|step| step.path == path);
            let step = place.map(|place| report.done.swap_remove(place));
            let problem = format!(
                "the file system takes its name and that of {other:?} for one, so one of them is written over the other"
            );
            let error = Arc::new(Error::invalid_input(problem));
            step.into_iter()
                .for_each(|step| self.settle(report, step, Err(error.clone())));
        }
        Ok(())
    }

    /// Deletes what the source does not have, where all else went well.
    async fn delete_extraneous(&self, report: &mut Report, mut steps: Vec<Step>) -> Result<()> {
        if !report.failed.is_empty() {
            report.skip(steps, Reason::Withheld);
            return Ok(());
        }
        if let (Job::Download { root, .. }, false) = (self.job()?, steps.is_empty()) {
            let (root, written) = (root.clone(), report.written());
            let split = move || same_file::split(&root, &written, steps);
            let spared;
            (spared, steps) = blocking(split).await?;
            report.skip(spared, Reason::SameFile);
        }
        self.delete(report, steps).await
    }

    async fn delete(&self, report: &mut Report, steps: Vec<Step>) -> Result<()> {
        if steps.is_empty() {
            return Ok(());
        }
        let settle = |step, outcome: Outcome| self.settle(report, step, outcome);
        match self.job()? {
            Job::Download { root, .. } => delete::local(root, steps, settle).await,
            job => delete::remote(&self.transfer, job.place(), steps, settle).await,
        }
    }

    fn settle(&self, report: &mut Report, step: Step, outcome: Result<(), Arc<Error>>) {
        let progress = &self.transfer.progress;
        let place = self.job.as_ref().map(Job::place);
        let path = place.map_or_else(|_| step.path.clone(), |place| place.path(&step.path));
        match outcome {
            Ok(()) => {
                let bytes = match step.action {
                    Action::Delete => 0,
                    _ => step.bytes,
                };
                progress.tell(|| Event::ObjectDone { path: &path, bytes });
                report.done.push(step);
            }
            Err(error) => {
                progress.tell(|| Event::ObjectFailed {
                    path: &path,
                    error: &error,
                });
                report.fail(step, error);
            }
        }
    }
}
