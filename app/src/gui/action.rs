//! Everything a person can ask of the window. Menus, the palette, shortcuts and buttons only make actions; `app.rs`
//! alone carries them out.

use std::path::PathBuf;

use super::display::Mode;

/// A wish, carried out by [`App::perform`](super::app::App::perform) at the end of the frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    // File
    /// Ask for a folder of photos or a run.
    OpenFolder,
    /// Ask for a splat file.
    OpenFile,
    /// Open a scene, a run or a splat file.
    OpenPath(PathBuf),
    /// Write the edited splats where they came from.
    Save,
    /// Write the splats under a name that is asked for.
    SaveAs,
    /// Close what is open.
    Close,
    /// Leave the program.
    Quit,

    // Train
    /// Train the open photos.
    Start,
    /// Wait after the current step.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Do one step, then wait.
    StepOnce,
    /// Write everything and end the run.
    Stop,
    /// Write a checkpoint.
    Checkpoint,
    /// Go on with an interrupted run.
    Continue,

    // View
    /// How splats are shown.
    Show(Mode),
    /// See everything.
    FrameAll,
    /// Turn about what is selected, or about the surface in the middle of the picture.
    Focus,
    /// Orbit or fly.
    ToggleFly,
    /// Look along an axis.
    Axis(Axis),
    /// Bring the horizon level.
    LevelHorizon,
    /// Make the top of the picture the up direction.
    UpFromView,
    /// Look through the next photo's camera.
    NextCamera,
    /// Look through the previous photo's camera.
    PreviousCamera,
    /// Look through a photo's camera, by its place in the list of all views.
    LookThrough(usize),
    /// Leave a photo's camera.
    LeaveCamera,
    /// Show or hide the cameras.
    ToggleFrusta,
    /// Show or hide grid and axes.
    ToggleGrid,
    /// Show or hide where splats go.
    ToggleTrails,
    /// Play or pause a scene that moves.
    PlayScene,
    /// Go to the next frame of a scene that moves.
    NextFrame,
    /// Go to the previous frame of a scene that moves.
    PreviousFrame,
    /// Write the picture to a PNG.
    Screenshot,

    // Edit
    /// What a drag in the viewport does.
    Tool(Tool),
    /// Take the last edit back.
    Undo,
    /// Do it again.
    Redo,
    /// Select everything that is shown.
    SelectAll,
    /// Select nothing.
    SelectNone,
    /// Select what is not selected.
    InvertSelection,
    /// Delete what is selected.
    Delete,
    /// Delete what is not selected.
    KeepOnly,
    /// Hide what is selected.
    Hide,
    /// Show everything that is hidden.
    UnhideAll,

    // Camera path
    /// Add a key at the current view.
    AddKey,
    /// Remove the key last passed.
    RemoveKey,
    /// Play or stop the path.
    PlayPath,

    // Window
    /// Show or hide a panel.
    Toggle(Panel),
    /// Find an action by name.
    Palette,
    /// Show every shortcut.
    Shortcuts,
    /// Dark or light.
    ToggleTheme,
    /// Everything larger.
    ZoomIn,
    /// Everything smaller.
    ZoomOut,
    /// Panels back where they were at first.
    ResetLayout,
}

/// A direction to look from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// From the front.
    Front,
    /// From behind.
    Back,
    /// From the left.
    Left,
    /// From the right.
    Right,
    /// From above.
    Top,
    /// From below.
    Bottom,
}

/// What a left drag in the viewport does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Orbit.
    #[default]
    Navigate,
    /// Select in a rectangle.
    Rectangle,
    /// Select under a brush.
    Brush,
    /// Select in a box placed in the scene.
    Box,
    /// Select in a sphere placed in the scene.
    Sphere,
    /// Measure a distance between two surface points.
    Measure,
}

/// A part of the window that can be hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    /// Cameras and photos, on the left.
    Cameras,
    /// Training, display, editing and export, on the right.
    Side,
    /// Plots, timing and the log, at the bottom.
    Bottom,
}
