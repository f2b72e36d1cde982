//! A walk through the window, as a person would take it: everything is found by its accessible label.
//!
//! The window is the real one, with its threads and a real adapter; only the system's window around it is missing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use splat_core::gpu::{Gpu, GpuOptions};
use splat_core::params::params_sha256;
use splat_core::scene::io::ply::{read_splats, write_splats};
use splat_core::scene::{Motion, SplatCloud, TimeBasis};
use splat_core::settings::Settings;

use super::app::App;
use super::loss::Loss;

type Window = Harness<'static, Option<App>>;

/// The window, or none on a machine without an adapter.
fn window(test: &str) -> Option<(Window, tempfile::TempDir)> {
    if let Err(error) = Gpu::new(&GpuOptions::default()) {
        assert!(std::env::var_os("SPLAT_REQUIRE_GPU").is_none(), "{error}");
        eprintln!("skipped {test}: {error}");
        return None;
    }
    let runs = tempfile::tempdir().unwrap();
    let folder = runs.path().to_owned();
    let show = move |ui: &mut egui::Ui, app: &mut Option<App>| {
        let app = app.get_or_insert_with(|| {
            App::new(ui.ctx(), None, GpuOptions::default()).unwrap().with_runs_in(folder.clone())
        });
        app.show(ui);
    };
    let harness = Harness::builder().with_size([1280.0, 800.0]).with_max_steps(64).build_ui_state(show, None);
    Some((harness, runs))
}

fn app(window: &mut Window) -> &mut App {
    window.state_mut().as_mut().unwrap()
}

/// Frames until something is the case.
fn wait(window: &mut Window, what: &str, is_so: impl Fn(&App) -> bool) {
    let began = Instant::now();
    while !is_so(app(window)) {
        // Long enough for a machine that does much else.
        if began.elapsed() > Duration::from_secs(120) {
            let image = window.render().map(|image| image.save("/tmp/walk.png"));
            panic!("never: {what} ({image:?})\n{}", app(window).summary());
        }
        std::thread::sleep(Duration::from_millis(10));
        window.step();
    }
    window.run_steps(2);
}

fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(3);
}

/// One of several widgets with a label: the first that can be clicked.
fn click_first(window: &mut Window, label: &str) {
    let node = window.get_all_by_label(label).next().unwrap();
    node.click();
    window.run_steps(3);
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
}

fn still_life() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/still-life")
}

fn file_facts(path: &Path) -> (usize, String) {
    let cloud = read_splats(path).unwrap();
    (cloud.len(), params_sha256(&cloud))
}

/// A few splats.
fn forty() -> SplatCloud {
    let splats = 40;
    SplatCloud {
        means: (0..splats).map(|i| [(i % 5) as f32, (i / 5) as f32, (i % 3) as f32]).collect(),
        quats: vec![[1.0, 0.0, 0.0, 0.0]; splats],
        log_scales: vec![[-1.5; 3]; splats],
        opacity_logits: vec![2.0; splats],
        sh0: (0..splats).map(|i| [i as f32 / 20.0 - 1.0, 0.5, -0.5]).collect(),
        ..SplatCloud::default()
    }
}

/// A small file of splats.
fn forty_splats(folder: &Path) -> PathBuf {
    let file = folder.join("cloud.ply");
    write_splats(&file, &forty(), &[]).unwrap();
    file
}

/// The same of which every second one moves, over five frames.
fn forty_moving_splats(folder: &Path) -> PathBuf {
    let (means, rest) = (TimeBasis::Flow { poly: 1, fourier: 1 }, TimeBasis::STILL);
    let motion = Motion { means, quats: rest, sh0: rest, dilates: false, fades: true, frames: 5 };
    let mut cloud = forty().with_motion(motion);
    let ways = cloud.more.iter_mut().find(|column| column.name == "flow_means").unwrap();
    // Along x, there and back along y.
    ways.values.chunks_exact_mut(9).step_by(2).for_each(|way| (way[0], way[5]) = (1.5, 0.7));
    let file = folder.join("moving.ply");
    write_splats(&file, &cloud, &[]).unwrap();
    file
}

