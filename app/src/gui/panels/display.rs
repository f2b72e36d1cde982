//! How splats are shown: mode, background, size, colours, camera and helpers; and the legend of a picture.

use egui::{
    Checkbox, Color32, Mesh, Pos2, Rect, Role, Sense, Slider, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use crate::gui::action::Action;
use crate::gui::display::{Colormap, Legend, Look, Mode};
use crate::gui::parts::{self, number};

/// Fields of view a camera may have, degrees.
const FOV: std::ops::RangeInclusive<f64> = 5.0..=120.0;

/// Parts the colour bar of a legend is drawn from.
const BAR_PARTS: u32 = 32;

/// What the panel is told.
#[derive(Clone, Copy)]
pub(crate) struct DisplayData<'a> {
    /// The modes on offer, each with a reason when it cannot be shown.
    pub(crate) modes: &'a [(Mode, Option<&'a str>)],
    /// Highest SH degree the splats have.
    pub(crate) max_sh_degree: u8,
    /// The near distance in use when none is chosen.
    pub(crate) auto_near: f64,
    /// Size of the scene in world units.
    pub(crate) extent: f64,
    /// Whether a photo's camera is looked through, whose field of view is what it is.
    pub(crate) through_photo: bool,
    /// Whether grid and axes are shown.
    pub(crate) grid: bool,
    /// Whether cameras are shown.
    pub(crate) frusta: bool,
    /// Whether ways of splats are shown; `None` where nothing moves.
    pub(crate) trails: Option<bool>,
}

/// What the person sets here, and nowhere else.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DisplayState {
    /// How splats are shown; its mode is changed by an action.
    pub(crate) look: Look,
    /// Vertical field of view, degrees.
    pub(crate) fov_y_deg: f64,
    /// Size of the cameras shown, 1 = a tenth of the scene.
    pub(crate) frusta_size: f64,
    /// Whether the picture keeps every pixel while the camera moves.
    pub(crate) full_while_moving: bool,
}

impl Default for DisplayState {
    fn default() -> Self {
        Self { look: Look::default(), fov_y_deg: 50.0, frusta_size: 0.5, full_while_moving: false }
    }
}

/// Draws the panel; true when `state` changed.
pub(crate) fn show(ui: &mut Ui, data: &DisplayData<'_>, state: &mut DisplayState, actions: &mut Vec<Action>) -> bool {
    let before = state.clone();
    modes(ui, data, &state.look, actions);
    ui.separator();
    splats(ui, data, &mut state.look);
    ui.separator();
    camera(ui, data, state);
    ui.separator();
    helpers(ui, data, state, actions);
    *state != before
}

fn modes(ui: &mut Ui, data: &DisplayData<'_>, look: &Look, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        for &(mode, unavailable) in data.modes {
            let button = egui::Button::selectable(look.mode == mode, mode.label());
            let response = ui.add_enabled(unavailable.is_none(), button);
            if response.clicked() {
                actions.push(Action::Show(mode));
            }
            if let Some(reason) = unavailable {
                response.on_disabled_hover_text(reason);
            }
        }
    });
}

