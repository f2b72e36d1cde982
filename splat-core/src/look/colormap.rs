//! Colours for numbers.

use serde::{Deserialize, Serialize};

/// A way from a number to a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colormap {
    /// Blue, green, yellow, red: the most steps a person can tell apart [Mikhailov 2019].
    #[default]
    Turbo,
    /// Violet, green, yellow: even in lightness, and safe for colour-blind readers [Smith and van der Walt 2015].
    Viridis,
}

/// Coefficients of powers 0 to 5, for red, green and blue: the polynomial that Mikhailov published with the map
/// ("Turbo, an improved rainbow colormap for visualization", Google AI Blog, 2019). It differs from the table by up to
/// 33 of 255 at the very ends and by half of that in between, which no legend drawn with it will show.
const TURBO: [[f32; 3]; 6] = [
    [0.135_721_38, 0.091_402_61, 0.106_673_3],
    [4.615_392_6, 2.194_188_4, 12.641_946],
    [-42.660_323, 4.842_966_6, -60.582_05],
    [132.131_08, -14.185_033, 110.362_77],
    [-152.942_4, 4.277_298_6, -89.903_11],
    [59.286_38, 2.829_565_8, 27.348_25],
];

/// Coefficients of powers 0 to 6: the least-squares fit that Zucker published in 2019, within 4 of 255 of the table.
const VIRIDIS: [[f32; 3]; 7] = [
    [0.277_727_33, 0.005_407_344_5, 0.334_099_8],
    [0.105_093_04, 1.404_613_5, 1.384_590_1],
    [-0.330_861_83, 0.214_847_56, 0.095_095_16],
    [-4.634_230_5, -5.799_101, -19.332_441],
    [6.228_27, 14.179_933, 56.690_55],
    [4.776_385, -13.745_146, -65.353_03],
    [-5.435_456, 4.645_852_6, 26.312_435],
];

impl Colormap {
    /// Every map.
    pub const ALL: [Colormap; 2] = [Colormap::Turbo, Colormap::Viridis];

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Colormap::Turbo => "Turbo",
            Colormap::Viridis => "Viridis",
        }
    }

    /// The colour at `t`, 0 to 1 each; outside of 0 to 1 that of the nearer end, and of the low end for NaN.
    pub fn colour(self, t: f32) -> [f32; 3] {
        let t = if t > 0.0 { t.min(1.0) } else { 0.0 };
        let coefficients: &[[f32; 3]] = match self {
            Colormap::Turbo => &TURBO,
            Colormap::Viridis => &VIRIDIS,
        };
        let mut colour = [0.0; 3];
        for row in coefficients.iter().rev() {
            for (channel, coefficient) in colour.iter_mut().zip(row) {
                *channel = *channel * t + coefficient;
            }
        }
        colour.map(|channel: f32| channel.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Colormap;

    /// Bytes of the published tables at 0, ½ and 1.
    const TABLES: [(Colormap, [[u8; 3]; 3], f32); 2] = [
        (Colormap::Turbo, [[48, 18, 59], [164, 252, 60], [122, 4, 3]], 33.0),
        (Colormap::Viridis, [[68, 1, 84], [33, 145, 140], [253, 231, 37]], 4.0),
    ];

    #[test]
    fn colours_are_those_of_the_published_tables() {
        for (map, table, tolerance) in TABLES {
            for (t, expected) in [0.0, 0.5, 1.0].into_iter().zip(table) {
                let found = map.colour(t).map(|channel| 255.0 * channel);
                for (found, expected) in found.iter().zip(expected) {
                    let error = (found - f32::from(expected)).abs();
                    assert!(error <= tolerance, "{map:?} at {t}: {found}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn lightness_of_viridis_rises_all_the_way() {
        let lightness = |t: f32| {
            let [r, g, b] = Colormap::Viridis.colour(t);
            0.2126 * r.powf(2.2) + 0.7152 * g.powf(2.2) + 0.0722 * b.powf(2.2)
        };
        assert!((0..64).all(|i| lightness(i as f32 / 64.0) < lightness((i + 1) as f32 / 64.0)));
    }

    #[test]
    fn colours_change_smoothly_and_stay_in_range_for_any_number() {
        for map in Colormap::ALL {
            for i in 0..255 {
                let (a, b) = (map.colour(i as f32 / 255.0), map.colour((i + 1) as f32 / 255.0));
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.06), "{map:?} jumps at {i}");
            }
            assert_eq!(map.colour(-1.0), map.colour(0.0));
            assert_eq!(map.colour(f32::NAN), map.colour(0.0));
            assert_eq!(map.colour(f32::INFINITY), map.colour(1.0));
        }
    }
}
