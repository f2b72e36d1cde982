//! The picture in the middle of the window: navigation, overlays, tools, and which picture is asked for next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Align2, Color32, Context, FontId, Rect, TextureHandle, TextureOptions, Ui};
use glam::{DQuat, DVec2, DVec3};
use splat_core::edit::Extent;
use splat_core::look::{Look, Mode};
use splat_core::scene::View;

use super::App;
use super::editing::Found;
use crate::gui::action::{Action, Tool};
use crate::gui::compare::{Compare, CompareData, CompareMode};
use crate::gui::nav::{self, Input, Motion, NavCamera, Reply, ToolDrag};
use crate::gui::overlay::{self, BoxVolume, Fit, Frusta, Ink, Projection, SphereVolume};
use crate::gui::panels::display;
use crate::gui::prefs::Prefs;
use crate::gui::scores::Score;
use crate::gui::tasks::Task;
use crate::gui::timeline::Timeline;
use crate::gui::worker::{Ask, Beside, Draw, Shown, Why};

/// A picture that takes longer is drawn smaller while the camera moves.
const FLUENT: f32 = 50.0;
/// How often hands are read while the camera moves, at least.
pub(super) const HAND: Duration = Duration::from_millis(33);
/// The same where the window is drawn by the processor.
const HAND_IN_SOFTWARE: Duration = Duration::from_millis(60);
/// How long after the last movement the full picture is asked for.
const SETTLE: Duration = Duration::from_millis(120);
/// The smallest picture while moving, as a share of the full width.
const COARSEST: f32 = 0.25;

/// State of the viewport.
pub(super) struct Viewport {
    pub(super) camera: NavCamera,
    input: Input,
    pub(super) tool: Tool,
    pub(super) frusta: bool,
    pub(super) grid: bool,
    /// Whether the ways of splats are drawn.
    pub(super) trails: bool,
    /// The photo's camera that is looked through.
    pub(super) looking: Option<usize>,
    pub(super) compare: Compare,
    /// The picture on screen.
    pub(super) shown: Option<Shown>,
    texture: Option<TextureHandle>,
    /// What was asked for last.
    asked: Option<Wish>,
    /// Size relative to the full picture while moving.
    share: f32,
    moved_at: Option<Instant>,
    /// Size of the viewport in pixels.
    pub(super) size: (u32, u32),
    /// A drag with a tool.
    drag: Option<ToolDrag>,
    /// Ends of the measured distance.
    pub(super) measure: [Option<DVec3>; 2],
    /// The time in a scene that moves.
    pub(super) timeline: Timeline,
    /// Radius of interest, world units.
    pub(super) extent: f64,
}

/// What decides how a picture looks.
#[derive(Clone, PartialEq)]
struct Wish {
    view: View,
    look: Look,
    photo: Option<Beside>,
    /// State of the splats.
    splats: (u64, u64, u64),
}

impl Viewport {
    pub(super) fn new(prefs: &Prefs) -> Self {
        let mut camera = NavCamera::default();
        camera.set_speed(f64::from(prefs.navigation.speed));
        camera.set_horizon_locked(prefs.navigation.lock_horizon);
        camera.set_fov_y(f64::from(prefs.look.fov_degrees));
        camera.arrive();
        Self {
            camera,
            input: Input::default(),
            tool: Tool::Navigate,
            frusta: prefs.look.frusta,
            grid: prefs.look.grid,
            trails: prefs.look.trails,
            looking: None,
            compare: Compare::default(),
            shown: None,
            texture: None,
            asked: None,
            share: 1.0,
            moved_at: None,
            size: (1, 1),
            drag: None,
            measure: [None; 2],
            timeline: Timeline::default(),
            extent: 1.0,
        }
    }

