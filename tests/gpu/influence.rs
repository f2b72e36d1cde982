//! Influence of splats on views: the kernels against the oracle and against what blending covers, and the sums over views.

use splat_core::gpu::layout::counter;
use splat_core::gpu::{Buf, Gpu, GpuOptions, Pass};
use splat_core::model::{Model, RasterOptions, Scene, ViewRenderer, frame_uniform};
use splat_core::params::Params;
use splat_core::stage::rasterize::Capacity;
use splat_core::stage::{Frame, Scratch};

use super::harness::{PHASE, camera, cloud, model, random_splats, upload, view};
use crate::oracle::blend::Limits;
use crate::oracle::camera::Camera;
use crate::oracle::influence::influence;
use crate::oracle::render::{RenderOptions, Splat, visible};

/// Relative error allowed, for elements below a hundredth of the mean in parts of that.
const CLOSE: f64 = 1e-4;
/// How far decisions of the oracle are moved both ways: more than f32 may be off.
const SLACK: f64 = 1e-4;

/// Splats on the device.
struct Table {
    model: Model,
    params: Params,
}

impl Table {
    fn new(gpu: &Gpu, splats: &[Splat]) -> Self {
        let model = model(3);
        let params = Params::new(gpu, model.columns(), splats.len() as u64, false);
        upload(gpu, &params, &cloud(splats, 3));
        Table { model, params }
    }

    fn scene<'a>(&'a self, gpu: &'a Gpu, antialias: bool) -> Scene<'a> {
        let options = RasterOptions { antialias, near: 0.1 };
        Scene { gpu, model: &self.model, params: &self.params, phase: PHASE, options }
    }

