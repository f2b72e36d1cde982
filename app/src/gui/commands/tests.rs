use super::super::action::{Action, Axis, Panel, Tool};
use super::super::display::Mode;
use super::keys::{Focus, is_claimed, matches};
use super::{COMMANDS, Facts, Group, Run, checked, command, consume_shortcuts, enabled, spell};
use egui::{Context, Event, Key, KeyboardShortcut, Modifiers, RawInput};

/// Everything is open and possible.
fn everything() -> Facts {
    Facts {
        has_adapter: true,
        has_scene: true,
        has_splats: true,
        has_dataset: true,
        moves: true,
        can_continue: true,
        is_modified: true,
        can_undo: true,
        can_redo: true,
        has_selection: true,
        has_hidden: true,
        is_looking_through: true,
        has_path_keys: true,
        can_play_path: true,
        ..Facts::default()
    }
}

/// Every action without a payload of its own, and all values of small payloads.
fn plain_actions() -> Vec<Action> {
    // A new action must be put into one of the two arms, and into the list below if it needs no payload.
    let _ = |action: &Action| match action {
        Action::OpenPath(_) | Action::LookThrough(_) => false,
        Action::OpenFolder
        | Action::OpenFile
        | Action::Save
        | Action::SaveAs
        | Action::Close
        | Action::Quit
        | Action::Start
        | Action::Pause
        | Action::Resume
        | Action::StepOnce
        | Action::Stop
        | Action::Checkpoint
        | Action::Continue
        | Action::Show(_)
        | Action::FrameAll
        | Action::Focus
        | Action::ToggleFly
        | Action::Axis(_)
        | Action::LevelHorizon
        | Action::UpFromView
        | Action::NextCamera
        | Action::PreviousCamera
        | Action::LeaveCamera
        | Action::ToggleFrusta
        | Action::ToggleGrid
        | Action::Screenshot
        | Action::Tool(_)
        | Action::Undo
        | Action::Redo
        | Action::SelectAll
        | Action::SelectNone
        | Action::InvertSelection
        | Action::Delete
        | Action::KeepOnly
        | Action::Hide
        | Action::UnhideAll
        | Action::AddKey
        | Action::RemoveKey
        | Action::PlayPath
        | Action::PlayScene
        | Action::NextFrame
        | Action::PreviousFrame
        | Action::ToggleTrails
        | Action::Toggle(_)
        | Action::Palette
        | Action::Shortcuts
        | Action::ToggleTheme
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::ResetLayout => true,
    };
    let mut actions = vec![
        Action::OpenFolder,
        Action::OpenFile,
        Action::Save,
        Action::SaveAs,
        Action::Close,
        Action::Quit,
        Action::Start,
        Action::Pause,
        Action::Resume,
        Action::StepOnce,
        Action::Stop,
        Action::Checkpoint,
        Action::Continue,
        Action::FrameAll,
        Action::Focus,
        Action::ToggleFly,
        Action::LevelHorizon,
        Action::UpFromView,
        Action::NextCamera,
        Action::PreviousCamera,
        Action::LeaveCamera,
        Action::ToggleFrusta,
        Action::ToggleGrid,
        Action::Screenshot,
        Action::Undo,
        Action::Redo,
        Action::SelectAll,
        Action::SelectNone,
        Action::InvertSelection,
        Action::Delete,
        Action::KeepOnly,
        Action::Hide,
        Action::UnhideAll,
        Action::AddKey,
        Action::RemoveKey,
        Action::PlayPath,
        Action::PlayScene,
        Action::NextFrame,
        Action::PreviousFrame,
        Action::ToggleTrails,
        Action::Palette,
        Action::Shortcuts,
        Action::ToggleTheme,
        Action::ZoomIn,
        Action::ZoomOut,
        Action::ResetLayout,
    ];
    actions.extend(Mode::ALL.map(Action::Show));
    let axes = [Axis::Front, Axis::Back, Axis::Left, Axis::Right, Axis::Top, Axis::Bottom];
    actions.extend(axes.map(Action::Axis));
    let tools = [Tool::Navigate, Tool::Rectangle, Tool::Brush, Tool::Box, Tool::Sphere, Tool::Measure];
    actions.extend(tools.map(Action::Tool));
    actions.extend([Panel::Cameras, Panel::Side, Panel::Bottom].map(Action::Toggle));
    actions
}

#[test]
fn every_plain_action_has_exactly_one_row() {
    let actions = plain_actions();
    for action in &actions {
        let rows = COMMANDS.iter().filter(|command| command.action == *action).count();
        assert_eq!(rows, 1, "{action:?}");
    }
    assert_eq!(COMMANDS.len(), actions.len());
}

#[test]
fn every_row_has_a_name_of_its_own_and_a_sentence() {
    for command in COMMANDS {
        assert!(command.help.len() >= 8 && !command.help.ends_with('.'), "{command:?}");
        assert!(!command.label.is_empty());
        let same = COMMANDS.iter().filter(|other| other.label == command.label && other.group == command.group);
        assert_eq!(same.count(), 1, "{}", command.label);
    }
    for group in Group::ALL {
        assert!(COMMANDS.iter().any(|command| command.group == group), "{group:?}");
    }
}

