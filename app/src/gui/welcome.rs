//! What an empty window shows: what Splat opens, and the ways to open it.

use std::path::{Path, PathBuf};

use egui::{Button, RichText, ScrollArea, Ui, vec2};

use super::action::Action;
use super::commands::{Facts, command, shown_shortcut};
use super::menu;
use super::no_adapter;
use super::prefs::Recent;

/// What the page shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welcome<'a> {
    /// What was opened before.
    pub(crate) recent: &'a [Recent],
    /// The scene that comes with Splat, see [`find_still_life`].
    pub(crate) still_life: Option<&'a Path>,
    /// Name of the adapter, or why there is none.
    pub(crate) adapter: Result<&'a str, &'a str>,
}

/// The scene that comes with Splat: beside the program, above it as in a source tree, or below the current folder.
/// Looks at the disk, so ask once.
pub(crate) fn find_still_life() -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program.iter().flat_map(|program| program.ancestors().skip(1).take(5)).map(Path::to_owned);
    still_life_in(beside.chain(std::env::current_dir().ok()))
}

/// The first of these folders that has it.
fn still_life_in(mut folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.find_map(|folder| {
        let scene = folder.join("datasets").join("still-life");
        scene.join("transforms_train.json").is_file().then_some(scene)
    })
}

/// Shows the page.
pub(crate) fn show(ui: &mut Ui, welcome: &Welcome<'_>, facts: &Facts, actions: &mut Vec<Action>) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.add_space((ui.available_height() * 0.12).clamp(8.0, 90.0));
        ui.vertical_centered(|ui| {
            ui.set_max_width(560.0);
            if let Err(problem) = welcome.adapter {
                no_adapter::show(ui, problem);
                return;
            }
            ui.label(RichText::new("Splat").size(34.0).strong());
            ui.label("Train 3D Gaussian splats from posed photos, look at them, clean them and export them.");
            ui.add_space(14.0);
            for action in [Action::OpenFolder, Action::OpenFile] {
                big_button(ui, &action, actions);
            }
            if let Some(scene) = welcome.still_life {
                let button = Button::new("Try the still life").min_size(vec2(260.0, 32.0));
                let response = ui.add(button).on_hover_text("A small scene that comes with Splat; trains in minutes");
                if response.clicked() {
                    actions.push(Action::OpenPath(scene.to_owned()));
                }
            }
            ui.add_space(14.0);
            ui.label("Or drop one of these on the window:");
            ui.weak("a folder of photos with a COLMAP model or transforms.json");
            ui.weak("the folder of an earlier run");
            ui.weak("a .ply file of splats");
            recent(ui, welcome.recent, actions);
            ui.add_space(14.0);
            if let Ok(adapter) = welcome.adapter {
                ui.weak(format!("Draws and trains on {adapter}."));
            }
            if !facts.has_adapter {
                ui.weak("The adapter is still being opened.");
            }
        });
    });
}

fn big_button(ui: &mut Ui, action: &Action, actions: &mut Vec<Action>) {
    let Some(command) = command(action) else { return };
    let mut button = Button::new(RichText::new(command.label).size(16.0)).min_size(vec2(260.0, 38.0));
    if let Some(shortcut) = shown_shortcut(ui.ctx(), command) {
        button = button.shortcut_text(shortcut);
    }
    if ui.add(button).accessible_name(command.label).on_hover_text(command.help).clicked() {
        actions.push(action.clone());
    }
}

fn recent(ui: &mut Ui, recent: &[Recent], actions: &mut Vec<Action>) {
    if recent.is_empty() {
        return;
    }
    ui.add_space(14.0);
    ui.strong("Recent");
    for entry in recent.iter().take(8) {
        menu::entry_button(ui, entry, actions);
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::super::commands::Facts;
    use super::super::prefs::Recent;
    use super::{Welcome, still_life_in};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use std::path::Path;

    fn harness(adapter: Result<&'static str, &'static str>) -> Harness<'static, Vec<Action>> {
        let recent = [Recent::new("/data/garden".into())];
        let mut harness = Harness::builder().with_size([900.0, 900.0]).build_ui_state(
            move |ui, actions: &mut Vec<Action>| {
                let still_life = Some(Path::new("/splat/datasets/still-life"));
                let facts = Facts { has_adapter: adapter.is_ok(), ..Facts::default() };
                super::show(ui, &Welcome { recent: &recent, still_life, adapter }, &facts, actions);
            },
            Vec::new(),
        );
        harness.run();
        harness
    }

    #[test]
    fn every_way_to_open_something_works() {
        let mut harness = harness(Ok("llvmpipe"));
        for (label, action) in [
            ("Open folder…", Action::OpenFolder),
            ("Open splat file…", Action::OpenFile),
            ("Try the still life", Action::OpenPath("/splat/datasets/still-life".into())),
            ("garden", Action::OpenPath("/data/garden".into())),
        ] {
            harness.get_by_label(label).click();
            harness.run();
            assert_eq!(harness.state().last(), Some(&action), "{label}");
        }
        harness.get_by_label_contains("llvmpipe");
    }

    #[test]
    fn without_an_adapter_it_says_how_to_get_one() {
        let harness = harness(Err("no adapter was found"));
        harness.get_by_label("no adapter was found");
        assert!(harness.query_by_label("Open folder…").is_none());
    }

    #[test]
    fn the_still_life_of_the_source_tree_is_found() {
        let program = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = || program.ancestors().map(Path::to_owned);
        let root = program.parent().expect("the source tree");
        assert_eq!(still_life_in(folders()), Some(root.join("datasets").join("still-life")));
        assert_eq!(still_life_in(folders().take(1)), None);
    }
}
