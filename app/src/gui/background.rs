//! One answer worked out on a thread of its own, so that a slow disk or a system dialog never holds up a frame.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use egui::Context;

/// Work under way, or none.
#[derive(Debug)]
pub(crate) struct Background<T> {
    receiver: Option<Receiver<T>>,
}

/// Where the work stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Poll<T> {
    /// Nothing was asked, or the answer was already taken.
    Idle,
    /// Still at it.
    Waiting,
    /// The answer; the next poll is idle.
    Ready(T),
    /// The thread could not be started or broke down; the next poll is idle.
    Failed,
}

impl<T> Default for Background<T> {
    fn default() -> Self {
        Self { receiver: None }
    }
}

/// Wakes the window also when the work breaks down.
struct Wake(Context);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}

impl<T: Send + 'static> Background<T> {
    /// Begins `work`; the answer to an earlier one is forgotten, although its thread runs to its end.
    pub(crate) fn start(&mut self, ctx: &Context, name: &str, work: impl FnOnce() -> T + Send + 'static) {
        let (sender, receiver) = channel();
        let wake = Wake(ctx.clone());
        let run = move || {
            let wake = wake;
            // Nobody listens any more when another work was begun.
            let _ = sender.send(work());
            drop(sender);
            drop(wake);
        };
        // A thread that cannot be started drops the sender, which polling reports.
        let _ = thread::Builder::new().name(name.to_owned()).spawn(run);
        self.receiver = Some(receiver);
    }

    /// Asks for the answer without waiting.
    pub(crate) fn poll(&mut self) -> Poll<T> {
        let Some(receiver) = &self.receiver else { return Poll::Idle };
        let poll = match receiver.try_recv() {
            Ok(answer) => Poll::Ready(answer),
            Err(TryRecvError::Empty) => return Poll::Waiting,
            Err(TryRecvError::Disconnected) => Poll::Failed,
        };
        self.receiver = None;
        poll
    }

    /// Forgets the work.
    pub(crate) fn cancel(&mut self) {
        self.receiver = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Background, Poll};
    use std::time::{Duration, Instant};

    fn wait(background: &mut Background<u32>) -> Poll<u32> {
        let begun = Instant::now();
        loop {
            match background.poll() {
                Poll::Waiting if begun.elapsed() < Duration::from_secs(20) => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                poll => return poll,
            }
        }
    }

    #[test]
    fn answers_once_and_survives_a_panic() {
        let ctx = egui::Context::default();
        let mut background = Background::default();
        assert_eq!(background.poll(), Poll::Idle);
        background.start(&ctx, "seven", || 7);
        assert_eq!(wait(&mut background), Poll::Ready(7));
        assert_eq!(background.poll(), Poll::Idle);
        background.start(&ctx, "broken", || panic!("meant to happen"));
        assert_eq!(wait(&mut background), Poll::Failed);
        assert_eq!(background.poll(), Poll::Idle);
    }

    #[test]
    fn a_later_work_replaces_an_earlier_one() {
        let ctx = egui::Context::default();
        let mut background = Background::default();
        background.start(&ctx, "slow", || {
            std::thread::sleep(Duration::from_millis(50));
            1
        });
        background.start(&ctx, "quick", || 2);
        assert_eq!(wait(&mut background), Poll::Ready(2));
        background.start(&ctx, "cancelled", || 3);
        background.cancel();
        assert_eq!(background.poll(), Poll::Idle);
    }
}
