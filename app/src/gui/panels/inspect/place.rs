//! Where things are: the crop box, the place and size of the whole scene, and its scale from a measured distance.

use egui::{ComboBox, Grid, Ui};

use crate::gui::action::{Action, Tool};
use crate::gui::parts::{self, COORDINATES, button, number};

use super::{Combine, InspectData, InspectRequest, InspectState, needs_selection, needs_splats};

/// A box along the axes of the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CropBox {
    /// Its middle.
    pub(crate) centre: [f64; 3],
    /// Its edges.
    pub(crate) size: [f64; 3],
}

impl Default for CropBox {
    fn default() -> Self {
        Self { centre: [0.0; 3], size: [1.0; 3] }
    }
}

/// A sphere in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sphere {
    /// Its middle.
    pub(crate) centre: [f64; 3],
    /// Its radius.
    pub(crate) radius: f64,
}

impl Default for Sphere {
    fn default() -> Self {
        Self { centre: [0.0; 3], radius: 0.5 }
    }
}

/// A change of place and size, as people type it: scaled about the origin, turned about X, then Y, then Z of the
/// world, then moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TransformFields {
    /// World units.
    pub(crate) moved: [f64; 3],
    /// Degrees.
    pub(crate) turned: [f64; 3],
    /// 1 = as it is.
    pub(crate) scale: f64,
}

impl Default for TransformFields {
    fn default() -> Self {
        Self { moved: [0.0; 3], turned: [0.0; 3], scale: 1.0 }
    }
}

/// The direction in the scene that is to become up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Up {
    /// X.
    PlusX,
    /// Against X.
    MinusX,
    /// Y.
    PlusY,
    /// Against Y, up in the camera axes of most reconstructions.
    #[default]
    MinusY,
    /// Z.
    PlusZ,
    /// Against Z.
    MinusZ,
    /// What is up in the picture.
    View,
}

impl Up {
    const ALL: [(Up, &'static str); 7] = [
        (Up::PlusX, "+X"),
        (Up::MinusX, "-X"),
        (Up::PlusY, "+Y"),
        (Up::MinusY, "-Y"),
        (Up::PlusZ, "+Z"),
        (Up::MinusZ, "-Z"),
        (Up::View, "From view"),
    ];

    fn label(self) -> &'static str {
        Self::ALL.into_iter().find(|(up, _)| *up == self).map_or("", |(_, label)| label)
    }
}

/// Numbers change by this per point of drag: a two-hundredth of the scene per point.
fn pace(data: &InspectData<'_>) -> f64 {
    if data.extent.is_finite() && data.extent > 0.0 { data.extent / 200.0 } else { 0.01 }
}

/// The crop box.
pub(super) fn crop(ui: &mut Ui, data: &InspectData<'_>, state: &mut InspectState, requests: &mut Vec<InspectRequest>) {
    ui.checkbox(&mut state.show_crop, "Show in the picture");
    parts::xyz(ui, "Box centre", &mut state.crop.centre, COORDINATES, pace(data), "");
    parts::xyz(ui, "Box size", &mut state.crop.size, 0.0..=*COORDINATES.end(), pace(data), "");
    ui.horizontal_wrapped(|ui| {
        if button(ui, needs_splats(data), "Fit to scene", "Around all splats but the outermost few") {
            requests.push(InspectRequest::FitCrop);
            state.show_crop = true;
        }
        for (inside, name, about) in [
            (false, "Select outside", "Select what the box does not hold, to delete it"),
            (true, "Select inside", "Select what the box holds"),
        ] {
            if button(ui, needs_splats(data), name, about) {
                let (shape, combine) = (state.crop, Combine::Replace);
                requests.push(InspectRequest::SelectBox { shape, inside, combine });
            }
        }
    });
}

/// Place, direction and size of the whole scene.
pub(super) fn transform(
    ui: &mut Ui,
    data: &InspectData<'_>,
    state: &mut InspectState,
    requests: &mut Vec<InspectRequest>,
) {
    let fields = &mut state.transform;
    parts::xyz(ui, "Move", &mut fields.moved, COORDINATES, pace(data), "");
    parts::xyz(ui, "Turn", &mut fields.turned, -360.0..=360.0, 0.5, "°");
    ui.horizontal(|ui| {
        ui.label("Scale");
        parts::drag(ui, "Scale", &mut fields.scale, 1e-6..=1e6, |field| field.speed(0.005).max_decimals(6));
    });
    ui.horizontal(|ui| {
        let unchanged = *fields == TransformFields::default();
        let nothing = unchanged.then_some("Nothing would change");
        let about = "Scale about the origin, turn about X, Y and Z, then move; the cameras go with the splats";
        if button(ui, needs_splats(data).or(nothing), "Apply", about) {
            requests.push(InspectRequest::Transform(*fields));
            *fields = TransformFields::default();
        }
        if button(ui, nothing, "Reset", "Back to no change") {
            *fields = TransformFields::default();
        }
    });
    ui.separator();
    ui.horizontal(|ui| {
        ComboBox::from_id_salt("up axis")
            .width(80.0)
            .selected_text(state.up.label())
            .show_ui(ui, |ui| {
                for (up, label) in Up::ALL {
                    ui.selectable_value(&mut state.up, up, label);
                }
            })
            .response
            .accessible_name("Up axis");
        if button(ui, needs_splats(data), "Set up", "Turn the scene so that this direction is up") {
            requests.push(InspectRequest::SetUp(state.up));
        }
    });
    let about = "Move the scene so that the middle of the selection is its origin";
    if button(ui, needs_selection(data), "Set origin to selection", about) {
        requests.push(InspectRequest::OriginToSelection);
    }
}

/// A measured distance, and the scale it gives.
pub(super) fn measure(
    ui: &mut Ui,
    data: &InspectData<'_>,
    state: &mut InspectState,
    actions: &mut Vec<Action>,
    requests: &mut Vec<InspectRequest>,
) {
    let Some(measured) = data.measured.filter(|distance| distance.is_finite()) else {
        if data.tool == Tool::Measure {
            ui.weak("Click two points of the scene.");
        } else if button(ui, needs_splats(data), "Measure a distance", "Click two points of the scene") {
            actions.push(Action::Tool(Tool::Measure));
        }
        return;
    };
    ui.label(format!("Distance: {}", number(measured)));
    Grid::new("metric scale").num_columns(3).show(ui, |ui| {
        ui.label("It is");
        parts::drag(ui, "Length in metres", &mut state.metres, 1e-6..=1e6, |field| {
            field.suffix(" m").speed(0.01).max_decimals(6)
        });
        let zero = (measured <= 0.0).then_some("Both points are the same");
        let about = "Scale the scene so that one unit is a metre";
        if button(ui, needs_splats(data).or(zero), "Set scale", about) {
            requests.push(InspectRequest::SetScale { measured, wanted: state.metres });
        }
        ui.end_row();
    });
    if ui.button("Clear").on_hover_text("Remove the measured points").clicked() {
        requests.push(InspectRequest::ClearMeasure);
    }
}
