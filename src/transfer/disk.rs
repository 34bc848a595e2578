//! [`Disk`]: many small pieces of work on files in one turn of a thread.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{Error, Result, error::ErrorKind};

/// The most threads at work.
const THREADS: usize = 8;
/// How much waits for each of them before there is another one.
const WAITING: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// Does work that blocks, in order of arrival.
///
/// To wake a thread costs more than to write a small file. Here a thread that is awake goes on with what has come meanwhile,
/// and others help where that is too much for one.
#[derive(Clone, Default)]
pub(super) struct Disk {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
}

/// A thread at work, or about to be: the runtime may be over before it begins.
struct Worker {
    disk: Disk,
    counted: bool,
}

// ===== impl Disk =====

impl Disk {
    /// Does a piece of work; not when this is dropped before its turn comes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (done, outcome) = oneshot::channel();
        let job = Box::new(move || {
            if !done.is_closed() {
                // Nobody may be there any more.
                let _ = done.send(work());
            }
        });
        if let Some(worker) = self.push(job) {
            spawn_blocking(move || worker.run());
        }
        outcome.await.map_err(|_| {
            Error::new(
                ErrorKind::Io,
                "the work on the file did not come to its end",
            )
        })?
    }

    fn push(&self, job: Job) -> Option<Worker> {
        let mut queue = self.lock();
        queue.jobs.push_back(job);
        let more = queue.threads < THREADS && queue.jobs.len() > queue.threads * WAITING;
        queue.threads += usize::from(more);
        more.then(|| Worker {
            disk: self.clone(),
            counted: true,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ===== impl Worker =====

impl Worker {
    fn run(mut self) {
        while let Some(job) = self.next() {
            // Whoever waits for it learns that it came to no end; the others are still to come.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next job. With the look that finds none it ends, before another may count on it.
    fn next(&mut self) -> Option<Job> {
        let mut queue = self.disk.lock();
        let job = queue.jobs.pop_front();
        if job.is_none() {
            queue.threads -= 1;
            self.counted = false;
        }
        job
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.counted {
            self.disk.lock().threads -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        task::{Context, Waker},
    };

    use futures_util::future::join_all;

    use super::*;

    /// A job that nobody takes up is a file that never comes.
    #[tokio::test]
    async fn every_job_is_done_once_by_a_few_threads() {
        static AT_WORK: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let disk = Disk::default();
        for _ in 0..50 {
            let jobs = (0..200).map(|at| {
                disk.run(move || {
                    MOST.fetch_max(AT_WORK.fetch_add(1, SeqCst) + 1, SeqCst);
                    std::thread::yield_now();
                    AT_WORK.fetch_sub(1, SeqCst);
                    Ok(at)
                })
            });
            let done: Vec<usize> = join_all(jobs)
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
            assert_eq!(done, (0..200).collect::<Vec<_>>());
            // The next begin while the threads end.
            assert_eq!(disk.run(|| Ok(7)).await.unwrap(), 7);
        }
        assert!(MOST.load(SeqCst) <= THREADS);
    }

    /// One file that cannot be written must not keep the others from it.
    #[tokio::test]
    async fn a_job_that_panics_is_an_error_of_its_own() {
        let disk = Disk::default();
        let jobs = (0..20).map(|at| {
            disk.run(move || match at {
                3 => panic!("on purpose"),
                at => Ok(at),
            })
        });
        let done = join_all(jobs).await;
        assert!(done[3].as_ref().unwrap_err().is_io());
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 19);
    }

    /// What nobody waits for any more is not written.
    #[tokio::test]
    async fn a_job_that_is_dropped_before_its_turn_is_not_done() {
        let disk = Disk::default();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let mut first = Box::pin(disk.run(move || Ok(wait.recv().is_ok())));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        {
            let second = pin!(disk.run(|| -> Result<()> { panic!("done all the same") }));
            assert!(second.poll(&mut cx).is_pending());
        }
        go.send(()).unwrap();
        assert!(first.await.unwrap());
        assert!(disk.run(|| Ok(true)).await.unwrap());
    }
}
