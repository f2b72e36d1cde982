//! Colours as spherical harmonics of degree 0, where nothing depends on the view.

/// The constant basis function, 1 / (2 √π).
pub(crate) const SH_C0: f32 = 0.282_094_79;

/// The channel, on a scale from 0 to 1, that a constant coefficient means.
pub(crate) fn channel(sh0: f32) -> f32 {
    0.5 + SH_C0 * sh0
}

/// The constant coefficient of a channel.
pub(crate) fn sh0(channel: f32) -> f32 {
    (channel - 0.5) / SH_C0
}
