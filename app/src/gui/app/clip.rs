//! The time of a scene that moves: the bar under the picture, photos that follow it, and the ways of splats.

use std::time::Instant;

use egui::{Rect, Ui};

use super::App;
use super::scene::Scene;
use super::viewport::HAND;
use crate::gui::jobs::Job;
use crate::gui::overlay::Trails;
use crate::gui::timeline::Clip;

/// Photos whose times differ by less are of one time.
const SAME_TIME: f64 = 1e-6;

/// Ways of splats, and what they are the ways of.
#[derive(Default)]
pub(super) struct Trailing {
    /// The document, and what of it is shown, selected and moved.
    of: Option<[u64; 4]>,
    job: Option<Job<Trails>>,
    /// The newest that are there.
    pub(super) ways: Option<Trails>,
}

impl Scene {
    /// The clip that is played, if anything moves.
    pub(super) fn clip(&self) -> Option<Clip<'_>> {
        let motion = self.document.cloud().motion?;
        let times = self.photos.as_ref().and_then(|photos| photos.dataset.times.as_ref());
        let counted = times.map_or(0, |times| u32::try_from(times.count).unwrap_or(u32::MAX));
        Some(Clip {
            frames: if motion.frames > 0 { motion.frames } else { counted },
            frame_rate: times.and_then(|times| times.frame_rate),
            taken: &self.taken,
        })
    }

    /// The photo nearest to a time, and among those of one time, nearest to where another one was taken from.
    fn photo_at(&self, time: f64, from: usize) -> Option<usize> {
        let near = self.views.get(from)?;
        let away = |index: usize| self.views[index].time.map(|own| (own - time).abs());
        let best = (0..self.views.len()).filter_map(away).fold(f64::INFINITY, f64::min);
        let apart = |index: usize| {
            let view = &self.views[index];
            let turned = (view.forward() - near.forward()).length();
            (view.position() - near.position()).length() / self.extent().max(1e-9) + turned
        };
        (0..self.views.len())
            .filter(|&index| away(index).is_some_and(|away| away <= best + SAME_TIME))
            .min_by(|&a, &b| apart(a).total_cmp(&apart(b)))
    }
}

impl App {
    /// The bar of time under the picture, in scenes that move; returns what is left for the picture.
    pub(super) fn time_bar(&mut self, ui: &mut Ui, area: Rect) -> Rect {
        let Some(clip) = self.scene.as_ref().and_then(Scene::clip) else { return area };
        let height = ui.spacing().interact_size.y + 8.0;
        let (picture, bar) = area.split_top_bottom_at_y((area.bottom() - height).max(area.top() + 1.0));
        ui.painter().rect_filled(bar, 0.0, ui.visuals().panel_fill);
        let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(bar.shrink(4.0)));
        let timeline = &mut self.viewport.timeline;
        let plays = timeline.advance(Instant::now(), &clip);
        if plays {
            // Pictures that arrive wake the window too; frames between them would show nothing new.
            ui.ctx().request_repaint_after(HAND);
        }
        let scrubbed = timeline.show(&mut ui, &clip);
        if scrubbed || plays {
            self.time_moved();
        }
        picture
    }

    /// Goes to another frame.
    pub(super) fn step_frame(&mut self, by: i32) {
        let Some(clip) = self.scene.as_ref().and_then(Scene::clip) else { return };
        self.viewport.timeline.step(by, &clip);
        self.time_moved();
    }

    /// Another time is shown. A photo is compared with the splats of its own time only: another one takes its place.
    fn time_moved(&mut self) {
        self.viewport.moving();
        let (Some(scene), Some(looking)) = (&self.scene, self.viewport.looking) else { return };
        if !self.viewport.compare.wants_photo() {
            return;
        }
        if let Some(index) = scene.photo_at(self.viewport.timeline.at(), looking).filter(|&index| index != looking) {
            self.viewport.looking = Some(index);
            self.viewport.camera.set_from_view(&scene.document.transform().transform_view(&scene.views[index]));
            self.viewport.camera.arrive();
        }
    }

    /// The time of the picture that is wanted: while a photo is compared, that of the photo.
    pub(super) fn wanted_time(&self) -> Option<f64> {
        let scene = self.scene.as_ref()?;
        scene.document.cloud().motion?;
        let compared = self.viewport.looking.filter(|_| self.viewport.compare.wants_photo());
        let taken = compared.and_then(|index| scene.views.get(index)?.time);
        Some(taken.unwrap_or(self.viewport.timeline.at()))
    }

    /// Comparing began: back to the time of the photo.
    pub(super) fn show_time_of_photo(&mut self) {
        let view = self.viewport.looking.and_then(|index| self.scene.as_ref()?.views.get(index));
        if let Some(time) = view.and_then(|view| view.time) {
            self.viewport.timeline.go_to(time);
        }
    }

    /// Follows splats that are new or newly selected, away from this thread.
    pub(super) fn follow_trails(&mut self) {
        let trailing = &mut self.trailing;
        if let Some(Ok(ways)) = Job::take(&mut trailing.job) {
            trailing.ways = Some(ways);
        }
        let Some(scene) = self.scene.as_ref().filter(|scene| scene.document.cloud().motion.is_some()) else {
            *trailing = Trailing::default();
            return;
        };
        let revisions = scene.document.revisions();
        let of = Some([scene.documents, revisions.shown, revisions.selection, revisions.transform]);
        if self.viewport.trails && trailing.of != of && trailing.job.is_none() {
            trailing.of = of;
            let document = scene.document.snapshot();
            trailing.job = Some(Job::spawn(&self.ctx, "Following splats", move |_| Ok(Trails::of(&document))));
        }
    }
}
