//! The sheet of all shortcuts, made from the command table, and how to move in the viewport.

use egui::{Context, Grid, ScrollArea, Ui};

use super::commands::{COMMANDS, Group, spell};
use super::theme;

/// What mouse and keys do in the viewport, which has no commands for it.
const MOVING: [(&str, &str); 13] = [
    ("Left drag", "Turn about the pivot, or use the tool"),
    ("Middle drag, Ctrl or Shift + left drag", "Move sideways"),
    ("Right drag", "Look around"),
    ("Wheel, pinch", "Closer to or farther from what is under the pointer"),
    ("Double click", "Turn about this point"),
    ("Right drag + W A S D", "Fly forward, left, back, right"),
    ("Right drag + E / Q", "Fly up / down"),
    ("Hold Shift / Alt", "Faster / slower"),
    ("Wheel while flying", "Speed"),
    ("Hold Z / X", "Roll"),
    ("Arrow keys", "Turn about the pivot"),
    ("Click on a camera", "Look through it"),
    ("Drop a folder or file", "Open it"),
];

/// Shows the sheet while `open`; closes it when asked to.
pub(crate) fn show(ctx: &Context, open: &mut bool) {
    if !*open {
        return;
    }
    let modal = theme::dialog(ctx, "Keyboard and mouse").show(ctx, |ui| {
        let room = ctx.content_rect().size();
        ui.set_width(760.0_f32.min(room.x - 60.0));
        ui.heading("Keyboard and mouse");
        ScrollArea::vertical().max_height((room.y - 160.0).max(120.0)).auto_shrink([false, true]).show(ui, |ui| {
            // Two columns where there is room, so that most of it is seen at once.
            let columns = if ui.available_width() > 620.0 { 2 } else { 1 };
            ui.columns(columns, |columns| {
                let last = columns.len().saturating_sub(1);
                let (left, right) =
                    ([Group::File, Group::Train, Group::Edit, Group::Path], [Group::View, Group::Window]);
                if let Some(ui) = columns.first_mut() {
                    left.into_iter().for_each(|group| commands(ui, group));
                    moving(ui);
                }
                if let Some(ui) = columns.get_mut(last) {
                    right.into_iter().for_each(|group| commands(ui, group));
                }
            });
        });
        ui.add_space(4.0);
        ui.button("Close").clicked()
    });
    if modal.inner || modal.should_close() {
        *open = false;
    }
}

fn commands(ui: &mut Ui, group: Group) {
    ui.add_space(6.0);
    ui.strong(group.label());
    Grid::new(("shortcuts", group.label())).num_columns(2).min_col_width(150.0).striped(true).show(ui, |ui| {
        for command in COMMANDS.iter().filter(|command| command.group == group && !command.shortcuts.is_empty()) {
            let keys: Vec<String> = command.shortcuts.iter().map(|shortcut| spell(ui.ctx(), shortcut)).collect();
            ui.label(command.label).on_hover_text(command.help);
            ui.monospace(keys.join("  "));
            ui.end_row();
        }
    });
}

fn moving(ui: &mut Ui) {
    ui.add_space(6.0);
    ui.strong("Moving in the viewport");
    for (input, effect) in MOVING {
        ui.horizontal_wrapped(|ui| {
            ui.label(input);
            ui.weak(effect);
        });
    }
}

#[cfg(test)]
mod tests {
    use egui::Key;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[test]
    fn every_shortcut_is_on_the_sheet() {
        let mut harness = Harness::builder()
            .with_size([900.0, 1600.0])
            .build_ui_state(|ui, open: &mut bool| super::show(ui.ctx(), open), true);
        harness.run();
        harness.get_by_label("Ctrl+Shift+Z  Ctrl+Y");
        harness.get_by_label("?  F1");
        harness.get_by_label("Left drag");
        for command in super::COMMANDS.iter().filter(|command| !command.shortcuts.is_empty()) {
            assert!(harness.query_all_by_label(command.label).count() >= 1, "{}", command.label);
        }
        harness.get_by_role_and_label(egui::Role::Button, "Close").click();
        harness.run();
        assert!(!harness.state());
    }

    #[test]
    fn escape_closes_it_in_a_small_window() {
        let mut harness = Harness::builder()
            .with_size([420.0, 320.0])
            .build_ui_state(|ui, open: &mut bool| super::show(ui.ctx(), open), true);
        harness.run();
        harness.key_press(Key::Escape);
        harness.run();
        assert!(!harness.state());
    }
}
