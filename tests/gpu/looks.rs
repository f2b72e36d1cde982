//! Ways of looking at splats: the inspecting kernel against the oracle, the viewer against what its looks promise, and
//! `splat render` against the viewer.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use glam::{DVec2, DVec3};
use splat_core::Error;
use splat_core::gpu::{Gpu, GpuOptions};
use splat_core::look::{Colormap, Look, Marks, Mode, Viewer};
use splat_core::model::{Model, RasterOptions, Rendered, Scene, ViewRenderer};
use splat_core::params::Params;
use splat_core::render::Renderer;
use splat_core::scene::{Motion, SplatCloud, TimeBasis, View, write_splats};
use splat_core::schedule::Rate;
use splat_core::stage::decode::{Decode, DecodeCodecs, DecodeRates};
use splat_core::stage::rasterize::{Blending, Rasterize};
use splat_core::stage::sh::Sh;

use super::chain::PIXELS;
use super::harness::{PHASE, camera, cloud, random_splats, upload, view};
use crate::oracle::blend::Limits;
use crate::oracle::camera::Camera;
use crate::oracle::inspect::{SOLID_RADIUS, ellipsoids, overdraw};
use crate::oracle::render::{RenderOptions, Splat, visible};

const OPTIONS: RasterOptions = RasterOptions { antialias: false, near: 0.1 };
/// How far decisions of the oracle are moved both ways: more than f32 may be off.
const SLACK: f64 = 1e-3;

fn rendered(gpu: &Gpu, splats: &[Splat], camera: &Camera, blending: Blending) -> Rendered {
    let still = Rate::constant(0.0);
    let rates =
        DecodeRates { means: still, log_scales: still, quats: still, opacity_logits: still, regularized: false };
    let sh = Sh::plain(3, still, still, 1);
    let model = Model::new(vec![
        Box::new(Decode { rates, codecs: DecodeCodecs::default() }),
        Box::new(sh),
        Box::new(Rasterize { blending }),
    ]);
    let params = Params::new(gpu, model.columns(), splats.len() as u64, false);
    upload(gpu, &params, &cloud(splats, 3));
    let options = RasterOptions { antialias: false, near: camera.near as f32 };
    let scene = Scene { gpu, model: &model, params: &params, phase: PHASE, options };
    ViewRenderer::new().render(&scene, &view(camera), false).unwrap()
}

/// Scenes of few and of many splats per pixel, on images of whole and of broken tiles.
fn scenes() -> impl Iterator<Item = (Vec<Splat>, Camera)> {
    [(1, 1), (7, 17), (40, 35), (64, 48)].into_iter().enumerate().map(|(seed, (width, height))| {
        let mut splats = random_splats(200, 90 + seed);
        // Opaque enough that pixels end.
        splats.iter_mut().for_each(|splat| splat.gaussian.opacity_logit += 2.0);
        (splats, camera(width, height))
    })
}

pub(super) fn overdraw_equals_the_oracle(gpu: &Gpu) {
    let (mut sure, mut pixels, mut most) = (0, 0, 0);
    for (splats, camera) in scenes() {
        let found = rendered(gpu, &splats, &camera, Blending::Overdraw);
        let options = RenderOptions { degree: 3, antialias: false, limits: Limits::RENDERING };
        let (_, splats2d) = visible(&splats, &camera, &options);
        let with = |factor: f64| {
            let Limits { alpha_min, alpha_max, t_min } = Limits::RENDERING;
            overdraw(&splats2d, &camera, &Limits { alpha_min: alpha_min * factor, alpha_max, t_min: t_min * factor })
        };
        for (found, (few, many)) in found.pixels.iter().zip(with(1.0 + SLACK).iter().zip(&with(1.0 - SLACK))) {
            let [count, green, blue, t] = *found;
            let range = f64::from(few.0.min(many.0))..=f64::from(few.0.max(many.0));
            assert!(range.contains(&f64::from(count)), "{count} is not in {range:?}");
            assert_eq!([green, blue], [0.0; 2]);
            let is_sure = few.0 == many.0;
            assert!(!is_sure || (f64::from(t) - few.1).abs() < PIXELS, "transmittance {t}, expected {}", few.1);
            sure += usize::from(is_sure);
            pixels += 1;
            most = most.max(few.0);
        }
    }
    assert!(100 * sure > 95 * pixels, "only {sure} of {pixels} pixels are beyond doubt");
    assert!(most > 15, "a scene of {most} splats per pixel says little");
}

