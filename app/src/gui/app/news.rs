//! What other threads told since the last frame.

use std::sync::Arc;

use splat_core::session::Event;

use super::{Adapter, App};
use crate::gui::jobs::Job;
use crate::gui::scores::Moment;
use crate::gui::training::RunState;
use crate::gui::training::log::Level;
use crate::gui::worker::{Ask, Told, Why};
use splat_core::metrics::ViewScore;

impl App {
    /// Hears everything that was told.
    pub(super) fn hear_news(&mut self) {
        for told in self.worker.told() {
            self.hear_worker(told);
        }
        let events = self.running.as_ref().map(|running| running.events()).unwrap_or_default();
        for event in &events {
            self.hear_session(event);
        }
        self.hear_jobs();
        if let Some(Ok(missing)) = Job::take(&mut self.missing) {
            self.prefs.mark_missing(&missing);
        }
        if let Some(scene) = &mut self.scene {
            scene.thumbnails.poll(&self.ctx);
        }
    }

    fn hear_worker(&mut self, told: Told) {
        match told {
            Told::Ready(info) => self.adapter = Adapter::Ready(info),
            Told::NoAdapter(problem) => self.adapter = Adapter::Missing(problem),
            Told::Picture(shown) => {
                self.pace.pictures[0] += 1;
                self.viewport.receive(*shown, &self.ctx);
            }
            Told::Preview { step, cloud } => self.hear_preview(step, &cloud),
            Told::Surface(point, why) => self.hear_surface(point, why),
            Told::Score { index, psnr, ssim } => self.hear_score(index, psnr, ssim),
            Told::Progress { label, share } => self.busy = Some((label, share)),
            Told::Done(text) => {
                self.busy = None;
                self.film.rendering = None;
                self.training.log(Level::Info, text.clone());
                self.toasts.info(text);
            }
            Told::Remark(text) => {
                self.training.log(Level::Warning, text.clone());
                self.toasts.warning(text);
            }
            Told::Trouble(text) => {
                (self.busy, self.scoring) = (None, None);
                self.film.rendering = None;
                self.training.log(Level::Error, text.clone());
                self.toasts.error(text, None);
            }
        }
    }

    /// Later splats of the run are on screen.
    fn hear_preview(&mut self, step: u64, cloud: &Arc<splat_core::scene::SplatCloud>) {
        self.training.shown_step = Some(step);
        if let Some(scene) = &mut self.scene {
            scene.has_ages = true;
            if let Err(error) = scene.replace_cloud(Arc::clone(cloud), step) {
                self.toasts.error(error.to_string(), None);
            }
        }
        self.viewport.outdated();
    }

    fn hear_surface(&mut self, point: Option<glam::DVec3>, why: Why) {
        let Some(scene) = &mut self.scene else { return };
        let Some(point) = point else {
            if why != Why::Place {
                self.toasts.info("There is no surface there");
            }
            return;
        };
        let point = scene.document.transform().transform_point(point);
        match why {
            Why::Focus => self.viewport.camera.focus(point),
            Why::Measure => self.viewport.measured(point),
            Why::Place => self.place_shape(point),
        }
    }

    fn hear_score(&mut self, index: usize, psnr: f64, ssim: f64) {
        if let Some((done, of)) = &mut self.scoring {
            *done += 1;
            if done >= of {
                (self.scoring, self.busy) = (None, None);
            }
        }
        let Some(scene) = &mut self.scene else { return };
        if let Some(view) = scene.views.get(index) {
            let moment = scene.moment();
            scene.scores.record(&ViewScore { name: view.name.clone(), psnr, ssim }, moment);
        }
    }

    fn hear_session(&mut self, event: &Event) {
        self.training.apply(event);
        match event {
            Event::Evaluated(evaluated) => {
                if let Some(scene) = &mut self.scene {
                    let of = Moment { step: evaluated.step, ..scene.moment() };
                    evaluated.views.iter().for_each(|view| scene.scores.record(view, of));
                }
            }
            Event::Saved { step, .. } => {
                if let Some(run) = self.scene.as_mut().and_then(|scene| scene.run.as_mut()) {
                    run.step = Some(*step);
                }
            }
            Event::Finished(summary) => {
                let what = if summary.interrupted { "stopped" } else { "finished" };
                self.toasts.info(format!("Training {what} at step {}: {}", summary.steps, summary.run.display()));
                // A run that was abandoned early has nothing to come back to.
                if summary.ply.exists() {
                    self.prefs.remember(&summary.run);
                }
                self.end_of_run();
            }
            Event::Failed { message, lost_device, .. } => {
                // Whoever was about to leave does not want the run back.
                let leaving = self.after_run.is_some();
                self.end_of_run();
                match self.training.resumable().filter(|_| *lost_device && !leaving) {
                    Some(step) => {
                        self.toasts.warning(format!(
                            "The graphics device was lost: going on from the checkpoint of step {step}"
                        ));
                        self.start(true);
                    }
                    None => {
                        let told = "Training failed; the last state stays on screen";
                        self.toasts.error(told, Some(message.clone()));
                    }
                }
            }
            _ => {}
        }
    }

    /// The session is over; its last preview stays.
    fn end_of_run(&mut self) {
        if let Some(scene) = &mut self.scene {
            scene.thumbnails.set_gentle(false);
        }
        // Behind the last preview in the worker's queue.
        self.worker.ask(Ask::Unwatch);
        self.running = None;
        if let Some(action) = self.after_run.take() {
            self.perform_now(action);
        }
    }

    fn hear_jobs(&mut self) {
        if let Some(result) = Job::take(&mut self.opening) {
            match result {
                Ok(opened) => self.opened(opened),
                // What was open stays.
                Err(error) => {
                    self.toasts.error(splat_core::session::chain(error.as_ref()), None);
                    if let Some(path) = self.opening_path.take().filter(|path| !path.exists()) {
                        self.prefs.forget(&path);
                    }
                }
            }
        }
        if let Some(result) = Job::take(&mut self.starting) {
            match result {
                Ok(started) => self.started(started),
                Err(error) => {
                    let message = splat_core::session::chain(error.as_ref());
                    self.training.fail(message.clone());
                    self.toasts.error("Training could not start", Some(message));
                }
            }
        }
        if let Some(result) = Job::take(&mut self.saving) {
            match result {
                Ok(saved) => self.saved(saved),
                Err(error) => {
                    self.after_saving = None;
                    self.toasts.error(splat_core::session::chain(error.as_ref()), None);
                }
            }
        }
        if let Some(result) = Job::take(&mut self.finding) {
            match result {
                Ok(found) => self.found(found),
                Err(error) => self.toasts.error(splat_core::session::chain(error.as_ref()), None),
            }
        }
        if matches!(self.training.run, RunState::Idle) && self.starting.is_none() {
            self.training.shown_step = None;
        }
    }
}
