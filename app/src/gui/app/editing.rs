//! Selecting, deleting and transforming splats: requests become edits of the document, each of which can be undone.

use egui::Modifiers;
use glam::{DQuat, DVec2, DVec3, EulerRot};
use splat_core::edit::{
    Attribute, Combine, Document, Edit, Extent, Histogram, OrientedBox, RowSet, Similarity, Viewpoint, by_attribute,
    in_box, in_sphere,
};
use splat_core::look::Marks;

use super::App;
use crate::gui::action::Tool;
use crate::gui::jobs::Job;
use crate::gui::nav::ToolDrag;
use crate::gui::overlay::Fit;
use crate::gui::panels::inspect::{self, CropBox, HistogramData, InspectRequest, TransformFields, Up};
use crate::gui::worker::{Ask, Why};

/// Pixels around a click in which a splat is looked for.
const CLICK_RADIUS: f64 = 4.0;
/// Bars of a histogram.
const BINS: usize = 64;
/// Up to so many splats, finding some of them takes a few milliseconds and is done at once.
const AT_ONCE: usize = 300_000;

/// What was looked for among all splats.
pub(super) enum Found {
    /// A selection.
    Select(Edit),
    /// A histogram, unless there is nothing to count.
    Histogram(Option<HistogramData>),
    /// What the camera is to see, unless there is nothing.
    Frame(Option<Extent>),
    /// A box around everything.
    Crop(Option<Extent>),
    /// The new origin.
    Origin(Option<Extent>),
}

impl App {
    /// Looks for something among all splats, on a thread of its own if they are many; what was looked for before and
    /// is not found yet is forgotten.
    pub(super) fn find(&mut self, work: impl FnOnce(&Document) -> Found + Send + 'static) {
        let Some(scene) = &self.scene else { return };
        if scene.document.cloud().len() <= AT_ONCE {
            let found = work(&scene.document);
            self.found(found);
        } else {
            let document = scene.document.snapshot();
            self.finding = Some(Job::spawn(&self.ctx, "Searching splats", move |_| Ok(work(&document))));
        }
    }

    /// Something was found.
    pub(super) fn found(&mut self, found: Found) {
        match found {
            Found::Select(edit) => self.edit(&edit),
            Found::Histogram(histogram) => self.widgets.histogram = histogram,
            Found::Frame(Some(extent)) => self.viewport.camera.frame(extent.centre(), extent.radius()),
            Found::Frame(None) => self.focus_middle(),
            Found::Crop(Some(extent)) => {
                self.widgets.inspect.crop = CropBox { centre: extent.centre().into(), size: extent.size().into() };
            }
            Found::Origin(Some(extent)) => {
                let moved = Similarity { translation: -extent.centre(), ..Similarity::IDENTITY };
                self.edit(&Edit::Transform(moved));
            }
            Found::Crop(None) | Found::Origin(None) => self.toasts.info("There are no splats to measure"),
        }
    }

    /// Applies an edit and shows what it did.
    pub(super) fn edit(&mut self, edit: &Edit) {
        if let Some(reason) = self.editing_blocked() {
            self.toasts.warning(reason);
            return;
        }
        let Some(scene) = &mut self.scene else { return };
        match scene.document.apply(edit) {
            Ok(_) => self.document_changed(),
            Err(error) => self.toasts.error(error.to_string(), None),
        }
    }

    /// Takes an edit back, or does it again.
    pub(super) fn undo(&mut self, redo: bool) {
        let Some(scene) = &mut self.scene else { return };
        let label = if redo { scene.document.redo_label() } else { scene.document.undo_label() };
        let label = label.map(str::to_owned);
        let changed = if redo { scene.document.redo() } else { scene.document.undo() };
        if changed {
            self.document_changed();
            if let Some(label) = label {
                self.toasts.info(if redo { format!("Done again: {label}") } else { format!("Undone: {label}") });
            }
        }
    }

    /// Tells the worker and the overlays what changed.
    fn document_changed(&mut self) {
        let Some(scene) = &mut self.scene else { return };
        let document = &scene.document;
        let flags = |rows: &RowSet| match rows.is_empty() {
            true => Vec::new(),
            false => (0..rows.rows()).map(|row| rows.contains(row)).collect(),
        };
        let mut hidden = document.hidden().clone();
        hidden.union_with(document.deleted());
        self.worker.ask(Ask::Marks(Marks { selected: flags(document.selected()), hidden: flags(&hidden) }));
        let moment = scene.moment();
        let document_transform = document.revisions().transform;
        scene.scores.advance(moment);
        if scene.placed_at != document_transform {
            scene.placed_at = document_transform;
            scene.place_frusta();
            let (up, extent) = scene.up_and_extent();
            self.viewport.camera.set_scale(extent);
            self.viewport.extent = extent;
            self.viewport.camera.set_up(up);
        }
    }

