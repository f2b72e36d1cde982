//! From stored values to those on display, and back, for formats that keep the latter.

use crate::scene::io::ply::{MAX_STORED, SH_C0};

/// The colour on a scale from 0 to 1 that a constant SH coefficient means, where nothing depends on the view.
pub(super) fn colour(sh0: f32) -> f32 {
    0.5 + SH_C0 * sh0
}

/// The constant SH coefficient of a colour.
pub(super) fn sh0(colour: f32) -> f32 {
    (colour - 0.5) / SH_C0
}

/// Opacity as a byte.
pub(super) fn opacity_byte(logit: f32) -> u8 {
    (255.0 / (1.0 + (-logit).exp())).round() as u8
}

/// The logit of an opacity byte; fully opaque and fully transparent remain so.
pub(super) fn logit(byte: u8) -> f32 {
    let opacity = f32::from(byte) / 255.0;
    (opacity / (1.0 - opacity)).ln().clamp(-MAX_STORED, MAX_STORED)
}

/// A quaternion at unit length; one without direction becomes no rotation.
pub(super) fn unit(quat: [f32; 4]) -> [f32; 4] {
    let wide = quat.map(f64::from);
    let length = wide.iter().map(|c| c * c).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() { wide.map(|c| (c / length) as f32) } else { [1.0, 0.0, 0.0, 0.0] }
}

#[cfg(test)]
mod tests {
    use super::{colour, logit, opacity_byte, sh0, unit};

    #[test]
    fn values_on_display_lead_back_to_the_stored_ones() {
        for byte in 0..=255 {
            assert_eq!(opacity_byte(logit(byte)), byte);
            assert!(logit(byte).is_finite());
        }
        assert_eq!((opacity_byte(f32::NEG_INFINITY), opacity_byte(f32::INFINITY)), (0, 255));
        assert!((sh0(colour(1.7)) - 1.7).abs() < 1e-6);
        assert!(unit([0.0, 3e30, 0.0, -4e30]).iter().zip([0.0, 0.6, 0.0, -0.8]).all(|(is, c)| (is - c).abs() < 1e-6));
        assert_eq!(unit([0.0; 4]), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(unit([f32::NAN; 4]), [1.0, 0.0, 0.0, 0.0]);
    }
}
