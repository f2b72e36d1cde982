//! Which keys of motion are held.
//!
//! Letters are taken by their place on the keyboard, so that W A S D is the same hand position on every layout. A key
//! pressed together with Ctrl or Cmd is a shortcut and moves nothing; a repeat does not press a key again that was
//! first pressed elsewhere, such as in a text field.

use egui::{Event, Key};
use glam::{DVec2, DVec3};

/// The letters, in the order of [`Keys::letters`].
const LETTERS: [Key; 8] = [Key::W, Key::S, Key::A, Key::D, Key::E, Key::Q, Key::X, Key::Z];
/// The arrows, in the order of [`Keys::arrows`].
const ARROWS: [Key; 4] = [Key::ArrowRight, Key::ArrowLeft, Key::ArrowDown, Key::ArrowUp];

/// The held keys.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys {
    /// Held letters.
    letters: [bool; LETTERS.len()],
    /// Held arrows.
    arrows: [bool; ARROWS.len()],
}

impl Keys {
    /// Follows the events of a frame.
    pub(super) fn read(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Key { key, physical_key, pressed, repeat, modifiers } => {
                    let press = *pressed && !*repeat && !modifiers.command && !modifiers.ctrl && !modifiers.mac_cmd;
                    let place = physical_key.unwrap_or(*key);
                    if let Some(i) = LETTERS.iter().position(|letter| *letter == place) {
                        self.letters[i] = press || (*pressed && self.letters[i]);
                    }
                    if let Some(i) = ARROWS.iter().position(|arrow| arrow == key) {
                        self.arrows[i] = press || (*pressed && self.arrows[i]);
                    }
                }
                // The release of a key that is held while the window changes is never reported.
                Event::WindowFocused(false) => *self = Self::default(),
                _ => {}
            }
        }
    }

    /// Lets go of the letters, because they belong to somebody else.
    pub(super) fn drop_letters(&mut self) {
        self.letters = Default::default();
    }

    /// Lets go of the arrows.
    pub(super) fn drop_arrows(&mut self) {
        self.arrows = Default::default();
    }

    /// W A S D and Q E as a direction of the camera's axes, of length 0 or 1; opposite keys cancel.
    pub(super) fn flight(&self) -> DVec3 {
        let axis = |plus: usize, minus: usize| f64::from(self.letters[plus]) - f64::from(self.letters[minus]);
        // y points down: E is up.
        DVec3::new(axis(3, 2), axis(5, 4), axis(0, 1)).normalize_or_zero()
    }

    /// X and Z: 1 = clockwise, -1 = the other way.
    pub(super) fn roll(&self) -> f64 {
        f64::from(self.letters[6]) - f64::from(self.letters[7])
    }

    /// The arrows as a direction on the screen, x right and y down.
    pub(super) fn arrows(&self) -> DVec2 {
        let axis = |plus: usize, minus: usize| f64::from(self.arrows[plus]) - f64::from(self.arrows[minus]);
        DVec2::new(axis(0, 1), axis(2, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use egui::{Event, Key, Modifiers};
    use glam::DVec3;

    /// A key event.
    fn key(key: Key, physical_key: Option<Key>, pressed: bool, modifiers: Modifiers) -> Event {
        Event::Key { key, physical_key, pressed, repeat: false, modifiers }
    }

    #[test]
    fn letters_count_by_their_place_on_the_keyboard() {
        let mut keys = Keys::default();
        // On a French keyboard, the key in the place of W says Z.
        keys.read(&[key(Key::Z, Some(Key::W), true, Modifiers::NONE)]);
        assert_eq!(keys.flight(), DVec3::Z);
        assert_eq!(keys.roll(), 0.0);
        keys.read(&[key(Key::Z, Some(Key::W), false, Modifiers::NONE)]);
        assert_eq!(keys.flight(), DVec3::ZERO);
    }

    #[test]
    fn shortcuts_and_lost_releases_move_nothing() {
        let mut keys = Keys::default();
        keys.read(&[key(Key::S, None, true, Modifiers::CTRL), key(Key::A, None, true, Modifiers::COMMAND)]);
        assert_eq!(keys.flight(), DVec3::ZERO);
        keys.read(&[key(Key::D, None, true, Modifiers::NONE), Event::WindowFocused(false)]);
        assert_eq!(keys.flight(), DVec3::ZERO);
    }

    #[test]
    fn opposite_keys_cancel_and_two_keys_are_no_faster_than_one() {
        let mut keys = Keys::default();
        keys.read(&[Key::W, Key::S, Key::E, Key::D].map(|k| key(k, None, true, Modifiers::SHIFT)));
        assert!((keys.flight() - DVec3::new(1.0, -1.0, 0.0).normalize()).length() < 1e-12);
    }
}