/// The runs in a folder, oldest first, as their summaries.
fn summaries(folder: &Path) -> Vec<serde_json::Value> {
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(folder.join("runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    let read = |run: &PathBuf| std::fs::read_to_string(run.join("summary.json")).unwrap();
    runs.iter().map(|run| serde_json::from_str(&read(run)).unwrap()).collect()
}

#[test]
fn from_photos_to_a_cleaned_scene() {
    let Some((mut window, runs)) = window("from_photos_to_a_cleaned_scene") else { return };
    wait(&mut window, "an adapter", App::has_adapter);

    // Open, look, train.
    app(&mut window).open_for_test(still_life());
    wait(&mut window, "the photos with a first picture", |app| app.splats() > 0 && app.has_picture());
    window.get_by_label("72 photos, 60 to train and 12 to test");
    let mut settings = Settings::default();
    settings.train.steps = 40;
    settings.train.eval_every = 0;
    settings.init.random_points = 1500;
    settings.density.max_splats = 1500;
    app(&mut window).adopt(&settings);
    window.run_steps(2);
    click(&mut window, "Start");
    wait(&mut window, "a live run", App::is_live);
    assert!(window.query_by_label("Pause").is_some(), "no way to pause");
    wait(&mut window, "the end of the run", |app| !app.is_live());
    assert_eq!(app(&mut window).splats(), 1500, "{}", app(&mut window).summary());
    let run = std::fs::read_dir(runs.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let (trained, trained_hash) = file_facts(&run.join("splats.ply"));
    assert_eq!(trained, 1500);
    wait(&mut window, "a picture of the result", |app| app.shown_hash() == trained_hash);

    assert!(window.query_by_label("Continue run").is_none(), "a complete run cannot go on");

    // What is on screen is what `splat render` writes.
    let (shown, rendered) = app(&mut window).picture_and_render(&run.join("splats.ply"));
    assert_eq!(shown.len(), rendered.len());
    let most = shown.iter().zip(&rendered).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(most <= 1, "the viewport differs from splat render by {most}/255");

    // Every way of showing them gives another picture.
    click(&mut window, "Display");
    wait(&mut window, "a picture beside the panel", App::is_up_to_date);
    let mut seen = vec![app(&mut window).picture()];
    for mode in ["Depth", "Alpha", "Normals", "Ellipsoids", "Points", "Overdraw", "Opacity", "Size", "Age"] {
        click_first(&mut window, mode);
        let before = seen.last().unwrap().clone();
        wait(&mut window, mode, |app| app.is_up_to_date() && app.picture() != before);
        let picture = app(&mut window).picture();
        assert!(!seen.contains(&picture), "{mode} looks like another mode");
        seen.push(picture);
    }
    click_first(&mut window, "Colour");
    wait(&mut window, "colour again", |app| app.is_up_to_date() && app.picture() == seen[0]);

    // A photo's camera, its score, and back.
    press(&mut window, Modifiers::NONE, Key::PageDown);
    wait(&mut window, "a score", |app| app.looking_score().is_some());
    click(&mut window, "Split");
    wait(&mut window, "the photo", App::has_photo);
    assert!(window.get_all_by_label("Leave camera").count() > 0, "no way back");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("Split").is_none(), "still looking through the camera");

    // Select, delete, undo, redo, save, open again.
    click(&mut window, "Inspect");
    press(&mut window, Modifiers::COMMAND, Key::A);
    window.get_by_label("1,500 of 1,500 splats selected");
    press(&mut window, Modifiers::NONE, Key::Escape);
    app(&mut window).select_for_test();
    window.run_steps(2);
    let selected = app(&mut window).selected();
    assert!((1..1500).contains(&selected), "{selected}");
    let all = app(&mut window).baked_hash();
    assert_eq!(all, trained_hash);
    press(&mut window, Modifiers::NONE, Key::Delete);
    let (left, cleaned) = (app(&mut window).splats(), app(&mut window).baked_hash());
    assert_eq!(left, 1500 - selected);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!((app(&mut window).splats(), app(&mut window).baked_hash()), (1500, all));
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!((app(&mut window).splats(), app(&mut window).baked_hash()), (left, cleaned.clone()));
    let file = runs.path().join("cleaned.ply");
    app(&mut window).save_for_test(file.clone());
    wait(&mut window, "the file", |app| !app.is_saving());
    assert_eq!(file_facts(&file), (left, cleaned.clone()));

    // A damaged file leaves everything alone; the saved one opens.
    let damaged = runs.path().join("damaged.ply");
    std::fs::write(&damaged, &std::fs::read(&file).unwrap()[..9000]).unwrap();
    app(&mut window).open_for_test(damaged);
    wait(&mut window, "the refusal", |app| !app.is_opening());
    assert_eq!(app(&mut window).splats(), left);
    app(&mut window).open_for_test(file);
    wait(&mut window, "the saved file", |app| !app.is_opening() && app.has_picture());
    assert_eq!((app(&mut window).splats(), app(&mut window).baked_hash()), (left, cleaned));
}

#[test]
fn a_run_is_paused_stopped_and_continued() {
    let Some((mut window, runs)) = window("a_run_is_paused_stopped_and_continued") else { return };
    wait(&mut window, "an adapter", App::has_adapter);
    app(&mut window).open_for_test(still_life());
    wait(&mut window, "the photos", |app| app.splats() > 0);
    let mut settings = Settings::default();
    settings.train.steps = 60;
    settings.init.random_points = 1000;
    settings.density.max_splats = 1000;
    app(&mut window).adopt(&settings);
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::F5);
    wait(&mut window, "a few steps", |app| app.steps() >= 3);
    click(&mut window, "Pause");
    wait(&mut window, "the pause", App::is_paused);
    let paused = app(&mut window).steps();
    assert!(paused < 60, "it was over before it could pause");
    click(&mut window, "Step");
    wait(&mut window, "one step", |app| app.steps() == paused + 1 && app.is_paused());
    click(&mut window, "Stop");
    wait(&mut window, "the stop", |app| !app.is_live());
    click(&mut window, "Continue run");
    wait(&mut window, "the rest", |app| app.steps() == 60 && !app.is_live());
    let run = std::fs::read_dir(runs.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["steps"], &summary["interrupted"]), (&60.into(), &false.into()));
}