    /// A click in the viewport.
    pub(super) fn clicked(&mut self, pixel: DVec2, modifiers: Modifiers) {
        match self.viewport.tool {
            Tool::Navigate => {}
            Tool::Measure => self.ask_surface(pixel, Why::Measure),
            Tool::Box | Tool::Sphere => self.ask_surface(pixel, Why::Place),
            Tool::Rectangle | Tool::Brush => {
                let Some(view) = self.shown_view() else { return };
                let near = self.viewport.camera.near();
                let combine = combine(modifiers, self.widgets.inspect.combine);
                self.find(move |document| {
                    let mut rows = RowSet::new(document.cloud().len());
                    if let Some(hit) = Viewpoint::new(document, &view, near).at_point(pixel, CLICK_RADIUS) {
                        rows.insert(hit.row);
                    }
                    Found::Select(Edit::Select { rows, combine })
                });
            }
        }
    }

    /// A finished drag with a tool, in pixels of the wanted picture.
    pub(super) fn dragged(&mut self, drag: &ToolDrag, fit: &Fit) {
        let (Some(scene), Some(inverse_view)) = (&self.scene, self.wanted_view()) else { return };
        let view = scene.document.transform().transform_view(&inverse_view);
        let near = self.viewport.camera.near();
        let combine = combine(drag.modifiers, self.widgets.inspect.combine);
        let pixels_per_point = fit.size().x / f64::from(fit.rect().width()).max(1.0);
        let (drag, radius) = (drag.clone(), self.widgets.inspect.brush_radius * pixels_per_point);
        self.find(move |document| {
            let viewpoint = Viewpoint::new(document, &view, near);
            let rows = match drag.tool {
                Tool::Brush => viewpoint.under_brush(&drag.path, radius),
                _ => viewpoint.in_rectangle(drag.start, drag.now),
            };
            Found::Select(Edit::Select { rows, combine })
        });
    }

    /// Puts the shape of the current tool at a surface point.
    pub(super) fn place_shape(&mut self, point: DVec3) {
        match self.viewport.tool {
            Tool::Box => self.widgets.inspect.crop.centre = point.into(),
            Tool::Sphere => self.widgets.inspect.sphere.centre = point.into(),
            _ => {}
        }
    }

    /// Chooses what a drag does; shapes get a place where they can be seen.
    pub(super) fn choose_tool(&mut self, tool: Tool) {
        self.viewport.tool = tool;
        let pivot = self.viewport.camera.pivot();
        let size = 0.25 * self.viewport.camera.distance();
        let inspect = &mut self.widgets.inspect;
        if tool == Tool::Box && inspect.crop == CropBox::default() {
            inspect.crop = CropBox { centre: pivot.into(), size: [2.0 * size; 3] };
        }
        if tool == Tool::Sphere && inspect.sphere == inspect::Sphere::default() {
            inspect.sphere = inspect::Sphere { centre: pivot.into(), radius: size };
        }
        if tool == Tool::Measure {
            self.viewport.measure = [None; 2];
        }
    }

