//! Edited splats look as they should, in the eyes of the oracle.

use std::sync::Arc;

use glam::{DQuat, DVec2, DVec3};
use splat_core::edit::{Document, Edit, Similarity, Viewpoint};
use splat_core::scene::{SplatCloud, View};

use crate::gradients::noise;
use crate::oracle::blend::Limits;
use crate::oracle::intersect::{ALPHA_MIN, depth_order, exponent};
use crate::oracle::project::Gaussian;
use crate::oracle::render::{RenderOptions, Splat, render, visible};
use crate::oracle::sh::{REST, Sh};
use crate::tiny::oracle_camera;

/// Coloured, stretched splats around the origin, of degree 3.
fn cloud(count: usize, antialiased: bool) -> SplatCloud {
    let mut cloud = SplatCloud { sh_degree: 3, antialiased, ..SplatCloud::default() };
    for i in 0..count {
        let random = |k: usize| noise(97 * i + k) as f32;
        cloud.means.push([0, 1, 2].map(|k| 0.8 * random(k)));
        cloud.quats.push([3, 4, 5, 6].map(random));
        cloud.log_scales.push([7, 8, 9].map(|k| -2.0 + random(k)));
        cloud.opacity_logits.push(1.0 + 2.0 * random(10));
        cloud.sh0.push([11, 12, 13].map(random));
        cloud.sh_rest.extend((0..3 * REST).map(|k| 0.3 * random(20 + k)));
    }
    cloud
}

fn splats(cloud: &SplatCloud) -> Vec<Splat> {
    let splat = |i: usize| Splat {
        gaussian: Gaussian {
            mean: cloud.means[i].map(f64::from),
            quat: cloud.quats[i].map(f64::from),
            log_scale: cloud.log_scales[i].map(f64::from),
            opacity_logit: f64::from(cloud.opacity_logits[i]),
        },
        sh: Sh {
            sh0: cloud.sh0[i].map(f64::from),
            rest: std::array::from_fn(|k| [0, 1, 2].map(|c| f64::from(cloud.sh_rest[(i * REST + k) * 3 + c]))),
        },
    };
    (0..cloud.len()).map(splat).collect()
}

fn view() -> View {
    View::look_at(DVec3::new(0.7, -1.2, -2.6), DVec3::ZERO, DVec3::Y, 45.0, 48, 40).unwrap()
}

fn oblique() -> Similarity {
    Similarity {
        rotation: DQuat::from_axis_angle(DVec3::new(-2.0, 1.0, 0.5).normalize(), 1.9),
        scale: 0.4,
        translation: DVec3::new(-1.0, 2.0, 0.5),
    }
}

#[test]
fn a_moved_scene_looks_the_same_to_a_moved_camera() {
    for antialias in [false, true] {
        // Without a cut-off a rounding error in alpha cannot switch a whole contribution off.
        let options = RenderOptions { degree: 3, antialias, limits: Limits::SMOOTH };
        let cloud = cloud(60, antialias);
        let mut document = Document::new(Arc::new(cloud.clone())).unwrap();
        document.apply(&Edit::Transform(oblique())).unwrap();
        let moved_view = document.transform().transform_view(&view());
        let before = render(&splats(&cloud), &oracle_camera(&view()), &options);
        let after = render(&splats(&document.baked().unwrap()), &oracle_camera(&moved_view), &options);
        let unmoved = render(&splats(&cloud), &oracle_camera(&moved_view), &options);
        let difference = |a: &[[f64; 3]], b: &[[f64; 3]]| {
            a.as_flattened().iter().zip(b.as_flattened()).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()))
        };
        assert!(difference(&before.rgb, &after.rgb) < 1e-4, "{}", difference(&before.rgb, &after.rgb));
        assert!(difference(&before.rgb, &unmoved.rgb) > 0.1, "the cameras must differ");
    }
}

#[test]
fn a_click_finds_the_splat_that_weighs_most_in_the_picture() {
    for antialias in [false, true] {
        let cloud = cloud(300, antialias);
        let mut document = Document::new(Arc::new(cloud.clone())).unwrap();
        document.apply(&Edit::Transform(oblique())).unwrap();
        let moved_view = document.transform().transform_view(&view());
        let viewpoint = Viewpoint::new(&document, &moved_view, 1e-4);
        let camera = oracle_camera(&view());
        let options = RenderOptions { degree: 0, antialias, limits: Limits::RENDERING };
        let (rows, splats2d) = visible(&splats(&cloud), &camera, &options);
        let order = depth_order(splats2d.iter().map(|splat| splat.depth), camera.near);
        let mut compared = 0;
        for pixel in camera.pixel_centres() {
            let mut transmittance = 1.0;
            let mut weights: Vec<(f64, usize)> = Vec::new();
            for &index in &order {
                let splat = &splats2d[index];
                let offset = [pixel[0] - splat.mean2d[0], pixel[1] - splat.mean2d[1]];
                let alpha = (splat.opacity * (-exponent(&splat.conic, &offset)).exp()).min(options.limits.alpha_max);
                if alpha >= ALPHA_MIN && transmittance >= options.limits.t_min {
                    weights.push((alpha * transmittance, rows[index]));
                    transmittance *= 1.0 - alpha;
                }
            }
            weights.sort_by(|a, b| b.0.total_cmp(&a.0));
            let hit = viewpoint.at_point(DVec2::from_array(pixel), 0.0).map(|hit| hit.row);
            match weights[..] {
                [(first, _), (second, _), ..] if first - second < 1e-6 => {}
                [(_, row), ..] => {
                    assert_eq!(hit, Some(row), "{pixel:?}");
                    compared += 1;
                }
                [] => assert_eq!(hit, None, "{pixel:?}"),
            }
        }
        assert!(compared > 1000, "{compared}");
    }
}
