//! Colours, spacing and text sizes: calm, one accent, text with a contrast of at least 4.5 : 1 [WCAG 2.2, 1.4.3].

use egui::style::ScrollAnimation;
use egui::{Color32, Context, CornerRadius, FontId, Frame, Id, Modal, Shadow, Stroke, Style, TextStyle};
use egui::{ThemePreference, Visuals, vec2};

use super::prefs::Theme;

/// Smallest and largest scale of text and controls.
const SCALES: (f32, f32) = (0.5, 3.0);
/// One step of [`larger`] and [`smaller`].
const STEP: f32 = 0.1;

/// The colours of one theme.
struct Palette {
    panel: Color32,
    window: Color32,
    /// Behind text fields and pictures.
    deep: Color32,
    /// Every second row of a list.
    stripe: Color32,
    button: Color32,
    button_hovered: Color32,
    button_pressed: Color32,
    line: Color32,
    text: Color32,
    text_strong: Color32,
    text_weak: Color32,
    /// Links, the cursor, edges of what is chosen.
    accent: Color32,
    /// Behind what is chosen.
    chosen: Color32,
    /// Text on it.
    chosen_text: Color32,
    warning: Color32,
    error: Color32,
}

const DARK: Palette = Palette {
    panel: Color32::from_rgb(29, 31, 35),
    window: Color32::from_rgb(36, 39, 44),
    deep: Color32::from_rgb(20, 21, 24),
    stripe: Color32::from_rgb(33, 35, 40),
    button: Color32::from_rgb(50, 54, 61),
    button_hovered: Color32::from_rgb(61, 66, 75),
    button_pressed: Color32::from_rgb(43, 47, 54),
    line: Color32::from_rgb(63, 68, 77),
    text: Color32::from_rgb(214, 218, 224),
    text_strong: Color32::from_rgb(245, 247, 250),
    text_weak: Color32::from_rgb(168, 175, 186),
    accent: Color32::from_rgb(104, 182, 240),
    chosen: Color32::from_rgb(22, 66, 104),
    chosen_text: Color32::from_rgb(236, 245, 253),
    warning: Color32::from_rgb(240, 188, 92),
    error: Color32::from_rgb(255, 140, 130),
};

const LIGHT: Palette = Palette {
    panel: Color32::from_rgb(245, 246, 248),
    window: Color32::from_rgb(252, 252, 253),
    deep: Color32::from_rgb(255, 255, 255),
    stripe: Color32::from_rgb(236, 238, 241),
    button: Color32::from_rgb(226, 229, 234),
    button_hovered: Color32::from_rgb(214, 218, 225),
    button_pressed: Color32::from_rgb(202, 207, 215),
    line: Color32::from_rgb(196, 201, 209),
    text: Color32::from_rgb(38, 42, 48),
    text_strong: Color32::from_rgb(12, 14, 17),
    text_weak: Color32::from_rgb(76, 83, 94),
    accent: Color32::from_rgb(9, 92, 154),
    chosen: Color32::from_rgb(196, 224, 246),
    chosen_text: Color32::from_rgb(8, 52, 92),
    warning: Color32::from_rgb(130, 82, 0),
    error: Color32::from_rgb(176, 32, 26),
};

/// How much work the look may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Round corners, soft edges, shadows.
    #[default]
    Smooth,
    /// None of these. The round outline of a button is 250 triangles, and where the processor draws the window, the
    /// outlines alone took more of its time than all the rest.
    Plain,
}

/// Sets the look of everything that is shown from now on. Cheap, but only needed when a preference changed.
pub(crate) fn apply(ctx: &Context, theme: Theme, ui_scale: f32, reduced_motion: bool, finish: Finish) {
    for (kind, palette) in [(egui::Theme::Dark, &DARK), (egui::Theme::Light, &LIGHT)] {
        ctx.style_mut_of(kind, |style| {
            set_style(style, kind, palette, reduced_motion);
            if finish == Finish::Plain {
                make_plain(&mut style.visuals);
            }
        });
    }
    ctx.set_theme(match theme {
        Theme::System => ThemePreference::System,
        Theme::Dark => ThemePreference::Dark,
        Theme::Light => ThemePreference::Light,
    });
    ctx.set_zoom_factor(allowed_scale(ui_scale));
    // The command table has these keys, and the preferences remember the scale.
    ctx.options_mut(|options| {
        options.zoom_with_keyboard = false;
        options.tessellation_options.feathering = finish == Finish::Smooth;
    });
}