#[test]
fn shortcuts_are_unique_but_for_those_that_are_shared_on_purpose() {
    let all: Vec<_> =
        COMMANDS.iter().flat_map(|command| command.shortcuts.iter().map(move |own| (own, command))).collect();
    let mut shared: Vec<String> = Vec::new();
    for (i, (shortcut, command)) in all.iter().enumerate() {
        for (other, rival) in all.iter().skip(i + 1) {
            // Also a key that would run both, such as `?` with and without Shift.
            if matches(shortcut, other.logical_key, other.modifiers)
                || matches(other, shortcut.logical_key, shortcut.modifiers)
            {
                shared.push(format!("{:?}: {} / {}", shortcut.logical_key, command.label, rival.label));
            }
        }
    }
    let expected = [
        "Space: Pause / Resume",
        "Space: Pause / Play scene",
        "Space: Pause / Play",
        "Space: Resume / Play scene",
        "Space: Resume / Play",
        "Escape: Navigate / Select none",
        "Escape: Navigate / Leave photo",
        "Escape: Select none / Leave photo",
        "Space: Play scene / Play",
    ];
    assert_eq!(shared, expected);
}

#[test]
fn keys_that_fly_are_no_shortcuts() {
    let fly = [Key::W, Key::A, Key::S, Key::D, Key::Q, Key::E, Key::Z, Key::X];
    for shortcut in COMMANDS.iter().flat_map(|command| command.shortcuts) {
        assert!(shortcut.modifiers.command || !fly.contains(&shortcut.logical_key), "{shortcut:?}");
    }
}

#[test]
fn an_empty_window_allows_only_what_makes_sense() {
    let nothing = Facts::default();
    for action in [Action::OpenFolder, Action::OpenFile, Action::Quit, Action::Palette, Action::ToggleTheme] {
        assert_eq!(enabled(&action, &nothing), Ok(()), "{action:?}");
    }
    for action in [Action::Save, Action::SaveAs, Action::Start, Action::Undo, Action::Delete, Action::FrameAll] {
        assert!(enabled(&action, &nothing).is_err(), "{action:?}");
    }
    assert_eq!(enabled(&Action::Start, &nothing), Err("no graphics adapter was found"));
    let adapter = Facts { has_adapter: true, ..nothing };
    assert_eq!(enabled(&Action::Start, &adapter), Err("open a folder of posed photos first"));
}

#[test]
fn training_decides_what_can_be_asked_of_it() {
    let at = |run| Facts { run, ..everything() };
    let cases = [
        (Action::Start, [true, false, false, false, false]),
        (Action::Continue, [true, false, false, false, false]),
        (Action::Pause, [false, false, true, false, false]),
        (Action::Resume, [false, false, false, true, false]),
        (Action::StepOnce, [false, false, true, true, false]),
        (Action::Stop, [false, true, true, true, false]),
        (Action::Checkpoint, [false, false, true, true, false]),
        (Action::Delete, [true, false, false, false, false]),
        (Action::Tool(Tool::Brush), [true, false, false, false, false]),
        (Action::Tool(Tool::Measure), [true; 5]),
    ];
    for (action, expected) in cases {
        let states = [Run::None, Run::Starting, Run::Running, Run::Paused, Run::Stopping];
        assert_eq!(states.map(|run| enabled(&action, &at(run)).is_ok()), expected, "{action:?}");
    }
}

/// The actions of one pressed key.
fn press(facts: &Facts, modifiers: Modifiers, key: Key, repeat: bool) -> (Vec<Action>, Option<&'static str>) {
    let ctx = Context::default();
    let mut actions = Vec::new();
    let mut refused = None;
    let key_event = |repeat| Event::Key { key, physical_key: None, pressed: true, repeat, modifiers };
    let mut events = vec![key_event(false)];
    if repeat {
        // The second press of a key that was not released is a repetition.
        let first = RawInput { events: std::mem::take(&mut events), ..RawInput::default() };
        ctx.run_ui(first, |_| {}).drop_without_applying_deltas();
        events = vec![key_event(true)];
    }
    let input = RawInput { events, ..RawInput::default() };
    let output = ctx.run_ui(input, |ui| refused = refused.or(consume_shortcuts(ui.ctx(), facts, &mut actions)));
    output.drop_without_applying_deltas();
    (actions, refused)
}

#[test]
fn shortcuts_heed_every_modifier() {
    let facts = everything();
    let run = |modifiers, key| press(&facts, modifiers, key, false).0;
    assert_eq!(run(Modifiers::COMMAND, Key::S), [Action::Save]);
    assert_eq!(run(Modifiers::COMMAND | Modifiers::SHIFT, Key::S), [Action::SaveAs]);
    assert_eq!(run(Modifiers::NONE, Key::F), [Action::Focus]);
    assert_eq!(run(Modifiers::SHIFT, Key::F), [Action::FrameAll]);
    assert_eq!(run(Modifiers::SHIFT, Key::Questionmark), [Action::Shortcuts]);
    assert_eq!(run(Modifiers::COMMAND | Modifiers::SHIFT, Key::Plus), [Action::ZoomIn]);
    assert_eq!(run(Modifiers::SHIFT, Key::Num1), [Action::Axis(Axis::Front)]);
    assert_eq!(run(Modifiers::ALT, Key::Num2), [Action::Show(Mode::Depth)]);
    assert_eq!(run(Modifiers::COMMAND, Key::F), []);
    assert_eq!(run(Modifiers::ALT, Key::H), []);
}

