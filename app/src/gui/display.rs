//! How the viewport shows splats, as chosen by the person.

pub(crate) use splat_core::look::{Colormap, Legend, Look, Mode};
