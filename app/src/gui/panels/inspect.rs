//! Inspect and clean: tools to select splats, what to do with a selection, filters by attribute, a crop box, moving and
//! scaling the scene, and the history of edits.
//!
//! The panel knows no splats: it is told numbers and answers with actions and [`InspectRequest`]s.

mod histogram;
mod place;
mod range;
mod select;

use egui::{CollapsingHeader, ScrollArea, Ui};

use splat_core::edit::Combine;

use crate::gui::action::{Action, Tool};
use crate::gui::parts;

pub(crate) use histogram::HistogramData;
pub(crate) use place::{CropBox, Sphere, TransformFields, Up};

/// A number that every splat has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// How opaque it is, 0 to 1.
    #[default]
    Opacity,
    /// Geometric mean of its three scales.
    Size,
    /// Longest scale over shortest.
    Anisotropy,
    /// From the middle of the scene.
    Distance,
    /// Of the colour seen from anywhere, 0 to 1.
    Brightness,
    /// Of the centre over the clip.
    Travelled,
}

impl Attribute {
    /// All attributes.
    pub(crate) const ALL: [Attribute; 6] = [
        Attribute::Opacity,
        Attribute::Size,
        Attribute::Anisotropy,
        Attribute::Distance,
        Attribute::Brightness,
        Attribute::Travelled,
    ];

    /// Name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Attribute::Opacity => "Opacity",
            Attribute::Size => "Size",
            Attribute::Anisotropy => "Anisotropy",
            Attribute::Distance => "Distance",
            Attribute::Brightness => "Brightness",
            Attribute::Travelled => "Distance travelled",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Attribute::Opacity => "Faint splats are often haze",
            Attribute::Size => "Huge splats are often sky or blur, tiny ones noise",
            Attribute::Anisotropy => "Longest side over shortest: needles that stick out of surfaces",
            Attribute::Distance => "From the middle of the scene: floaters are often far out",
            Attribute::Brightness => "Black or white specks",
            Attribute::Travelled => "Over the clip, as far as it can be seen: from 0 for what rests",
        }
    }
}

/// The ways new rows join the selection, with their names and what they are for.
const COMBINES: [(Combine, &str, &str); 4] = [
    (Combine::Replace, "New", "A new selection"),
    (Combine::Add, "Add", "Add to the selection (Shift)"),
    (Combine::Remove, "Remove", "Take from the selection (Ctrl)"),
    (Combine::Intersect, "Within", "Keep only what is selected already (Shift and Ctrl)"),
];

/// What the panel is told.
#[derive(Clone, Copy)]
pub(crate) struct InspectData<'a> {
    /// Why splats cannot be edited now.
    pub(crate) blocked: Option<&'a str>,
    /// What a drag in the viewport does.
    pub(crate) tool: Tool,
    /// Whether the scene moves.
    pub(crate) moves: bool,
    /// Splats that are not deleted.
    pub(crate) splats: u64,
    /// Those selected.
    pub(crate) selected: u64,
    /// Those hidden.
    pub(crate) hidden: u64,
    /// Those deleted.
    pub(crate) deleted: u64,
    /// Size of the scene in world units, to drag numbers at a useful pace.
    pub(crate) extent: f64,
    /// Goes up with every change of the splats, so that an old histogram is asked for again.
    pub(crate) revision: u64,
    /// The latest histogram that was made.
    pub(crate) histogram: Option<&'a HistogramData>,
    /// Distance between the two measured points, in world units.
    pub(crate) measured: Option<f64>,
    /// Edits, oldest first; those beyond `done` were undone.
    pub(crate) history: &'a [String],
    /// Edits that are in force.
    pub(crate) done: usize,
}

/// How the panel is set. The shapes are also drawn and dragged in the viewport.
#[derive(Clone, Debug)]
pub(crate) struct InspectState {
    /// How new rows join the selection.
    pub(crate) combine: Combine,
    /// Radius of the brush in screen points.
    pub(crate) brush_radius: f64,
    /// The attribute filtered by.
    pub(crate) attribute: Attribute,
    /// Whether its histogram has a logarithmic axis.
    pub(crate) log_axis: bool,
    /// The chosen range; `None` until there is a histogram.
    pub(crate) range: Option<(f64, f64)>,
    /// The crop and selection box.
    pub(crate) crop: CropBox,
    /// Whether the box is shown although its tool is not in use.
    pub(crate) show_crop: bool,
    /// The selection sphere.
    pub(crate) sphere: Sphere,
    /// The transform being typed.
    pub(crate) transform: TransformFields,
    /// The axis to make up.
    pub(crate) up: Up,
    /// What the measured distance is in metres.
    pub(crate) metres: f64,
    /// The histogram asked for last.
    asked: Option<(Attribute, bool, u64)>,
    /// The attribute `range` was chosen of.
    range_of: Option<Attribute>,
}

