//! The menu bar, made from the command table.

use std::iter;

use egui::containers::menu::MenuBar;
use egui::{Button, Ui};

use super::action::Action;
use super::commands::{COMMANDS, Command, Facts, Group, checked, enabled, shown_shortcut};
use super::prefs::Recent;

/// Shows the menu bar.
pub(crate) fn show(ui: &mut Ui, facts: &Facts, recent: &[Recent], actions: &mut Vec<Action>) {
    MenuBar::new().ui(ui, |ui| {
        for group in Group::ALL {
            ui.menu_button(group.label(), |ui| {
                ui.set_min_width(230.0);
                items(ui, group, facts, recent, actions);
            });
        }
    });
}

/// The submenu a command is in.
fn submenu(action: &Action) -> Option<&'static str> {
    match action {
        Action::Show(_) => Some("Display"),
        Action::Axis(_) => Some("Look from"),
        _ => None,
    }
}

fn items(ui: &mut Ui, group: Group, facts: &Facts, recent: &[Recent], actions: &mut Vec<Action>) {
    let mut commands = COMMANDS.iter().filter(|command| command.group == group).peekable();
    while let Some(command) = commands.next() {
        if command.gap {
            ui.separator();
        }
        let Some(title) = submenu(&command.action) else {
            item(ui, command, facts, actions);
            if command.action == Action::OpenFile {
                recent_menu(ui, recent, actions);
            }
            continue;
        };
        let rest = iter::from_fn(|| commands.next_if(|next| submenu(&next.action) == Some(title)));
        let members: Vec<&Command> = iter::once(command).chain(rest).collect();
        ui.menu_button(title, |ui| {
            ui.set_min_width(190.0);
            for member in members {
                item(ui, member, facts, actions);
            }
        });
    }
}

/// One entry: its name, its shortcut, whether it is on, and why it cannot be chosen.
pub(crate) fn item(ui: &mut Ui, command: &Command, facts: &Facts, actions: &mut Vec<Action>) {
    let mut button = Button::new(command.label);
    if let Some(on) = checked(&command.action, facts) {
        button = button.selected(on);
    }
    let shortcut = shown_shortcut(ui.ctx(), command);
    if let Some(shortcut) = &shortcut {
        button = button.shortcut_text(shortcut.as_str());
    }
    let allowed = enabled(&command.action, facts);
    let response = ui.add_enabled(allowed.is_ok(), button).accessible_name(command.label);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_description(allowed.err().unwrap_or(command.help));
        if let Some(shortcut) = shortcut {
            node.set_keyboard_shortcut(shortcut);
        }
    });
    let response = match allowed {
        Ok(()) => response.on_hover_text(command.help),
        Err(reason) => response.on_disabled_hover_text(reason),
    };
    if response.clicked() {
        actions.push(command.action.clone());
    }
}

fn recent_menu(ui: &mut Ui, recent: &[Recent], actions: &mut Vec<Action>) {
    ui.add_enabled_ui(!recent.is_empty(), |ui| {
        ui.menu_button("Open recent", |ui| {
            for entry in recent {
                entry_button(ui, entry, actions);
            }
        });
    });
}

/// One recent file; a missing one is grey.
pub(crate) fn entry_button(ui: &mut Ui, entry: &Recent, actions: &mut Vec<Action>) {
    let name = entry.name();
    let button = Button::new(&name).shortcut_text(entry.folder());
    let path = entry.path.display().to_string();
    let response = ui.add_enabled(!entry.missing, button).accessible_name(name);
    let response = response.on_hover_text(&path).on_disabled_hover_text(format!("{path} is no longer there"));
    if response.clicked() {
        actions.push(Action::OpenPath(entry.path.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::super::commands::Facts;
    use super::super::display::Mode;
    use super::super::prefs::Recent;
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};

    struct Bar {
        facts: Facts,
        recent: Vec<Recent>,
        actions: Vec<Action>,
    }

    fn harness(facts: Facts) -> Harness<'static, Bar> {
        let gone = Recent { missing: true, ..Recent::new("/data/gone.ply".into()) };
        let recent = vec![Recent::new("/data/garden".into()), gone];
        Harness::builder().with_size([900.0, 700.0]).build_ui_state(
            |ui, bar: &mut Bar| super::show(ui, &bar.facts, &bar.recent, &mut bar.actions),
            Bar { facts, recent, actions: vec![] },
        )
    }

    #[test]
    fn an_entry_runs_its_action() {
        let mut harness = harness(Facts::default());
        harness.get_by_label("File").click();
        harness.run();
        harness.get_by_label("Open splat file…").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::OpenFile]);
    }

    #[test]
    fn an_entry_that_cannot_run_says_why_and_does_nothing() {
        let mut harness = harness(Facts::default());
        harness.get_by_label("Edit").click();
        harness.run();
        let undo = harness.get_by_label("Undo");
        assert!(undo.accesskit_node().is_disabled());
        let description = undo.accesskit_node().data().description().map(str::to_owned);
        assert_eq!(description.as_deref(), Some("there are no splats yet"));
        assert_eq!(undo.accesskit_node().data().keyboard_shortcut(), Some("Ctrl+Z"));
        undo.click();
        harness.run();
        assert_eq!(harness.state().actions, []);
    }

    #[test]
    fn display_modes_are_in_a_submenu_and_tell_which_is_on() {
        let mut harness = harness(Facts { has_splats: true, mode: Mode::Depth, ..Facts::default() });
        harness.get_by_label("View").click();
        harness.run();
        harness.get_by_label_contains("Display").click();
        harness.run();
        let toggled = |name| harness.get_by_label(name).accesskit_node().toggled();
        assert_eq!(toggled("Depth"), Some(egui::accesskit::Toggled::True));
        assert_eq!(toggled("Normals"), Some(egui::accesskit::Toggled::False));
        harness.get_by_label("Normals").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::Show(Mode::Normals)]);
    }

    #[test]
    fn recent_files_open_unless_they_are_gone() {
        let mut harness = harness(Facts::default());
        harness.get_by_label("File").click();
        harness.run();
        harness.get_by_label_contains("Open recent").click();
        harness.run();
        assert!(harness.get_by_label("gone.ply").accesskit_node().is_disabled());
        harness.get_by_label("garden").click();
        harness.run();
        assert_eq!(harness.state().actions, [Action::OpenPath("/data/garden".into())]);
    }
}
