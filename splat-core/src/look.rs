//! Ways of looking at finished splats: colour, depth, normals, ellipsoids, attributes and more.
//!
//! A [`Viewer`] holds one cloud on the device and draws it from any [`View`](crate::scene::View) under any [`Look`].
//! No mode has kernels of its own but the two that ask another question of each pixel, overdraw and ellipsoids. The
//! others are other *columns* (points are splats far smaller than a pixel, an attribute is a colour, a hidden splat has
//! no opacity) or another reading of colour, transmittance and depth on the host.

mod colormap;
mod columns;
mod compose;
mod viewer;
mod visible;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::render::Image;

pub use colormap::Colormap;
pub use viewer::Viewer;
pub use visible::most_visible;

/// What a pixel or a splat is coloured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The colours that were trained: the same bytes as [`Renderer::render`](crate::render::Renderer::render).
    #[default]
    Colour,
    /// Distance along the viewing direction, the mean over the splats of a pixel.
    Depth,
    /// How much of the background is covered: black none, white all of it.
    Alpha,
    /// Which way the surface of the depth image faces: red right, green up, blue towards the camera.
    Normals,
    /// Every splat of opacity 0.1 or more as a solid ellipsoid; fainter ones are haze and would hide the rest.
    Ellipsoids,
    /// Every splat that is drawn in colour as a dot at its centre.
    Points,
    /// How many splats are composited in a pixel before it is opaque.
    Overdraw,
    /// Opacity of each splat.
    Opacity,
    /// Size of each splat, the geometric mean of its three scales, on a logarithmic axis.
    Size,
    /// How long each splat has existed. Where ages are not known this is [`Mode::Colour`], and the picture says so.
    Age,
    /// How far the centre of each splat goes over the clip; what rests is grey. Where nothing moves this is
    /// [`Mode::Colour`], and the picture says so.
    Motion,
}

impl Mode {
    /// Every mode, in the order of menus.
    pub const ALL: [Mode; 11] = [
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
        Mode::Motion,
    ];

    /// Name for people.
    pub fn label(self) -> &'static str {
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
            Mode::Motion => "Motion",
        }
    }

    /// Name on the command line and in files.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Colour => "colour",
            Mode::Depth => "depth",
            Mode::Alpha => "alpha",
            Mode::Normals => "normals",
            Mode::Ellipsoids => "ellipsoids",
            Mode::Points => "points",
            Mode::Overdraw => "overdraw",
            Mode::Opacity => "opacity",
            Mode::Size => "size",
            Mode::Age => "age",
            Mode::Motion => "motion",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Mode::ALL.into_iter().find(|mode| mode.word() == word).ok_or_else(|| {
            let words = Mode::ALL.map(Mode::word).join(", ");
            Error::settings(format!("\"{word}\" is no way of looking at splats"), format!("use one of {words}"))
        })
    }
}

/// How splats are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// What pixels or splats are coloured by.
    pub mode: Mode,
    /// Colour behind the splats, 0 to 1 each.
    pub background: [f32; 3],
    /// Highest degree of view-dependent colour that is used.
    pub sh_degree: u8,
    /// Every scale is multiplied by this; 1 is as trained, and so is what is not a positive number.
    pub splat_scale: f32,
    /// Mip-Splatting's antialiasing; `None` is as trained. Ellipsoids and points are drawn without.
    pub antialias: Option<bool>,
    /// Colours of depths, counts and attributes.
    pub colours: Colormap,
    /// Nearest distance drawn, in scene units; `None` is as trained, and so is what is not a positive number.
    pub near: Option<f32>,
}

impl Default for Look {
    fn default() -> Self {
        Look {
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

/// What the colours of a picture mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Legend {
    /// What is shown.
    pub label: &'static str,
    /// Unit of `min` and `max`; empty when there is none.
    pub unit: &'static str,
    /// Value at the low end of the colours.
    pub min: f64,
    /// Value at the high end of the colours.
    pub max: f64,
    /// Whether the axis in between is logarithmic.
    pub logarithmic: bool,
    /// The colours.
    pub colours: Colormap,
}

/// A view as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The pixels, opaque.
    pub image: Image,
    /// What the colours mean, where they are not colours of the scene.
    pub legend: Option<Legend>,
    /// Why the picture is not what was asked for.
    pub note: Option<&'static str>,
}

/// Rows to show differently. A list shorter than the cloud leaves the rest unmarked, so an empty one marks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Tinted yellow, in the modes that show colours of splats.
    pub selected: Vec<bool>,
    /// Not drawn.
    pub hidden: Vec<bool>,
}

#[cfg(test)]
mod tests {
    use super::Mode;

    #[test]
    fn every_mode_has_a_word_of_its_own_that_reads_back() {
        for (i, mode) in Mode::ALL.into_iter().enumerate() {
            assert_eq!(mode.word().parse::<Mode>().unwrap(), mode);
            assert_eq!(mode.label().to_lowercase(), mode.word());
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
            assert!(Mode::ALL[..i].iter().all(|other| *other != mode), "{mode} is listed twice");
        }
        let error = "colors".parse::<Mode>().unwrap_err().to_string();
        assert!(error.contains("colors") && error.contains("colour, depth"), "{error}");
    }
}