    /// Another scene.
    pub(super) fn enter(&mut self, up: DVec3, extent: f64) {
        self.camera.set_scale(extent);
        self.camera.set_up(up);
        self.extent = extent;
        self.looking = None;
        self.measure = [None; 2];
        self.timeline.go_to(0.0);
        self.tool = Tool::Navigate;
        self.drag = None;
        self.shown = None;
        self.asked = None;
    }

    /// The splats on screen are no longer the latest.
    pub(super) fn outdated(&mut self) {
        self.asked = None;
    }

    /// A picture arrived.
    pub(super) fn receive(&mut self, shown: Shown, ctx: &Context) {
        if self.moved_at.is_some() {
            // Towards the size that is fluent; half way each time, because times are noisy.
            let wanted = (self.share * (FLUENT / shown.millis.max(1.0)).sqrt()).clamp(COARSEST, 1.0);
            self.share = 0.5 * (self.share + wanted);
        }
        let image = Arc::clone(&shown.image);
        match &mut self.texture {
            Some(texture) => texture.set(image, TextureOptions::LINEAR),
            None => self.texture = Some(ctx.load_texture("viewport", image, TextureOptions::LINEAR)),
        }
        self.shown = Some(shown);
    }

    /// What mouse and keys do now.
    pub(super) fn hint(&self) -> String {
        self.input.hint(&self.camera, self.tool).into_owned()
    }

    /// An end of a distance was found.
    pub(super) fn measured(&mut self, point: DVec3) {
        self.measure = match self.measure {
            [Some(first), None] => [Some(first), Some(point)],
            _ => [Some(point), None],
        };
    }

    /// The measured distance.
    pub(super) fn distance(&self) -> Option<f64> {
        match self.measure {
            [Some(a), Some(b)] => Some(a.distance(b)),
            _ => None,
        }
    }

    /// The next picture is to come soon; every pixel of it follows.
    pub(super) fn hurry(&mut self) {
        self.share = COARSEST;
        self.moving();
    }

    /// The camera is moved by something else than the person's hands.
    pub(super) fn moving(&mut self) {
        self.moved_at = Some(Instant::now());
    }

    /// Looks through no photo's camera any more, from where it stands.
    pub(super) fn leave_camera(&mut self) {
        self.looking = None;
    }
}

impl App {
    /// Draws the viewport and reads the person's hands.
    pub(super) fn viewport(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let rect = if self.viewport.looking.is_some() { self.compare_bar(ui) } else { ui.available_rect_before_wrap() };
        let rect = self.time_bar(ui, rect);
        let scale = ui.ctx().pixels_per_point();
        let pixels = |points: f32| (points * scale).round().clamp(1.0, 8192.0) as u32;
        self.viewport.size = (pixels(rect.width()), pixels(rect.height()));
        let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        let ui = &mut ui;
        ui.set_clip_rect(rect);
        let response = nav::viewport(ui, rect);
        self.paint_picture(ui, rect);
        let Some(view) = self.shown_view() else {
            ui.painter().text(
                rect.center(),
                Align2::CENTER_CENTER,
                "Preparing the first picture …",
                FontId::proportional(15.0),
                ui.visuals().weak_text_color(),
            );
            return;
        };
        self.follow_trails();
        let ink = Ink::of(ui.visuals());
        let camera_distance = self.viewport.camera.distance();
        let projection = Projection::new(&view, rect, camera_distance);
        let shapes_active = self.draw_shapes(ui, &projection, &ink);
        let hovered = self.draw_overlays(ui, &projection, &ink, &response, actions);
        let gizmo_centre = rect.right_top() + egui::vec2(-overlay::GIZMO_RADIUS - 8.0, overlay::GIZMO_RADIUS + 8.0);
        let gizmo = overlay::gizmo(ui, &ink, &view, self.viewport.camera.ground(), gizmo_centre);
        if let Some(axis) = gizmo.axis {
            actions.push(Action::Axis(axis));
        }
        if let Some(drag) = gizmo.orbit {
            self.viewport.camera.orbit(f64::from(drag.x), f64::from(drag.y));
        }
        if !shapes_active {
            self.navigate(ui, &response, rect, hovered, actions);
        }
        if let Some(legend) = self.viewport.shown.as_ref().and_then(|shown| shown.legend.clone()) {
            let area = Rect::from_min_size(rect.left_bottom() + egui::vec2(12.0, -64.0), egui::vec2(260.0, 52.0));
            let mut corner = ui.new_child(egui::UiBuilder::new().max_rect(area));
            display::legend(&mut corner, &legend);
        }
    }

