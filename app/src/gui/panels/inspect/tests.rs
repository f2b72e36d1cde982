use super::{Attribute, Combine, CropBox, HistogramData, InspectData, InspectRequest, InspectState, Up, show};
use crate::gui::action::{Action, Tool};
use egui::{Key, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

struct Panel {
    blocked: Option<&'static str>,
    tool: Tool,
    counts: [u64; 4],
    revision: u64,
    histogram: Option<HistogramData>,
    measured: Option<f64>,
    history: Vec<String>,
    done: usize,
    state: InspectState,
    actions: Vec<Action>,
    requests: Vec<InspectRequest>,
}

fn panel(set: impl FnOnce(&mut Panel)) -> Harness<'static, Panel> {
    let mut panel = Panel {
        blocked: None,
        tool: Tool::Navigate,
        counts: [10_000, 1_204, 7, 3],
        revision: 1,
        histogram: None,
        measured: None,
        history: Vec::new(),
        done: 0,
        state: InspectState::default(),
        actions: Vec::new(),
        requests: Vec::new(),
    };
    set(&mut panel);
    let mut harness = Harness::builder().with_size(vec2(340.0, 1100.0)).build_ui_state(
        |ui, panel: &mut Panel| {
            let [splats, selected, hidden, deleted] = panel.counts;
            let data = InspectData {
                blocked: panel.blocked,
                tool: panel.tool,
                moves: true,
                splats,
                selected,
                hidden,
                deleted,
                extent: 10.0,
                revision: panel.revision,
                histogram: panel.histogram.as_ref(),
                measured: panel.measured,
                history: &panel.history,
                done: panel.done,
            };
            let requests = show(ui, &data, &mut panel.state, &mut panel.actions);
            panel.requests.extend(requests);
        },
        panel,
    );
    harness.run();
    harness
}

fn click(harness: &mut Harness<'_, Panel>, label: &str) {
    harness.get_by_label(label).click();
    harness.run();
}

fn open(harness: &mut Harness<'_, Panel>, section: &str) {
    click(harness, section);
    harness.run_steps(4);
}

fn histogram(attribute: Attribute, min: f64, max: f64) -> HistogramData {
    HistogramData { attribute, log_axis: false, min, max, counts: vec![100, 0, 30, 5] }
}

#[test]
fn every_tool_has_a_button() {
    let mut harness = panel(|_| ());
    for name in ["Rectangle", "Brush", "Box", "Sphere", "Measure", "Navigate"] {
        // "Measure" is also the name of a section below.
        let buttons: Vec<_> = harness.get_all_by_label(name).collect();
        let first = buttons.iter().min_by(|a, b| a.rect().top().total_cmp(&b.rect().top())).unwrap();
        first.click();
        drop(buttons);
        harness.run();
    }
    let tools = [Tool::Rectangle, Tool::Brush, Tool::Box, Tool::Sphere, Tool::Measure, Tool::Navigate];
    assert_eq!(harness.state().actions, tools.map(Action::Tool));
}

#[test]
fn the_brush_has_a_radius_and_selections_combine() {
    let mut harness = panel(|panel| panel.tool = Tool::Brush);
    harness.get_all_by_label("Radius").next().unwrap().set_value_accesskit(50.0);
    click(&mut harness, "Add");
    assert_eq!((harness.state().state.brush_radius, harness.state().state.combine), (50.0, Combine::Add));
}

#[test]
fn shapes_select_inside_and_outside() {
    let mut harness = panel(|panel| {
        panel.tool = Tool::Box;
        panel.state.combine = Combine::Remove;
    });
    click(&mut harness, "Select outside the box");
    let (shape, combine) = (CropBox::default(), Combine::Remove);
    assert!(harness.state().requests.contains(&InspectRequest::SelectBox { shape, inside: false, combine }));
    let mut harness = panel(|panel| panel.tool = Tool::Sphere);
    harness.get_by_label("Sphere radius").set_value_accesskit(2.0);
    harness.run();
    harness.get_by_label("Centre Y").set_value_accesskit(-3.0);
    harness.run();
    click(&mut harness, "Select inside the sphere");
    let Some(InspectRequest::SelectSphere { shape, inside: true, .. }) = harness.state().requests.last() else {
        panic!("{:?}", harness.state().requests);
    };
    assert_eq!((shape.centre, shape.radius), ([0.0, -3.0, 0.0], 2.0));
}