fn splats(ui: &mut Ui, data: &DisplayData<'_>, look: &mut Look) {
    ui.horizontal(|ui| {
        ui.label("Background");
        let mut bytes = look.background.map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
        let chosen = bytes;
        ui.color_edit_button_srgb(&mut bytes).accessible_name("Background colour");
        for (name, grey) in [("Black", 0), ("Grey", 128), ("White", 255)] {
            if ui.small_button(name).clicked() {
                bytes = [grey; 3];
            }
        }
        // Otherwise a colour between two bytes would change by being shown.
        if bytes != chosen {
            look.background = bytes.map(|byte| f32::from(byte) / 255.0);
        }
    });
    let about = "Highest degree of view-dependent colour; 0 shows each splat in one colour from everywhere";
    // The choice outlives a scene that has fewer.
    let mut degree = look.sh_degree.min(data.max_sh_degree);
    let slider = Slider::new(&mut degree, 0..=data.max_sh_degree.max(1)).text("SH degree");
    if ui.add_enabled(data.max_sh_degree > 0, slider).on_hover_text(about).changed() {
        look.sh_degree = degree.min(data.max_sh_degree);
    }
    ui.horizontal(|ui| {
        let slider = Slider::new(&mut look.splat_scale, 0.01..=4.0).logarithmic(true).text("Splat scale");
        ui.add(slider).on_hover_text("Every splat is drawn this much larger; 1 is as trained");
        if look.splat_scale != 1.0 && ui.small_button("Reset scale").clicked() {
            look.splat_scale = 1.0;
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("Antialiasing");
        for (value, name) in [(None, "As trained"), (Some(true), "On"), (Some(false), "Off")] {
            ui.selectable_value(&mut look.antialias, value, name);
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("Colours");
        for colours in Colormap::ALL {
            ui.selectable_value(&mut look.colours, colours, colours.label())
                .on_hover_text("Of depths, counts and other numbers");
        }
    });
}

fn camera(ui: &mut Ui, data: &DisplayData<'_>, state: &mut DisplayState) {
    let fov = Slider::new(&mut state.fov_y_deg, FOV).suffix("°").max_decimals(1).text("Field of view");
    ui.add_enabled(!data.through_photo, fov)
        .on_hover_text("Vertical")
        .on_disabled_hover_text("The photo's camera has its own; leave it to change this");
    ui.horizontal(|ui| {
        let mut automatic = state.look.near.is_none();
        let about = "Splats nearer than this are not drawn";
        if ui.checkbox(&mut automatic, "Automatic near clip").on_hover_text(about).changed() {
            state.look.near = if automatic { None } else { Some(data.auto_near.max(1e-6) as f32) };
        }
        let mut near = state.look.near.map_or(data.auto_near, f64::from);
        let shown = near;
        ui.add_enabled_ui(!automatic, |ui| {
            // The pace follows the value: from touching the lens to half way through the scene in one drag.
            parts::drag(ui, "Near clip", &mut near, 1e-6..=data.extent.max(1.0) * 100.0, |field| {
                field.speed((shown * 0.02).max(1e-7)).custom_formatter(|value, _| number(value))
            });
        });
        if near != shown && state.look.near.is_some() {
            state.look.near = Some(near as f32);
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("While moving");
        ui.selectable_value(&mut state.full_while_moving, false, "Faster")
            .on_hover_text("Fewer pixels while the camera moves, if needed to keep up");
        ui.selectable_value(&mut state.full_while_moving, true, "Every pixel");
    });
}

fn helpers(ui: &mut Ui, data: &DisplayData<'_>, state: &mut DisplayState, actions: &mut Vec<Action>) {
    for (shown, name, action) in
        [(data.grid, "Grid and axes", Action::ToggleGrid), (data.frusta, "Cameras", Action::ToggleFrusta)]
    {
        let mut shown = shown;
        if ui.add(Checkbox::new(&mut shown, name)).changed() {
            actions.push(action);
        }
    }
    let mut trails = data.trails.unwrap_or(false);
    let button = ui.add_enabled(data.trails.is_some(), Checkbox::new(&mut trails, "Motion trails"));
    if button
        .on_hover_text("The way that selected splats go, or splats of the whole scene; paler where it is over")
        .on_disabled_hover_text("The scene does not move")
        .changed()
    {
        actions.push(Action::ToggleTrails);
    }
    let slider = Slider::new(&mut state.frusta_size, 0.02..=5.0).logarithmic(true).text("Size of cameras");
    ui.add_enabled(data.frusta, slider);
}

/// Draws a legend where the next widget would go.
pub(crate) fn legend(ui: &mut Ui, legend: &Legend) {
    let line = ui.text_style_height(&TextStyle::Small);
    let (rect, response) = ui.allocate_exact_size(vec2(180.0, 2.0 * line + 18.0), Sense::hover());
    let text = legend_text(legend);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &text));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let painter = ui.painter();
    let visuals = ui.visuals();
    let (font, colour) = (TextStyle::Small.resolve(ui.style()), visuals.text_color());
    painter.rect_filled(rect, 4.0, visuals.window_fill.gamma_multiply(0.85));
    let inside = rect.shrink2(vec2(6.0, 3.0));
    painter.text(inside.center_top(), egui::Align2::CENTER_TOP, title(legend), font.clone(), colour);
    let bar = Rect::from_min_max(pos2(inside.left(), inside.top() + line + 2.0), inside.max - vec2(0.0, line + 1.0));
    painter.add(bar_mesh(bar, legend.colours));
    painter.rect_stroke(bar, 0.0, Stroke::new(1.0, visuals.weak_text_color()), StrokeKind::Outside);
    painter.text(inside.left_bottom(), egui::Align2::LEFT_BOTTOM, number(legend.min), font.clone(), colour);
    painter.text(inside.right_bottom(), egui::Align2::RIGHT_BOTTOM, number(legend.max), font, colour);
}

fn title(legend: &Legend) -> String {
    let unit = if legend.unit.is_empty() { String::new() } else { format!(" ({})", legend.unit) };
    let axis = if legend.logarithmic { ", logarithmic" } else { "" };
    format!("{}{unit}{axis}", legend.label)
}

/// A legend in words.
fn legend_text(legend: &Legend) -> String {
    format!("{} from {} to {}", title(legend), number(legend.min), number(legend.max))
}

/// The colours from left to right.
fn bar_mesh(rect: Rect, colours: Colormap) -> Mesh {
    let mut mesh = Mesh::default();
    for part in 0..=BAR_PARTS {
        let share = part as f32 / BAR_PARTS as f32;
        let [r, g, b] = colours.colour(share).map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
        let x = egui::lerp(rect.x_range(), share);
        for y in [rect.top(), rect.bottom()] {
            mesh.colored_vertex(Pos2::new(x, y), Color32::from_rgb(r, g, b));
        }
        if let Some(first) = (2 * part).checked_sub(2) {
            mesh.add_triangle(first, first + 1, first + 2);
            mesh.add_triangle(first + 1, first + 2, first + 3);
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::{BAR_PARTS, DisplayData, DisplayState, bar_mesh, legend, show};
    use crate::gui::action::Action;
    use crate::gui::display::{Colormap, Legend, Mode};
    use egui::{Rect, pos2, vec2};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[derive(Default)]
    struct Panel {
        state: DisplayState,
        through_photo: bool,
        no_age: bool,
        sh: u8,
        actions: Vec<Action>,
        changed: usize,
    }

    fn panel(panel: Panel) -> Harness<'static, Panel> {
        let mut harness = Harness::builder().with_size(vec2(340.0, 700.0)).build_ui_state(
            |ui, panel: &mut Panel| {
                let reason = panel.no_age.then_some("This file does not know when splats were made");
                let modes = Mode::ALL.map(|mode| (mode, reason.filter(|_| mode == Mode::Age)));
                let data = DisplayData {
                    modes: &modes,
                    max_sh_degree: panel.sh,
                    auto_near: 0.05,
                    extent: 5.0,
                    through_photo: panel.through_photo,
                    grid: true,
                    frusta: true,
                    trails: Some(false),
                };
                panel.changed += usize::from(show(ui, &data, &mut panel.state, &mut panel.actions));
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

    #[test]
    fn nothing_changes_by_being_shown() {
        let mut given = Panel { sh: 1, ..Panel::default() };
        given.state.look.background = [0.1234, 0.5, 0.777];
        given.state.look.near = Some(0.3);
        let state = given.state.clone();
        let mut harness = panel(given);
        harness.run();
        assert_eq!((harness.state().changed, &harness.state().state), (0, &state));
    }

    #[test]
    fn every_mode_is_an_action() {
        let mut harness = panel(Panel { no_age: true, ..Panel::default() });
        for mode in Mode::ALL {
            click(&mut harness, mode.label());
        }
        let available: Vec<Action> =
            Mode::ALL.into_iter().filter(|mode| *mode != Mode::Age).map(Action::Show).collect();
        assert_eq!(harness.state().actions, available);
        assert_eq!(harness.state().changed, 0);
    }

    #[test]
    fn controls_change_the_look() {
        let mut harness = panel(Panel { sh: 3, ..Panel::default() });
        click(&mut harness, "White");
        click(&mut harness, "On");
        click(&mut harness, "Viridis");
        click(&mut harness, "Every pixel");
        for (name, value) in
            [("SH degree", 1.0), ("Splat scale", 0.5), ("Field of view", 500.0), ("Size of cameras", 2.0)]
        {
            harness.get_all_by_label(name).next().unwrap().set_value_accesskit(value);
            harness.run();
        }
        let state = &harness.state().state;
        assert_eq!(state.look.background, [1.0; 3]);
        assert_eq!((state.look.antialias, state.look.colours), (Some(true), Colormap::Viridis));
        assert_eq!((state.look.sh_degree, state.look.splat_scale), (1, 0.5));
        assert_eq!((state.fov_y_deg, state.frusta_size, state.full_while_moving), (120.0, 2.0, true));
        assert_eq!(harness.state().changed, 8);
        click(&mut harness, "Reset scale");
        assert_eq!(harness.state().state.look.splat_scale, 1.0);
    }

    #[test]
    fn the_near_clip_starts_from_the_automatic_one() {
        let mut harness = panel(Panel::default());
        click(&mut harness, "Automatic near clip");
        assert_eq!(harness.state().state.look.near, Some(0.05));
        harness.get_by_label("Near clip").set_value_accesskit(0.25);
        harness.run();
        assert_eq!(harness.state().state.look.near, Some(0.25));
        click(&mut harness, "Automatic near clip");
        assert_eq!(harness.state().state.look.near, None);
    }

    #[test]
    fn a_photo_keeps_its_field_of_view() {
        let mut harness = panel(Panel { through_photo: true, ..Panel::default() });
        let slider = harness.get_all_by_label("Field of view").next().unwrap().rect();
        harness.drag_at(slider.left_center() + vec2(4.0, 0.0));
        harness.run();
        harness.drop_at(slider.left_center() + vec2(4.0, 0.0));
        harness.run();
        assert_eq!(harness.state().changed, 0);
    }

    #[test]
    fn helpers_are_actions() {
        let mut harness = panel(Panel::default());
        click(&mut harness, "Grid and axes");
        click(&mut harness, "Cameras");
        click(&mut harness, "Motion trails");
        assert_eq!(harness.state().actions, [Action::ToggleGrid, Action::ToggleFrusta, Action::ToggleTrails]);
    }

    #[test]
    fn a_legend_is_read_aloud() {
        let depth = Legend {
            label: "Depth",
            unit: "units",
            min: 0.51234,
            max: 8.0,
            logarithmic: false,
            colours: Colormap::Turbo,
        };
        let mut harness = Harness::new_ui(|ui| {
            legend(ui, &depth);
            legend(ui, &Legend { label: "Size", unit: "", logarithmic: true, ..depth.clone() });
        });
        harness.run();
        harness.get_by_label("Depth (units) from 0.5123 to 8");
        harness.get_by_label("Size, logarithmic from 0.5123 to 8");
    }

    #[test]
    fn the_bar_runs_from_end_to_end() {
        let rect = Rect::from_min_max(pos2(10.0, 5.0), pos2(110.0, 15.0));
        let mesh = bar_mesh(rect, Colormap::Viridis);
        assert!(mesh.is_valid());
        assert_eq!(mesh.calc_bounds(), rect);
        assert_eq!(mesh.indices.len(), 6 * BAR_PARTS as usize);
    }
}
