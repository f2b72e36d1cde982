//! Counter-based random numbers: a value depends only on (seed, step, row, lane), never on what was
//! drawn before, so results do not depend on the order in which rows are visited. Not for
//! cryptography.

/// The random numbers of one refinement.
#[derive(Clone, Copy, Debug)]
pub struct Rng {
    key: u64,
}

impl Rng {
    /// The stream of `step` in a run with `seed`.
    pub fn new(seed: u64, step: u32) -> Self {
        Self { key: mix(mix(seed) ^ u64::from(step)) }
    }

    /// 64 random bits for a row and a lane; lanes keep a row's several uses apart.
    pub fn bits(&self, row: usize, lane: u32) -> u64 {
        mix(mix(self.key ^ row as u64) ^ u64::from(lane))
    }

    /// Uniform in the open interval (0, 1), so its logarithm is finite.
    pub fn uniform(&self, row: usize, lane: u32) -> f64 {
        /// 2⁻⁵³: the spacing of f64 just below 1, halved to stay off both ends.
        const HALF_ULP: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.bits(row, lane) >> 12) as f64 * 2.0 + 1.0) * HALF_ULP
    }

    /// Standard normal [Box & Muller 1958], from the two halves of the row's bits.
    pub fn normal(&self, row: usize, lane: u32) -> f64 {
        let bits = self.bits(row, lane);
        let unit = |half: u32| (f64::from(half) + 0.5) / 2.0_f64.powi(32);
        let radius = (-2.0 * unit((bits >> 32) as u32).ln()).sqrt();
        radius * (std::f64::consts::TAU * unit(bits as u32)).cos()
    }
}

/// One step of SplitMix64 [Steele 2014]: a bijection in which every input bit moves about half of
/// the output bits.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    const DRAWS: usize = 20_000;

    #[test]
    fn uniform_has_the_moments_of_the_unit_interval() {
        let rng = Rng::new(7, 100);
        let draws: Vec<f64> = (0..DRAWS).map(|row| rng.uniform(row, 3)).collect();
        assert!(draws.iter().all(|&u| 0.0 < u && u < 1.0));
        let mean = draws.iter().sum::<f64>() / DRAWS as f64;
        let variance = draws.iter().map(|u| (u - mean).powi(2)).sum::<f64>() / DRAWS as f64;
        // Five standard errors of the mean, 1/√(12 n), and a similar bound for the variance.
        assert!((mean - 0.5).abs() < 0.0102 && (variance - 1.0 / 12.0).abs() < 0.003);
    }

    #[test]
    fn normal_has_mean_zero_variance_one_and_independent_lanes() {
        let rng = Rng::new(7, 100);
        let lane = |lane| (0..DRAWS).map(move |row| rng.normal(row, lane));
        let mean = lane(0).sum::<f64>() / DRAWS as f64;
        let variance = lane(0).map(|n| n * n).sum::<f64>() / DRAWS as f64;
        let covariance = lane(0).zip(lane(1)).map(|(a, b)| a * b).sum::<f64>() / DRAWS as f64;
        assert!(mean.abs() < 0.036 && (variance - 1.0).abs() < 0.05 && covariance.abs() < 0.036);
    }

    #[test]
    fn every_counter_matters() {
        let base = Rng::new(1, 2).bits(3, 4);
        assert_eq!(base, Rng::new(1, 2).bits(3, 4));
        let others = [
            Rng::new(2, 2).bits(3, 4),
            Rng::new(1, 3).bits(3, 4),
            Rng::new(1, 2).bits(4, 4),
            Rng::new(1, 2).bits(3, 5),
        ];
        assert!(others.iter().all(|&bits| bits != base));
    }
}
