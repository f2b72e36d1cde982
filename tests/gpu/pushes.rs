//! What moves parameters besides the photos: regularization and the wandering of faint splats.

use splat_core::density::wander;
use splat_core::gpu::{Gpu, Pass};
use splat_core::loss::{Loss, Regularize};
use splat_core::model::{RasterOptions, frame_uniform};
use splat_core::schedule::Phase;
use splat_core::stage::Frame;

use super::harness::{Bench, Case, PHASE, assert_close, camera, random_splats, view};
use crate::oracle::project::{covariance, sigmoid};
use crate::oracle::render::Splat;

const SEED: u64 = 11;

/// Records `work` with the frame of a case whose view has been looked at, so that its list is valid.
fn with_frame(gpu: &Gpu, bench: &Bench, case: &Case, step: u64, work: impl FnOnce(&mut Pass<'_>, &mut Frame<'_>)) {
    let options = RasterOptions { antialias: false, near: 0.1 };
    let uniform = frame_uniform(&view(&case.camera), &options, bench.params.rows(), bench.scratch.capacity.isects);
    let phase = Phase { step, steps: 100, ..PHASE };
    let mut frame = Frame::new(uniform, phase, &bench.scratch);
    let mut pass = Pass::new(gpu, "push");
    work(&mut pass, &mut frame);
    pass.submit();
}

/// Weight × mean of opacities and of scales, on every row, seen or not.
pub(super) fn regularization_is_the_gradient_of_mean_opacity_and_scale(gpu: &Gpu) {
    let case = Case::new(random_splats(130, 90), camera(10, 10));
    let bench = Bench::new(gpu, &case);
    let regularize = Regularize { opacity_weight: 0.3, scale_weight: 0.7 };
    with_frame(gpu, &bench, &case, 1, |pass, frame| regularize.add(pass, &bench.params, frame));
    let rows = case.splats.len() as f64;
    let opacity = |s: &Splat| {
        let opacity = sigmoid(s.gaussian.opacity_logit);
        f64::from(0.3_f32) / rows * opacity * (1.0 - opacity)
    };
    let scales = |s: &Splat| s.gaussian.log_scale.map(|log| f64::from(0.7_f32) / (3.0 * rows) * log.exp());
    let grads = |name: &str| bench.params.column(name).grads().read(gpu).unwrap();
    assert_close(
        "regularized opacity",
        &grads("opacity_logits"),
        &case.splats.iter().map(opacity).collect::<Vec<_>>(),
        1e-5,
    );
    assert_close(
        "regularized scale",
        &grads("log_scales"),
        &case.splats.iter().flat_map(scales).collect::<Vec<_>>(),
        1e-5,
    );
}

fn wandered(gpu: &Gpu, case: &Case, step: u64) -> Vec<f32> {
    let bench = Bench::new(gpu, case);
    with_frame(gpu, &bench, case, step, |pass, frame| wander(pass, &bench.params, frame, 1.0, SEED));
    bench.params.column("means").values.read(gpu).unwrap()
}

/// Offsets of faint splats have the covariance Σ Σᵀ; opaque ones stay. [Kheradmand 2024, eq. 9]
pub(super) fn faint_splats_wander_in_their_own_shape(gpu: &Gpu) {
    const COUNT: usize = 20_000;
    let mut splat = random_splats(1, 91)[0];
    splat.gaussian.mean = [0.0; 3];
    splat.gaussian.opacity_logit = -20.0;
    let mut splats = vec![splat; COUNT];
    splats[0].gaussian.opacity_logit = 6.0;
    let case = Case::new(splats, camera(4, 4));
    let means = wandered(gpu, &case, 5);
    assert_eq!(means[..3], [0.0; 3], "an opaque splat moved");
    assert!(means == wandered(gpu, &case, 5), "the same step moves alike");
    assert!(means != wandered(gpu, &case, 6), "another step moves otherwise");

    // Faintness is 1 / (1 + e^(−100 · 0.005)) for an opacity of nothing.
    let faintness = sigmoid(0.5);
    let sigma = covariance(&splat.gaussian.quat, &splat.gaussian.log_scale);
    let expected = |i: usize, j: usize| faintness.powi(2) * (0..3).map(|k| sigma[i][k] * sigma[j][k]).sum::<f64>();
    let rows: Vec<[f64; 3]> = means[3..].as_chunks::<3>().0.iter().map(|row| row.map(f64::from)).collect();
    let mean = |value: &dyn Fn(&[f64; 3]) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
    for i in 0..3 {
        let deviation = expected(i, i).sqrt();
        // Five standard errors of a mean, and of a covariance.
        assert!(mean(&|row| row[i]).abs() < 5.0 * deviation / (COUNT as f64).sqrt(), "axis {i} drifts");
        for j in 0..3 {
            let found = mean(&|row| row[i] * row[j]);
            let scale = deviation * expected(j, j).sqrt();
            assert!(
                (found - expected(i, j)).abs() < 5.0 * 1.42 * scale / (COUNT as f64).sqrt(),
                "covariance {i}{j}: {found:e}, expected {:e}",
                expected(i, j)
            );
        }
    }
}