/// The theme that `ToggleTheme` goes to from the one that is seen now.
pub(crate) fn toggled(ctx: &Context) -> Theme {
    match ctx.theme() {
        egui::Theme::Dark => Theme::Light,
        egui::Theme::Light => Theme::Dark,
    }
}

/// One step larger.
pub(crate) fn larger(scale: f32) -> f32 {
    allowed_scale(((scale + STEP) / STEP).round() * STEP)
}

/// One step smaller.
pub(crate) fn smaller(scale: f32) -> f32 {
    allowed_scale(((scale - STEP) / STEP).round() * STEP)
}

/// A scale at which everything can still be read and reached.
pub(crate) fn allowed_scale(scale: f32) -> f32 {
    if scale.is_finite() { scale.clamp(SCALES.0, SCALES.1) } else { 1.0 }
}

/// A modal dialog as all of ours look, with a name for the accessibility tree.
pub(crate) fn dialog(ctx: &Context, name: &str) -> Modal {
    let id = Id::unique(("dialog", name));
    // An area is 600 points high unless told otherwise, which is little for a large window.
    let area = Modal::default_area(id).default_height(ctx.content_rect().height()).accessible_name(name);
    Modal::new(id).area(area).frame(Frame::popup(&ctx.global_style()).inner_margin(14.0))
}

/// A panel without a ground of its own: frames begin with its colour, and a software adapter fills every pixel once.
pub(crate) fn panel(style: &Style) -> Frame {
    Frame::side_top_panel(style).fill(Color32::TRANSPARENT)
}

/// The same in the middle of the window.
pub(crate) fn central_panel(style: &Style) -> Frame {
    Frame::central_panel(style).fill(Color32::TRANSPARENT)
}

