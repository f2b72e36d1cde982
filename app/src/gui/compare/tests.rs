use super::{Compare, CompareData, CompareMode, Gain, difference, display_image, heat, turn};
use crate::gui::scores::{Moment, Score};
use egui::{Color32, ColorImage, Rect, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use splat_core::metrics::Image;
use std::sync::Arc;

fn flat(width: u32, height: u32, colour: [u8; 4]) -> Image {
    Image { width, height, rgba: colour.repeat((width * height) as usize) }
}

#[test]
fn equal_pictures_are_black_and_opposite_ones_white() {
    let black = flat(3, 2, [0, 0, 0, 255]);
    let white = flat(3, 2, [255; 4]);
    assert_eq!(difference(&black, &black, None, Gain::Ten), black);
    assert_eq!(difference(&black, &white, None, Gain::One), white);
    assert_eq!(difference(&white, &black, None, Gain::One), white, "the order does not matter");
}

#[test]
fn a_difference_is_the_mean_of_its_channels_times_the_gain() {
    let a = flat(1, 1, [10, 200, 30, 255]);
    let b = flat(1, 1, [40, 170, 60, 0]);
    for (gain, factor) in [(Gain::One, 1.0), (Gain::Four, 4.0)] {
        let [r, g, b_] = heat(30.0 / 255.0 * factor);
        assert_eq!(difference(&a, &b, None, gain).rgba, [r, g, b_, 255], "alpha does not count");
    }
    assert_eq!(difference(&a, &b, None, Gain::Ten).rgba, [255; 4], "it saturates");
}

#[test]
fn masked_pixels_are_grey_and_sizes_may_differ() {
    let render = flat(2, 3, [0, 0, 0, 255]);
    let mut photo = flat(3, 2, [0, 0, 0, 255]);
    photo.rgba[4 * 3..4 * 3 + 3].fill(255); // the first pixel of the second line
    let mask = [255, 0, 255, 255, 255, 255];
    let found = difference(&render, &photo, Some(&mask), Gain::One);
    assert_eq!((found.width, found.height), (2, 2));
    assert_eq!(found.rgba.as_chunks::<4>().0, [[0, 0, 0, 255], [96, 96, 96, 255], [255; 4], [0, 0, 0, 255]]);
    let nothing = flat(0, 0, [0; 4]);
    assert_eq!(difference(&nothing, &photo, None, Gain::One), nothing);
}

#[test]
fn heat_grows_lighter_all_the_way() {
    let light = |[r, g, b]: [u8; 3]| 0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b);
    let steps: Vec<f32> = (0..=100).map(|i| light(heat(i as f32 / 100.0))).collect();
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
    assert_eq!(heat(f32::INFINITY), [255; 3]);
    assert_eq!(heat(-1.0), [0; 3]);
}

#[test]
fn pictures_too_large_for_a_texture_are_averaged_down() {
    let mut image = flat(5, 2, [100, 100, 100, 255]);
    image.rgba[..4].copy_from_slice(&[200, 100, 0, 255]);
    let same = display_image(&image, 5);
    assert_eq!(same.size, [5, 2]);
    assert_eq!(same.pixels[0], Color32::from_rgb(200, 100, 0));
    let half = display_image(&image, 3);
    assert_eq!(half.size, [3, 1]);
    assert_eq!(half.pixels[0], Color32::from_rgb(125, 100, 75));
    assert_eq!(half.pixels[2], Color32::from_rgb(100, 100, 100), "a block cut off by the border");
    assert_eq!(display_image(&flat(0, 0, [0; 4]), 8).size, [1, 1]);
}

#[test]
fn flicker_has_two_rounds_a_second() {
    let turns: Vec<bool> = (0..8).map(|i| turn(0.125 + 0.25 * f64::from(i)).0).collect();
    assert_eq!(turns, [true, false, true, false, true, false, true, false]);
    let (_, until) = turn(10.2);
    assert!((0.05..0.06).contains(&until), "{until}");
    assert_ne!(turn(10.2).0, turn(10.2 + until).0);
}

struct Both {
    compare: Compare,
    render: Arc<ColorImage>,
    photo: Option<Arc<ColorImage>>,
    score: Option<Score>,
    reduced_motion: bool,
}