#[test]
fn shared_keys_do_what_fits() {
    let space = |facts| press(&facts, Modifiers::NONE, Key::Space, false).0;
    assert_eq!(space(Facts { run: Run::Running, ..everything() }), [Action::Pause]);
    assert_eq!(space(Facts { run: Run::Paused, ..everything() }), [Action::Resume]);
    assert_eq!(space(everything()), [Action::PlayScene]);
    assert_eq!(space(Facts { moves: false, ..everything() }), [Action::PlayPath]);
    assert_eq!(space(Facts::default()), []);
    assert_eq!(press(&everything(), Modifiers::NONE, Key::Period, true).0, [Action::NextFrame], "held keys go on");
    let escape = |facts| press(&facts, Modifiers::NONE, Key::Escape, false);
    assert_eq!(escape(Facts { tool: Tool::Brush, ..everything() }).0, [Action::Tool(Tool::Navigate)]);
    assert_eq!(escape(everything()).0, [Action::SelectNone]);
    assert_eq!(escape(Facts { has_selection: false, ..everything() }).0, [Action::LeaveCamera]);
    assert_eq!(escape(Facts::default()), (vec![], None), "Escape never leaves the program");
}

#[test]
fn a_refused_shortcut_gives_its_reason_and_a_held_key_acts_once() {
    let refused = press(&Facts::default(), Modifiers::COMMAND, Key::Z, false);
    assert_eq!(refused, (vec![], Some("there are no splats yet")));
    assert_eq!(press(&everything(), Modifiers::NONE, Key::V, true).0, []);
    assert_eq!(press(&everything(), Modifiers::COMMAND, Key::Z, true).0, [Action::Undo]);
}

#[test]
fn typing_keeps_its_keys() {
    let shortcut = |action: Action| command(&action).expect("in the table").shortcuts[0];
    for action in [Action::Focus, Action::Delete, Action::PlayPath, Action::Undo, Action::SelectAll, Action::AddKey] {
        assert!(is_claimed(&shortcut(action.clone()), Focus::Text), "{action:?}");
    }
    for action in [Action::OpenFolder, Action::Save, Action::Palette, Action::Start, Action::ZoomIn] {
        assert!(!is_claimed(&shortcut(action.clone()), Focus::Text), "{action:?}");
    }
    assert!(is_claimed(&shortcut(Action::Pause), Focus::Control));
    assert!(!is_claimed(&shortcut(Action::Focus), Focus::Control));
}

#[test]
fn typing_a_letter_moves_nothing() {
    let mut harness = egui_kittest::Harness::new_ui_state(
        |ui, (text, actions): &mut (String, Vec<Action>)| {
            consume_shortcuts(ui.ctx(), &everything(), actions);
            ui.text_edit_singleline(text).accessible_name("Name");
        },
        (String::new(), Vec::new()),
    );
    use egui_kittest::kittest::Queryable;
    harness.get_by_label("Name").focus();
    harness.run();
    harness.key_press(Key::R);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run();
    assert_eq!(harness.state().1, [Action::Save]);
}

#[test]
fn switches_tell_whether_they_are_on() {
    let facts = Facts { tool: Tool::Brush, grid: true, ..Facts::default() };
    assert_eq!(checked(&Action::Tool(Tool::Brush), &facts), Some(true));
    assert_eq!(checked(&Action::Tool(Tool::Box), &facts), Some(false));
    assert_eq!(checked(&Action::ToggleGrid, &facts), Some(true));
    assert_eq!(checked(&Action::Undo, &facts), None);
}

#[test]
fn shortcuts_are_spelled_as_on_keyboards() {
    let ctx = Context::default();
    ctx.set_os(egui::os::OperatingSystem::Nix);
    let spelled = |modifiers, key| spell(&ctx, &KeyboardShortcut::new(modifiers, key));
    assert_eq!(spelled(Modifiers::COMMAND | Modifiers::SHIFT, Key::S), "Ctrl+Shift+S");
    assert_eq!(spelled(Modifiers::NONE, Key::Questionmark), "?");
    assert_eq!(spelled(Modifiers::COMMAND, Key::Plus), "Ctrl++");
    ctx.set_os(egui::os::OperatingSystem::Mac);
    let mut mac = String::new();
    ctx.run_ui(RawInput::default(), |_| mac = spelled(Modifiers::COMMAND, Key::S)).drop_without_applying_deltas();
    assert!(mac == "Cmd+S" || mac == "⌘S", "{mac}");
}