    /// The picture, or the comparison with the photo.
    fn paint_picture(&mut self, ui: &mut Ui, rect: Rect) {
        let Some(shown) = &self.viewport.shown else { return };
        let fit = Fit::new(rect, shown.view.width, shown.view.height);
        // Bars beside a picture of another aspect; under the picture itself, they would be drawn for nothing.
        if !fit.rect().expand(1.0).contains_rect(rect) {
            let [r, g, b] = self.widgets.display.look.background.map(|channel| (channel * 255.0).round() as u8);
            ui.painter().rect_filled(rect, 0.0, Color32::from_rgb(r, g, b));
        }
        if self.viewport.looking.is_some() && self.viewport.compare.mode != CompareMode::Render {
            let data = compared(Some(shown), None, self.prefs.reduced_motion);
            self.viewport.compare.picture(ui, fit.rect(), &data);
        } else if let Some(texture) = &self.viewport.texture {
            let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            ui.painter().image(texture.id(), fit.rect(), whole, Color32::WHITE);
        }
    }

    /// Buttons above a photo's camera; returns what is left for the picture.
    fn compare_bar(&mut self, ui: &mut Ui) -> Rect {
        let Some(scene) = &self.scene else { return ui.available_rect_before_wrap() };
        let Some(view) = self.viewport.looking.and_then(|index| scene.views.get(index)) else {
            return ui.available_rect_before_wrap();
        };
        let score = scene.scores.get(&view.name);
        let name = view.name.clone();
        let data = compared(self.viewport.shown.as_ref(), score, self.prefs.reduced_motion);
        let mut leave = false;
        let compared = self.viewport.compare.wants_photo();
        let area = ui.available_rect_before_wrap();
        let bar = egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(4.0);
        bar.show(ui, |ui| {
            ui.set_max_width(area.width() - 8.0);
            ui.set_min_width(area.width() - 8.0);
            ui.horizontal_wrapped(|ui| {
                leave = ui.button("Leave camera").on_hover_text("Back to free navigation").clicked();
                ui.label(name);
                self.viewport.compare.controls(ui, &data);
            });
        });
        if leave {
            self.viewport.leave_camera();
        } else if self.viewport.compare.wants_photo() && !compared {
            self.show_time_of_photo();
        }
        // Of the area as it was before: too long a bar would widen it.
        Rect::from_min_max(egui::pos2(area.left(), ui.cursor().top().min(area.bottom() - 1.0)), area.max)
    }

    /// The view of the picture on screen, where the edited scene has it.
    pub(super) fn shown_view(&self) -> Option<View> {
        let (scene, shown) = (self.scene.as_ref()?, self.viewport.shown.as_ref()?);
        Some(scene.document.transform().transform_view(&shown.view))
    }

