//! Runs the model's chain on the device through the public interface and the same scene through the
//! oracle, and compares the two.

use std::collections::BTreeMap;
use std::sync::Arc;

use glam::{DAffine3, DMat3, DVec3};
use splat_core::density::Observation;
use splat_core::gpu::layout::counter;
use splat_core::gpu::{Buf, Gpu, Pass};
use splat_core::loss::{Loss, LossBuffers, Photometric};
use splat_core::model::{Model, RasterOptions, frame_uniform};
use splat_core::params::Params;
use splat_core::scene::{SplatCloud, View};
use splat_core::schedule::{Phase, Rate};
use splat_core::stage::decode::{Decode, DecodeCodecs, DecodeRates};
use splat_core::stage::rasterize::{Capacity, Rasterize};
use splat_core::stage::sh::Sh;
use splat_core::stage::{Frame, Scratch, Target};

use crate::gradients::noise;
use crate::oracle::blend::Rendered;
use crate::oracle::camera::Camera;
use crate::oracle::project::Gaussian;
use crate::oracle::render::Splat;
use crate::oracle::sh::{REST, Sh as OracleSh};

/// What the image gradient is.
#[derive(Clone, Debug)]
pub(super) enum Drive {
    /// A fixed pseudo-random gradient of colour, transmittance and depth.
    Linear,
    /// The photometric loss against a pseudo-random photo.
    Photo { photo: Vec<u32>, mask: Option<Vec<u8>>, background: [f32; 3], ssim_weight: f32, alpha_weight: f32 },
    /// Forward only.
    None,
}

/// One view of one scene, and how to run it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) splats: Vec<Splat>,
    pub(super) camera: Camera,
    /// SH degree of the table.
    pub(super) stored_degree: usize,
    /// SH degree in use.
    pub(super) degree: usize,
    pub(super) antialias: bool,
    pub(super) with_depth: bool,
    pub(super) with_abs_grad: bool,
    pub(super) bands: u32,
    pub(super) isects: u64,
    pub(super) drive: Drive,
}

impl Case {
    /// The plainest run of a scene: full degree, one band, ample room.
    pub(super) fn new(splats: Vec<Splat>, camera: Camera) -> Self {
        let isects = (splats.len() as u64 * 64).clamp(1024, 1 << 18);
        Case {
            splats,
            camera,
            stored_degree: 3,
            degree: 3,
            antialias: false,
            with_depth: false,
            with_abs_grad: false,
            bands: 1,
            isects,
            drive: Drive::Linear,
        }
    }
}

/// What came back from the device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) rendered: Vec<[f32; 4]>,
    pub(super) depth: Vec<f32>,
    pub(super) grads: BTreeMap<&'static str, Vec<f32>>,
    /// (Σ norm, Σ norm of absolute sums, views) per row.
    pub(super) statistics: Vec<f32>,
    pub(super) counters: Vec<u32>,
    pub(super) order: Vec<u32>,
    pub(super) loss: f32,
}

impl Outcome {
    /// Bits of everything that must not depend on how the work was split.
    pub(super) fn bits(&self) -> Vec<u32> {
        let floats = self
            .rendered
            .as_flattened()
            .iter()
            .chain(&self.depth)
            .chain(self.grads.values().flatten())
            .chain(&self.statistics);
        floats.map(|value| value.to_bits()).chain(self.order.iter().copied()).collect()
    }

    pub(super) fn visible(&self) -> u32 {
        self.counters[counter::VISIBLE as usize]
    }
}

/// Everything in use, nothing rounded.
pub(super) const PHASE: Phase = Phase {
    step: 1,
    steps: 1,
    resolution: 1.0,
    sh_degree: 3,
    sh_update: true,
    motion_from: 0,
    noise_from: u64::MAX,
    round_from: u64::MAX,
};

/// The chain `decode → sh → rasterize`, with rates that stay still.
pub(super) fn model(degree: usize) -> Model {
    let still = Rate::constant(0.0);
    let rates =
        DecodeRates { means: still, log_scales: still, quats: still, opacity_logits: still, regularized: false };
    Model::new(vec![
        Box::new(Decode { rates, codecs: DecodeCodecs::default() }),
        Box::new(Sh::plain(degree as u32, still, still, 1)),
        Box::new(Rasterize::default()),
    ])
}

