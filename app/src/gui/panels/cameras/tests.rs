use super::{CamerasData, CamerasRequest, CamerasState, Sort, Split, ViewItem, show};
use crate::gui::action::Action;
use crate::gui::scores::{Moment, Scores};
use crate::gui::thumbnails::Thumbnails;
use egui::{Key, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use splat_core::metrics::ViewScore;
use splat_core::scene::{Dataset, LoadOptions};
use std::path::Path;

struct Panel {
    views: Vec<ViewItem>,
    scores: Scores,
    looking: Option<usize>,
    time: Option<f64>,
    scoring: Option<(usize, usize)>,
    blocked: Option<&'static str>,
    state: CamerasState,
    thumbnails: Option<Thumbnails>,
    actions: Vec<Action>,
    requests: Vec<CamerasRequest>,
}

fn panel(views: Vec<ViewItem>) -> Harness<'static, Panel> {
    let panel = Panel {
        views,
        scores: Scores::default(),
        looking: None,
        time: None,
        scoring: None,
        blocked: None,
        state: CamerasState::default(),
        thumbnails: None,
        actions: Vec::new(),
        requests: Vec::new(),
    };
    let mut harness = Harness::builder().with_size(vec2(320.0, 500.0)).build_ui_state(
        |ui, panel: &mut Panel| {
            let data = CamerasData {
                views: &panel.views,
                generation: 1,
                scores: &panel.scores,
                looking: panel.looking,
                time: panel.time,
                scoring: panel.scoring,
                blocked: panel.blocked,
            };
            let thumbnails = panel.thumbnails.get_or_insert_with(|| Thumbnails::new([], ui.ctx()));
            let request = show(ui, &data, &mut panel.state, thumbnails, &mut panel.actions);
            panel.requests.extend(request);
            // The app looks through the camera at the end of the frame.
            if let Some(Action::LookThrough(view)) = panel.actions.last() {
                panel.looking = Some(*view);
            }
        },
        panel,
    );
    harness.run();
    harness
}

fn still_life() -> Vec<ViewItem> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/still-life");
    ViewItem::list(&Dataset::load(folder, &LoadOptions::default()).unwrap())
}

fn many(count: usize) -> Vec<ViewItem> {
    let split = |i: usize| if i.is_multiple_of(8) { Split::Test } else { Split::Train };
    (0..count).map(|i| ViewItem { name: format!("photo {i}"), split: split(i), size: (640, 480), time: None }).collect()
}

#[test]
fn the_list_follows_the_data_set() {
    let views = still_life();
    assert_eq!(views.len(), 72);
    assert_eq!(views.iter().filter(|view| view.split == Split::Test).count(), 12);
    assert_eq!(views[0].split, Split::Train);
    let harness = panel(views);
    harness.get_by_label("72 photos, 60 to train and 12 to test");
    harness.get_by_label("Not scored yet");
}

#[test]
fn a_click_looks_through_the_camera() {
    let mut harness = panel(many(20));
    harness.get_by_label("photo 3").click();
    harness.run();
    assert_eq!(harness.state().actions, [Action::LookThrough(3)]);
    harness.get_by_label("Leave camera").click();
    harness.run();
    assert_eq!(harness.state().actions.last(), Some(&Action::LeaveCamera));
}

#[test]
fn arrows_go_from_photo_to_photo_in_the_order_shown() {
    let mut harness = panel(many(20));
    harness.state_mut().state.reversed = true;
    harness.run();
    harness.get_by_label("photo 19").click();
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    harness.key_press(Key::ArrowUp);
    harness.run();
    let seen = [19, 18, 17, 18].map(Action::LookThrough);
    assert_eq!(harness.state().actions, seen);
}

#[test]
fn the_end_of_a_long_list_is_scrolled_to_and_little_of_it_is_laid_out() {
    let mut harness = panel(many(5000));
    assert!(harness.query_all_by_label_contains("photo ").count() < 20);
    harness.get_by_label("photo 0").click();
    harness.run();
    harness.key_press(Key::End);
    harness.run_steps(8);
    assert_eq!(harness.state().looking, Some(4999));
    assert!(harness.get_by_label("photo 4999").rect().max.y < 501.0);
    // Another camera, chosen elsewhere.
    harness.state_mut().actions.clear();
    harness.state_mut().looking = Some(2500);
    harness.run_steps(8);
    harness.get_by_label("photo 2500");
}

#[test]
fn the_filter_narrows_the_list_and_its_mean() {
    let mut harness = panel(many(100));
    for (i, psnr) in [(7, 20.0), (77, 30.0), (8, 90.0)] {
        let score = ViewScore { name: format!("photo {i}"), psnr, ssim: 0.5 };
        harness.state_mut().scores.record(&score, Moment::default());
    }
    harness.get_by_label("Filter photos").focus();
    harness.run();
    harness.get_by_label("Filter photos").type_text("7");
    harness.run();
    harness.get_by_label("19 of 100 photos, 18 to train and 1 to test");
    harness.get_by_label("Mean PSNR 25.00 dB, SSIM 0.5000 of 2 scored");
    harness.get_by_label("Filter photos").type_text("x");
    harness.run();
    harness.get_by_label("Show all").click();
    harness.run();
    harness.get_by_label("100 photos, 87 to train and 13 to test");
}

