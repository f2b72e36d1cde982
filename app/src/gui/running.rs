//! The training session as the window holds it: events are forwarded, the window is woken, nothing is polled.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use splat_core::gpu::Gpu;
use splat_core::preview::PreviewSlot;
use splat_core::session::{Command, Event, Session};

/// How soon progress is shown.
const CALM: Duration = Duration::from_millis(250);
/// The same where each frame of the window takes tenths of a second of processor time from the training. Whoever moves
/// the pointer sees the latest at once.
const CALM_IN_SOFTWARE: Duration = Duration::from_secs(4);

/// A session and the thread that listens to it. Dropping it stops the run and waits until everything is written.
#[derive(Debug)]
pub(crate) struct Running {
    commands: Sender<Command>,
    events: Receiver<Event>,
    listener: Option<JoinHandle<()>>,
    /// Where the run leaves its previews.
    pub(crate) preview: Arc<PreviewSlot>,
}

impl Running {
    /// Listens to a session on a thread of its own; `software` says that it trains on the processor. `loses` is a
    /// device to be lost as soon as a step is told of.
    pub(crate) fn listen(
        ctx: &egui::Context,
        session: Session,
        preview: Arc<PreviewSlot>,
        software: bool,
        mut loses: Option<(Arc<Gpu>, u64)>,
    ) -> Result<Self> {
        let calm = if software { CALM_IN_SOFTWARE } else { CALM };
        let commands = session.commands();
        let (sender, events) = channel();
        let ctx = ctx.clone();
        let body = move || {
            for event in session.events() {
                if let Event::Progress(stats) = &event
                    && let Some((gpu, _)) = loses.take_if(|(_, step)| stats.step >= *step)
                {
                    gpu.lose();
                }
                let patience = if matches!(event, Event::Progress(_)) { calm } else { Duration::ZERO };
                // After the window has gone, the session still ends in order.
                let _ = sender.send(event);
                ctx.request_repaint_after(patience);
            }
            // What ended it was its last event.
            let _ = session.join();
        };
        let listener = thread::Builder::new().name("listen".into()).spawn(body).context("starting a thread")?;
        Ok(Self { commands, events, listener: Some(listener), preview })
    }

    /// Sends a command; one sent after the end is ignored.
    pub(crate) fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// What happened since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.send(Command::Stop);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}
