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

/// Wakes the window also when the work breaks down.
struct Wake(egui::Context);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}

/// A job under way. Dropping it cancels it; work that never tells its progress runs to its end unheard.
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
        let (shared, wake, failed) = (Arc::clone(&progress), Wake(ctx.clone()), sender.clone());
        let body = move || {
            let wake = wake;
            // Whoever started it may have gone.
            let _ = sender.send(work(&shared));
            // The window must find the result, or that there is none.
            drop(sender);
            drop(wake);
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

    /// The result of a job that has ended, which then is no more.
    pub(crate) fn take(job: &mut Option<Self>) -> Option<Result<T>> {
        let result = job.as_ref()?.poll()?;
        *job = None;
        Some(result)
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

    use super::{Job, Progress};

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

    #[test]
    fn a_later_job_replaces_an_earlier_one() {
        let ctx = egui::Context::default();
        let slow = |_: &Progress| {
            std::thread::sleep(Duration::from_millis(50));
            Ok(1)
        };
        let mut job = Some(Job::spawn(&ctx, "slow", slow));
        assert!(Job::take(&mut job).is_none() && job.is_some());
        job = Some(Job::spawn(&ctx, "quick", |_| Ok(2)));
        let began = std::time::Instant::now();
        let result = loop {
            match Job::take(&mut job) {
                None if began.elapsed() < Duration::from_secs(20) => std::thread::sleep(Duration::from_millis(2)),
                result => break result,
            }
        };
        assert_eq!(result.map(Result::unwrap), Some(2));
        assert!(job.is_none() && Job::take(&mut job).is_none());
    }
}
