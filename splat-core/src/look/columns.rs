//! The columns that make a look: what is on the device in place of the trained scales, opacities and colours.

use std::borrow::Cow;

use super::{Colormap, Legend, Look, Mode};
use crate::scene::{SplatCloud, colour};

/// Logarithm of a scale far below a pixel at any distance: the pixel filter alone makes it a dot.
const DOT: f32 = -30.0;
/// Logit of opacity 0.99, the most that blending allows.
const SOLID: f32 = 4.595_12;
/// Logit of 1/255: what is fainter is not drawn in colour, so it is no point either.
const FAINTEST: f32 = -5.537_334;
/// Logit of 0.1: the haze of large faint splats would hide everything if it were solid.
const FAINTEST_SOLID: f32 = -2.197_224_6;
/// Logit of an opacity that is never drawn.
const HIDDEN: f32 = -30.0;
/// Colour of the selection, and how much of it a selected splat takes on.
const SELECTED: [f32; 3] = [1.0, 0.82, 0.1];
const SELECTED_SHARE: f32 = 0.6;
/// A splat that goes less than this share of the longest ways rests: training leaves hardly any quite still.
const RESTS: f64 = 0.02;
/// Brightness of what rests, as a share of its own.
const RESTING_LIGHT: f32 = 0.55;
/// A range that is shown leaves out this share of the values at either end: single ones would squeeze the rest.
const OUTSIDE: f64 = 0.01;
/// Values a range is found from: more change it by less than a colour.
const SAMPLES: usize = 1 << 16;

/// Which scales are on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sizes {
    /// The trained ones, with this added to their logarithms.
    Trained(f32),
    /// Next to none.
    Dots,
}

/// Which opacities are on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Opacities {
    /// The trained ones.
    Trained,
    /// The highest there is, for splats whose own logit is at least this; none for the others.
    Solid(f32),
}

/// Which constant SH coefficients are on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Colours {
    /// The trained ones.
    Trained,
    /// Colours of an attribute.
    Of(Attribute, Colormap),
}

/// A number that every splat has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// Between 0 and 1.
    Opacity,
    /// Geometric mean of the scales.
    Size,
    /// As given with the cloud.
    Age,
    /// Length of the way that the centre goes.
    Travelled,
}

/// What is known of splats beside their columns; both may be empty. [N] each
#[derive(Clone, Copy, Default)]
pub(super) struct Known<'a> {
    pub(super) ages: &'a [u32],
    pub(super) travelled: &'a [f32],
}

/// The columns a look needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) sizes: Sizes,
    pub(super) opacities: Opacities,
    pub(super) colours: Colours,
}

impl Plan {
    /// The columns of `mode` under `look`.
    pub(super) fn of(mode: Mode, look: &Look) -> Plan {
        let scale = look.splat_scale;
        // Adding zero leaves every bit as it is.
        let shift = if scale > 0.0 && scale.is_finite() && scale != 1.0 { scale.ln() } else { 0.0 };
        let of = |attribute| Colours::Of(attribute, look.colours);
        Plan {
            sizes: if mode == Mode::Points { Sizes::Dots } else { Sizes::Trained(shift) },
            opacities: match mode {
                Mode::Ellipsoids => Opacities::Solid(FAINTEST_SOLID),
                Mode::Points => Opacities::Solid(FAINTEST),
                _ => Opacities::Trained,
            },
            colours: match mode {
                Mode::Opacity => of(Attribute::Opacity),
                Mode::Size => of(Attribute::Size),
                Mode::Age => of(Attribute::Age),
                Mode::Motion => of(Attribute::Travelled),
                _ => Colours::Trained,
            },
        }
    }
}

/// Logarithms of scales. [N × 3]
pub(super) fn log_scales(cloud: &SplatCloud, sizes: Sizes) -> Cow<'_, [f32]> {
    let trained = cloud.log_scales.as_flattened();
    match sizes {
        Sizes::Trained(0.0) => trained.into(),
        Sizes::Trained(shift) => trained.iter().map(|value| value + shift).collect(),
        Sizes::Dots => vec![DOT; trained.len()].into(),
    }
}