    /// Σ α T by row, with the image cut into bands.
    fn sums(&self, gpu: &Gpu, camera: &Camera, antialias: bool, bands: u32) -> Vec<f32> {
        let rows = self.params.rows();
        let empty = Capacity { bands, trains: false, ..Capacity::training(rows, 64 * rows.max(64)) };
        let capacity = empty.with_tiles(camera.width as u32, camera.height as u32);
        let scratch = Scratch::new(gpu, capacity, self.params.rows_per_chunk()).unwrap();
        let options = RasterOptions { antialias, near: camera.near as f32 };
        let mut frame = Frame::new(frame_uniform(&view(camera), &options, rows, capacity.isects), PHASE, &scratch);
        let sums = Buf::new(gpu, "influence", rows);
        let mut pass = Pass::new(gpu, "case");
        self.model.influence(&mut pass, &self.params, &mut frame, &sums);
        pass.submit();
        assert_eq!(scratch.counters.read(gpu).unwrap()[counter::OVERFLOW as usize], 0, "too little room");
        sums.read(gpu).unwrap()
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn total(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

/// What the oracle finds, by row; 0 for splats that are culled.
fn expected(splats: &[Splat], camera: &Camera, antialias: bool, factor: f64) -> Vec<f64> {
    let Limits { alpha_min, alpha_max, t_min } = Limits::RENDERING;
    let limits = Limits { alpha_min: alpha_min * factor, alpha_max, t_min: t_min * factor };
    let (rows, splats2d) = visible(splats, camera, &RenderOptions { degree: 3, antialias, limits });
    let mut by_row = vec![0.0; splats.len()];
    rows.iter().zip(influence(&splats2d, camera, &limits)).for_each(|(&row, sum)| by_row[row] = sum);
    by_row
}

pub(super) fn influence_equals_the_oracle(gpu: &Gpu) {
    let (mut sure, mut rows, mut worst) = (0, 0, 0.0_f64);
    let sizes = [(1, 1), (7, 17), (8, 16), (64, 48), (130, 33)];
    for (seed, (width, height)) in sizes.into_iter().enumerate() {
        for antialias in [false, true] {
            let (mut splats, camera) = (random_splats(200, 110 + seed), camera(width, height));
            // Half the scenes opaque enough that pixels end.
            splats.iter_mut().for_each(|splat| splat.gaussian.opacity_logit += 2.0 * (seed % 2) as f64);
            let found = Table::new(gpu, &splats).sums(gpu, &camera, antialias, 1);
            let [exact, few, many] =
                [1.0, 1.0 + SLACK, 1.0 - SLACK].map(|factor| expected(&splats, &camera, antialias, factor));
            let floor = 0.01 * exact.iter().sum::<f64>() / exact.len() as f64;
            for (row, &found) in found.iter().enumerate() {
                let doubt = (few[row] - exact[row]).abs().max((many[row] - exact[row]).abs());
                let error = (f64::from(found) - exact[row]).abs();
                let allowed = CLOSE * exact[row].max(floor);
                assert!(error <= allowed + 2.0 * doubt, "{width}x{height}, row {row}: {found}, not {}", exact[row]);
                if doubt <= allowed {
                    worst = worst.max(error / exact[row].max(floor));
                    sure += 1;
                }
                rows += 1;
            }
        }
    }
    eprintln!("measured: {} influence: element {worst:.1e}", gpu.profile().name);
    assert!(100 * sure > 95 * rows, "only {sure} of {rows} splats are beyond doubt");
}

/// The sum over splats of what they give is the sum over pixels of what is covered.
pub(super) fn influences_add_up_to_what_is_covered(gpu: &Gpu) {
    for (seed, (width, height)) in [(1, 1), (61, 47), (200, 150)].into_iter().enumerate() {
        let (splats, camera) = (random_splats(400, 120 + seed), camera(width, height));
        let table = Table::new(gpu, &splats);
        for antialias in [false, true] {
            let rendered = ViewRenderer::new().render(&table.scene(gpu, antialias), &view(&camera), false).unwrap();
            let covered: f64 = rendered.pixels.iter().map(|pixel| 1.0 - f64::from(pixel[3])).sum();
            let given = total(&table.sums(gpu, &camera, antialias, 1));
            assert!((given / covered - 1.0).abs() < 1e-5, "{width}x{height}: {given} given, {covered} covered");
        }
    }
}

pub(super) fn repetition_and_bands_change_no_bit_of_influence(gpu: &Gpu) {
    let (splats, camera) = (random_splats(300, 130), camera(90, 170));
    let table = Table::new(gpu, &splats);
    let whole = bits(&table.sums(gpu, &camera, true, 1));
    for bands in [1, 2, 3, 100] {
        assert!(bits(&table.sums(gpu, &camera, true, bands)) == whole, "{bands} bands");
    }
}

/// A device that binds little: rows in chunks, tile rows in bands, and views that first overflow.
pub(super) fn chunks_and_growth_change_no_bit_of_influence(gpu: &Gpu) {
    let options = GpuOptions {
        profile: Some(gpu.profile().name.into()),
        max_binding_bytes: Some(64 << 10),
        ..GpuOptions::default()
    };
    let small = Gpu::new(&options).unwrap();
    let (splats, cameras) = (random_splats(700, 140), [camera(160, 120), camera(33, 20)]);
    let share = |gpu: &Gpu| {
        let table = Table::new(gpu, &splats);
        let chunks = table.params.chunks().count();
        let views = cameras.iter().map(view);
        (chunks, bits(&ViewRenderer::new().influence(&table.scene(gpu, false), views).unwrap()))
    };
    let ((one, whole), (several, cut)) = (share(gpu), share(&small));
    small.check().unwrap();
    assert!(one == 1 && several >= 2, "the limit must bite: {several} chunks");
    assert!(whole == cut, "chunks and bands changed the result");
}

pub(super) fn influence_on_views_is_their_mean_and_nothing_where_none_looks(gpu: &Gpu) {
    let mut splats = random_splats(150, 150);
    splats[..30].iter_mut().for_each(|splat| splat.gaussian.mean[2] = -3.0);
    splats[30].gaussian.mean[0] = f64::NAN;
    splats[31].gaussian.opacity_logit = -9.0;
    let (first, second) = (camera(40, 30), Camera { fx: 90.0, ..camera(24, 50) });
    let table = Table::new(gpu, &splats);
    let scene = table.scene(gpu, false);
    let mut renderer = ViewRenderer::new();
    let found = renderer.influence(&scene, [view(&first), view(&second)]).unwrap();
    assert!(found[..32].iter().all(|&share| share == 0.0), "a splat that is not drawn has influence");
    assert!(found[32..].iter().filter(|&&share| share > 0.0).count() > 60);
    let shares = |camera: &Camera| {
        let pixels = (camera.width * camera.height) as f64;
        table.sums(gpu, camera, false, 1).into_iter().map(move |sum| f64::from(sum) / pixels)
    };
    let mean: Vec<f32> = shares(&first).zip(shares(&second)).map(|(a, b)| ((a + b) / 2.0) as f32).collect();
    assert!(bits(&mean) == bits(&found), "the mean over views is not that of each");
    // Between views of other sizes and images with depth, the same bits again.
    renderer.render(&scene, &view(&second), true).unwrap();
    assert!(renderer.influence(&scene, [view(&first), view(&second)]).unwrap() == found);
    assert!(renderer.influence(&scene, []).unwrap().iter().all(|&share| share == 0.0));
    // Behind walls: drawn by no pixel, hence exactly nothing.
    let mut hidden = random_splats(60, 151);
    hidden.iter_mut().for_each(|splat| splat.gaussian.mean[2] = 5.0);
    hidden[..4].iter_mut().enumerate().for_each(|(i, wall)| {
        wall.gaussian.mean = [0.0, 0.0, 1.0 + 0.25 * i as f64];
        wall.gaussian.log_scale = [3.0; 3];
        wall.gaussian.opacity_logit = 9.0;
    });
    let found = ViewRenderer::new().influence(&Table::new(gpu, &hidden).scene(gpu, false), [view(&first)]).unwrap();
    assert!(found[..2].iter().all(|&share| share > 0.0) && (total(&found[..4]) - 1.0).abs() < 1e-3);
    assert!(found[4..].iter().all(|&share| share == 0.0), "a hidden splat has influence");
    let nothing = Table::new(gpu, &[]);
    assert!(ViewRenderer::new().influence(&nothing.scene(gpu, false), [view(&first)]).unwrap().is_empty());
}
