//! How the viewport shows splats, as chosen by the person.

/// What a pixel or a splat is coloured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Colour.
    #[default]
    Colour,
    /// Depth.
    Depth,
    /// Alpha.
    Alpha,
    /// Normals.
    Normals,
    /// Ellipsoids.
    Ellipsoids,
    /// Points.
    Points,
    /// Overdraw.
    Overdraw,
    /// Opacity.
    Opacity,
    /// Size.
    Size,
    /// Age.
    Age,
}

impl Mode {
    /// All modes.
    pub(crate) const ALL: [Mode; 10] = [
        Mode::Colour,
        Mode::Depth,
        Mode::Alpha,
        Mode::Normals,
        Mode::Ellipsoids,
        Mode::Points,
        Mode::Overdraw,
        Mode::Opacity,
        Mode::Size,
        Mode::Age,
    ];

    /// Name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Mode::Colour => "Colour",
            Mode::Depth => "Depth",
            Mode::Alpha => "Alpha",
            Mode::Normals => "Normals",
            Mode::Ellipsoids => "Ellipsoids",
            Mode::Points => "Points",
            Mode::Overdraw => "Overdraw",
            Mode::Opacity => "Opacity",
            Mode::Size => "Size",
            Mode::Age => "Age",
        }
    }
}

/// Colours for numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Colormap {
    /// Turbo.
    #[default]
    Turbo,
    /// Viridis.
    Viridis,
}

impl Colormap {
    /// All maps.
    pub(crate) const ALL: [Colormap; 2] = [Colormap::Turbo, Colormap::Viridis];

    /// Name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Colormap::Turbo => "Turbo",
            Colormap::Viridis => "Viridis",
        }
    }

    /// Colour of a share.
    pub(crate) fn colour(self, t: f32) -> [f32; 3] {
        [t, 0.5, 1.0 - t]
    }
}

/// What the colours of a picture mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Legend {
    /// What is shown.
    pub(crate) label: &'static str,
    /// Unit of `min` and `max`.
    pub(crate) unit: &'static str,
    /// Value at the low end.
    pub(crate) min: f64,
    /// Value at the high end.
    pub(crate) max: f64,
    /// Whether the axis is logarithmic.
    pub(crate) logarithmic: bool,
    /// The colours.
    pub(crate) colours: Colormap,
}

/// How splats are shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Look {
    /// Mode.
    pub(crate) mode: Mode,
    /// Background.
    pub(crate) background: [f32; 3],
    /// Highest SH degree shown.
    pub(crate) sh_degree: u8,
    /// 1 = as trained.
    pub(crate) splat_scale: f32,
    /// `None` = as trained.
    pub(crate) antialias: Option<bool>,
    /// Colours for numbers.
    pub(crate) colours: Colormap,
    /// Nearest distance shown.
    pub(crate) near: Option<f32>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            mode: Mode::Colour,
            background: [0.0; 3],
            sh_degree: 3,
            splat_scale: 1.0,
            antialias: None,
            colours: Colormap::Turbo,
            near: None,
        }
    }
}
