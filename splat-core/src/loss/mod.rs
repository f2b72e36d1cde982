//! What is minimized. A loss adds to the image gradient or to column gradients; losses never import
//! one another.

pub mod photometric;
mod rate;
pub mod regularize;
pub mod tracks;

use crate::error::Result;
use crate::gpu::{Gpu, Pass};
use crate::params::Params;
use crate::stage::Frame;

pub use photometric::{LossBuffers, Photometric};
pub use rate::RateLoss;
pub use regularize::Regularize;
pub use tracks::{Rigid, Smooth};

/// One term of the objective.
pub trait Loss: Send + Sync {
    /// The word that fits "the … loss".
    fn name(&self) -> &'static str;

    /// Adds the term's gradients.
    fn add(&self, pass: &mut Pass<'_>, params: &Params, frame: &mut Frame<'_>);

    /// Is told that the rows of the table are others than before: after every [`Params::apply`], with nothing in flight.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    fn population_changed(&mut self, gpu: &Gpu, params: &Params) -> Result<()> {
        let _ = (gpu, params);
        Ok(())
    }

    /// What the loss knows since then, which a checkpoint must hold so that a resumed run ends in the same bytes.
    fn state(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Takes up a state that it gave for the table as it is now.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when it is no state of this loss, which stays as it is.
    fn restore(&mut self, gpu: &Gpu, state: &[u32]) -> Result<()> {
        let _ = (gpu, state);
        Ok(())
    }
}