pub(super) fn ellipsoids_equal_the_oracle(gpu: &Gpu) {
    let (mut close, mut hit, mut pixels) = (0, 0, 0);
    for (mut splats, camera) in scenes() {
        // As the viewer draws them: the footprint must reach as far as the solid.
        splats.iter_mut().for_each(|splat| splat.gaussian.opacity_logit = 4.6);
        let found = rendered(gpu, &splats, &camera, Blending::Ellipsoids);
        let options = RenderOptions { degree: 3, antialias: false, limits: Limits::RENDERING };
        let (_, splats2d) = visible(&splats, &camera, &options);
        let [exact, small, large] =
            [1.0, 1.0 - SLACK, 1.0 + SLACK].map(|factor| ellipsoids(&splats2d, &camera, SOLID_RADIUS * factor));
        for (p, found) in found.pixels.iter().enumerate() {
            let matches = |expected: &[f64; 3], t: f64, tolerance: f64| {
                let rgb = found.iter().zip(expected).all(|(f, e)| (f64::from(*f) - e).abs() <= tolerance);
                rgb && f64::from(found[3]) == t
            };
            let is_close = matches(&exact.rgb[p], exact.transmittance[p], 10.0 * PIXELS);
            // On a rim, a hair decides, and shading is as steep as can be.
            let on_a_rim =
                [&small, &large].into_iter().any(|oracle| matches(&oracle.rgb[p], oracle.transmittance[p], 0.05));
            assert!(is_close || on_a_rim, "pixel {p} is {found:?}, expected {:?}", exact.rgb[p]);
            close += usize::from(is_close);
            hit += usize::from(found[3] == 0.0);
            pixels += 1;
        }
    }
    assert!(100 * close > 98 * pixels, "only {close} of {pixels} pixels are close");
    assert!(hit > pixels / 4 && hit < pixels, "{hit} of {pixels} pixels are hit");
}

/// A viewer on a cloud.
fn viewer(gpu: &Arc<Gpu>, cloud: &SplatCloud) -> Viewer {
    let mut viewer = Viewer::new(gpu);
    viewer.set_cloud(Arc::new(cloud.clone()), OPTIONS, None).unwrap();
    viewer
}

fn look(mode: Mode) -> Look {
    Look { mode, background: [0.2, 0.4, 0.6], ..Look::default() }
}

fn scene(count: usize, seed: usize) -> SplatCloud {
    cloud(&random_splats(count, seed), 3)
}

pub(super) fn colour_is_what_a_renderer_renders(gpu: &Arc<Gpu>) {
    for antialias in [false, true] {
        let (cloud, view) = (scene(300, 100), view(&camera(61, 47)));
        let options = RasterOptions { antialias, ..OPTIONS };
        let look = look(Mode::Colour);
        let expected = Renderer::new(gpu, &cloud, options).unwrap().render(&view, look.background).unwrap();
        let mut viewer = viewer(gpu, &cloud);
        viewer.set_cloud(Arc::new(cloud.clone()), options, None).unwrap();
        let picture = viewer.draw(&view, &look).unwrap();
        assert!(picture.legend.is_none() && picture.note.is_none());
        // Packed coefficients are off by up to half a step of 1/127 of the largest of the splat.
        let off = expected.rgba.iter().zip(&picture.image.rgba).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(2), "antialias {antialias}: off by {off:?} levels");
        // The same, chosen by the look.
        viewer.set_cloud(Arc::new(cloud), OPTIONS, None).unwrap();
        assert!(viewer.draw(&view, &Look { antialias: Some(antialias), ..look }).unwrap() == picture);
    }
}

