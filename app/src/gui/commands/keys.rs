//! From keys to commands, and how keys are spelled.

use egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

use super::super::action::Action;
use super::{COMMANDS, Command, Facts, checked, enabled};

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
            | Action::NextFrame
            | Action::PreviousFrame
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
pub(super) fn matches(shortcut: &KeyboardShortcut, key: Key, pressed: Modifiers) -> bool {
    let wanted = shortcut.modifiers;
    key == shortcut.logical_key
        && pressed.cmd_ctrl_matches(wanted)
        && pressed.alt == wanted.alt
        && (pressed.shift == wanted.shift || (ignores_shift(key) && !wanted.shift))
}

/// What the keyboard is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    /// Nothing: all shortcuts work.
    Free,
    /// A button or slider, which the keys that operate it belong to.
    Control,
    /// Text being typed.
    Text,
}

/// Whether a shortcut belongs to what has the focus.
pub(super) fn is_claimed(shortcut: &KeyboardShortcut, focus: Focus) -> bool {
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
