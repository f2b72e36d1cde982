use super::{Format, PathData, PathKey, PathRequest, PathState, RenderProgress, RenderRequest, progress_text, show};
use crate::gui::action::Action;
use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

struct Panel {
    keys: Vec<PathKey>,
    duration: f64,
    smooth_loop: bool,
    playing: bool,
    at: f64,
    blocked: Option<&'static str>,
    ffmpeg: bool,
    target_exists: bool,
    rendering: Option<RenderProgress>,
    state: PathState,
    actions: Vec<Action>,
    requests: Vec<PathRequest>,
}

impl Panel {
    fn data(&self) -> PathData<'_> {
        PathData {
            keys: &self.keys,
            duration: self.duration,
            frame_rate: 30.0,
            smooth_loop: self.smooth_loop,
            playing: self.playing,
            at: self.at,
            blocked: self.blocked,
            viewport: (801, 600),
            ffmpeg: self.ffmpeg,
            target_exists: self.target_exists,
            rendering: self.rendering,
        }
    }
}

fn keys(times: &[f64]) -> Vec<PathKey> {
    times.iter().map(|&time| PathKey { time, fov_y_deg: 50.0 }).collect()
}

fn path(times: &[f64]) -> Panel {
    Panel {
        keys: keys(times),
        duration: times.last().unwrap_or(&0.0) - times.first().unwrap_or(&0.0),
        smooth_loop: false,
        playing: false,
        at: 0.0,
        blocked: None,
        ffmpeg: true,
        target_exists: false,
        rendering: None,
        state: PathState::default(),
        actions: Vec::new(),
        requests: Vec::new(),
    }
}

fn panel(panel: Panel) -> Harness<'static, Panel> {
    let mut harness = Harness::builder().with_size(vec2(480.0, 640.0)).build_ui_state(
        |ui, panel: &mut Panel| {
            let mut state = std::mem::take(&mut panel.state);
            let mut actions = Vec::new();
            let requests = show(ui, &panel.data(), &mut state, &mut actions);
            panel.state = state;
            panel.actions.extend(actions);
            panel.requests.extend(requests);
        },
        panel,
    );
    harness.run();
    harness
}

fn click(harness: &mut Harness<'_, Panel>, label: &str) {
    harness.get_by_label(label).click();
    harness.run();
}

fn set(harness: &mut Harness<'_, Panel>, label: &str, value: f64) {
    harness.get_by_label(label).set_value_accesskit(value);
    harness.run();
}

#[test]
fn without_keys_it_says_how_to_begin() {
    let mut harness = panel(path(&[]));
    harness.get_by_label_contains("add a key");
    click(&mut harness, "Add key");
    click(&mut harness, "Import…");
    set(&mut harness, "Seconds of the turntable", 8.0);
    click(&mut harness, "Turntable");
    click(&mut harness, "Export…");
    click(&mut harness, "Clear");
    click(&mut harness, "Render…");
    assert_eq!(harness.state().actions, [Action::AddKey]);
    assert_eq!(harness.state().requests, [PathRequest::Import, PathRequest::Turntable(8.0)]);
    assert!(harness.state().state.dialog.is_none());
}

#[test]
fn keys_are_visited_moved_and_removed() {
    let mut harness = panel(path(&[0.0, 2.0, 5.0]));
    for label in [
        "Jump to key 2",
        "Move key 1 up",
        "Move key 2 up",
        "Move key 2 down",
        "Move key 3 down",
        "Set key 3 to the present view",
        "Remove key 1",
        "Export…",
        "Clear",
    ] {
        click(&mut harness, label);
    }
    let expected = [
        PathRequest::JumpTo(1),
        PathRequest::MoveUp(1),
        PathRequest::MoveDown(1),
        PathRequest::Replace(2),
        PathRequest::Remove(0),
        PathRequest::Export,
        PathRequest::Clear,
    ];
    assert_eq!(harness.state().requests, expected, "the ends go no further");
}

#[test]
fn a_key_stays_between_its_neighbours() {
    let mut harness = panel(path(&[0.0, 2.0, 5.0]));
    set(&mut harness, "Time of key 2", 9.0);
    set(&mut harness, "Time of key 2", 3.5);
    set(&mut harness, "Time of key 3", 9.0);
    let set = |key, time| PathRequest::SetTime { key, time };
    assert_eq!(harness.state().requests, [set(1, 4.999), set(1, 3.5), set(2, 9.0)]);
}

#[test]
fn a_thousand_keys_are_scrolled() {
    let times: Vec<f64> = (0..1000).map(f64::from).collect();
    let harness = panel(path(&times));
    assert!(harness.query_all_by_label_contains("Jump to key").count() < 15);
}

#[test]
fn timing_is_asked_for() {
    let mut harness = panel(path(&[0.0, 2.0, 5.0]));
    harness.get_all_by_label("Duration").last().unwrap().set_value_accesskit(10.0);
    harness.run();
    set(&mut harness, "Frame rate", 24.0);
    click(&mut harness, "Loop");
    set(&mut harness, "Time shown", 1.5);
    let expected = [
        PathRequest::SetDuration(10.0),
        PathRequest::SetFrameRate(24.0),
        PathRequest::SetLoop(true),
        PathRequest::Scrub(1.5),
    ];
    assert_eq!(harness.state().requests, expected);
}