pub(super) fn going_through_all_looks_comes_back_to_the_same_bytes(gpu: &Arc<Gpu>) {
    let (cloud, view) = (scene(200, 101), view(&camera(40, 30)));
    let mut viewer = viewer(gpu, &cloud);
    let first = viewer.draw(&view, &look(Mode::Colour)).unwrap();
    let mut seen = vec![first.image.clone()];
    for mode in Mode::ALL.into_iter().skip(1).filter(|mode| !matches!(mode, Mode::Age | Mode::Motion)) {
        let picture = viewer.draw(&view, &look(mode)).unwrap();
        assert!(!seen.contains(&picture.image), "{mode} looks like another mode");
        assert!(viewer.draw(&view, &look(mode)).unwrap() == picture, "{mode} again");
        let other = Look { colours: Colormap::Viridis, ..look(mode) };
        let recoloured = viewer.draw(&view, &other).unwrap();
        assert_eq!(recoloured.image != picture.image, picture.legend.is_some(), "{mode} in other colours");
        assert_eq!(recoloured.legend.map(|legend| legend.colours), picture.legend.map(|_| Colormap::Viridis));
        seen.push(picture.image);
    }
    for changed in [
        Look { splat_scale: 0.5, ..look(Mode::Colour) },
        Look { sh_degree: 0, ..look(Mode::Colour) },
        Look { near: Some(2.5), ..look(Mode::Colour) },
    ] {
        assert!(viewer.draw(&view, &changed).unwrap().image != first.image, "{changed:?}");
    }
    assert!(viewer.draw(&view, &look(Mode::Colour)).unwrap() == first);
}

pub(super) fn every_mode_draws_odd_sizes_strips_and_nothing(gpu: &Arc<Gpu>) {
    let nothing = Arc::new(SplatCloud { sh_degree: 3, ..SplatCloud::default() });
    let mut viewer = Viewer::new(gpu);
    for (width, height) in [(1, 1), (3, 50), (64, 1)] {
        let view = view(&camera(width, height));
        for mode in Mode::ALL {
            let look = look(mode);
            let plain = [51, 102, 153, 255];
            let unloaded = Viewer::new(gpu).draw(&view, &look).unwrap();
            assert!(unloaded.image.rgba.chunks_exact(4).all(|pixel| pixel == plain));
            viewer.set_cloud(Arc::clone(&nothing), OPTIONS, None).unwrap();
            let empty = viewer.draw(&view, &look).unwrap();
            let expected = if mode == Mode::Alpha { [0, 0, 0, 255] } else { plain };
            assert!(empty.image.rgba.chunks_exact(4).all(|pixel| pixel == expected), "{mode} of nothing");
            viewer.set_cloud(Arc::new(scene(50, 102)), OPTIONS, None).unwrap();
            let image = viewer.draw(&view, &look).unwrap().image;
            assert_eq!(
                (image.width, image.height, image.rgba.len()),
                (width as u32, height as u32, 4 * width * height)
            );
            assert!(image.rgba.chunks_exact(4).all(|pixel| pixel[3] == 255), "{mode}");
        }
    }
    // An image of no size is no reason to fail, as a window being folded away has one.
    let flat = View { height: 0, ..view(&camera(8, 8)) };
    assert!(viewer.draw(&flat, &look(Mode::Depth)).unwrap().image.rgba.is_empty());
}

pub(super) fn hidden_splats_are_gone_and_selected_ones_yellow(gpu: &Arc<Gpu>) {
    let (cloud, view) = (scene(120, 103), view(&camera(48, 40)));
    let half = |column: &[[f32; 3]]| column[..60].to_vec();
    let front = SplatCloud {
        means: half(&cloud.means),
        quats: cloud.quats[..60].to_vec(),
        log_scales: half(&cloud.log_scales),
        opacity_logits: cloud.opacity_logits[..60].to_vec(),
        sh0: half(&cloud.sh0),
        sh_rest: cloud.sh_rest[..60 * 45].to_vec(),
        ..cloud.clone()
    };
    let mut viewer_of_all = viewer(gpu, &cloud);
    let mut viewer_of_half = viewer(gpu, &front);
    let hidden = Marks { hidden: (0..120).map(|row| row >= 60).collect(), selected: Vec::new() };
    viewer_of_all.set_marks(hidden.clone());
    // Opacity has the same range whatever is there; those of sizes differ.
    for mode in Mode::ALL.into_iter().filter(|mode| *mode != Mode::Size) {
        let expected = viewer_of_half.draw(&view, &look(mode)).unwrap();
        assert!(viewer_of_all.draw(&view, &look(mode)).unwrap() == expected, "{mode} shows what is hidden");
    }
    let colour = look(Mode::Colour);
    let without = viewer_of_all.draw(&view, &colour).unwrap().image;
    // Everything selected, though the list is too long; then nothing is marked at all.
    viewer_of_all.set_marks(Marks { selected: vec![true; 500], ..hidden });
    let tinted = viewer_of_all.draw(&view, &colour).unwrap().image;
    let mean = |rgba: &[u8], c: usize| rgba.iter().skip(c).step_by(4).map(|&byte| f64::from(byte)).sum::<f64>();
    let yellow = |rgba: &[u8]| mean(rgba, 0) + mean(rgba, 1) - 2.0 * mean(rgba, 2);
    assert!(yellow(&tinted.rgba) > yellow(&without.rgba) + 20.0 * f64::from(48 * 40), "selection is not yellow");
    viewer_of_all.set_marks(Marks::default());
    let all = viewer(gpu, &cloud).draw(&view, &colour).unwrap();
    assert!(viewer_of_all.draw(&view, &colour).unwrap() == all);
}

