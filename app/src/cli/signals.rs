//! Ctrl-C and SIGTERM: once ends training after the step, with a checkpoint, or other long work soon and without its
//! result; twice ends the process.
//!
//! SIGHUP is left alone on purpose: `nohup splat train` must outlive its terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use splat_core::session::Command;

use super::output;

/// Exit code of an interrupted process.
pub(crate) const INTERRUPTED: u8 = 130;

/// The session to stop, while there is one.
static SESSION: Mutex<Option<Sender<Command>>> = Mutex::new(None);

/// Whether a stop was asked for already.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether somebody looks at [`ASKED`].
static WATCHED: AtomicBool = AtomicBool::new(false);

/// From now on the first signal stops this session.
pub(crate) fn stop_on_signal(session: Sender<Command>) -> anyhow::Result<()> {
    *SESSION.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    install().context("cannot listen for Ctrl-C")
}

/// From now on the first signal raises this flag and does nothing else: for work that looks at it now and then.
pub(crate) fn flag_on_signal() -> anyhow::Result<&'static AtomicBool> {
    WATCHED.store(true, Ordering::SeqCst);
    install().context("cannot listen for Ctrl-C")?;
    Ok(&ASKED)
}

/// Called for each signal, on a thread of its own.
fn on_signal() {
    let session = SESSION.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let is_first = !ASKED.swap(true, Ordering::SeqCst);
    match session {
        Some(session) if is_first && session.send(Command::Stop).is_ok() => {
            output::note("\nstopping after this step and saving; once more to quit at once");
        }
        None if is_first && WATCHED.load(Ordering::SeqCst) => {
            output::note("\nstopping; once more to quit at once");
        }
        _ => std::process::exit(i32::from(INTERRUPTED)),
    }
}

#[cfg(unix)]
fn install() -> anyhow::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || signals.forever().for_each(|_| on_signal()))?;
    Ok(())
}

#[cfg(not(unix))]
fn install() -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(on_signal)?)
}
