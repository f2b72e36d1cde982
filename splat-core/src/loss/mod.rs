//! What is minimized. A loss adds to the image gradient or to column gradients; losses never import
//! one another.

pub mod photometric;
mod rate;
pub mod regularize;

use crate::gpu::Pass;
use crate::params::Params;
use crate::stage::Frame;

pub use photometric::{LossBuffers, Photometric};
pub use rate::RateLoss;
pub use regularize::Regularize;

/// One term of the objective.
pub trait Loss: Send + Sync {
    /// The word that fits "the … loss".
    fn name(&self) -> &'static str;

    /// Adds the term's gradients.
    fn add(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>);
}
