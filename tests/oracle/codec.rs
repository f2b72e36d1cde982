//! How coded columns are decoded, and what their gradients are [Girish 2024, EAGLES; Esser 2020, LSQ].

/// A linear decoder of `latents` numbers into `width` values.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) latents: usize,
    pub(crate) width: usize,
    /// `[width, latents]`
    pub(crate) matrix: Vec<f64>,
    /// `[width]`
    pub(crate) bias: Vec<f64>,
}

/// Rounding that puts a half to the even side, as WGSL does.
pub(crate) fn round(value: f64) -> f64 {
    value.round_ties_even()
}

impl Linear {
    pub(crate) fn decode(&self, q: &[f64]) -> Vec<f64> {
        let value = |c: usize| {
            self.bias[c] + q.iter().zip(&self.matrix[c * self.latents..]).map(|(q, weight)| q * weight).sum::<f64>()
        };
        (0..self.width).map(value).collect()
    }

    /// Gradients of latents; those of matrix and biases are added to `grad`.
    pub(crate) fn decode_bwd(&self, q: &[f64], grad_decoded: &[f64], grad: &mut Linear) -> Vec<f64> {
        let mut grad_q = vec![0.0; self.latents];
        for (c, grad_value) in grad_decoded.iter().enumerate() {
            grad.bias[c] += grad_value;
            for j in 0..self.latents {
                grad.matrix[c * self.latents + j] += grad_value * q[j];
                grad_q[j] += grad_value * self.matrix[c * self.latents + j];
            }
        }
        grad_q
    }

    pub(crate) fn zeros(&self) -> Linear {
        Linear { matrix: vec![0.0; self.matrix.len()], bias: vec![0.0; self.width], ..self.clone() }
    }

    /// The decoder of a fixed cosine basis with a gain per value [static-quantized.md §2.2].
    pub(crate) fn of_gains(latents: usize, gains: &[f64], bias: &[f64]) -> Linear {
        let width = gains.len();
        let matrix =
            (0..width * latents).map(|k| gains[k / latents] * basis(width, k / latents, k % latents)).collect();
        Linear { latents, width, matrix, bias: bias.to_vec() }
    }

    /// Gradients of gains, from those of the matrix.
    pub(crate) fn gains_bwd(&self) -> Vec<f64> {
        let slope = |c: usize, j: usize| self.matrix[c * self.latents + j] * basis(self.width, c, j);
        (0..self.width).map(|c| (0..self.latents).map(|j| slope(c, j)).sum()).collect()
    }
}

/// B[j, c] of the cosine basis, whose rows j are orthonormal.
pub(crate) fn basis(width: usize, c: usize, j: usize) -> f64 {
    let scale: f64 = if c > 0 { 2.0 } else { 1.0 };
    (scale / width as f64).sqrt() * (std::f64::consts::PI * c as f64 * (j as f64 + 0.5) / width as f64).cos()
}

/// Gradient of `ln step` where a value is rounded to a multiple of the step, straight through.
pub(crate) fn step_bwd(value: f64, step: f64, grad_decoded: f64) -> f64 {
    let q = value / step;
    grad_decoded * step * (round(q) - q)
}

/// About how many bits an adaptive code spends on numbers of mean magnitude `b`.
pub(crate) fn bits(b: f64) -> f64 {
    (1.0 + 2.0 * std::f64::consts::E * b).log2()
}

/// Gradient of the summed [`bits`] of `numbers` by each of them.
pub(crate) fn bits_bwd(numbers: &[f64]) -> Vec<f64> {
    let b = numbers.iter().map(|q| q.abs()).sum::<f64>() / numbers.len() as f64;
    let slope = 2.0 * std::f64::consts::E / (1.0 + 2.0 * std::f64::consts::E * b) / std::f64::consts::LN_2;
    numbers.iter().map(|q| q.signum() * slope).collect()
}
