//! What tests ask of the window beside what they see and click.

use std::path::{Path, PathBuf};

use splat_core::edit::{Attribute, Combine, Edit, by_attribute};
use splat_core::gpu::Gpu;
use splat_core::model::RasterOptions;
use splat_core::params::params_sha256;
use splat_core::render::Renderer;
use splat_core::scene::io::ply::read_splats;
use splat_core::settings::Settings;

use super::shot::ShotDialog;
use super::{Adapter, App, Purpose, Scene};
use crate::gui::loss::Loss;
use crate::gui::panels::path::{Format, PathRequest, RenderRequest};
use crate::gui::scores::Score;
use crate::gui::training::RunState;

impl App {
    pub(crate) fn has_adapter(&self) -> bool {
        matches!(self.adapter, Adapter::Ready(_))
    }

    /// Opens a path as a dialog would, once it was answered.
    pub(crate) fn open_for_test(&mut self, path: PathBuf) {
        self.open_path(path);
    }

    pub(crate) fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Splats that are not deleted.
    pub(crate) fn splats(&self) -> usize {
        self.scene.as_ref().map_or(0, Scene::splats)
    }

    pub(crate) fn selected(&self) -> usize {
        self.scene.as_ref().map_or(0, |scene| scene.document.selected().count())
    }

    pub(crate) fn has_picture(&self) -> bool {
        self.viewport.shown.is_some()
    }

    /// Whether the picture on screen is the one that is wanted, in full.
    pub(crate) fn is_up_to_date(&self) -> bool {
        let wanted = self.wanted_view();
        self.viewport.shown.as_ref().map(|shown| &shown.view) == wanted.as_ref()
    }

    /// Bytes of the picture on screen.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let shown = self.viewport.shown.as_ref().unwrap();
        shown.image.pixels.iter().flat_map(|pixel| pixel.to_array()).collect()
    }

    /// The picture on screen, and what `splat render` makes of the file for the same camera and time.
    pub(crate) fn picture_and_render(&self, file: &Path) -> (Vec<u8>, Vec<u8>) {
        let (shown, scene) = (self.viewport.shown.as_ref().unwrap(), self.scene.as_ref().unwrap());
        let cloud = read_splats(file).unwrap().movers_first();
        let options: RasterOptions = scene.raster;
        let mut renderer = Renderer::new(&Gpu::new(&self.gpu).unwrap(), &cloud, options).unwrap();
        let image = renderer.render(&shown.view, self.widgets.display.look.background).unwrap();
        (self.picture(), image.rgba)
    }

    /// The time shown in a scene that moves.
    pub(crate) fn time(&self) -> f64 {
        self.viewport.timeline.at()
    }

    /// The time of the picture on screen.
    pub(crate) fn time_of_picture(&self) -> Option<f64> {
        self.viewport.shown.as_ref()?.view.time
    }

    /// What the colours of the picture on screen mean.
    pub(crate) fn legend(&self) -> Option<&'static str> {
        self.viewport.shown.as_ref()?.legend.as_ref().map(|legend| legend.label)
    }

    /// Ways of splats that are drawn.
    pub(crate) fn ways(&self) -> usize {
        self.trailing.ways.as_ref().filter(|_| self.viewport.trails).map_or(0, |ways| ways.len())
    }

    /// Writes the camera path as the dialog would, once it was answered.
    pub(crate) fn export_path_for_test(&mut self, file: &Path) {
        self.export_path(file);
    }

    pub(crate) fn has_photo(&self) -> bool {
        self.viewport.shown.as_ref().is_some_and(|shown| shown.photo.is_some())
    }

    /// The score of the photo that is looked through.
    pub(crate) fn looking_score(&self) -> Option<Score> {
        let scene = self.scene.as_ref()?;
        scene.scores.get(&scene.views.get(self.viewport.looking?)?.name)
    }

    pub(crate) fn adopt(&mut self, settings: &Settings) {
        self.widgets.setup.adopt(settings);
    }

    pub(crate) fn is_live(&self) -> bool {
        self.training.run.is_live() || self.starting.is_some()
    }

    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.training.run, RunState::Paused)
    }

    pub(crate) fn steps(&self) -> u64 {
        self.training.steps().map_or(0, |(done, _)| done)
    }

    /// Hash of the splats as they were loaded or last previewed.
    pub(crate) fn shown_hash(&self) -> String {
        params_sha256(self.scene.as_ref().unwrap().document.cloud())
    }

    /// Hash of the splats as they would be saved.
    pub(crate) fn baked_hash(&self) -> String {
        params_sha256(&self.scene.as_ref().unwrap().document.baked().unwrap())
    }

    /// Selects the more transparent half of the splats.
    pub(crate) fn select_for_test(&mut self) {
        let document = &self.scene.as_ref().unwrap().document;
        let mut opacities = document.attribute(Attribute::Opacity);
        let middle = opacities.len() / 2;
        let most = *opacities.select_nth_unstable_by(middle, f32::total_cmp).1;
        let rows = by_attribute(document, Attribute::Opacity, &(0.0..=most));
        self.edit(&Edit::Select { rows, combine: Combine::Replace });
    }

    /// Saves as a dialog would, once it was answered.
    pub(crate) fn save_for_test(&mut self, path: PathBuf) {
        self.write(path, None);
    }

    /// Keys of the camera path.
    pub(crate) fn keys(&self) -> usize {
        self.film.path.keys.len()
    }

    /// Renders the camera path as the dialog would.
    pub(crate) fn film_for_test(&mut self, target: PathBuf) {
        let format = if target.extension().is_some() { Format::Mp4 } else { Format::Folder };
        let request = RenderRequest { width: 48, height: 32, frame_rate: 2.0, format, target, replace: false };
        self.film(PathRequest::Render(request));
    }

    /// Whether longer work of the worker is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Writes the picture as the dialog would, once it was answered.
    pub(crate) fn screenshot_for_test(&mut self, path: PathBuf, width: u32, height: u32) {
        self.widgets.shot = Some(ShotDialog { width, height });
        self.answered(Purpose::Screenshot, path);
    }

    /// Where the camera stands.
    pub(crate) fn eye(&self) -> [f64; 3] {
        self.viewport.camera.eye().to_array()
    }

    pub(crate) fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Has a device lost later on.
    pub(crate) fn lose_for_test(&mut self, loss: Loss) {
        self.lose(loss);
    }

    /// Whether a line of the log has these words.
    pub(crate) fn has_logged(&self, words: &str) -> bool {
        self.training.log.lines().iter().any(|line| line.text.contains(words))
    }

    /// For messages of failing tests.
    pub(crate) fn summary(&self) -> String {
        let log: Vec<&str> = self.training.log.lines().iter().map(|line| line.text.as_str()).collect();
        format!("{:?}, {} splats, step {}\n{}", self.training.run, self.splats(), self.steps(), log.join("\n"))
    }
}