/// Splats as the core stores them.
pub(super) fn cloud(splats: &[Splat], degree: usize) -> SplatCloud {
    let narrow3 = |v: [f64; 3]| v.map(|value| value as f32);
    let rows = (degree + 1) * (degree + 1) - 1;
    SplatCloud {
        means: splats.iter().map(|s| narrow3(s.gaussian.mean)).collect(),
        quats: splats.iter().map(|s| s.gaussian.quat.map(|value| value as f32)).collect(),
        log_scales: splats.iter().map(|s| narrow3(s.gaussian.log_scale)).collect(),
        opacity_logits: splats.iter().map(|s| s.gaussian.opacity_logit as f32).collect(),
        sh0: splats.iter().map(|s| narrow3(s.sh.sh0)).collect(),
        sh_rest: splats
            .iter()
            .flat_map(|s| s.sh.rest[..rows].iter().flat_map(|c| narrow3(*c)).collect::<Vec<_>>())
            .collect(),
        sh_degree: degree as u8,
        antialiased: false,
        ..SplatCloud::default()
    }
}

pub(super) fn upload(gpu: &Gpu, params: &Params, cloud: &SplatCloud) {
    let write = |name: &str, values: &[f32]| params.column(name).values.write(gpu, values);
    write("means", cloud.means.as_flattened());
    write("quats", cloud.quats.as_flattened());
    write("log_scales", cloud.log_scales.as_flattened());
    write("opacity_logits", &cloud.opacity_logits);
    write("sh0", cloud.sh0.as_flattened());
    if params.has("shN") {
        write("shN", &cloud.sh_rest);
    }
}

/// The oracle's camera as a view of the core.
pub(super) fn view(camera: &Camera) -> View {
    let mut view =
        View::look_at(DVec3::ZERO, DVec3::Z, DVec3::Y, 60.0, camera.width as u32, camera.height as u32).unwrap();
    let rows = camera.viewmat.map(|row| DVec3::new(row[0], row[1], row[2]));
    view.viewmat = DAffine3 {
        matrix3: DMat3::from_cols(rows[0], rows[1], rows[2]).transpose(),
        translation: DVec3::from_array(camera.translation()),
    };
    (view.fx, view.fy, view.cx, view.cy) = (camera.fx, camera.fy, camera.cx, camera.cy);
    view
}

/// The fixed image gradient of [`Drive::Linear`].
pub(super) fn linear_gradient(camera: &Camera, with_depth: bool) -> Rendered {
    let pixels = camera.width * camera.height;
    let value = |k: usize| f64::from(noise(k) as f32);
    Rendered {
        rgb: (0..pixels).map(|p| [0, 1, 2].map(|c| value(5 * p + c))).collect(),
        transmittance: (0..pixels).map(|p| value(5 * p + 3)).collect(),
        depth: (0..pixels).map(|p| if with_depth { value(5 * p + 4) } else { 0.0 }).collect(),
    }
}

fn write_linear_gradient(gpu: &Gpu, scratch: &Scratch, case: &Case) {
    let grad = linear_gradient(&case.camera, case.with_depth);
    let pixel = |(rgb, t): (&[f64; 3], &f64)| [rgb[0] as f32, rgb[1] as f32, rgb[2] as f32, *t as f32];
    let pixels: Vec<[f32; 4]> = grad.rgb.iter().zip(&grad.transmittance).map(pixel).collect();
    scratch.grad_rendered.write(gpu, 0, &pixels);
    if case.with_depth {
        scratch.grad_depth.write(gpu, 0, &grad.depth.iter().map(|&d| d as f32).collect::<Vec<_>>());
    }
}

