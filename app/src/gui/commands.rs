//! The one table of everything a person can ask of the window by name. Menus, palette, shortcuts and the shortcut sheet
//! are made from it; an [`Action`] without a row here can only come from a panel.

use egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

use super::action::{Action, Axis, Panel, Tool};
use super::display::Mode;

/// Where a command is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Opening, saving, leaving.
    File,
    /// Training.
    Train,
    /// What the viewport shows and from where.
    View,
    /// Selecting and deleting.
    Edit,
    /// The camera path.
    Path,
    /// Panels, theme, help.
    Window,
}

impl Group {
    /// All groups, in the order of the menu bar.
    pub(crate) const ALL: [Self; 6] = [Self::File, Self::Train, Self::View, Self::Edit, Self::Path, Self::Window];

    /// Its name in menus.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Train => "Train",
            Self::View => "View",
            Self::Edit => "Edit",
            Self::Path => "Path",
            Self::Window => "Window",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Command {
    /// What it does.
    pub(crate) action: Action,
    /// Its name in menus, palette and accessibility tree.
    pub(crate) label: &'static str,
    /// The menu it is in.
    pub(crate) group: Group,
    /// Whether menus draw a line above it.
    pub(crate) gap: bool,
    /// Keys that run it; the first is shown.
    pub(crate) shortcuts: &'static [KeyboardShortcut],
    /// One sentence for tooltips and the palette.
    pub(crate) help: &'static str,
}

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
    row(Group::Path, Action::PlayPath, "Play", &[plain(Key::Space)], "Play or stop the camera path").gap(),
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
    row(Group::Window, Action::ToggleTheme, "Dark or light", &[], "Switch between dark and light").gap(),
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

/// The row of an action.
pub(crate) fn command(action: &Action) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.action == *action)
}

/// What training is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Run {
    /// No run.
    #[default]
    None,
    /// Loading, not yet at its first step.
    Starting,
    /// Stepping.
    Running,
    /// Waiting to be resumed.
    Paused,
    /// Writing its last files.
    Stopping,
}

/// What is the case, as far as commands depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// A graphics adapter was opened.
    pub(crate) has_adapter: bool,
    /// Photos, a run or splats are open.
    pub(crate) has_scene: bool,
    /// There are splats to see.
    pub(crate) has_splats: bool,
    /// There are posed photos.
    pub(crate) has_dataset: bool,
    /// The open run was interrupted.
    pub(crate) can_continue: bool,
    /// What training is doing.
    pub(crate) run: Run,
    /// Edits are not saved.
    pub(crate) is_modified: bool,
    /// An edit can be taken back.
    pub(crate) can_undo: bool,
    /// An edit can be done again.
    pub(crate) can_redo: bool,
    /// Splats are selected.
    pub(crate) has_selection: bool,
    /// Splats are hidden.
    pub(crate) has_hidden: bool,
    /// The view is that of a photo's camera.
    pub(crate) is_looking_through: bool,
    /// The camera path has keys.
    pub(crate) has_path_keys: bool,
    /// The camera path has a length.
    pub(crate) can_play_path: bool,
    /// What a drag does.
    pub(crate) tool: Tool,
    /// What is shown.
    pub(crate) mode: Mode,
    /// Flying instead of orbiting.
    pub(crate) is_flying: bool,
    /// Cameras are drawn in the view.
    pub(crate) frusta: bool,
    /// The grid is drawn.
    pub(crate) grid: bool,
    /// The cameras panel is shown.
    pub(crate) cameras_panel: bool,
    /// The side panel is shown.
    pub(crate) side_panel: bool,
    /// The bottom panel is shown.
    pub(crate) bottom_panel: bool,
}

