//! How the viewport shows splats, as chosen by the person.

/// What a splat is coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As trained.
    Colour,
}
