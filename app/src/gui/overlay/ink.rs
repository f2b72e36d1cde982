//! The colours of the overlays: readable over any picture, taken from the theme.

use egui::{Color32, Visuals};

/// Colours of lines and marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    /// Ordinary lines.
    pub(crate) line: Color32,
    /// Behind lines, so that they show on any picture.
    pub(crate) shade: Color32,
    /// What is selected or being dragged.
    pub(crate) accent: Color32,
    /// Text.
    pub(crate) text: Color32,
    /// Behind text.
    pub(crate) paper: Color32,
    /// Cameras that train.
    pub(crate) train: Color32,
    /// Cameras that are held out.
    pub(crate) test: Color32,
    /// Where splats go.
    pub(crate) trail: Color32,
    /// The axes X, Y and Z: red, green and blue, as everywhere.
    pub(crate) axes: [Color32; 3],
}

impl Ink {
    /// The colours that go with a theme.
    pub(crate) fn of(visuals: &Visuals) -> Self {
        let axes = if visuals.dark_mode {
            [(240, 92, 92), (120, 200, 90), (96, 150, 255)]
        } else {
            [(200, 40, 40), (50, 140, 30), (40, 90, 220)]
        };
        Self {
            line: visuals.strong_text_color(),
            shade: visuals.extreme_bg_color.gamma_multiply(0.6),
            accent: visuals.selection.bg_fill.lerp_to_gamma(visuals.strong_text_color(), 0.4),
            text: visuals.strong_text_color(),
            paper: visuals.extreme_bg_color.gamma_multiply(0.85),
            train: visuals.hyperlink_color,
            test: visuals.warn_fg_color,
            trail: Color32::from_rgb(255, 40, 220),
            axes: axes.map(|(r, g, b)| Color32::from_rgb(r, g, b)),
        }
    }
}