/// Logits of opacity. [N]
pub(super) fn opacity_logits<'a>(cloud: &'a SplatCloud, opacities: Opacities, hidden: &[bool]) -> Cow<'a, [f32]> {
    let trained = &cloud.opacity_logits;
    if opacities == Opacities::Trained && !hidden.contains(&true) {
        return trained.into();
    }
    let shown = |logit: f32| match opacities {
        Opacities::Trained => logit,
        Opacities::Solid(least) if logit >= least => SOLID,
        Opacities::Solid(_) => HIDDEN,
    };
    trained.iter().enumerate().map(|(row, &logit)| if is_marked(hidden, row) { HIDDEN } else { shown(logit) }).collect()
}

/// Constant SH coefficients. [N × 3]
pub(super) fn sh0<'a>(
    cloud: &'a SplatCloud,
    colours: Colours,
    known: Known<'_>,
    range: (f64, f64),
    selected: &[bool],
) -> Cow<'a, [f32]> {
    let has_selection = selected.contains(&true);
    if colours == Colours::Trained && !has_selection {
        return cloud.sh0.as_flattened().into();
    }
    let (low, high) = range;
    let of_row = |row: usize, &trained: &[f32; 3]| match colours {
        Colours::Trained => trained,
        Colours::Of(attribute, map) => {
            let t = (value(cloud, known, attribute, row) - low) / (high - low);
            match attribute {
                Attribute::Travelled if t < RESTS => resting(trained),
                _ => map.colour(t as f32).map(colour::sh0),
            }
        }
    };
    let tinted = |own: [f32; 3]| {
        let mixed = |c: usize| own[c] + SELECTED_SHARE * (colour::sh0(SELECTED[c]) - own[c]);
        [mixed(0), mixed(1), mixed(2)]
    };
    let mut values = Vec::with_capacity(3 * cloud.len());
    for (row, trained) in cloud.sh0.iter().enumerate() {
        let own = of_row(row, trained);
        values.extend(if has_selection && is_marked(selected, row) { tinted(own) } else { own });
    }
    values.into()
}

/// What the colours of an attribute mean, and the range they span on the axis they are even on.
pub(super) fn legend(
    cloud: &SplatCloud,
    attribute: Attribute,
    known: Known<'_>,
    colours: Colormap,
) -> (Option<Legend>, (f64, f64)) {
    let (label, unit) = match attribute {
        Attribute::Opacity => ("Opacity", ""),
        Attribute::Size => ("Size", "scene units"),
        Attribute::Age => ("Age", "steps"),
        Attribute::Travelled => ("Distance travelled", "scene units"),
    };
    let some = || (0..cloud.len()).step_by(stride(cloud.len())).map(move |row| value(cloud, known, attribute, row));
    let range = match attribute {
        Attribute::Opacity => Some((0.0, 1.0)),
        Attribute::Size => robust_range(some()),
        Attribute::Age => {
            let ages = known.ages;
            widened(ages.iter().min().zip(ages.iter().max()).map(|(&a, &b)| (f64::from(a), f64::from(b))))
        }
        // Of those that move, which may be few.
        Attribute::Travelled => robust_range(some().filter(|&way| way > 0.0)).map(|(_, high)| (0.0, high)),
    };
    let Some((low, high)) = range else { return (None, (0.0, 1.0)) };
    let logarithmic = attribute == Attribute::Size;
    let shown = |value: f64| if logarithmic { value.exp() } else { value };
    (Some(Legend { label, unit, min: shown(low), max: shown(high), logarithmic, colours }), (low, high))
}

/// The attribute of a row, sizes as logarithms.
fn value(cloud: &SplatCloud, known: Known<'_>, attribute: Attribute, row: usize) -> f64 {
    match attribute {
        Attribute::Opacity => 1.0 / (1.0 + (-f64::from(cloud.opacity_logits[row])).exp()),
        Attribute::Size => cloud.log_scales[row].iter().map(|&scale| f64::from(scale)).sum::<f64>() / 3.0,
        Attribute::Age => f64::from(known.ages.get(row).copied().unwrap_or(0)),
        Attribute::Travelled => f64::from(known.travelled.get(row).copied().unwrap_or(0.0)),
    }
}

/// The grey of a splat that rests: darker than it is, so that what moves stands out.
fn resting(trained: [f32; 3]) -> [f32; 3] {
    let [r, g, b] = trained.map(|coefficient| colour::channel(coefficient).clamp(0.0, 1.0));
    // Weights of ITU-R BT.709, on values as encoded.
    [colour::sh0(RESTING_LIGHT * (0.2126 * r + 0.7152 * g + 0.0722 * b)); 3]
}