/// One splat in front of a camera at the origin that looks along z.
fn single(log_scale: f32) -> SplatCloud {
    SplatCloud {
        means: vec![[0.0, 0.0, 2.0]],
        quats: vec![[1.0, 0.0, 0.0, 0.0]],
        log_scales: vec![[log_scale; 3]],
        opacity_logits: vec![1.0],
        sh0: vec![[1.0, 1.0, 1.0]],
        ..SplatCloud::default()
    }
}

fn looking_along_z(width: u32, height: u32) -> View {
    View::look_at(DVec3::ZERO, DVec3::Z, DVec3::NEG_Y, 50.0, width, height).unwrap()
}

pub(super) fn points_are_dots_and_scaled_splats_cover_more(gpu: &Arc<Gpu>) {
    let view = looking_along_z(65, 65);
    let mut viewer = viewer(gpu, &single(-1.5));
    let mut covered = |look: &Look| {
        let image = viewer.draw(&view, look).unwrap().image;
        image.rgba.chunks_exact(4).filter(|pixel| pixel[0] > 40).count()
    };
    let black = |mode| Look { mode, ..Look::default() };
    let dot = covered(&black(Mode::Points));
    assert!((1..=21).contains(&dot), "a dot of {dot} pixels");
    let plain = covered(&black(Mode::Colour));
    let larger = covered(&Look { splat_scale: 2.0, ..black(Mode::Colour) });
    let ratio = larger as f64 / plain as f64;
    assert!((3.0..4.5).contains(&ratio), "twice as wide is {ratio} times the area");
    assert_eq!(covered(&Look { splat_scale: 2.0, ..black(Mode::Points) }), dot);
    // A solid ends at 1.5 standard deviations: 0.223 / 2 · 69.7 px each.
    let solid = covered(&black(Mode::Ellipsoids)) as f64;
    let expected = std::f64::consts::PI * (1.5 * 0.2231 / 2.0 * view.fx).powi(2);
    assert!((solid / expected - 1.0).abs() < 0.1, "a solid of {solid} pixels, expected {expected}");
}

pub(super) fn a_cloud_that_does_not_fit_leaves_the_earlier_one(gpu: &Arc<Gpu>) {
    let options = GpuOptions {
        profile: Some(gpu.profile().name.into()),
        max_binding_bytes: Some(1 << 20),
        ..GpuOptions::default()
    };
    let small = Gpu::new(&options).unwrap();
    let (cloud, view) = (scene(7000, 104), view(&camera(24, 20)));
    let mut viewer = viewer(&small, &cloud);
    let before = viewer.draw(&view, &look(Mode::Colour)).unwrap();
    assert!(before.image == self::viewer(gpu, &cloud).draw(&view, &look(Mode::Colour)).unwrap().image, "in chunks");
    let too_many = Arc::new(scene(22_000, 105));
    assert!(matches!(viewer.set_cloud(too_many, OPTIONS, None), Err(Error::OutOfMemory { .. })));
    assert!(viewer.set_cloud(Arc::new(cloud), OPTIONS, Some(Arc::new(vec![1; 6999]))).is_err());
    assert!(viewer.draw(&view, &look(Mode::Colour)).unwrap() == before);
    // Another size and degree: other columns, cut into other chunks.
    let plain = single(-1.0);
    viewer.set_cloud(Arc::new(plain.clone()), OPTIONS, None).unwrap();
    assert!(
        viewer.draw(&view, &look(Mode::Size)).unwrap()
            == self::viewer(gpu, &plain).draw(&view, &look(Mode::Size)).unwrap()
    );
    small.check().unwrap();
}