#[test]
fn a_selection_is_counted_and_edited() {
    let mut harness = panel(|_| ());
    harness.get_by_label("1,204 of 10,000 splats selected");
    harness.get_by_label("7 hidden, 3 deleted");
    for name in ["All", "None", "Invert", "Delete", "Keep only", "Hide", "Unhide all"] {
        click(&mut harness, name);
    }
    let expected = [
        Action::SelectAll,
        Action::SelectNone,
        Action::InvertSelection,
        Action::Delete,
        Action::KeepOnly,
        Action::Hide,
        Action::UnhideAll,
    ];
    assert_eq!(harness.state().actions, expected);
}

#[test]
fn what_cannot_be_done_is_disabled() {
    let mut harness = panel(|panel| panel.counts = [10, 0, 0, 0]);
    for name in ["None", "Delete", "Keep only", "Hide", "Unhide all"] {
        click(&mut harness, name);
    }
    assert!(harness.state().actions.is_empty(), "{:?}", harness.state().actions);
    let mut harness = panel(|panel| panel.blocked = Some("Pause the training to edit"));
    harness.get_by_label("Pause the training to edit");
    for name in ["All", "Delete", "Unhide all"] {
        click(&mut harness, name);
    }
    assert!(harness.state().actions.is_empty() && harness.state().requests.is_empty());
}

#[test]
fn a_histogram_is_asked_for_once_per_change() {
    let mut harness = panel(|_| ());
    let of = |attribute, log_axis| InspectRequest::HistogramOf { attribute, log_axis };
    harness.run();
    assert_eq!(harness.state().requests, [of(Attribute::Opacity, false)]);
    harness.get_by_label("Counting…");
    harness.state_mut().revision = 2;
    harness.run();
    assert_eq!(harness.state().requests.len(), 2, "the splats have changed");
    click(&mut harness, "Attribute");
    click(&mut harness, "Size");
    click(&mut harness, "Log axis");
    harness.run();
    assert_eq!(harness.state().requests[2..], [of(Attribute::Size, false), of(Attribute::Size, true)]);
}

#[test]
fn a_range_is_chosen_and_selected() {
    let mut harness = panel(|panel| panel.histogram = Some(histogram(Attribute::Opacity, 0.0, 1.0)));
    harness.get_by_label("About 135 splats in this range");
    harness.get_by_label("Opacity from").set_value_accesskit(0.5);
    harness.run();
    harness.get_by_label("About 35 splats in this range");
    harness.get_by_label("Upper bound").set_value_accesskit(0.75);
    harness.run();
    click(&mut harness, "Select in range");
    let (attribute, combine) = (Attribute::Opacity, Combine::Replace);
    let expected = InspectRequest::SelectRange { attribute, min: 0.5, max: 0.75, combine };
    assert_eq!(harness.state().requests.last(), Some(&expected));
    // Bounds do not cross, and a shorter axis after an edit cuts the range.
    harness.get_by_label("Opacity from").set_value_accesskit(5.0);
    harness.run();
    assert_eq!(harness.state().state.range, Some((0.75, 0.75)));
    harness.state_mut().histogram = Some(histogram(Attribute::Opacity, 0.0, 0.5));
    harness.run();
    assert_eq!(harness.state().state.range, Some((0.5, 0.5)));
    click(&mut harness, "Whole range");
    assert_eq!(harness.state().state.range, Some((0.0, 0.5)));
}

#[test]
fn bounds_are_dragged_on_the_histogram_and_moved_by_keys() {
    let mut harness = panel(|panel| panel.histogram = Some(histogram(Attribute::Opacity, 0.0, 1.0)));
    let rail = harness.get_by_label("Histogram of Opacity").rect().shrink2(vec2(6.0, 0.0));
    let at = |place: f32| rail.left_center() + vec2(rail.width() * place, 0.0);
    harness.drag_at(at(0.9));
    harness.run();
    harness.hover_at(at(0.6));
    harness.run();
    harness.drop_at(at(0.6));
    harness.run();
    let (low, high) = harness.state().state.range.unwrap();
    assert!(low == 0.0 && (high - 0.6).abs() < 1e-3, "{low} {high}");
    harness.get_by_label("Opacity from").focus();
    harness.run();
    for _ in 0..3 {
        harness.key_press(Key::ArrowRight);
        harness.run();
    }
    let (low, _) = harness.state().state.range.unwrap();
    assert!((low - 0.03).abs() < 1e-9, "{low}");
}

