//! Tools that select, what is selected, and the filter by attribute.

use egui::{ComboBox, Slider, Ui};

use crate::cli::output::thousands;
use crate::gui::action::{Action, Tool};
use crate::gui::parts::{self, button, number};

use super::histogram::HistogramData;
use super::range::fitted;
use super::{Attribute, COMBINES, InspectData, InspectRequest, InspectState, histogram, needs_selection, needs_splats};

const TOOLS: [(Tool, &str, &str); 6] = [
    (Tool::Navigate, "Navigate", "Drag to move the camera"),
    (Tool::Rectangle, "Rectangle", "Drag a rectangle over splats to select them"),
    (Tool::Brush, "Brush", "Paint over splats to select them"),
    (Tool::Box, "Box", "Select with a box placed in the scene"),
    (Tool::Sphere, "Sphere", "Select with a sphere placed in the scene"),
    (Tool::Measure, "Measure", "Click two points to measure their distance"),
];

/// The tools, and the settings of the one in use.
pub(super) fn tools(
    ui: &mut Ui,
    data: &InspectData<'_>,
    state: &mut InspectState,
    actions: &mut Vec<Action>,
    requests: &mut Vec<InspectRequest>,
) {
    ui.horizontal_wrapped(|ui| {
        for (tool, name, about) in TOOLS {
            if ui.selectable_label(data.tool == tool, name).on_hover_text(about).clicked() {
                actions.push(Action::Tool(tool));
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("Selection");
        for (combine, name, about) in COMBINES {
            ui.selectable_value(&mut state.combine, combine, name).on_hover_text(about);
        }
    });
    match data.tool {
        Tool::Brush => {
            ui.add(
                Slider::new(&mut state.brush_radius, 2.0..=200.0).logarithmic(true).fixed_decimals(0).text("Radius"),
            );
        }
        Tool::Box => {
            let (shape, combine) = (state.crop, state.combine);
            inside_outside(ui, data, "the box", requests, |inside| InspectRequest::SelectBox {
                shape,
                inside,
                combine,
            });
            ui.weak("Its centre and size are under Crop box.");
        }
        Tool::Sphere => {
            let speed = data.extent * 0.005;
            parts::xyz(ui, "Centre", &mut state.sphere.centre, parts::COORDINATES, speed, "");
            ui.horizontal(|ui| {
                ui.label("Radius");
                parts::drag(ui, "Sphere radius", &mut state.sphere.radius, 0.0..=1e9, |field| {
                    field.speed(speed.max(1e-6)).max_decimals(4)
                });
            });
            let (shape, combine) = (state.sphere, state.combine);
            inside_outside(ui, data, "the sphere", requests, |inside| InspectRequest::SelectSphere {
                shape,
                inside,
                combine,
            });
        }
        Tool::Navigate | Tool::Rectangle | Tool::Measure => {}
    }
}

fn inside_outside(
    ui: &mut Ui,
    data: &InspectData<'_>,
    shape: &str,
    requests: &mut Vec<InspectRequest>,
    request: impl Fn(bool) -> InspectRequest,
) {
    ui.horizontal_wrapped(|ui| {
        for (inside, name) in [(true, "Select inside"), (false, "Select outside")] {
            let about = format!("{name} {shape}, by the centres of splats");
            if button(ui, needs_splats(data), &format!("{name} {shape}"), &about) {
                requests.push(request(inside));
            }
        }
    });
}

/// How many are selected, and what to do with them.
pub(super) fn selection(ui: &mut Ui, data: &InspectData<'_>, actions: &mut Vec<Action>) {
    ui.label(format!("{} of {} splats selected", thousands(data.selected), thousands(data.splats)));
    if data.hidden > 0 || data.deleted > 0 {
        ui.weak(format!("{} hidden, {} deleted", thousands(data.hidden), thousands(data.deleted)));
    }
    let (splats, selection) = (needs_splats(data), needs_selection(data));
    let hidden = data.blocked.or((data.hidden == 0).then_some("Nothing is hidden"));
    let rows = [
        vec![
            ("All", splats, Action::SelectAll, "Select everything that is shown"),
            ("None", selection, Action::SelectNone, "Select nothing"),
            ("Invert", splats, Action::InvertSelection, "Select what is not selected"),
        ],
        vec![
            ("Delete", selection, Action::Delete, "Delete what is selected; can be undone"),
            ("Keep only", selection, Action::KeepOnly, "Delete what is not selected; can be undone"),
            ("Hide", selection, Action::Hide, "Hide what is selected; it stays in the file"),
            ("Unhide all", hidden, Action::UnhideAll, "Show everything that is hidden"),
        ],
    ];
    for row in rows {
        ui.horizontal_wrapped(|ui| {
            for (name, blocked, action, about) in row {
                if button(ui, blocked, name, about) {
                    actions.push(action);
                }
            }
        });
    }
}

/// An attribute, its histogram, and the range of it to select.
pub(super) fn filter(
    ui: &mut Ui,
    data: &InspectData<'_>,
    state: &mut InspectState,
    requests: &mut Vec<InspectRequest>,
) {
    ui.horizontal_wrapped(|ui| {
        ComboBox::from_id_salt("attribute")
            .selected_text(state.attribute.label())
            .show_ui(ui, |ui| {
                let offered = |attribute: &Attribute| data.moves || *attribute != Attribute::Travelled;
                for attribute in Attribute::ALL.into_iter().filter(offered) {
                    ui.selectable_value(&mut state.attribute, attribute, attribute.label())
                        .on_hover_text(attribute.about());
                }
            })
            .response
            .on_hover_text(state.attribute.about())
            .accessible_name("Attribute");
        ui.checkbox(&mut state.log_axis, "Log axis");
    });
    if needs_splats(data).is_some() {
        return;
    }
    let wanted = (state.attribute, state.log_axis);
    let asked = Some((state.attribute, state.log_axis, data.revision));
    if state.asked != asked {
        state.asked = asked;
        requests.push(InspectRequest::HistogramOf { attribute: state.attribute, log_axis: state.log_axis });
    }
    let Some(counted) = data.histogram.filter(|found| (found.attribute, found.log_axis) == wanted) else {
        ui.weak("Counting…");
        return;
    };
    choose_range(ui, counted, state);
    let Some((min, max)) = state.range else { return };
    let about = "Select the splats in this range, bounds included";
    if button(ui, needs_splats(data), "Select in range", about) {
        let (attribute, combine) = (state.attribute, state.combine);
        requests.push(InspectRequest::SelectRange { attribute, min, max, combine });
    }
}

/// The histogram and both bounds as numbers.
fn choose_range(ui: &mut Ui, counted: &HistogramData, state: &mut InspectState) {
    let axis = counted.axis();
    let whole = (axis.min(), axis.max());
    let chosen = state.range.filter(|_| state.range_of == Some(counted.attribute));
    // After an edit the axis may have become shorter.
    let mut range = fitted(&axis, chosen.unwrap_or(whole));
    state.range_of = Some(counted.attribute);
    histogram::show(ui, counted, &mut range);
    ui.horizontal_wrapped(|ui| {
        let speed = (axis.max() - axis.min()) * 0.002;
        ui.label("From");
        parts::drag(ui, "Lower bound", &mut range.0, axis.min()..=range.1, |field| {
            field.speed(speed.max(1e-9)).custom_formatter(|value, _| number(value))
        });
        ui.label("to");
        parts::drag(ui, "Upper bound", &mut range.1, range.0..=axis.max(), |field| {
            field.speed(speed.max(1e-9)).custom_formatter(|value, _| number(value))
        });
        if ui.small_button("Whole range").clicked() {
            range = whole;
        }
    });
    ui.weak(format!("About {} splats in this range", thousands(counted.about_within(range))));
    state.range = Some(range);
}