impl Both {
    fn new(mode: CompareMode) -> Self {
        let picture = |grey| Arc::new(ColorImage::filled([4, 4], Color32::from_gray(grey)));
        let compare = Compare { mode, ..Compare::default() };
        Self { compare, render: picture(0), photo: Some(picture(255)), score: None, reduced_motion: false }
    }
}

fn window(both: Both) -> Harness<'static, Both> {
    Harness::builder().with_size(vec2(600.0, 400.0)).build_ui_state(
        |ui, both: &mut Both| {
            let data = CompareData {
                render: Some(&both.render),
                photo: both.photo.as_ref(),
                score: both.score,
                reduced_motion: both.reduced_motion,
                ..CompareData::default()
            };
            both.compare.controls(ui, &data);
            let rect = Rect::from_min_size(pos2(100.0, 100.0), vec2(200.0, 200.0));
            both.compare.picture(ui, rect, &data);
        },
        both,
    )
}

#[test]
fn modes_are_chosen_by_button_and_say_what_they_need() {
    let mut harness = window(Both::new(CompareMode::Render));
    assert!(!harness.state().compare.wants_photo());
    for (name, mode) in [
        ("Photo", CompareMode::Photo),
        ("Split", CompareMode::Split),
        ("Flicker", CompareMode::Flicker),
        ("Difference", CompareMode::Difference),
    ] {
        harness.get_by_label(name).click();
        harness.run();
        assert_eq!(harness.state().compare.mode, mode);
        assert!(harness.state().compare.wants_photo());
    }
    assert_eq!(harness.state().compare.wants_difference(), Some(Gain::Four));
    harness.get_by_label("×10").click();
    harness.run();
    assert_eq!(harness.state().compare.wants_difference(), Some(Gain::Ten));
}

#[test]
fn the_divider_is_dragged_on_the_picture_and_set_by_the_slider() {
    let mut harness = window(Both::new(CompareMode::Split));
    harness.run();
    harness.get_by_label("Divider").set_value_accesskit(0.25);
    harness.run();
    assert_eq!(harness.state().compare.split, 0.25);
    harness.drag_at(pos2(150.0, 200.0));
    harness.run();
    harness.hover_at(pos2(260.0, 200.0));
    harness.run();
    assert!((harness.state().compare.split - 0.8).abs() < 1e-3, "{}", harness.state().compare.split);
    harness.hover_at(pos2(900.0, 200.0));
    harness.drop_at(pos2(900.0, 200.0));
    harness.run();
    assert_eq!(harness.state().compare.split, 1.0, "it stays on the picture");
}

#[test]
fn with_reduced_motion_flicker_changes_by_hand_only() {
    let mut both = Both::new(CompareMode::Flicker);
    both.reduced_motion = true;
    let mut harness = window(both);
    harness.run();
    harness.get_by_label("Swap").click();
    harness.run();
    assert!(harness.state().compare.swapped);
    let mut harness = window(Both::new(CompareMode::Flicker));
    harness.run();
    assert!(harness.query_by_label("Swap").is_none());
}

#[test]
fn a_score_is_shown_with_its_age() {
    let mut both = Both::new(CompareMode::Render);
    both.photo = None;
    let mut harness = window(both);
    harness.run();
    harness.get_by_label("Not scored yet");
    let of = Moment { revision: 0, step: 700 };
    harness.state_mut().score = Some(Score { psnr: 27.312, ssim: 0.91237, of, stale: false });
    harness.run();
    harness.get_by_label("PSNR 27.31 dB, SSIM 0.9124");
    harness.state_mut().score = Some(Score { psnr: 27.312, ssim: 0.91237, of, stale: true });
    harness.run();
    harness.get_by_label("PSNR 27.31 dB, SSIM 0.9124 (earlier)");
}

#[test]
fn a_picture_is_uploaded_once() {
    let mut harness = window(Both::new(CompareMode::Photo));
    harness.run();
    let texture = |harness: &Harness<'_, Both>| harness.state().compare.photo.texture.as_ref().map(|t| t.id());
    let first = texture(&harness);
    assert!(first.is_some());
    harness.run();
    assert_eq!(texture(&harness), first);
    harness.state_mut().photo = Some(Arc::new(ColorImage::filled([8, 8], Color32::RED)));
    harness.run();
    assert_ne!(texture(&harness), first);
    harness.state_mut().photo = None;
    harness.run();
    assert_eq!(texture(&harness), None, "and let go with it");
}