#[test]
fn a_run_that_loses_its_device_ends_in_the_same_bytes() {
    let Some((mut window, folder)) = window("a_run_that_loses_its_device_ends_in_the_same_bytes") else { return };
    wait(&mut window, "an adapter", App::has_adapter);
    app(&mut window).open_for_test(still_life());
    wait(&mut window, "the photos", |app| app.splats() > 0);
    let mut settings = Settings::default();
    settings.train.steps = 60;
    settings.train.checkpoint_every = 5;
    settings.init.random_points = 1000;
    settings.density.max_splats = 1000;
    app(&mut window).adopt(&settings);
    window.run_steps(2);
    app(&mut window).lose_for_test(Loss::Training(12));
    for runs in 1..=2 {
        press(&mut window, Modifiers::NONE, Key::F5);
        wait(&mut window, "a live run", App::is_live);
        wait(&mut window, "its end", |app| app.steps() == 60 && !app.is_live());
        assert!(app(&mut window).has_logged("the graphics device was lost"), "run {runs} came after no loss");
        assert_eq!(summaries(folder.path()).len(), runs, "begun anew instead of continued");
    }
    let runs = summaries(folder.path());
    assert_eq!(runs[0]["params_sha256"], runs[1]["params_sha256"]);
    assert_eq!((&runs[0]["steps"], &runs[0]["interrupted"]), (&60.into(), &false.into()));
}