fn target(gpu: &Gpu, case: &Case) -> Option<Target> {
    let Drive::Photo { photo, mask, background, .. } = &case.drive else { return None };
    let mut bytes = mask.clone().unwrap_or_else(|| vec![0; 4]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Some(Target {
        photo: Buf::from_slice(gpu, "photo", photo),
        mask: Buf::from_slice(gpu, "mask", &bytemuck::pod_collect_to_vec::<u8, u32>(&bytes)),
        has_mask: mask.is_some(),
        background: *background,
    })
}

/// Tables and buffers of a case, to be run once or more.
pub(super) struct Bench {
    pub(super) params: Params,
    pub(super) scratch: Scratch,
    pub(super) observation: Observation,
    pub(super) losses: Arc<LossBuffers>,
}

impl Bench {
    pub(super) fn new(gpu: &Gpu, case: &Case) -> Self {
        let model = model(case.stored_degree);
        let rows = case.splats.len() as u64;
        let params = Params::new(gpu, model.columns(), rows, true);
        upload(gpu, &params, &cloud(&case.splats, case.stored_degree));
        let empty = Capacity {
            rows,
            isects: case.isects,
            pixels: 0,
            tiles: 0,
            bands: case.bands,
            trains: true,
            with_depth: case.with_depth,
            with_abs_grad: case.with_abs_grad,
        };
        let capacity = empty.with_image(case.camera.width as u32, case.camera.height as u32);
        let scratch = Scratch::new(gpu, capacity, params.rows_per_chunk()).unwrap();
        Bench {
            params,
            scratch,
            observation: Observation::new(gpu, rows),
            losses: Arc::new(LossBuffers::new(gpu, capacity.pixels)),
        }
    }

    /// Forward, loss, backward and observation, in one submission.
    pub(super) fn run(&self, gpu: &Gpu, case: &Case) -> Outcome {
        let model = model(case.stored_degree);
        let target = target(gpu, case);
        let options = RasterOptions { antialias: case.antialias, near: case.camera.near as f32 };
        let mut frame = Frame {
            with_depth: case.with_depth,
            with_abs_grad: case.with_abs_grad,
            target: target.as_ref(),
            ..Frame::new(
                frame_uniform(&view(&case.camera), &options, self.params.rows(), self.scratch.capacity.isects),
                Phase { sh_degree: case.degree as u32, ..PHASE },
                &self.scratch,
            )
        };
        if matches!(case.drive, Drive::Linear) {
            write_linear_gradient(gpu, &self.scratch, case);
        }
        let mut pass = Pass::new(gpu, "case");
        model.forward(&mut pass, &self.params, &mut frame);
        if let Drive::Photo { ssim_weight, alpha_weight, .. } = case.drive {
            Photometric { ssim_weight, alpha_weight, buffers: Arc::clone(&self.losses) }.add(
                &mut pass,
                &self.params,
                &mut frame,
            );
        }
        if !matches!(case.drive, Drive::None) {
            model.backward(&mut pass, &self.params, &mut frame);
            self.observation.add(&mut pass, &frame);
        }
        pass.submit();
        self.read(gpu, case)
    }

    fn read(&self, gpu: &Gpu, case: &Case) -> Outcome {
        let pixels = (case.camera.width * case.camera.height) as u64;
        let grads =
            self.params.columns().iter().map(|column| (column.spec.name, column.grads().read(gpu).unwrap())).collect();
        let parts = self.losses.parts.read(gpu).unwrap();
        let loss = if matches!(case.drive, Drive::Photo { .. }) { LossBuffers::mean(&parts, pixels) } else { 0.0 };
        Outcome {
            rendered: self.scratch.rendered.read_range(gpu, 0, pixels).unwrap(),
            depth: if case.with_depth { self.scratch.depth.read_range(gpu, 0, pixels).unwrap() } else { Vec::new() },
            grads,
            statistics: self.observation.values(gpu).unwrap(),
            counters: self.scratch.counters.read(gpu).unwrap(),
            order: self.scratch.order.read(gpu).unwrap(),
            loss,
        }
    }
}

/// Runs a case once on fresh buffers and checks that nothing overflowed.
pub(super) fn run(gpu: &Gpu, case: &Case) -> Outcome {
    let outcome = Bench::new(gpu, case).run(gpu, case);
    assert_eq!(
        outcome.counters[counter::OVERFLOW as usize],
        0,
        "a test's capacity was too small: {:?}",
        outcome.counters
    );
    outcome
}

/// A camera of this size: slightly turned, off-centre, its numbers exact in f32.
pub(super) fn camera(width: usize, height: usize) -> Camera {
    let small = crate::gradients::small_camera();
    let exact = |value: f64| f64::from(value as f32);
    let longer = width.max(height).min(128) as f64;
    Camera {
        viewmat: small.viewmat.map(|row| row.map(exact)),
        fx: exact(1.1 * longer),
        fy: exact(1.05 * longer),
        cx: exact(0.51 * width as f64),
        cy: exact(0.48 * height as f64),
        width,
        height,
        near: exact(0.1),
        far: 1e8,
    }
}

/// Pseudo-random splats around the optical axis of [`camera`], many of them overlapping, some culled.
pub(super) fn random_splats(count: usize, seed: usize) -> Vec<Splat> {
    let splat = |index: usize| {
        let random = |k: usize| f64::from(noise(70_001 * (seed + 1) + 97 * index + k) as f32);
        let coefficient = |k: usize| [0, 1, 2].map(|c| 0.25 * random(20 + 3 * k + c));
        let gaussian = Gaussian {
            mean: [1.6 * random(0), 1.4 * random(1), 2.3 + 2.0 * random(2)].map(|value| f64::from(value as f32)),
            quat: [3, 4, 5, 6].map(random),
            log_scale: [7, 8, 9].map(|k| f64::from((-2.2 + 1.2 * random(k)) as f32)),
            opacity_logit: f64::from((0.5 + 4.0 * random(10)) as f32),
        };
        let exact = |v: [f64; 3]| v.map(|value| f64::from(value as f32));
        Splat {
            gaussian,
            sh: OracleSh {
                sh0: exact([0, 1, 2].map(|c| 1.5 * random(11 + c))),
                rest: std::array::from_fn(|k: usize| exact(coefficient(k % REST))),
            },
        }
    };
    (0..count).map(splat).collect()
}

/// How far apart two vectors are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errors {
    /// Norm of the difference over the norm of what is expected.
    pub(super) vector: f64,
    /// Largest difference of an element over its size, elements below a tenth of the root mean
    /// square held to that.
    pub(super) element: f64,
}