/// Small splats close together on the plane z = 4 + x / 2.
fn wall() -> SplatCloud {
    let steps = || (-40..=40).map(|i| i as f32 * 0.05);
    let means: Vec<[f32; 3]> = steps().flat_map(|x| steps().map(move |y| [x, y, 4.0 + 0.5 * x])).collect();
    let count = means.len();
    SplatCloud {
        means,
        quats: vec![[1.0, 0.0, 0.0, 0.0]; count],
        log_scales: vec![[-3.2; 3]; count],
        opacity_logits: vec![3.0; count],
        sh0: vec![[0.3; 3]; count],
        ..SplatCloud::default()
    }
}

pub(super) fn the_surface_of_a_wall_is_found(gpu: &Arc<Gpu>) {
    let cloud = wall();
    let rows = cloud.len();
    let mut viewer = viewer(gpu, &cloud);
    let view = View::look_at(DVec3::new(0.3, -0.2, 0.1), DVec3::new(0.0, 0.1, 4.0), DVec3::NEG_Y, 40.0, 320, 240);
    let view = view.unwrap();
    for mode in [Mode::Colour, Mode::Points, Mode::Ellipsoids] {
        viewer.draw(&view, &look(mode)).unwrap();
        for pixel in [[160.0, 120.0], [20.25, 31.75], [300.5, 200.5], [0.0, 0.0]] {
            let found = viewer.surface_at(&view, pixel).unwrap().unwrap_or_else(|| panic!("nothing at {pixel:?}"));
            let off = found.z - 4.0 - 0.5 * found.x;
            assert!(off.abs() < 0.08, "{mode}: {pixel:?} is {off} off the wall: {found}");
            let again = view.project(found).unwrap();
            assert!((again - DVec2::from(pixel)).length() < 1e-6, "{pixel:?} came back as {again}");
        }
    }
    // What is seen of a pixel in the middle of the image is what the image says of it.
    let depth_mode = viewer.draw(&view, &look(Mode::Depth)).unwrap();
    let legend = depth_mode.legend.unwrap();
    let found = viewer.surface_at(&view, [160.5, 120.5]).unwrap().unwrap();
    let z = view.viewmat.transform_point3(found).z;
    assert!((legend.min..legend.max).contains(&z), "{z} in {legend:?}");
    // Beside the wall, behind the near plane, hidden, and without any cloud.
    assert_eq!(viewer.surface_at(&view, [-900.0, 120.0]).unwrap(), None);
    assert_eq!(viewer.surface_at(&view, [f64::NAN, 1.0]).unwrap(), None);
    viewer.draw(&view, &Look { near: Some(50.0), ..look(Mode::Colour) }).unwrap();
    assert_eq!(viewer.surface_at(&view, [160.0, 120.0]).unwrap(), None);
    viewer.draw(&view, &look(Mode::Colour)).unwrap();
    assert!(viewer.surface_at(&view, [160.0, 120.0]).unwrap().is_some());
    viewer.set_marks(Marks { hidden: vec![true; rows], selected: Vec::new() });
    assert_eq!(viewer.surface_at(&view, [160.0, 120.0]).unwrap(), None);
    assert_eq!(Viewer::new(gpu).surface_at(&view, [160.0, 120.0]).unwrap(), None);
}

pub(super) fn ages_are_coloured_or_their_absence_is_told(gpu: &Arc<Gpu>) {
    let (cloud, view) = (scene(100, 106), view(&camera(32, 32)));
    let mut viewer = viewer(gpu, &cloud);
    let colour = viewer.draw(&view, &look(Mode::Colour)).unwrap();
    let without = viewer.draw(&view, &look(Mode::Age)).unwrap();
    assert!(without.image == colour.image && without.legend.is_none());
    assert!(without.note.is_some_and(|note| note.contains("ages")));
    let ages: Vec<u32> = (0..100).map(|row| 10 * row).collect();
    viewer.set_cloud(Arc::new(cloud), OPTIONS, Some(Arc::new(ages))).unwrap();
    let with = viewer.draw(&view, &look(Mode::Age)).unwrap();
    let legend = with.legend.unwrap();
    assert_eq!((legend.label, legend.min, legend.max, with.note), ("Age", 0.0, 990.0, None));
    assert!(with.image != colour.image);
}