fn set_style(style: &mut Style, theme: egui::Theme, palette: &Palette, reduced_motion: bool) {
    style.visuals = visuals(theme, palette);
    style.text_styles = [
        (TextStyle::Heading, FontId::proportional(18.0)),
        (TextStyle::Body, FontId::proportional(14.0)),
        (TextStyle::Button, FontId::proportional(14.0)),
        (TextStyle::Small, FontId::proportional(12.0)),
        (TextStyle::Monospace, FontId::monospace(13.0)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 6.0);
    spacing.button_padding = vec2(8.0, 4.0);
    spacing.interact_size = vec2(40.0, 24.0);
    spacing.slider_width = 140.0;
    spacing.tooltip_width = 360.0;
    spacing.menu_spacing = 4.0;
    let defaults = Style::default();
    style.animation_time = if reduced_motion { 0.0 } else { defaults.animation_time };
    style.scroll_animation = if reduced_motion { ScrollAnimation::none() } else { defaults.scroll_animation };
    style.visuals.text_cursor.blink = !reduced_motion;
}

fn visuals(theme: egui::Theme, palette: &Palette) -> Visuals {
    let mut visuals = theme.default_visuals();
    visuals.panel_fill = palette.panel;
    visuals.window_fill = palette.window;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.extreme_bg_color = palette.deep;
    visuals.faint_bg_color = palette.stripe;
    visuals.code_bg_color = palette.stripe;
    visuals.hyperlink_color = palette.accent;
    visuals.warn_fg_color = palette.warning;
    visuals.error_fg_color = palette.error;
    visuals.weak_text_color = Some(palette.text_weak);
    visuals.selection.bg_fill = palette.chosen;
    visuals.selection.stroke = Stroke::new(1.0, palette.chosen_text);
    visuals.text_cursor.stroke = Stroke::new(2.0, palette.accent);
    visuals.slider_trailing_fill = true;
    visuals.indent_has_left_vline = false;
    let widgets = &mut visuals.widgets;
    let states = [
        (&mut widgets.noninteractive, palette.panel, palette.text, palette.line),
        (&mut widgets.inactive, palette.button, palette.text, palette.line),
        (&mut widgets.hovered, palette.button_hovered, palette.text_strong, palette.line),
        (&mut widgets.active, palette.button_pressed, palette.text_strong, palette.accent),
        (&mut widgets.open, palette.button_hovered, palette.text_strong, palette.line),
    ];
    for (state, fill, text, line) in states {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.fg_stroke = Stroke::new(state.fg_stroke.width, text);
        state.bg_stroke = Stroke::new(1.0, line);
        state.corner_radius = CornerRadius::same(5);
        state.expansion = 0.0;
    }
    visuals
}

/// Square corners and no shadows.
fn make_plain(visuals: &mut Visuals) {
    (visuals.window_corner_radius, visuals.menu_corner_radius) = (CornerRadius::ZERO, CornerRadius::ZERO);
    (visuals.window_shadow, visuals.popup_shadow) = (Shadow::NONE, Shadow::NONE);
    let widgets = &mut visuals.widgets;
    for state in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        state.corner_radius = CornerRadius::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::{DARK, Finish, LIGHT, Theme, allowed_scale, apply, larger, smaller, toggled};
    use egui::{Color32, Context, Visuals};

    /// Relative luminance [WCAG 2.2].
    fn luminance(colour: Color32) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn both() -> [Visuals; 2] {
        let ctx = Context::default();
        apply(&ctx, Theme::System, 1.0, false, Finish::Smooth);
        [egui::Theme::Dark, egui::Theme::Light].map(|theme| ctx.style_of(theme).visuals.clone())
    }

    #[test]
    fn contrast_is_computed_right() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast(Color32::from_gray(118), Color32::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn text_can_be_read() {
        for visuals in both() {
            let widgets = &visuals.widgets;
            let grounds = [visuals.panel_fill, visuals.window_fill, visuals.extreme_bg_color, visuals.faint_bg_color];
            let texts = [
                visuals.text_color(),
                visuals.weak_text_color(),
                visuals.strong_text_color(),
                visuals.hyperlink_color,
                visuals.warn_fg_color,
                visuals.error_fg_color,
            ];
            let mut pairs: Vec<(Color32, Color32)> =
                grounds.iter().flat_map(|ground| texts.iter().map(move |text| (*text, *ground))).collect();
            for state in [&widgets.inactive, &widgets.hovered, &widgets.active, &widgets.open] {
                pairs.push((state.fg_stroke.color, state.weak_bg_fill));
                pairs.push((visuals.weak_text_color(), state.weak_bg_fill));
            }
            pairs.push((visuals.selection.stroke.color, visuals.selection.bg_fill));
            pairs.push((visuals.weak_text_color(), visuals.selection.bg_fill));
            for (text, ground) in pairs {
                let ratio = contrast(text, ground);
                assert!(ratio >= 4.5, "dark {}: {text:?} on {ground:?} is {ratio:.2}", visuals.dark_mode);
            }
        }
    }

    #[test]
    fn dark_is_dark_and_buttons_stand_out() {
        let [dark, light] = both();
        assert!(dark.dark_mode && !light.dark_mode);
        assert!(luminance(dark.panel_fill) < luminance(dark.text_color()));
        assert!(luminance(light.panel_fill) > luminance(light.text_color()));
        for palette in [DARK, LIGHT] {
            assert!(contrast(palette.button, palette.panel) > 1.1);
        }
    }

    #[test]
    fn scale_goes_in_round_steps_and_stays_usable() {
        let mut scale = 1.0;
        for _ in 0..3 {
            scale = larger(scale);
        }
        assert!((scale - 1.3).abs() < 1e-6);
        for _ in 0..50 {
            scale = larger(scale);
        }
        assert_eq!(scale, 3.0);
        for _ in 0..50 {
            scale = smaller(scale);
        }
        assert_eq!(scale, 0.5);
        assert_eq!(allowed_scale(f32::NAN), 1.0);
    }

    #[test]
    fn the_plain_finish_has_neither_round_nor_soft_edges() {
        let ctx = Context::default();
        for (finish, soft) in [(Finish::Plain, false), (Finish::Smooth, true)] {
            apply(&ctx, Theme::Dark, 1.0, false, finish);
            assert_eq!(ctx.options(|options| options.tessellation_options.feathering), soft);
            let visuals = ctx.global_style().visuals.clone();
            let round = |radius: egui::CornerRadius| radius != egui::CornerRadius::ZERO;
            assert_eq!(round(visuals.widgets.inactive.corner_radius), soft);
            assert_eq!(round(visuals.window_corner_radius), soft);
        }
    }

    #[test]
    fn reduced_motion_stops_animations_and_themes_toggle() {
        let ctx = Context::default();
        apply(&ctx, Theme::Dark, 1.0, true, Finish::Smooth);
        assert_eq!(ctx.global_style().animation_time, 0.0);
        assert_eq!(toggled(&ctx), Theme::Light);
        apply(&ctx, Theme::Light, 1.0, false, Finish::Smooth);
        assert!(ctx.global_style().animation_time > 0.0);
        assert_eq!(toggled(&ctx), Theme::Dark);
    }
}