/// Compares with what is expected; every number must be finite.
#[track_caller]
pub(super) fn errors(what: &str, found: &[f32], expected: &[f64]) -> Errors {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    assert!(found.iter().all(|value| value.is_finite()), "{what}: not finite");
    let norm = expected.iter().map(|e| e * e).sum::<f64>().sqrt();
    let floor = 0.1 * norm / (expected.len() as f64).sqrt();
    let difference = |(f, e): (&f32, &f64)| (f64::from(*f) - e).abs();
    let pairs = || found.iter().zip(expected);
    let distance = pairs().map(difference).map(|d| d * d).sum::<f64>().sqrt();
    if norm == 0.0 {
        return Errors { vector: distance, element: distance };
    }
    let element = pairs().map(|pair| difference(pair) / pair.1.abs().max(floor)).fold(0.0, f64::max);
    Errors { vector: distance / norm, element }
}

/// Fails unless both errors are within `tolerance`; says how large they are.
#[track_caller]
pub(super) fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let Errors { vector, element } = errors(what, found, expected);
    eprintln!("measured: {what}: vector {vector:.1e}, element {element:.1e}");
    if vector <= tolerance && element <= tolerance {
        return;
    }
    let floor = 0.1 * (expected.iter().map(|e| e * e).sum::<f64>() / expected.len() as f64).sqrt();
    let error = |i: usize| (f64::from(found[i]) - expected[i]).abs() / expected[i].abs().max(floor);
    let worst = (0..found.len()).max_by(|&i, &j| error(i).total_cmp(&error(j))).unwrap_or(0);
    panic!(
        "{what}: vector {vector:.1e}, element {element:.1e} (at {worst}: {:e}, expected {:e}); allowed {tolerance:e}",
        found[worst], expected[worst]
    );
}
