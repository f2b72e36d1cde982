//! What commands depend on: whether they can run, and whether they are on.

use super::super::action::{Action, Panel, Tool};
use super::super::display::Mode;

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
    /// The splats move.
    pub(crate) moves: bool,
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
    /// The ways of splats are drawn.
    pub(crate) trails: bool,
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
    let moves = need(facts.moves, "the scene does not move");
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
        Action::Show(Mode::Motion) => splats.and(moves),
        Action::Focus | Action::Show(_) | Action::Screenshot => splats,
        Action::NextCamera | Action::PreviousCamera | Action::LookThrough(_) | Action::ToggleFrusta => {
            need(facts.has_dataset, "there are no photos")
        }
        Action::PlayScene | Action::NextFrame | Action::PreviousFrame | Action::ToggleTrails => moves,
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
        Action::ToggleTrails => Some(facts.trails),
        Action::Toggle(Panel::Cameras) => Some(facts.cameras_panel),
        Action::Toggle(Panel::Side) => Some(facts.side_panel),
        Action::Toggle(Panel::Bottom) => Some(facts.bottom_panel),
        _ => None,
    }
}