#[test]
fn a_path_plays_once_it_has_two_keys() {
    let mut harness = panel(path(&[0.0]));
    click(&mut harness, "Play");
    assert!(harness.state().actions.is_empty());
    let mut harness = panel(path(&[0.0, 1.0]));
    click(&mut harness, "Play");
    harness.state_mut().playing = true;
    harness.run();
    click(&mut harness, "Stop");
    assert_eq!(harness.state().actions, [Action::PlayPath, Action::PlayPath]);
}

#[test]
fn frames_are_counted_as_they_are_rendered() {
    let mut given = path(&[1.0, 3.0]);
    assert_eq!(given.data().frames(), 61, "both ends");
    given.smooth_loop = true;
    assert_eq!(given.data().frames(), 60, "the last one would be the first again");
    assert_eq!(path(&[]).data().frames(), 0);
    assert_eq!(path(&[4.0]).data().frames(), 1);
    given.at = 2.0;
    assert_eq!(given.data().passed(), Some(0));
    given.at = 3.0;
    assert_eq!(given.data().passed(), Some(1));
    given.at = 0.0;
    assert_eq!(given.data().passed(), None);
}

#[test]
fn the_dialog_asks_where_and_how_large() {
    let mut harness = panel(path(&[0.0, 2.0]));
    click(&mut harness, "Render…");
    harness.get_by_label("61 frames of 1920×1080 pixels, 2 s");
    click(&mut harness, "Render");
    assert!(harness.state().requests.is_empty(), "it does not know where to");
    click(&mut harness, "As shown");
    click(&mut harness, "MP4");
    harness.get_by_label("61 frames of 800×600 pixels, 2 s");
    click(&mut harness, "Browse…");
    harness.state_mut().state.dialog.as_mut().unwrap().target = "/tmp/turn".into();
    harness.run();
    click(&mut harness, "Render");
    let request = RenderRequest {
        width: 800,
        height: 600,
        frame_rate: 30.0,
        format: Format::Mp4,
        target: "/tmp/turn.mp4".into(),
        replace: false,
    };
    assert_eq!(harness.state().requests, [PathRequest::Browse(Format::Mp4), PathRequest::Render(request)]);
    assert!(harness.state().state.dialog.is_none());
    // It opens again as it was left.
    click(&mut harness, "Render…");
    harness.get_by_label("61 frames of 800×600 pixels, 2 s");
}

#[test]
fn what_is_there_is_replaced_only_when_said_so() {
    let mut given = path(&[0.0, 2.0]);
    given.target_exists = true;
    let mut harness = panel(given);
    click(&mut harness, "Render…");
    harness.state_mut().state.dialog.as_mut().unwrap().target = "/tmp/frames".into();
    harness.run();
    click(&mut harness, "Render");
    assert!(harness.state().requests.is_empty());
    click(&mut harness, "Replace what is there");
    click(&mut harness, "Render");
    assert!(matches!(harness.state().requests.as_slice(), [PathRequest::Render(request)] if request.replace));
    click(&mut harness, "Render…");
    assert!(!harness.state().state.dialog.as_ref().unwrap().replace, "asked again next time");
    click(&mut harness, "Cancel");
    assert!(harness.state().state.dialog.is_none());
}

#[test]
fn without_ffmpeg_there_are_pictures() {
    let mut given = path(&[0.0, 2.0]);
    given.ffmpeg = false;
    let mut harness = panel(given);
    click(&mut harness, "Render…");
    harness.state_mut().state.dialog.as_mut().unwrap().target = "/tmp/turn".into();
    click(&mut harness, "WebM");
    harness.get_by_label_contains("ffmpeg was not found");
    click(&mut harness, "Render");
    assert!(harness.state().requests.is_empty());
    click(&mut harness, "PNG folder");
    assert!(harness.query_by_label_contains("ffmpeg was not found").is_none());
    click(&mut harness, "Render");
    assert!(
        matches!(harness.state().requests.as_slice(), [PathRequest::Render(request)] if request.target.ends_with("turn"))
    );
}

#[test]
fn a_rendering_shows_how_far_it_is_and_can_be_cancelled() {
    let mut given = path(&[0.0, 2.0]);
    given.rendering = Some(RenderProgress { done: 1500, of: 6000, seconds_left: Some(75.0) });
    let mut harness = panel(given);
    harness.get_by_label("Frame 1,500 of 6,000, 1:15 left");
    assert!(harness.query_by_label("Render…").is_none());
    click(&mut harness, "Cancel rendering");
    assert_eq!(harness.state().requests, [PathRequest::CancelRender]);
    let unknown = RenderProgress { done: 0, of: 0, seconds_left: None };
    assert_eq!(progress_text(unknown), "Frame 0 of 0");
}