    /// Grid, cameras, measured distance, selection shapes; which camera the pointer is at.
    fn draw_overlays(
        &mut self,
        ui: &Ui,
        projection: &Projection<'_>,
        ink: &Ink,
        response: &egui::Response,
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(scene) = &mut self.scene else { return false };
        let painter = ui.painter();
        let viewport = &self.viewport;
        let looking = viewport.looking.is_some();
        if viewport.grid && !looking {
            overlay::grid(painter, projection, ink, viewport.camera.ground(), DVec3::ZERO);
            overlay::axes(painter, projection, ink, DVec3::ZERO, 0.25 * viewport.extent);
        }
        let compares = looking && viewport.compare.wants_photo();
        if viewport.trails
            && !compares
            && let (Some(ways), Some(time)) =
                (&self.trailing.ways, viewport.shown.as_ref().and_then(|shown| shown.view.time))
        {
            ways.draw(painter, projection, ink, time);
        }
        let mut hovered = None;
        if viewport.frusta && !looking && !scene.frusta.is_empty() {
            let thumbnails = std::cell::RefCell::new(&mut scene.thumbnails);
            let photo = |index: usize| thumbnails.borrow_mut().texture(index);
            let frusta = Frusta {
                all: &scene.frusta,
                size: 0.1 * viewport.extent * self.widgets.display.frusta_size,
                selected: viewport.looking,
                marked: None,
                photo: &photo,
            };
            let navigates = viewport.tool == Tool::Navigate && !viewport.input.navigating();
            let reply = frusta.show(painter, projection, ink, navigates.then_some(response));
            hovered = reply.hovered;
            if let Some(index) = reply.clicked {
                actions.push(Action::LookThrough(index));
            }
        }
        if let Some(index) = hovered
            && let Some(view) = scene.views.get(index)
        {
            response.clone().on_hover_text_at_pointer(&view.name);
        }
        overlay::pivot(painter, projection, ink, viewport.camera.pivot(), viewport.input.navigating());
        if viewport.measure[0].is_some() {
            let label = viewport.distance().map(|distance| format!("{distance:.4}")).unwrap_or_default();
            overlay::measurement(painter, projection, ink, viewport.measure, &label);
        }
        if let Some(drag) = &viewport.drag {
            let fit = projection.fit();
            match drag.tool {
                Tool::Rectangle => overlay::rectangle(painter, ink, fit.to_screen(drag.start), fit.to_screen(drag.now)),
                Tool::Brush => {
                    let trail: Vec<_> = drag.path.iter().map(|&at| fit.to_screen(at)).collect();
                    let radius = self.widgets.inspect.brush_radius as f32;
                    overlay::brush(painter, ink, fit.to_screen(drag.now), radius, &trail);
                }
                _ => {}
            }
        } else if viewport.tool == Tool::Brush
            && let Some(at) = response.hover_pos()
        {
            overlay::brush(painter, ink, at, self.widgets.inspect.brush_radius as f32, &[]);
        }
        hovered.is_some()
    }

    /// The box and the sphere, which are dragged by their handles; true while one is.
    fn draw_shapes(&mut self, ui: &Ui, projection: &Projection<'_>, ink: &Ink) -> bool {
        let inspect = &mut self.widgets.inspect;
        let editing_box = self.viewport.tool == Tool::Box;
        if editing_box || inspect.show_crop {
            let mut volume = BoxVolume {
                centre: inspect.crop.centre.into(),
                half: 0.5 * DVec3::from(inspect.crop.size),
                rotation: DQuat::IDENTITY,
            };
            if !editing_box {
                overlay::outline_box(ui.painter(), projection, ink, &volume, ink.accent);
                return false;
            }
            let reply = overlay::edit_box(ui, projection, ink, "Box", &mut volume);
            if reply.changed {
                inspect.crop.centre = volume.centre.into();
                inspect.crop.size = (2.0 * volume.half).into();
            }
            return reply.active;
        }
        if self.viewport.tool == Tool::Sphere {
            let mut volume = SphereVolume { centre: inspect.sphere.centre.into(), radius: inspect.sphere.radius };
            let reply = overlay::edit_sphere(ui, projection, ink, "Sphere", &mut volume);
            if reply.changed {
                inspect.sphere.centre = volume.centre.into();
                inspect.sphere.radius = volume.radius;
            }
            return reply.active;
        }
        false
    }

