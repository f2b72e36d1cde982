//! Shows a training session, or other work done in steps: a bar on a terminal, a line every few seconds elsewhere, JSON
//! on stdout when asked.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use splat_core::session::{Event, Loaded, StepStats};

use super::output;

/// Time between lines when there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// How a person is told.
enum Human {
    Bar(ProgressBar),
    Lines { last: Option<Instant> },
    Quiet,
}

/// Listens to a session.
pub(crate) struct Reporter {
    /// Whether events are printed as JSON; switched off when nobody reads them.
    json: bool,
    human: Human,
    /// The latest held-out PSNR.
    psnr: Option<f64>,
}

impl Reporter {
    /// Chooses by flags and by what stdout and stderr are.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let plain = std::env::var_os("CI").is_some() || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let human = if quiet || (json && io::stdout().is_terminal()) {
            Human::Quiet
        } else if io::stderr().is_terminal() && !plain {
            Human::Bar(bar())
        } else {
            Human::Lines { last: None }
        };
        Self { json, human, psnr: None }
    }

    /// Says what is being waited for.
    pub(crate) fn status(&self, text: &str) {
        match &self.human {
            Human::Bar(bar) => bar.set_message(text.to_owned()),
            Human::Lines { .. } => output::note(text),
            Human::Quiet => {}
        }
    }

    /// Says something above the bar.
    pub(crate) fn note(&self, text: &str) {
        match &self.human {
            Human::Bar(bar) => bar.suspend(|| output::note(text)),
            Human::Lines { .. } => output::note(text),
            Human::Quiet => {}
        }
    }

    /// Says a warning, also when quiet about progress.
    pub(crate) fn warning(&self, text: &str) {
        match &self.human {
            Human::Bar(bar) => bar.suspend(|| output::warning(text)),
            Human::Lines { .. } | Human::Quiet => output::warning(text),
        }
    }

    /// Prints one event as JSON if that was asked for. A reader that went away must not end hours of training.
    pub(crate) fn json(&mut self, event: &Event) {
        if self.json
            && let Ok(line) = serde_json::to_string(event)
        {
            self.json = output::print(&format!("{line}\n")).is_ok();
        }
    }

    /// Shows one event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.json(event);
        match event {
            Event::Loaded(loaded) => self.loaded(loaded),
            Event::Progress(stats) => self.progress(stats),
            Event::Refined { .. } | Event::Paused { .. } | Event::Resumed { .. } | Event::Profiled { .. } => {}
            Event::Evaluated(scores) => {
                self.psnr = Some(scores.psnr);
                self.note(&format!(
                    "step {}: held-out PSNR {:.2} dB, SSIM {:.4}",
                    output::thousands(scores.step),
                    scores.psnr,
                    scores.ssim
                ));
            }
            Event::Saved { .. } => {}
            Event::Warning { message } => self.warning(message),
            Event::Finished(_) | Event::Failed { .. } => self.close(),
        }
    }

    /// Removes the bar.
    pub(crate) fn close(&self) {
        if let Human::Bar(bar) = &self.human {
            bar.finish_and_clear();
        }
    }

    fn loaded(&self, loaded: &Loaded) {
        self.note(&format!(
            "{} ({}): {} photos to train on, {} held out ({}), {} points",
            loaded.scene.display(),
            loaded.format,
            loaded.train,
            loaded.test,
            loaded.split,
            output::thousands(loaded.points as u64),
        ));
        let from = if loaded.step > 0 { format!(", from step {}", loaded.step) } else { String::new() };
        let steps = output::thousands(loaded.steps);
        self.note(&format!("{steps} steps on {}{from}, into {}", loaded.adapter, loaded.run.display()));
        if let Human::Bar(bar) = &self.human {
            bar.set_length(loaded.steps);
            bar.set_position(loaded.step);
            bar.set_style(counting_style());
            bar.set_message("");
        }
    }

    fn progress(&mut self, stats: &StepStats) {
        let text = self.describe(stats);
        self.count("step", stats.step, stats.steps, &text);
    }

    /// Shows how many of a known number are done.
    pub(crate) fn count(&mut self, what: &str, done: u64, total: u64, text: &str) {
        match &mut self.human {
            Human::Bar(bar) => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(counting_style());
                }
                bar.set_position(done);
                bar.set_message(text.to_owned());
            }
            Human::Lines { last } => {
                if done == total || last.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
                    *last = Some(Instant::now());
                    output::note(&format!("{what} {done}/{total}  {text}"));
                }
            }
            Human::Quiet => {}
        }
    }

    /// Shows the share of work that is done; short work passes without a line.
    pub(crate) fn share(&mut self, what: &str, share: f64) {
        const WHOLE: u64 = 100;
        let percent = (share.clamp(0.0, 1.0) * WHOLE as f64) as u64;
        match &mut self.human {
            Human::Bar(bar) => {
                if bar.length() != Some(WHOLE) {
                    bar.set_length(WHOLE);
                    bar.set_style(style("{bar:24} {pos} % {msg}"));
                }
                bar.set_position(percent);
                bar.set_message(what.to_owned());
            }
            Human::Lines { last } => {
                let last = last.get_or_insert_with(Instant::now);
                if last.elapsed() >= LINE_INTERVAL {
                    *last = Instant::now();
                    output::note(&format!("{what}: {percent} %"));
                }
            }
            Human::Quiet => {}
        }
    }

    /// Loss, PSNR, splats, resolution, speed, time left.
    fn describe(&self, stats: &StepStats) -> String {
        let loss = stats.loss.map_or(String::new(), |loss| format!("loss {loss:.4}  "));
        let psnr = self.psnr.map_or(String::new(), |psnr| format!("psnr {psnr:.2}  "));
        format!(
            "{loss}{psnr}{} splats  {}x{}  {:.1} steps/s  {} left",
            output::thousands(stats.splats as u64),
            stats.width,
            stats.height,
            stats.steps_per_second,
            output::clock(stats.seconds_left),
        )
    }
}

/// A bar that waits.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style("{spinner} {msg}"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// The style of a bar that knows its end.
fn counting_style() -> ProgressStyle {
    style("{bar:24} {pos}/{len} {msg}")
}

/// A style, or indicatif's own if the template were wrong.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
