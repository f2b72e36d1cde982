//! How the viewport shows splats, as chosen by the person.

/// What a pixel or a splat is coloured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The colours of the scene.
    #[default]
    Colour,
    /// Distance from the camera.
    Depth,
    /// How much of the background is covered.
    Alpha,
    /// The direction surfaces face.
    Normals,
    /// Splats as solid ellipsoids.
    Ellipsoids,
    /// Splats as dots.
    Points,
    /// Splats blended per pixel.
    Overdraw,
    /// Opacity of splats.
    Opacity,
    /// Size of splats.
    Size,
    /// Step at which splats were born.
    Age,
}