pub(super) fn motion_is_coloured_and_what_rests_is_grey(gpu: &Arc<Gpu>) {
    let (still, view) = (scene(100, 108), view(&camera(32, 32)));
    let mut viewer = viewer(gpu, &still);
    let colour = viewer.draw(&view, &look(Mode::Colour)).unwrap();
    let without = viewer.draw(&view, &look(Mode::Motion)).unwrap();
    assert!(without.image == colour.image && without.legend.is_none());
    assert!(without.note.is_some_and(|note| note.contains("do not move")));
    let rest = TimeBasis::STILL;
    let means = TimeBasis::Flow { poly: 1, fourier: 0 };
    let motion = Motion { means, quats: rest, sh0: rest, dilates: false, fades: false, frames: 8 };
    let mut cloud = still.with_motion(motion);
    let draw = |viewer: &mut Viewer, cloud: &SplatCloud, look: &Look| {
        viewer.set_cloud(Arc::new(cloud.clone()), OPTIONS, None).unwrap();
        viewer.draw(&View { time: Some(0.5), ..view.clone() }, look).unwrap()
    };
    let black = Look { background: [0.0; 3], ..look(Mode::Motion) };
    let rests = draw(&mut viewer, &cloud, &black);
    let is_grey = |pixel: &[u8]| pixel[0] == pixel[1] && pixel[1] == pixel[2];
    assert!(rests.image.rgba.chunks_exact(4).all(is_grey) && rests.legend.is_none());
    cloud.more[0].values.chunks_exact_mut(3).skip(50).for_each(|way| way[0] = 2.0);
    let moves = draw(&mut viewer, &cloud, &black);
    assert!(!moves.image.rgba.chunks_exact(4).all(is_grey));
    let legend = moves.legend.unwrap();
    assert_eq!((legend.label, legend.min, moves.note), ("Distance travelled", 0.0, None));
    // One value alone gets a little room above it.
    assert!((legend.max - 4.0).abs() < 0.01, "{}", legend.max);
}

/// `splat render` of `scene.ply` in a folder, with more flags.
fn render(folder: &Path, profile: &str, flags: &[&str]) -> Output {
    let pose = ["--eye", "0,0,0", "--target", "0,0,1", "--up", "0,-1,0", "--fov", "50", "--size", "40x30"];
    let mut command = Command::new(crate::cli::binary());
    command.current_dir(folder).args(["render", "scene.ply", "-o", "out.png", "--profile", profile]).args(pose);
    let output = command.args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

pub(super) fn the_command_line_renders_what_a_viewer_draws(gpu: &Arc<Gpu>) {
    let folder = tempfile::tempdir().unwrap();
    let splats = scene(150, 107);
    write_splats(&folder.path().join("scene.ply"), &splats, &[]).unwrap();
    let view = looking_along_z(40, 30);
    let mut viewer = Viewer::new(gpu);
    // The near plane that the program derives from the distance of the target.
    let options = RasterOptions { near: splat_core::render::auto_near(1.0), ..OPTIONS };
    viewer.set_cloud(Arc::new(splats), options, None).unwrap();
    let half = Look { mode: Mode::Size, colours: Colormap::Viridis, splat_scale: 0.5, ..Look::default() };
    let cases: [(&[&str], Look, &str); 5] = [
        (&[], Look::default(), ""),
        (
            &["--sh-degree", "1", "--background", "white"],
            Look { sh_degree: 1, background: [1.0; 3], ..Look::default() },
            "",
        ),
        (&["--mode", "depth"], Look { mode: Mode::Depth, ..Look::default() }, "depth "),
        (&["--mode", "overdraw"], Look { mode: Mode::Overdraw, ..Look::default() }, "splats per pixel"),
        (&["--mode", "size", "--colours", "viridis", "--splat-scale", "0.5"], half, "logarithmic"),
    ];
    for (flags, look, told) in cases {
        let stderr = String::from_utf8(render(folder.path(), gpu.profile().name, flags).stderr).unwrap();
        assert!(stderr.contains(told) && (!told.is_empty() || stderr.is_empty()), "{flags:?}: {stderr}");
        let written = image::open(folder.path().join("out.png")).unwrap().to_rgba8();
        assert!(written.into_raw() == viewer.draw(&view, &look).unwrap().image.rgba, "{flags:?}");
    }
}
