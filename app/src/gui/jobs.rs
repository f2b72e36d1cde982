//! Work away from the window's thread: one job, its progress, and its result when it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use anyhow::{Result, anyhow};
use splat_core::Error;

/// How far a job is, and whether it should end; shared with the thread that works.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    per_mille: AtomicU32,
    cancelled: AtomicBool,
}

impl Progress {
    /// Tells the share that is done.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when nobody wants the result any more.
    pub(crate) fn tell(&self, share: f64) -> splat_core::Result<()> {
        self.per_mille.store((share.clamp(0.0, 1.0) * 1000.0) as u32, Ordering::Relaxed);
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// A job under way. Dropping it cancels it.
#[derive(Debug)]
pub(crate) struct Job<T> {
    /// What it does, for people.
    pub(crate) label: String,
    progress: Arc<Progress>,
    result: Receiver<Result<T>>,
}

impl<T: Send + 'static> Job<T> {
    /// Starts a thread; the window is redrawn when it ends.
    pub(crate) fn spawn(
        ctx: &egui::Context,
        label: impl Into<String>,
        work: impl FnOnce(&Progress) -> Result<T> + Send + 'static,
    ) -> Self {
        let (sender, result) = channel();
        let progress = Arc::new(Progress::default());
        let (shared, ctx, failed) = (Arc::clone(&progress), ctx.clone(), sender.clone());
        let body = move || {
            // Whoever started it may have gone.
            let _ = sender.send(work(&shared));
            ctx.request_repaint();
        };
        if let Err(error) = thread::Builder::new().name("job".into()).spawn(body) {
            let _ = failed.send(Err(anyhow!(error).context("the system has no thread to give")));
        }
        Self { label: label.into(), progress, result }
    }

    /// The result, once.
    pub(crate) fn poll(&self) -> Option<Result<T>> {
        match self.result.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            // The sender went away without a word: its thread panicked.
            Err(TryRecvError::Disconnected) => Some(Err(anyhow!("internal error; this is a bug, please report it"))),
        }
    }

    /// The share that is done, from 0 to 1.
    pub(crate) fn share(&self) -> f32 {
        self.progress.per_mille.load(Ordering::Relaxed) as f32 / 1000.0
    }

    /// Asks it to end soon; its result will be an error.
    pub(crate) fn cancel(&self) {
        self.progress.cancelled.store(true, Ordering::Relaxed);
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.progress.cancelled.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Job;

    fn wait<T: Send + 'static>(job: &Job<T>) -> anyhow::Result<T> {
        for _ in 0..500 {
            if let Some(result) = job.poll() {
                return result;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no result")
    }

    #[test]
    fn results_arrive_and_cancelled_jobs_end() {
        let ctx = egui::Context::default();
        assert_eq!(wait(&Job::spawn(&ctx, "add", |_| Ok(1 + 1))).unwrap(), 2);
        let job = Job::spawn(&ctx, "endless", |progress| -> anyhow::Result<()> {
            loop {
                progress.tell(0.5)?;
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        job.cancel();
        assert!(wait(&job).is_err());
        assert_eq!(job.share(), 0.5);
    }

    #[test]
    fn a_panic_is_an_error() {
        let job = Job::spawn(&egui::Context::default(), "bug", |_| -> anyhow::Result<()> { panic!("bug") });
        assert!(wait(&job).is_err());
    }
}