    /// Mouse, touch and keys.
    fn navigate(&mut self, ui: &Ui, response: &egui::Response, rect: Rect, on_camera: bool, actions: &mut Vec<Action>) {
        let (width, height) = self.wanted_size();
        let fit = Fit::new(rect, width, height);
        let before = self.viewport.camera.clone();
        let software = self.is_software();
        let viewport = &mut self.viewport;
        let reply = viewport.input.update(response, &fit, viewport.tool, None, &mut viewport.camera);
        if viewport.input.navigating() && viewport.looking.is_some() {
            // Goes on from where the photo was taken.
            viewport.leave_camera();
            actions.push(Action::LeaveCamera);
        }
        let dt = f64::from(ui.input(|input| input.stable_dt)).min(0.1);
        let gliding = viewport.camera.tick(dt);
        // Every picture that arrives wakes the window; where frames cost the training, nothing else does.
        if gliding && !software {
            ui.ctx().request_repaint();
        }
        if gliding || viewport.input.navigating() || before.view(8, 8) != viewport.camera.view(8, 8) {
            viewport.moved_at = Some(Instant::now());
            // Hands are read even while a picture takes long.
            ui.ctx().request_repaint_after(if software { HAND_IN_SOFTWARE } else { HAND });
        }
        match reply {
            Some(Reply::FocusAt(at)) => self.ask_surface(self.to_shown(at, &fit), Why::Focus),
            Some(Reply::Click { at, modifiers }) if !on_camera => self.clicked(self.to_shown(at, &fit), modifiers),
            Some(Reply::ToolDrag(drag)) => {
                if drag.finished {
                    self.viewport.drag = None;
                    self.dragged(&drag, &fit);
                } else {
                    self.viewport.drag = Some(drag);
                }
            }
            Some(Reply::ToolCancelled) => self.viewport.drag = None,
            Some(Reply::Click { .. }) | None => {}
        }
    }

    /// Pixels of the picture that is wanted as pixels of the one on screen.
    fn to_shown(&self, at: DVec2, fit: &Fit) -> DVec2 {
        match &self.viewport.shown {
            Some(shown) => at * f64::from(shown.view.width) / fit.size().x,
            None => at,
        }
    }

    /// Asks where the surface is at a pixel of the picture on screen.
    pub(super) fn ask_surface(&self, pixel: DVec2, why: Why) {
        if let Some(shown) = &self.viewport.shown {
            self.worker.ask(Ask::Surface(Box::new(shown.view.clone()), pixel.to_array(), why));
        }
    }

    /// Size of the picture in pixels: of the viewport, or of the photo fitted into it.
    fn wanted_size(&self) -> (u32, u32) {
        let (width, height) = self.viewport.size;
        let through = self.viewport.looking.and_then(|index| self.scene.as_ref()?.views.get(index));
        match through {
            Some(view) => {
                let (w, h) = (f64::from(view.width), f64::from(view.height));
                let scale = (f64::from(width) / w).min(f64::from(height) / h);
                (((w * scale).round() as u32).max(1), ((h * scale).round() as u32).max(1))
            }
            None => (width, height),
        }
    }

    /// The picture that is wanted now, in full.
    pub(super) fn wanted_view(&self) -> Option<View> {
        let scene = self.scene.as_ref()?;
        let (width, height) = self.wanted_size();
        let view = match self.viewport.looking.and_then(|index| scene.views.get(index)) {
            // Photos belong to the splats as they were read.
            Some(view) => view.resized(width, height),
            None => scene.document.transform().inverse().transform_view(&self.viewport.camera.view(width, height)),
        };
        Some(View { time: self.wanted_time(), ..view })
    }