#[test]
fn a_lost_drawing_device_is_opened_again() {
    let Some((mut window, folder)) = window("a_lost_drawing_device_is_opened_again") else { return };
    wait(&mut window, "an adapter", App::has_adapter);
    let file = forty_splats(folder.path());
    app(&mut window).open_for_test(file);
    wait(&mut window, "a picture", |app| app.splats() == 40 && app.has_picture() && app.is_up_to_date());
    let colour = app(&mut window).picture();
    app(&mut window).lose_for_test(Loss::Worker(1));
    click_first(&mut window, "Depth");
    // The picture that failed is drawn again, unasked.
    let drawn = colour.clone();
    wait(&mut window, "the depth", move |app| app.is_up_to_date() && app.picture() != drawn);
    assert!(app(&mut window).has_logged("the graphics device was lost"), "it lost nothing");
    click_first(&mut window, "Colour");
    wait(&mut window, "the same picture as before", |app| app.is_up_to_date() && app.picture() == colour);
}

#[test]
fn a_camera_path_becomes_pictures() {
    let Some((mut window, folder)) = window("a_camera_path_becomes_pictures") else { return };
    wait(&mut window, "an adapter", App::has_adapter);
    let file = forty_splats(folder.path());
    app(&mut window).open_for_test(file);
    wait(&mut window, "the splats", |app| app.splats() == 40 && app.has_picture());

    // A key, a drag in the viewport, another key.
    press(&mut window, Modifiers::NONE, Key::Enter);
    let (before, middle) = (app(&mut window).eye(), window.get_by_label("Viewport").rect().center());
    window.hover_at(middle);
    window.run_steps(2);
    window.drag_at(middle);
    window.run_steps(2);
    window.hover_at(middle + egui::vec2(160.0, 20.0));
    window.run_steps(2);
    window.drop_at(middle + egui::vec2(160.0, 20.0));
    wait(&mut window, "the camera at rest", App::is_up_to_date);
    assert_ne!(app(&mut window).eye(), before, "a drag does not orbit");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(app(&mut window).keys(), 2);

    let film = folder.path().join("film");
    app(&mut window).film_for_test(film.clone());
    wait(&mut window, "the pictures", |app| !app.is_busy());
    // Two seconds at two pictures a second, both ends included.
    let pictures = std::fs::read_dir(&film).unwrap().count();
    assert_eq!(pictures, 5);
    if crate::video::has_ffmpeg() {
        let video = folder.path().join("film.mp4");
        app(&mut window).film_for_test(video.clone());
        wait(&mut window, "the video", |app| !app.is_busy());
        assert!(std::fs::metadata(&video).unwrap().len() > 500, "an empty video");
    } else {
        eprintln!("skipped the video of a_camera_path_becomes_pictures: no ffmpeg");
    }
    let shot = folder.path().join("shot.png");
    app(&mut window).screenshot_for_test(shot.clone(), 300, 200);
    let began = Instant::now();
    while !shot.exists() && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
        window.step();
    }
    assert_eq!(image::image_dimensions(&shot).unwrap(), (300, 200));
}

