//! The one table of everything a person can ask of the window by name. Menus, palette, shortcuts and the shortcut sheet
//! are made from it; an [`Action`] without a row here can only come from a panel.

mod facts;
mod keys;
mod table;
#[cfg(test)]
mod tests;

use egui::KeyboardShortcut;

use super::action::Action;

pub(crate) use facts::{Facts, Run, checked, enabled};
pub(crate) use keys::{consume_shortcuts, shown_shortcut, spell};
pub(crate) use table::COMMANDS;

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

/// The row of an action.
pub(crate) fn command(action: &Action) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.action == *action)
}
