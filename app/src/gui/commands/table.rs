//! The rows.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::super::action::{Action, Axis, Panel, Tool};
use super::super::display::Mode;
use super::{Command, Group};

impl Command {
    /// A line above it.
    const fn gap(mut self) -> Self {
        self.gap = true;
        self
    }
}

const fn row(
    group: Group,
    action: Action,
    label: &'static str,
    shortcuts: &'static [KeyboardShortcut],
    help: &'static str,
) -> Command {
    Command { action, label, group, gap: false, shortcuts, help }
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

/// All commands, in the order of the menus.
///
/// Commands may share keys: the first that can run and is not already so does. Space pauses, resumes or plays; Escape
/// leaves the tool, then the selection, then the photo's camera. W, A, S, D, Q, E, Z and X fly and roll.
pub(crate) static COMMANDS: &[Command] = &[
    row(
        Group::File,
        Action::OpenFolder,
        "Open folder…",
        &[ctrl(Key::O)],
        "Open a folder of posed photos, or a run to look at or continue",
    ),
    row(Group::File, Action::OpenFile, "Open splat file…", &[ctrl_shift(Key::O)], "Open finished splats"),
    row(Group::File, Action::Save, "Save", &[ctrl(Key::S)], "Write the edited splats where they came from").gap(),
    row(
        Group::File,
        Action::SaveAs,
        "Export…",
        &[ctrl_shift(Key::S)],
        "Write the splats to a file, in a format and under a name of your choice",
    ),
    row(Group::File, Action::Close, "Close", &[ctrl(Key::W)], "Close what is open").gap(),
    row(Group::File, Action::Quit, "Quit", &[ctrl(Key::Q)], "Leave Splat"),
    row(Group::Train, Action::Start, "Start training", &[plain(Key::F5)], "Train splats from the open photos"),
    row(
        Group::Train,
        Action::Continue,
        "Continue run",
        &[ctrl(Key::F5)],
        "Go on with an interrupted run from its last checkpoint",
    ),
    row(Group::Train, Action::Pause, "Pause", &[plain(Key::Space)], "Wait after the current step").gap(),
    row(Group::Train, Action::Resume, "Resume", &[plain(Key::Space)], "Go on after a pause"),
    row(Group::Train, Action::StepOnce, "One step", &[plain(Key::F10)], "Do one training step, then wait"),
    row(
        Group::Train,
        Action::Stop,
        "Stop and save",
        &[shift(Key::F5)],
        "Write the scene and a checkpoint, then end the run; it can be continued",
    ),
    row(
        Group::Train,
        Action::Checkpoint,
        "Save checkpoint",
        &[],
        "Write a checkpoint now, from which the run can be continued",
    )
    .gap(),
    row(Group::Edit, Action::Undo, "Undo", &[ctrl(Key::Z)], "Take the last edit back"),
    row(
        Group::Edit,
        Action::Redo,
        "Redo",
        &[ctrl_shift(Key::Z), ctrl(Key::Y)],
        "Do the edit again that was taken back",
    ),
    row(
        Group::Edit,
        Action::Tool(Tool::Navigate),
        "Navigate",
        &[plain(Key::Escape)],
        "Leave the tool: dragging moves the camera",
    )
    .gap(),
    row(
        Group::Edit,
        Action::Tool(Tool::Rectangle),
        "Rectangle",
        &[plain(Key::R)],
        "Select splats in a rectangle; Shift adds, Ctrl removes",
    ),
    row(
        Group::Edit,
        Action::Tool(Tool::Brush),
        "Brush",
        &[plain(Key::B)],
        "Select splats by painting over them; Shift adds, Ctrl removes",
    ),
    row(Group::Edit, Action::Tool(Tool::Box), "Box", &[plain(Key::K)], "Select splats in a box placed in the scene"),
    row(
        Group::Edit,
        Action::Tool(Tool::Sphere),
        "Sphere",
        &[plain(Key::O)],
        "Select splats in a sphere placed in the scene",
    ),
    row(
        Group::Edit,
        Action::Tool(Tool::Measure),
        "Measure",
        &[plain(Key::M)],
        "Measure the distance between two points of a surface",
    ),
    row(Group::Edit, Action::SelectAll, "Select all", &[ctrl(Key::A)], "Select everything that is shown").gap(),
    row(Group::Edit, Action::SelectNone, "Select none", &[ctrl_shift(Key::A), plain(Key::Escape)], "Select nothing"),
    row(
        Group::Edit,
        Action::InvertSelection,
        "Invert selection",
        &[ctrl(Key::I)],
        "Select what is shown and not selected",
    ),
    row(
        Group::Edit,
        Action::Delete,
        "Delete",
        &[plain(Key::Delete), plain(Key::Backspace)],
        "Delete the selected splats; the file changes only when saved",
    )
    .gap(),
    row(
        Group::Edit,
        Action::KeepOnly,
        "Keep only selection",
        &[ctrl(Key::Delete)],
        "Delete everything that is not selected",
    ),
    row(Group::Edit, Action::Hide, "Hide", &[plain(Key::H)], "Hide the selected splats"),
    row(Group::Edit, Action::UnhideAll, "Show hidden", &[shift(Key::H)], "Show everything that is hidden"),
    row(
        Group::View,
        Action::FrameAll,
        "Frame all",
        &[plain(Key::Home), shift(Key::F)],
        "Move the camera until everything is in the picture",
    ),
    row(
        Group::View,
        Action::Focus,
        "Focus",
        &[plain(Key::F)],
        "Turn about the selection, or about the surface in the middle of the picture",
    ),
    row(
        Group::View,
        Action::ToggleFly,
        "Fly",
        &[plain(Key::V)],
        "Fly through the scene instead of turning about a point",
    ),
    row(Group::View, Action::Axis(Axis::Front), "Front", &[plain(Key::Num1)], "Look from the front"),
    row(Group::View, Action::Axis(Axis::Back), "Back", &[ctrl(Key::Num1)], "Look from behind"),
    row(Group::View, Action::Axis(Axis::Right), "Right", &[plain(Key::Num3)], "Look from the right"),
    row(Group::View, Action::Axis(Axis::Left), "Left", &[ctrl(Key::Num3)], "Look from the left"),
    row(Group::View, Action::Axis(Axis::Top), "Top", &[plain(Key::Num7)], "Look from above"),
    row(Group::View, Action::Axis(Axis::Bottom), "Bottom", &[ctrl(Key::Num7)], "Look from below"),
    row(Group::View, Action::LevelHorizon, "Level horizon", &[plain(Key::L)], "Bring the horizon level"),
    row(
        Group::View,
        Action::UpFromView,
        "Set up direction from view",
        &[],
        "Make the top of the picture the up direction of the scene",
    ),
    row(
        Group::View,
        Action::NextCamera,
        "Next photo",
        &[plain(Key::PageDown)],
        "Look through the camera of the next photo",
    )
    .gap(),
    row(
        Group::View,
        Action::PreviousCamera,
        "Previous photo",
        &[plain(Key::PageUp)],
        "Look through the camera of the previous photo",
    ),
    row(Group::View, Action::LeaveCamera, "Leave photo", &[plain(Key::Escape)], "Leave the camera of a photo"),
    row(
        Group::View,
        Action::Show(Mode::Colour),
        "Colour",
        &[alt(Key::Num1)],
        "Show the colours of the scene, as exported and rendered",
    )
    .gap(),
    row(Group::View, Action::Show(Mode::Depth), "Depth", &[alt(Key::Num2)], "Show the distance from the camera"),
    row(
        Group::View,
        Action::Show(Mode::Alpha),
        "Alpha",
        &[alt(Key::Num3)],
        "Show how much of the background is covered",
    ),
    row(Group::View, Action::Show(Mode::Normals), "Normals", &[alt(Key::Num4)], "Show the direction surfaces face"),
    row(
        Group::View,
        Action::Show(Mode::Ellipsoids),
        "Ellipsoids",
        &[alt(Key::Num5)],
        "Show splats as solid ellipsoids",
    ),
    row(
        Group::View,
        Action::Show(Mode::Points),
        "Points",
        &[alt(Key::Num6)],
        "Show the centre of every splat as a dot",
    ),
    row(
        Group::View,
        Action::Show(Mode::Overdraw),
        "Overdraw",
        &[alt(Key::Num7)],
        "Show how many splats are blended in each pixel",
    ),
    row(Group::View, Action::Show(Mode::Opacity), "Opacity", &[alt(Key::Num8)], "Colour splats by how opaque they are"),
    row(Group::View, Action::Show(Mode::Size), "Size", &[alt(Key::Num9)], "Colour splats by their size"),
    row(
        Group::View,
        Action::Show(Mode::Age),
        "Age",
        &[alt(Key::Num0)],
        "Colour splats by the step at which they were made",
    ),
    row(
        Group::View,
        Action::Show(Mode::Motion),
        "Motion",
        &[alt(Key::M)],
        "Colour splats by how far they go; what rests is grey",
    ),
    row(
        Group::View,
        Action::ToggleFrusta,
        "Cameras in the view",
        &[plain(Key::C)],
        "Show or hide where the photos were taken",
    )
    .gap(),
    row(
        Group::View,
        Action::ToggleGrid,
        "Grid and axes",
        &[plain(Key::G)],
        "Show or hide the ground grid and the axes",
    ),
    row(
        Group::View,
        Action::ToggleTrails,
        "Motion trails",
        &[plain(Key::T)],
        "Show or hide the way that selected splats go, or splats of the whole scene",
    ),
    row(Group::View, Action::PlayScene, "Play scene", &[plain(Key::Space)], "Play or pause a scene that moves").gap(),
    row(
        Group::View,
        Action::NextFrame,
        "Next frame",
        &[plain(Key::Period)],
        "Go to the next frame of a scene that moves",
    ),
    row(
        Group::View,
        Action::PreviousFrame,
        "Previous frame",
        &[plain(Key::Comma)],
        "Go to the previous frame of a scene that moves",
    ),
    row(
        Group::View,
        Action::Screenshot,
        "Save picture…",
        &[plain(Key::P)],
        "Write the picture of the viewport to a PNG",
    ),
    row(Group::Path, Action::AddKey, "Add key", &[plain(Key::Enter)], "Add the current view to the camera path"),
    row(
        Group::Path,
        Action::RemoveKey,
        "Remove key",
        &[shift(Key::Enter)],
        "Remove the key of the camera path that was passed last",
    ),
    row(Group::Path, Action::PlayPath, "Play", &[plain(Key::Space), shift(Key::Space)], "Play or stop the camera path")
        .gap(),
    row(
        Group::Window,
        Action::Palette,
        "Find a command…",
        &[ctrl(Key::P), ctrl_shift(Key::P)],
        "Find commands, settings and recent files by name",
    ),
    row(
        Group::Window,
        Action::Toggle(Panel::Cameras),
        "Cameras panel",
        &[plain(Key::F2)],
        "Show or hide the photos on the left",
    )
    .gap(),
    row(
        Group::Window,
        Action::Toggle(Panel::Side),
        "Side panel",
        &[plain(Key::F3)],
        "Show or hide training, display, editing and export on the right",
    ),
    row(
        Group::Window,
        Action::Toggle(Panel::Bottom),
        "Plots and log",
        &[plain(Key::F4)],
        "Show or hide plots, timing and the log at the bottom",
    ),
    row(Group::Window, Action::ResetLayout, "Reset layout", &[], "Put the panels back where they were at first"),
    row(Group::Window, Action::ToggleTheme, "Dark or light theme", &[], "Switch between dark and light").gap(),
    row(
        Group::Window,
        Action::ZoomIn,
        "Larger",
        &[ctrl(Key::Plus), ctrl(Key::Equals)],
        "Make text and controls larger",
    ),
    row(Group::Window, Action::ZoomOut, "Smaller", &[ctrl(Key::Minus)], "Make text and controls smaller"),
    row(
        Group::Window,
        Action::Shortcuts,
        "Keyboard and mouse…",
        &[plain(Key::Questionmark), plain(Key::F1)],
        "Show every shortcut and how to move in the viewport",
    )
    .gap(),
];