impl Default for InspectState {
    fn default() -> Self {
        Self {
            combine: Combine::default(),
            brush_radius: 24.0,
            attribute: Attribute::default(),
            log_axis: false,
            range: None,
            crop: CropBox::default(),
            show_crop: false,
            sphere: Sphere::default(),
            transform: TransformFields::default(),
            up: Up::default(),
            metres: 1.0,
            asked: None,
            range_of: None,
        }
    }
}

/// What the person asks for beyond actions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InspectRequest {
    /// Count splats by an attribute.
    HistogramOf {
        /// The attribute.
        attribute: Attribute,
        /// Whether its logarithm is divided into equal parts.
        log_axis: bool,
    },
    /// Select splats by an attribute, bounds included.
    SelectRange {
        /// The attribute.
        attribute: Attribute,
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
        /// How they join the selection.
        combine: Combine,
    },
    /// Select splats by a box.
    SelectBox {
        /// The box.
        shape: CropBox,
        /// Those inside, or those outside.
        inside: bool,
        /// How they join the selection.
        combine: Combine,
    },
    /// Select splats by a sphere.
    SelectSphere {
        /// The sphere.
        shape: Sphere,
        /// Those inside, or those outside.
        inside: bool,
        /// How they join the selection.
        combine: Combine,
    },
    /// Put the box around all splats but the outermost few.
    FitCrop,
    /// Move, turn and scale the scene.
    Transform(TransformFields),
    /// Turn the scene so that a direction becomes up.
    SetUp(Up),
    /// Move the scene so that the middle of the selection is the origin.
    OriginToSelection,
    /// Scale the scene so that a distance gets a length.
    SetScale {
        /// In world units.
        measured: f64,
        /// In metres, the new world unit.
        wanted: f64,
    },
    /// Remove the measured points.
    ClearMeasure,
    /// Undo or redo until this many edits are in force.
    GoTo(usize),
}

/// Draws the panel.
pub(crate) fn show(
    ui: &mut Ui,
    data: &InspectData<'_>,
    state: &mut InspectState,
    actions: &mut Vec<Action>,
) -> Vec<InspectRequest> {
    let mut requests = Vec::new();
    if let Some(reason) = needs_splats(data) {
        ui.weak(reason);
    }
    select::tools(ui, data, state, actions, &mut requests);
    ui.separator();
    select::selection(ui, data, actions);
    let section = |name: &str, open: bool| CollapsingHeader::new(name).default_open(open);
    section("Filter by attribute", true).show(ui, |ui| select::filter(ui, data, state, &mut requests));
    section("Crop box", false).show(ui, |ui| place::crop(ui, data, state, &mut requests));
    section("Move, turn and scale", false).show(ui, |ui| place::transform(ui, data, state, &mut requests));
    // The tool for it opens the section that shows what it measured.
    let measuring = (data.tool == Tool::Measure).then_some(true);
    section("Measure", false).open(measuring).show(ui, |ui| place::measure(ui, data, state, actions, &mut requests));
    section("History", false).show(ui, |ui| history(ui, data, actions, &mut requests));
    requests
}

/// Why nothing can be done without splats.
fn needs_splats<'a>(data: &InspectData<'a>) -> Option<&'a str> {
    data.blocked.or_else(|| (data.splats == 0).then_some("There are no splats"))
}

/// Why nothing can be done without a selection.
fn needs_selection<'a>(data: &InspectData<'a>) -> Option<&'a str> {
    needs_splats(data).or_else(|| (data.selected == 0).then_some("Nothing is selected"))
}

/// Undo, redo, and every edit to go back to.
fn history(ui: &mut Ui, data: &InspectData<'_>, actions: &mut Vec<Action>, requests: &mut Vec<InspectRequest>) {
    let done = data.done.min(data.history.len());
    let last = done.checked_sub(1).and_then(|last| data.history.get(last));
    let next = data.history.get(done);
    ui.horizontal(|ui| {
        let nothing = |label: Option<&String>, reason| data.blocked.or(label.is_none().then_some(reason));
        let what = |label: Option<&String>| label.cloned().unwrap_or_default();
        if parts::button(ui, nothing(last, "Nothing to undo"), "Undo", &what(last)) {
            actions.push(Action::Undo);
        }
        if parts::button(ui, nothing(next, "Nothing to redo"), "Redo", &what(next)) {
            actions.push(Action::Redo);
        }
    });
    let height = ui.text_style_height(&egui::TextStyle::Button) + 2.0 * ui.spacing().button_padding.y;
    let rows = data.history.len() + 1;
    ScrollArea::vertical().id_salt("history").max_height(180.0).stick_to_bottom(true).show_rows(
        ui,
        height,
        rows,
        |ui, shown| {
            for row in shown {
                let label =
                    row.checked_sub(1).and_then(|edit| data.history.get(edit)).map_or("As opened", String::as_str);
                let text = egui::RichText::new(label);
                let text = if row > done { text.weak() } else { text };
                let entry = egui::Button::selectable(row == done, text).truncate();
                if ui.add_enabled(data.blocked.is_none(), entry).clicked() && row != done {
                    requests.push(InspectRequest::GoTo(row));
                }
            }
        },
    );
}

#[cfg(test)]
mod tests;