#[test]
fn another_attribute_starts_with_its_whole_range() {
    let mut harness = panel(|panel| panel.histogram = Some(histogram(Attribute::Opacity, 0.0, 1.0)));
    harness.get_by_label("Opacity from").set_value_accesskit(0.5);
    harness.run();
    harness.state_mut().state.attribute = Attribute::Size;
    harness.state_mut().histogram = Some(histogram(Attribute::Size, 0.1, 9.0));
    harness.run();
    assert_eq!(harness.state().state.range, Some((0.1, 9.0)));
}

#[test]
fn the_crop_box_is_typed_fitted_and_used() {
    let mut harness = panel(|_| ());
    open(&mut harness, "Crop box");
    harness.get_by_label("Box size Z").set_value_accesskit(-4.0);
    harness.run();
    harness.get_by_label("Box centre X").set_value_accesskit(2.5);
    harness.run();
    click(&mut harness, "Fit to scene");
    click(&mut harness, "Select outside");
    let shape = CropBox { centre: [2.5, 0.0, 0.0], size: [1.0, 1.0, 0.0] };
    let combine = Combine::Replace;
    let expected = [InspectRequest::FitCrop, InspectRequest::SelectBox { shape, inside: false, combine }];
    assert_eq!(harness.state().requests[1..], expected, "after the histogram");
    assert!(harness.state().state.show_crop);
}

#[test]
fn a_transform_is_typed_applied_and_reset() {
    let mut harness = panel(|_| ());
    open(&mut harness, "Move, turn and scale");
    click(&mut harness, "Apply");
    assert_eq!(harness.state().requests.len(), 1, "no change, no request but for the histogram");
    harness.get_by_label("Turn Z").set_value_accesskit(90.0);
    harness.run();
    let scale = harness.get_all_by_label("Scale").max_by(|a, b| a.rect().left().total_cmp(&b.rect().left()));
    scale.unwrap().set_value_accesskit(0.0);
    harness.run();
    click(&mut harness, "Apply");
    let Some(InspectRequest::Transform(fields)) = harness.state().requests.last() else { panic!() };
    assert_eq!((fields.turned, fields.moved, fields.scale), ([0.0, 0.0, 90.0], [0.0; 3], 1e-6), "never zero");
    click(&mut harness, "Up axis");
    click(&mut harness, "+Z");
    click(&mut harness, "Set up");
    assert_eq!(harness.state().requests.last(), Some(&InspectRequest::SetUp(Up::PlusZ)));
    click(&mut harness, "Set origin to selection");
    assert_eq!(harness.state().requests.last(), Some(&InspectRequest::OriginToSelection));
}

#[test]
fn a_measured_distance_gives_the_scale() {
    let mut harness = panel(|panel| {
        panel.tool = Tool::Measure;
        panel.measured = Some(2.0);
    });
    harness.run_steps(4);
    harness.get_by_label("Distance: 2");
    harness.get_by_label("Length in metres").set_value_accesskit(0.5);
    harness.run();
    click(&mut harness, "Set scale");
    assert_eq!(harness.state().requests.last(), Some(&InspectRequest::SetScale { measured: 2.0, wanted: 0.5 }));
    click(&mut harness, "Clear");
    assert_eq!(harness.state().requests.last(), Some(&InspectRequest::ClearMeasure));
    let count = harness.state().requests.len();
    harness.state_mut().measured = Some(0.0);
    harness.run();
    click(&mut harness, "Set scale");
    assert_eq!(harness.state().requests.len(), count, "two equal points give no scale");
}

#[test]
fn any_point_of_the_history_can_be_gone_to() {
    let mut harness = panel(|panel| {
        panel.history = ["Select 12 splats", "Delete 12 splats", "Turn the scene"].map(String::from).to_vec();
        panel.done = 2;
    });
    open(&mut harness, "History");
    click(&mut harness, "Undo");
    click(&mut harness, "Redo");
    assert_eq!(harness.state().actions, [Action::Undo, Action::Redo]);
    click(&mut harness, "Delete 12 splats");
    click(&mut harness, "As opened");
    click(&mut harness, "Turn the scene");
    let gone = [0, 3].map(InspectRequest::GoTo);
    assert_eq!(harness.state().requests[1..], gone, "not to where it is already");
    harness.state_mut().done = 0;
    harness.state_mut().actions.clear();
    harness.run();
    click(&mut harness, "Undo");
    assert!(harness.state().actions.is_empty());
}
