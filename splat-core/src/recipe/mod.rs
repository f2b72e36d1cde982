//! Methods, each on half a page: which stages, which losses, which density control.
//!
//! A recipe's name appears only here and in the settings table.

mod codecs;
mod dynamic;
mod static_scene;

use std::sync::Arc;

use crate::density::Density;
use crate::gpu::Gpu;
use crate::loss::{Loss, LossBuffers};
use crate::model::Model;
use crate::scene::Times;
use crate::settings::{RecipeName, Settings};

/// What a recipe may look at while it is built.
pub struct Context<'a> {
    /// Everything the user chose.
    pub settings: &'a Settings,
    /// The device.
    pub gpu: &'a Gpu,
    /// Radius of the camera positions, in world units.
    pub extent: f64,
    /// Splats at the start.
    pub initial_splats: usize,
    /// Splats at most, resolved.
    pub max_splats: usize,
    /// Times of the photos, where they have any.
    pub times: Option<&'a Times>,
    /// Working planes of the photometric loss.
    pub loss_buffers: Arc<LossBuffers>,
}

/// A method, ready to train.
pub struct Parts {
    /// Stages in order.
    pub model: Model,
    /// Terms of the objective, the one on the image first.
    pub losses: Vec<Box<dyn Loss>>,
    /// Who changes the population.
    pub density: Box<dyn Density>,
}

/// One method.
pub struct Recipe {
    /// Its name in settings.
    pub name: RecipeName,
    /// What it is for, in a line.
    pub about: &'static str,
    /// Puts it together.
    pub build: fn(&Context<'_>) -> Parts,
}

/// All methods.
pub const RECIPES: &[Recipe] = &[static_scene::RECIPE, dynamic::RECIPE];

/// The recipe of a name, for photos with such times, if any.
///
/// # Panics
/// When a name has no recipe: a bug of ours.
pub fn recipe(name: RecipeName, times: Option<&Times>) -> &'static Recipe {
    let name = match name {
        RecipeName::Auto if times.is_some() => RecipeName::Dynamic,
        RecipeName::Auto => RecipeName::Static,
        name => name,
    };
    RECIPES.iter().find(|recipe| recipe.name == name).unwrap_or_else(|| panic!("no recipe {name:?}"))
}