fn need(condition: bool, reason: &'static str) -> Result<(), &'static str> {
    if condition { Ok(()) } else { Err(reason) }
}

/// Whether an action can run now.
///
/// # Errors
/// The reason why it cannot, for people.
pub(crate) fn enabled(action: &Action, facts: &Facts) -> Result<(), &'static str> {
    let live = facts.run != Run::None;
    let stepping = matches!(facts.run, Run::Running | Run::Paused);
    let scene = need(facts.has_scene, "nothing is open");
    let splats = need(facts.has_splats, "there are no splats yet");
    let adapter = need(facts.has_adapter, "no graphics adapter was found");
    let free = need(!live, "a training is under way");
    let run = need(stepping, "no training is running");
    let photos = need(facts.has_dataset, "open a folder of posed photos first");
    let editable = || splats.and(need(!live, "splats cannot be edited while they are trained"));
    let selection = || editable().and(need(facts.has_selection, "nothing is selected"));
    match action {
        Action::OpenFolder
        | Action::OpenFile
        | Action::OpenPath(_)
        | Action::Quit
        | Action::ToggleGrid
        | Action::Toggle(_)
        | Action::Palette
        | Action::Shortcuts
        | Action::ToggleTheme
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::ResetLayout => Ok(()),

        Action::Save => splats.and(need(facts.is_modified, "there is nothing to save")),
        Action::SaveAs => splats,
        Action::Close => scene,

        Action::Start => adapter.and(free).and(photos),
        Action::Continue => adapter.and(free).and(need(facts.can_continue, "open a run that was interrupted")),
        Action::Pause => run.and(need(facts.run == Run::Running, "the training is already paused")),
        Action::Resume => run.and(need(facts.run == Run::Paused, "the training is not paused")),
        Action::Stop => need(stepping || facts.run == Run::Starting, "no training is running"),
        Action::StepOnce | Action::Checkpoint => run,

        Action::FrameAll | Action::ToggleFly | Action::Axis(_) | Action::LevelHorizon | Action::UpFromView => scene,
        Action::Focus | Action::Show(_) | Action::Screenshot => splats,
        Action::NextCamera | Action::PreviousCamera | Action::LookThrough(_) | Action::ToggleFrusta => {
            need(facts.has_dataset, "there are no photos")
        }
        Action::LeaveCamera => need(facts.is_looking_through, "the view is not that of a photo"),

        Action::Tool(Tool::Navigate) => Ok(()),
        Action::Tool(Tool::Measure) => splats,
        Action::Tool(_) | Action::SelectAll | Action::InvertSelection => editable(),
        Action::Undo => editable().and(need(facts.can_undo, "there is nothing to undo")),
        Action::Redo => editable().and(need(facts.can_redo, "there is nothing to redo")),
        Action::SelectNone | Action::Delete | Action::KeepOnly | Action::Hide => selection(),
        Action::UnhideAll => editable().and(need(facts.has_hidden, "nothing is hidden")),

        Action::AddKey => scene,
        Action::RemoveKey => need(facts.has_path_keys, "the camera path has no keys"),
        Action::PlayPath => need(facts.can_play_path, "the camera path needs two keys"),
    }
}

/// For actions that switch something or choose one of several: whether it is on.
pub(crate) fn checked(action: &Action, facts: &Facts) -> Option<bool> {
    match action {
        Action::Show(mode) => Some(facts.mode == *mode),
        Action::Tool(tool) => Some(facts.tool == *tool),
        Action::ToggleFly => Some(facts.is_flying),
        Action::ToggleFrusta => Some(facts.frusta),
        Action::ToggleGrid => Some(facts.grid),
        Action::Toggle(Panel::Cameras) => Some(facts.cameras_panel),
        Action::Toggle(Panel::Side) => Some(facts.side_panel),
        Action::Toggle(Panel::Bottom) => Some(facts.bottom_panel),
        _ => None,
    }
}

/// Whether doing it again would change nothing.
fn is_already_so(action: &Action, facts: &Facts) -> bool {
    matches!(action, Action::Show(_) | Action::Tool(_)) && checked(action, facts) == Some(true)
}

/// Whether holding the key down does it again and again.
fn repeats(action: &Action) -> bool {
    matches!(
        action,
        Action::Undo
            | Action::Redo
            | Action::StepOnce
            | Action::NextCamera
            | Action::PreviousCamera
            | Action::ZoomIn
            | Action::ZoomOut
    )
}

/// Spells a shortcut as keyboards do: `Ctrl+Shift+S`, `?`.
pub(crate) fn spell(ctx: &Context, shortcut: &KeyboardShortcut) -> String {
    let modifiers = ctx.format_modifiers(shortcut.modifiers);
    let key = shortcut.logical_key.symbol_or_name();
    match modifiers.chars().last() {
        None => key.to_owned(),
        // A Mac shows symbols, which need nothing in between.
        Some(last) if !last.is_ascii() => format!("{modifiers}{key}"),
        Some(_) => format!("{modifiers}+{key}"),
    }
}

/// The shortcut that menus show.
pub(crate) fn shown_shortcut(ctx: &Context, command: &Command) -> Option<String> {
    command.shortcuts.first().map(|shortcut| spell(ctx, shortcut))
}