#[test]
fn the_worst_come_first_when_asked_for() {
    let mut harness = panel(many(50));
    for (i, psnr) in [(40, 12.0), (41, 35.0)] {
        let score = ViewScore { name: format!("photo {i}"), psnr, ssim: 0.5 };
        harness.state_mut().scores.record(&score, Moment::default());
    }
    harness.get_by_label("Sort photos").click();
    harness.run();
    harness.get_by_label("Worst PSNR first").click();
    harness.run();
    assert_eq!(harness.state().state.sort, Sort::Psnr);
    let top = |harness: &Harness<'_, Panel>, name: &str| harness.get_by_label(name).rect().top();
    assert!(top(&harness, "photo 40") < top(&harness, "photo 41"));
    assert!(top(&harness, "photo 41") < top(&harness, "photo 0"));
    assert_eq!(harness.get_by_label("photo 40").value().as_deref(), Some("test, 12.00 dB  0.500"));
}

#[test]
fn the_grid_holds_several_photos_in_a_line() {
    let mut harness = panel(many(50));
    harness.get_by_label("Grid").click();
    harness.run();
    let place = |name: &str| harness.get_by_label(name).rect();
    assert_eq!(place("photo 0").top(), place("photo 1").top());
    assert!(place("photo 2").top() > place("photo 0").top());
    assert!(place("photo 1").right() <= 320.0);
    harness.get_by_label("photo 0").click();
    harness.run();
    harness.key_press(Key::ArrowRight);
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().actions, [0, 1, 3].map(Action::LookThrough));
}

#[test]
fn scoring_is_asked_for_shown_and_cancelled() {
    let mut harness = panel(many(5));
    harness.get_by_label("Score all photos").click();
    harness.run();
    assert_eq!(harness.state().requests, [CamerasRequest::ScoreAll]);
    harness.state_mut().scoring = Some((2, 5));
    harness.run();
    harness.get_by_label("Scoring 2 of 5");
    harness.get_by_label("Cancel").click();
    harness.run();
    assert_eq!(harness.state().requests.last(), Some(&CamerasRequest::CancelScoring));
    harness.state_mut().scoring = None;
    harness.state_mut().blocked = Some("There are no splats yet");
    harness.state_mut().requests.clear();
    harness.run();
    harness.get_by_label("Score all photos").click();
    harness.run();
    assert!(harness.state().requests.is_empty());
}

#[test]
fn without_photos_it_says_what_to_do() {
    let harness = panel(Vec::new());
    harness.get_by_label_contains("Open a folder of posed photos");
}

#[test]
fn pictures_appear_once_they_are_decoded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/still-life");
    let dataset = Dataset::load(folder, &LoadOptions::default()).unwrap();
    let mut harness = panel(ViewItem::list(&dataset));
    harness.state_mut().state.sort = Sort::Split;
    let ctx = harness.ctx.clone();
    harness.state_mut().thumbnails = Some(Thumbnails::new(dataset.views().cloned(), &ctx));
    let began = std::time::Instant::now();
    while harness.state_mut().thumbnails.as_mut().unwrap().texture(0).is_none() {
        assert!(began.elapsed().as_secs() < 60, "no thumbnail");
        harness.step();
        harness.state_mut().thumbnails.as_mut().unwrap().poll(&ctx);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(harness.state_mut().thumbnails.as_mut().unwrap().texture(70), None, "out of sight");
}

#[test]
fn scores_over_time_lead_to_the_photo() {
    let mut views = many(10);
    views.iter_mut().enumerate().for_each(|(i, view)| view.time = Some(i as f64 / 9.0));
    let mut harness = panel(views);
    assert!(harness.query_by_label("PSNR over time").is_none(), "nothing moves");
    harness.state_mut().time = Some(0.0);
    harness.run();
    assert!(harness.query_by_label("PSNR over time").is_none(), "nothing is scored");
    for i in 0..10 {
        let score = ViewScore { name: format!("photo {i}"), psnr: 20.0 + f64::from(i), ssim: 0.5 };
        harness.state_mut().scores.record(&score, Moment::default());
    }
    // Out of reach of the pointer, as a screen reader does: the photo nearest to the time shown.
    harness.state_mut().time = Some(0.3);
    harness.run();
    harness.get_by_label("PSNR over time").click_accesskit();
    harness.run();
    assert_eq!(harness.state().actions, [Action::LookThrough(3)]);
    // By hand: the photo under the pointer, the last and best one in the top right corner.
    let corner = harness.get_by_label("PSNR over time").rect().right_top() + vec2(-6.0, 6.0);
    harness.hover_at(corner);
    harness.run_steps(2);
    harness.drag_at(corner);
    harness.run_steps(2);
    harness.drop_at(corner);
    harness.run_steps(2);
    assert_eq!(harness.state().actions.last(), Some(&Action::LookThrough(9)));
}