/// The range of finite values without the outermost at either end; `None` without any.
pub(super) fn robust_range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| values[(share * last as f64).round() as usize];
    widened(Some((at(OUTSIDE), at(1.0 - OUTSIDE))))
}

/// Ranges that are not empty: a single value gets a little room above it.
fn widened(range: Option<(f64, f64)>) -> Option<(f64, f64)> {
    range.map(|(low, high)| if high > low { (low, high) } else { (low, low + (1e-3 * low.abs()).max(1e-6)) })
}

/// Step through `count` values that looks at enough of them. It is odd, so that it does not keep to one column of an
/// image.
pub(super) fn stride(count: usize) -> usize {
    (count / SAMPLES).max(1) | 1
}

fn is_marked(marks: &[bool], row: usize) -> bool {
    marks.get(row).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{
        Attribute, Colours, FAINTEST, FAINTEST_SOLID, HIDDEN, Known, Opacities, Plan, SOLID, Sizes, legend, log_scales,
        opacity_logits, robust_range, sh0, stride,
    };
    use crate::look::{Colormap, Look, Mode};
    use crate::scene::SplatCloud;
    use crate::scene::colour;

    fn cloud(count: usize) -> SplatCloud {
        SplatCloud {
            means: vec![[0.0; 3]; count],
            quats: vec![[1.0, 0.0, 0.0, 0.0]; count],
            log_scales: (0..count).map(|i| [i as f32 * 0.01, 0.0, -0.3]).collect(),
            opacity_logits: (0..count).map(|i| i as f32 - 8.0).collect(),
            sh0: (0..count).map(|i| [i as f32, 0.25, -1.0]).collect(),
            ..SplatCloud::default()
        }
    }

    #[test]
    fn the_plain_look_is_the_trained_columns_themselves() {
        let cloud = cloud(10);
        let plan = Plan::of(Mode::Colour, &Look::default());
        assert!(matches!(log_scales(&cloud, plan.sizes), Cow::Borrowed(_)));
        assert!(matches!(opacity_logits(&cloud, plan.opacities, &[false; 10]), Cow::Borrowed(_)));
        assert!(matches!(sh0(&cloud, plan.colours, Known::default(), (0.0, 1.0), &[]), Cow::Borrowed(_)));
        for splat_scale in [0.0, -2.0, f32::NAN, f32::INFINITY] {
            assert_eq!(Plan::of(Mode::Colour, &Look { splat_scale, ..Look::default() }), plan, "{splat_scale}");
        }
    }

    #[test]
    fn scaling_moves_logarithms_and_points_have_no_size() {
        let cloud = cloud(3);
        let doubled = Plan::of(Mode::Depth, &Look { splat_scale: 2.0, ..Look::default() });
        let found = log_scales(&cloud, doubled.sizes);
        for (found, trained) in found.iter().zip(cloud.log_scales.as_flattened()) {
            assert!(((found - trained).exp() - 2.0).abs() < 1e-6);
        }
        assert!(log_scales(&cloud, Sizes::Dots).iter().all(|&scale| scale.exp() < 1e-12));
    }

    #[test]
    fn hidden_rows_have_no_opacity_and_neither_have_faint_solids() {
        let cloud = cloud(10);
        let mut hidden = vec![false; 6];
        hidden[5] = true;
        let trained = opacity_logits(&cloud, Opacities::Trained, &hidden);
        let solid = opacity_logits(&cloud, Opacities::Solid(FAINTEST_SOLID), &hidden);
        for (row, &logit) in cloud.opacity_logits.iter().enumerate() {
            let is_hidden = row == 5;
            assert_eq!(trained[row], if is_hidden { HIDDEN } else { logit });
            let is_solid = logit >= FAINTEST_SOLID && !is_hidden;
            assert_eq!(solid[row], if is_solid { SOLID } else { HIDDEN }, "{logit}");
        }
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        assert!((sigmoid(FAINTEST) - 1.0 / 255.0).abs() < 1e-7 && (sigmoid(SOLID) - 0.99).abs() < 1e-6);
        assert!((sigmoid(FAINTEST_SOLID) - 0.1).abs() < 1e-6);
    }

    #[test]
    fn selected_rows_lean_towards_yellow() {
        let cloud = cloud(3);
        let found = sh0(&cloud, Colours::Trained, Known::default(), (0.0, 1.0), &[false, true]);
        assert_eq!(&found[..3], &cloud.sh0[0]);
        assert_eq!(&found[6..], &cloud.sh0[2]);
        let expected = 0.4 * colour::channel(cloud.sh0[1][2]) + 0.6 * 0.1;
        let shown = colour::channel(found[5]);
        assert!((shown - expected).abs() < 1e-6, "{shown} for {expected}");
    }

    #[test]
    fn attributes_are_coloured_from_the_low_to_the_high_end() {
        let cloud = cloud(1000);
        let ages: Vec<u32> = (0..1000).map(|i| 3000 - i).collect();
        let known = Known { ages: &ages, travelled: &[] };
        let colour_of = |attribute, row: usize| {
            let (legend, range) = legend(&cloud, attribute, known, Colormap::Viridis);
            let found = sh0(&cloud, Colours::Of(attribute, Colormap::Viridis), known, range, &[]);
            let colour = [0, 1, 2].map(|c| colour::channel(found[3 * row + c]));
            (legend.unwrap(), colour)
        };
        let close = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        let [low, high] = [0.0, 1.0].map(|t| Colormap::Viridis.colour(t));
        for (attribute, lowest, highest) in
            [(Attribute::Opacity, 0, 999), (Attribute::Size, 0, 999), (Attribute::Age, 999, 0)]
        {
            assert!(close(colour_of(attribute, highest).1, high), "{attribute:?}");
            // Opacity of the first row is 3e-4, not quite zero.
            let found = colour_of(attribute, lowest).1;
            assert!(found.iter().zip(low).all(|(a, b)| (a - b).abs() < 1e-3), "{attribute:?}: {found:?}");
        }
        let (legend, _) = colour_of(Attribute::Size, 0);
        // Rows 10 and 989 of 0 to 999.
        assert!((legend.min - ((0.1 - 0.3) / 3.0_f64).exp()).abs() < 1e-6, "{legend:?}");
        assert!((legend.max - ((9.89 - 0.3) / 3.0_f64).exp()).abs() < 1e-4 && legend.logarithmic, "{legend:?}");
        let (legend, _) = colour_of(Attribute::Age, 0);
        assert_eq!((legend.min, legend.max, legend.unit), (2001.0, 3000.0, "steps"));
    }

    #[test]
    fn what_rests_is_grey_and_the_rest_is_coloured_by_how_far_it_goes() {
        let cloud = cloud(4);
        let known = Known { ages: &[], travelled: &[0.0, 0.01, 1.0, 2.0] };
        let (legend, range) = legend(&cloud, Attribute::Travelled, known, Colormap::Viridis);
        assert_eq!(range, (0.0, 2.0));
        assert_eq!(legend.unwrap().label, "Distance travelled");
        let found = sh0(&cloud, Colours::Of(Attribute::Travelled, Colormap::Viridis), known, range, &[]);
        let shown = |row: usize| [0, 1, 2].map(|c| colour::channel(found[3 * row + c]));
        for row in [0, 1] {
            let [r, g, b] = shown(row);
            assert!(r == g && g == b && r > 0.1 && r < 0.6, "{r} {g} {b}");
        }
        let close = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close(shown(2), Colormap::Viridis.colour(0.5)) && close(shown(3), Colormap::Viridis.colour(1.0)));
    }

    #[test]
    fn ranges_ignore_outliers_and_are_never_empty() {
        let values = (0..=1000).map(f64::from).chain([f64::NAN, f64::INFINITY]);
        assert_eq!(robust_range(values), Some((10.0, 990.0)));
        assert_eq!(robust_range([f64::NAN].into_iter()), None);
        let (low, high) = robust_range([5.0; 4].into_iter()).unwrap();
        assert!(low == 5.0 && high > low);
        assert!(legend(&cloud(0), Attribute::Size, Known::default(), Colormap::Turbo).0.is_none());
        assert!([0, 1, 65_536, 1 << 23].into_iter().all(|count| stride(count) % 2 == 1));
    }
}