    /// Asks for the next picture, if it would differ from the last.
    pub(super) fn ask_for_picture(&mut self) {
        let Some(mut view) = self.wanted_view() else { return };
        let Some(scene) = &self.scene else { return };
        let moving = self.viewport.moved_at.is_some_and(|at| at.elapsed() < SETTLE);
        if moving {
            self.ctx.request_repaint_after(SETTLE);
            if !self.widgets.display.full_while_moving && self.viewport.looking.is_none() {
                let shrunk = |edge: u32| ((edge as f32 * self.viewport.share).round() as u32).max(1);
                view = view.resized(shrunk(view.width), shrunk(view.height));
            }
        } else {
            self.viewport.moved_at = None;
        }
        let compare = &self.viewport.compare;
        let photo = self.viewport.looking.filter(|_| compare.wants_photo());
        let photo = photo.map(|index| Beside { index, gain: compare.wants_difference() });
        let revisions = scene.document.revisions();
        let wish = Wish {
            view,
            look: self.widgets.display.look.clone(),
            photo,
            splats: (scene.documents, revisions.shown, revisions.selection),
        };
        if self.viewport.asked.as_ref() == Some(&wish) {
            return;
        }
        let draw = Draw { view: wish.view.clone(), look: wish.look.clone(), photo };
        self.worker.ask(Ask::Draw(Box::new(draw)));
        self.viewport.asked = Some(wish);
    }

    /// Looks through a photo's camera.
    pub(super) fn look_through(&mut self, index: usize) {
        let Some(scene) = &self.scene else { return };
        let Some(view) = scene.views.get(index) else { return };
        self.viewport.looking = Some(index);
        if let Some(time) = view.time {
            self.viewport.timeline.go_to(time);
        }
        self.viewport.camera.set_from_view(&scene.document.transform().transform_view(view));
        self.viewport.camera.arrive();
        let fresh = scene.scores.get(&view.name).is_some_and(|score| !score.stale);
        if !fresh && !self.training.run.is_live() {
            self.score(vec![index]);
        }
    }

    /// Renders views and compares them with their photos.
    pub(super) fn score(&mut self, indices: Vec<usize>) {
        let Some(scene) = &self.scene else { return };
        let views = indices.iter().filter_map(|&index| Some((index, scene.views.get(index)?.clone()))).collect();
        let look = Look { background: scene.background, ..Look::default() };
        if indices.len() > 1 {
            self.scoring = Some((0, indices.len()));
        }
        self.worker.ask(Ask::Task(Task::Score { views, total: indices.len(), look }));
    }

    /// Sees the selection, or turns about the surface in the middle of the picture.
    pub(super) fn focus(&mut self) {
        let time = self.wanted_time();
        self.find(move |document| Found::Frame(Extent::of(document, document.selected(), 0.0, time)));
    }

    /// Turns about the surface in the middle of the picture.
    pub(super) fn focus_middle(&mut self) {
        if let Some(shown) = &self.viewport.shown {
            let middle = 0.5 * DVec2::new(f64::from(shown.view.width), f64::from(shown.view.height));
            self.ask_surface(middle, Why::Focus);
        }
    }

    /// Sees everything.
    pub(super) fn frame_all(&mut self) {
        let time = self.wanted_time();
        self.find(move |document| Found::Frame(Extent::of(document, &document.shown(), 0.02, time)));
    }

    /// Orbit or fly.
    pub(super) fn toggle_fly(&mut self) {
        let next = match self.viewport.camera.motion() {
            Motion::Orbit => Motion::Fly,
            Motion::Fly => Motion::Orbit,
        };
        self.viewport.camera.set_motion(next);
    }

    /// How splats are shown.
    pub(super) fn show_mode(&mut self, mode: Mode) {
        self.widgets.display.look.mode = mode;
    }
}

/// The pictures of a photo's camera as the comparison takes them.
fn compared(shown: Option<&Shown>, score: Option<Score>, reduced_motion: bool) -> CompareData<'_> {
    CompareData {
        render: shown.map(|shown| &shown.image),
        photo: shown.and_then(|shown| shown.photo.as_ref()),
        difference: shown.and_then(|shown| shown.difference.as_ref()).map(|(gain, image)| (*gain, image)),
        problem: None,
        score,
        reduced_motion,
    }
}