    /// Carries out what the panel asks for.
    pub(super) fn inspect(&mut self, request: InspectRequest) {
        let time = self.wanted_time();
        match request {
            InspectRequest::HistogramOf { attribute, log_axis } => {
                let measured = self.attribute(attribute);
                self.find(move |document| {
                    let values = document.attribute(measured);
                    let histogram = Histogram::new(&values, &document.shown(), BINS, log_axis);
                    Found::Histogram(histogram.map(|histogram| HistogramData {
                        attribute,
                        log_axis,
                        min: f64::from(histogram.min),
                        max: f64::from(histogram.max),
                        counts: histogram.counts.iter().map(|&count| u64::from(count)).collect(),
                    }))
                });
            }
            InspectRequest::SelectRange { attribute, min, max, combine } => {
                let attribute = self.attribute(attribute);
                self.find(move |document| {
                    let rows = by_attribute(document, attribute, &(min as f32..=max as f32));
                    Found::Select(Edit::Select { rows, combine })
                });
            }
            InspectRequest::SelectBox { shape, inside, combine } => {
                let region = OrientedBox {
                    centre: shape.centre.into(),
                    rotation: DQuat::IDENTITY,
                    half_size: 0.5 * DVec3::from(shape.size),
                };
                self.find(move |document| {
                    let rows = sided(in_box(document, &region, time), inside);
                    Found::Select(Edit::Select { rows, combine })
                });
            }
            InspectRequest::SelectSphere { shape, inside, combine } => self.find(move |document| {
                let rows = sided(in_sphere(document, shape.centre.into(), shape.radius, time), inside);
                Found::Select(Edit::Select { rows, combine })
            }),
            InspectRequest::FitCrop => {
                self.find(move |document| Found::Crop(Extent::of(document, &document.shown(), 0.02, time)));
            }
            InspectRequest::Transform(fields) => {
                self.edit(&Edit::Transform(similarity(&fields)));
                self.widgets.inspect.transform = TransformFields::default();
            }
            InspectRequest::SetUp(up) => self.set_up(up),
            InspectRequest::OriginToSelection => {
                self.find(move |document| Found::Origin(Extent::of(document, document.selected(), 0.0, time)));
            }
            InspectRequest::SetScale { measured, wanted } => match Similarity::scale_to(measured, wanted) {
                Some(similarity) => {
                    self.edit(&Edit::Transform(similarity));
                    let scale = |point: Option<DVec3>| point.map(|point| similarity.transform_point(point));
                    self.viewport.measure = self.viewport.measure.map(scale);
                }
                None => self.toasts.warning("Both distances must be more than zero"),
            },
            InspectRequest::ClearMeasure => self.viewport.measure = [None; 2],
            InspectRequest::GoTo(edits) => {
                let done = self.scene.as_ref().map_or(0, |scene| scene.document.labels().1);
                for _ in edits..done {
                    self.undo(false);
                }
                for _ in done..edits {
                    self.undo(true);
                }
            }
        }
    }

    /// Turns the scene so that a direction becomes up: that of +Z, which most programs take for up.
    fn set_up(&mut self, up: Up) {
        let axis = match up {
            Up::PlusX => DVec3::X,
            Up::MinusX => DVec3::NEG_X,
            Up::PlusY => DVec3::Y,
            Up::MinusY => DVec3::NEG_Y,
            Up::PlusZ => DVec3::Z,
            Up::MinusZ => DVec3::NEG_Z,
            Up::View => {
                let view = self.viewport.camera.view(8, 8);
                -view.viewmat.matrix3.row(1)
            }
        };
        if let Some(similarity) = Similarity::from_up(axis, DVec3::Z) {
            self.edit(&Edit::Transform(similarity));
            self.viewport.camera.set_up(DVec3::Z);
        }
    }

    /// The attribute of the panel, measured from the middle of the scene where it needs one.
    fn attribute(&self, attribute: inspect::Attribute) -> Attribute {
        match attribute {
            inspect::Attribute::Opacity => Attribute::Opacity,
            inspect::Attribute::Size => Attribute::Size,
            inspect::Attribute::Anisotropy => Attribute::Anisotropy,
            inspect::Attribute::Distance => Attribute::Distance(self.viewport.camera.pivot()),
            inspect::Attribute::Brightness => Attribute::Brightness,
            inspect::Attribute::Travelled => Attribute::Travelled,
        }
    }
}

/// Shift adds, Ctrl takes away, both keep what is in both; without keys, the panel decides.
fn combine(modifiers: Modifiers, chosen: Combine) -> Combine {
    match (modifiers.shift, modifiers.command || modifiers.ctrl) {
        (true, true) => Combine::Intersect,
        (true, false) => Combine::Add,
        (false, true) => Combine::Remove,
        (false, false) => chosen,
    }
}

fn sided(mut rows: RowSet, inside: bool) -> RowSet {
    if !inside {
        rows.invert();
    }
    rows
}

/// The typed numbers: scaled about the origin, turned about X, then Y, then Z, then moved.
fn similarity(fields: &TransformFields) -> Similarity {
    let [x, y, z] = fields.turned.map(f64::to_radians);
    let rotation = DQuat::from_euler(EulerRot::ZYX, z, y, x);
    Similarity { rotation, scale: fields.scale, translation: fields.moved.into() }
}