/// Whether Shift belongs to typing the key on some keyboards, such as `?` and `+`, or digits on a French one.
fn ignores_shift(key: Key) -> bool {
    let digits =
        [Key::Num0, Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    let signs = [Key::Questionmark, Key::Plus, Key::Equals, Key::Minus];
    digits.contains(&key) || signs.contains(&key)
}

/// Whether a pressed key is the shortcut.
pub(crate) fn matches(shortcut: &KeyboardShortcut, key: Key, pressed: Modifiers) -> bool {
    let wanted = shortcut.modifiers;
    key == shortcut.logical_key
        && pressed.cmd_ctrl_matches(wanted)
        && pressed.alt == wanted.alt
        && (pressed.shift == wanted.shift || (ignores_shift(key) && !wanted.shift))
}

/// What the keyboard is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    /// Nothing: all shortcuts work.
    Free,
    /// A button or slider, which the keys that operate it belong to.
    Control,
    /// Text being typed.
    Text,
}

/// Whether a shortcut belongs to what has the focus.
fn is_claimed(shortcut: &KeyboardShortcut, focus: Focus) -> bool {
    let key = shortcut.logical_key;
    match focus {
        Focus::Free => false,
        Focus::Control => matches!(key, Key::Space | Key::Enter) && !shortcut.modifiers.command,
        Focus::Text => {
            let is_function_key = key.name().strip_prefix('F').is_some_and(|number| number.parse::<u8>().is_ok());
            let edits_text = matches!(
                key,
                Key::A
                    | Key::C
                    | Key::V
                    | Key::X
                    | Key::Y
                    | Key::Z
                    | Key::Delete
                    | Key::Backspace
                    | Key::Home
                    | Key::End
            );
            !is_function_key && (!shortcut.modifiers.command || edits_text)
        }
    }
}

/// Takes shortcuts out of the input and puts their actions behind `actions`. To be called before any widget is shown.
///
/// Returns why a shortcut did nothing, if one was pressed whose command cannot run now.
pub(crate) fn consume_shortcuts(ctx: &Context, facts: &Facts, actions: &mut Vec<Action>) -> Option<&'static str> {
    // What lies above the window has the keyboard to itself.
    if ctx.memory(|memory| memory.top_modal_layer().is_some()) || egui::Popup::is_any_open(ctx) {
        return None;
    }
    let focus = if ctx.text_edit_focused() {
        Focus::Text
    } else if ctx.egui_wants_keyboard_input() {
        Focus::Control
    } else {
        Focus::Free
    };
    let mut refused = None;
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, repeat, modifiers, .. } = event else { return true };
            let mut hits = COMMANDS
                .iter()
                .filter(|command| {
                    let pressed = |own: &KeyboardShortcut| matches(own, *key, *modifiers) && !is_claimed(own, focus);
                    command.shortcuts.iter().any(pressed)
                })
                .peekable();
            let Some(first) = hits.peek().copied() else { return true };
            let mut shared = false;
            let runs =
                |command: &&Command| enabled(&command.action, facts).is_ok() && !is_already_so(&command.action, facts);
            let target = hits.inspect(|command| shared |= command.action != first.action).find(runs);
            match target {
                Some(command) if !repeat || repeats(&command.action) => actions.push(command.action.clone()),
                Some(_) => {}
                // With several meanings there is no one reason.
                None if !shared && !repeat => refused = enabled(&first.action, facts).err(),
                None => {}
            }
            false
        });
    });
    refused
}

#[cfg(test)]
mod tests {
    use super::{
        Action, Axis, COMMANDS, Facts, Focus, Group, Mode, Panel, Run, Tool, checked, command, consume_shortcuts,
        enabled, is_claimed, matches, spell,
    };
    use egui::{Context, Event, Key, KeyboardShortcut, Modifiers, RawInput};

    /// Everything is open and possible.
    fn everything() -> Facts {
        Facts {
            has_adapter: true,
            has_scene: true,
            has_splats: true,
            has_dataset: true,
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
            Action::Palette,
            Action::Shortcuts,
            Action::ToggleTheme,
            Action::ZoomIn,
            Action::ZoomOut,
            Action::ResetLayout,
        ];
        let modes = [
            Mode::Colour,
            Mode::Depth,
            Mode::Alpha,
            Mode::Normals,
            Mode::Ellipsoids,
            Mode::Points,
            Mode::Overdraw,
            Mode::Opacity,
            Mode::Size,
            Mode::Age,
        ];
        actions.extend(modes.map(Action::Show));
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
            "Space: Pause / Play",
            "Space: Resume / Play",
            "Escape: Navigate / Select none",
            "Escape: Navigate / Leave photo",
            "Escape: Select none / Leave photo",
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
        assert_eq!(space(everything()), [Action::PlayPath]);
        assert_eq!(space(Facts::default()), []);
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
        for action in [Action::Focus, Action::Delete, Action::PlayPath, Action::Undo, Action::SelectAll, Action::AddKey]
        {
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
}