#[test]
fn a_scene_that_moves_is_played_followed_and_filmed() {
    let Some((mut window, folder)) = window("a_scene_that_moves_is_played_followed_and_filmed") else { return };
    wait(&mut window, "an adapter", App::has_adapter);
    let file = forty_moving_splats(folder.path());
    app(&mut window).open_for_test(file.clone());
    wait(&mut window, "a picture", |app| app.splats() == 40 && app.has_picture() && app.is_up_to_date());
    let first = app(&mut window).picture();

    // Frame by frame: with the keys, with the buttons, with the slider.
    press(&mut window, Modifiers::NONE, Key::Period);
    click(&mut window, "Next frame");
    press(&mut window, Modifiers::NONE, Key::Period);
    click(&mut window, "Previous frame");
    press(&mut window, Modifiers::NONE, Key::Comma);
    assert_eq!(app(&mut window).time(), 0.25);
    window.get_by_label("Time in the scene").set_value_accesskit(0.625);
    window.run_steps(2);
    assert_eq!(app(&mut window).time(), 0.625);
    wait(&mut window, "the picture of that time", App::is_up_to_date);
    assert_eq!(app(&mut window).time_of_picture(), Some(0.625));
    let (shown, rendered) = app(&mut window).picture_and_render(&file);
    assert!(shown == rendered, "not what `splat render --time` makes");
    assert_ne!(shown, first, "nothing moves");

    // It plays on while pictures are drawn.
    click(&mut window, "Play scene");
    wait(&mut window, "another time", |app| app.time_of_picture().is_some_and(|time| time != 0.625));
    let then = app(&mut window).time_of_picture();
    wait(&mut window, "yet another time", move |app| app.time_of_picture() != then);
    click(&mut window, "Pause scene");
    let paused = app(&mut window).time();
    wait(&mut window, "the picture it stopped at", App::is_up_to_date);
    assert_eq!(app(&mut window).time(), paused);

    // Where splats go: of all, of the selected ones, of none.
    press(&mut window, Modifiers::NONE, Key::T);
    wait(&mut window, "ways", |app| app.ways() == 20);
    press(&mut window, Modifiers::COMMAND, Key::A);
    click(&mut window, "Inspect");
    window.get_by_label("40 of 40 splats selected");
    press(&mut window, Modifiers::COMMAND, Key::I);
    click(&mut window, "Display");
    click(&mut window, "Motion trails");
    wait(&mut window, "no ways", |app| app.ways() == 0);
    click_first(&mut window, "Motion");
    wait(&mut window, "how far splats go", |app| app.legend() == Some("Distance travelled"));
    click_first(&mut window, "Colour");

    // Once through time along a camera path, as `splat render` does it.
    press(&mut window, Modifiers::NONE, Key::Enter);
    press(&mut window, Modifiers::NONE, Key::Num7);
    wait(&mut window, "the camera at rest", App::is_up_to_date);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(app(&mut window).keys(), 2);
    let (film, path, again) =
        (folder.path().join("film"), folder.path().join("path.json"), folder.path().join("again"));
    app(&mut window).film_for_test(film.clone());
    wait(&mut window, "the pictures", |app| !app.is_busy());
    app(&mut window).export_path_for_test(&path);
    let [file, path, out] = [&file, &path, &again].map(|path| path.to_str().unwrap());
    let words =
        ["splat", "render", file, "--camera-path", path, "--time", "0..1", "--size", "48x32", "--frame-rate", "2"];
    crate::cli::run_words(&[&words[..], &["-o", out]].concat()).unwrap();
    let pictures = |folder: &Path| {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| image::open(file).unwrap().to_rgb8().into_raw()).collect::<Vec<_>>()
    };
    let (filmed, rendered) = (pictures(&film), pictures(&again));
    assert_eq!((filmed.len(), rendered.len()), (5, 5));
    assert!(filmed == rendered, "the window films another scene than `splat render`");
    assert!(filmed.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn an_empty_window_says_what_to_do() {
    let Some((mut window, _runs)) = window("an_empty_window_says_what_to_do") else { return };
    wait(&mut window, "an adapter", App::has_adapter);
    window.get_by_label("Open folder…");
    press(&mut window, Modifiers::COMMAND, Key::P);
    window.get_by_label("Search").type_text("theme");
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::Enter);
    press(&mut window, Modifiers::NONE, Key::F1);
    assert!(window.get_all_by_label_contains("Undo").count() > 0, "no list of shortcuts");
    // Other adapters round edges of letters otherwise; nothing may be missing or in another place.
    let tolerance = egui_kittest::SnapshotOptions::new()
        .output_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/snapshots"))
        .threshold(1.5)
        .max_failed_pixels(400);
    window.remove_cursor();
    window.run_steps(2);
    window.snapshot_options("shortcuts", &tolerance);
}
