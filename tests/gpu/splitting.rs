//! How the work is cut up must not change a bit: bands of tile rows, chunks of rows, repetition.

use splat_core::gpu::{Gpu, GpuOptions};

use super::harness::{Bench, Case, Errors, camera, errors, random_splats, run};

fn full_case(count: usize, size: (usize, usize)) -> Case {
    Case {
        with_depth: true,
        with_abs_grad: true,
        antialias: true,
        ..Case::new(random_splats(count, 80), camera(size.0, size.1))
    }
}

pub(super) fn bands_change_no_bit(gpu: &Gpu) {
    let case = full_case(200, (50, 90));
    let whole = run(gpu, &case);
    for bands in [2, 3, 100] {
        let found = run(gpu, &Case { bands, ..case.clone() });
        assert!(found.rendered == whole.rendered, "{bands} bands changed the image");
        for (name, grads) in &found.grads {
            assert!(grads == &whole.grads[name], "{bands} bands changed the gradient of {name}");
        }
        assert!(found.bits() == whole.bits(), "{bands} bands");
    }
}

pub(super) fn repetition_changes_no_bit(gpu: &Gpu) {
    let case = full_case(400, (70, 50));
    let first = run(gpu, &case);
    for _ in 0..3 {
        assert!(run(gpu, &case).bits() == first.bits());
    }
}

/// Gradients add: a second backward pass on the same buffers doubles them, nothing stale gets in.
pub(super) fn gradients_of_two_views_add(gpu: &Gpu) {
    let case = full_case(100, (40, 30));
    let bench = Bench::new(gpu, &case);
    let once = bench.run(gpu, &case);
    let twice = bench.run(gpu, &case);
    for (name, grads) in &twice.grads {
        let doubled: Vec<f64> = once.grads[name].iter().map(|&one| 2.0 * f64::from(one)).collect();
        let Errors { vector, element } = errors(name, grads, &doubled);
        assert!(vector < 1e-6 && element < 1e-5, "{name}: {vector:e}, {element:e}");
    }
}

pub(super) fn chunks_of_rows_change_no_bit(gpu: &Gpu) {
    let limit = 1 << 20;
    let options = GpuOptions {
        profile: Some(gpu.profile().name.into()),
        max_binding_bytes: Some(limit),
        ..GpuOptions::default()
    };
    let chunked = Gpu::new(&options).unwrap();
    let mut case = full_case(7000, (40, 30));
    case.splats.iter_mut().for_each(|splat| splat.gaussian.log_scale = splat.gaussian.log_scale.map(|s| s - 2.0));
    case.isects = 20_000;
    let bench = Bench::new(&chunked, &case);
    assert!(bench.params.chunks().count() >= 3, "the limit must bite");
    let found = bench.run(&chunked, &case);
    chunked.check().unwrap();
    assert!(found.bits() == run(gpu, &case).bits(), "chunks changed the result");
}
