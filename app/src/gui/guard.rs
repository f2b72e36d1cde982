//! Nothing is lost by accident: what would lose work waits until a person has decided.

use egui::{Button, Context};

use super::theme;
use crate::cli::output::thousands;

/// What would be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Risk {
    /// Edits that are not saved.
    Unsaved {
        /// Name of the file or run.
        name: String,
    },
    /// A run under way.
    Training {
        /// Steps done.
        step: u64,
        /// Steps in all.
        steps: u64,
    },
}

/// What the person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Save the edits, or stop the run and save it, then go on.
    Save,
    /// Go on without saving.
    Discard,
    /// Leave everything as it is: the action does not happen, a run goes on.
    Cancel,
}

/// A decision, with the action that waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision<T> {
    /// What would have been lost.
    pub(crate) risk: Risk,
    /// What was decided.
    pub(crate) choice: Choice,
    /// What to do next, unless it was cancelled.
    pub(crate) then: T,
}

/// Holds an action back until its risk is decided. `T` is the action.
#[derive(Debug)]
pub(crate) struct Guard<T> {
    waiting: Option<(Risk, T)>,
    /// Not shown yet: the safe button must get the focus.
    fresh: bool,
}

impl<T> Default for Guard<T> {
    fn default() -> Self {
        Self { waiting: None, fresh: false }
    }
}

impl<T> Guard<T> {
    /// Asks; a question that is open already stays, so that closing the window twice asks once.
    pub(crate) fn ask(&mut self, risk: Risk, then: T) {
        if self.waiting.is_none() {
            self.waiting = Some((risk, then));
            self.fresh = true;
        }
    }

    /// Whether a question is open.
    pub(crate) fn is_open(&self) -> bool {
        self.waiting.is_some()
    }

    /// Brings the numbers of a run up to date while the question is open.
    pub(crate) fn update(&mut self, now: Risk) {
        if let Some((risk @ Risk::Training { .. }, _)) = &mut self.waiting
            && matches!(now, Risk::Training { .. })
        {
            *risk = now;
        }
    }

    /// Takes the question back without an answer: the run it was about has ended by itself. Returns the action.
    pub(crate) fn withdraw(&mut self) -> Option<T> {
        self.waiting.take().map(|(_, then)| then)
    }

    /// Shows the open question; returns the decision once.
    pub(crate) fn show(&mut self, ctx: &Context) -> Option<Decision<T>> {
        let (risk, _) = self.waiting.as_ref()?;
        let words = Words::new(risk);
        let fresh = std::mem::take(&mut self.fresh);
        let modal = theme::dialog(ctx, &words.title).show(ctx, |ui| {
            ui.set_width(400.0_f32.min(ctx.content_rect().width() - 40.0));
            ui.heading(&words.title);
            ui.label(&words.body);
            ui.add_space(8.0);
            ui.horizontal_wrapped(|ui| {
                let save = ui.add(Button::new(words.save));
                if fresh {
                    save.request_focus();
                }
                let cancel = ui.button(words.cancel);
                let discard = ui.button(words.discard).on_hover_text(words.discard_help);
                if save.clicked() {
                    Some(Choice::Save)
                } else if cancel.clicked() {
                    Some(Choice::Cancel)
                } else {
                    discard.clicked().then_some(Choice::Discard)
                }
            })
            .inner
        });
        let choice = modal.inner.or_else(|| modal.should_close().then_some(Choice::Cancel))?;
        let (risk, then) = self.waiting.take()?;
        Some(Decision { risk, choice, then })
    }
}

/// How the question is put.
struct Words {
    title: String,
    body: String,
    save: &'static str,
    cancel: &'static str,
    discard: &'static str,
    discard_help: &'static str,
}

impl Words {
    fn new(risk: &Risk) -> Self {
        match risk {
            Risk::Unsaved { name } => Self {
                title: "Save your edits?".into(),
                body: format!("The edits to {name} are not saved. Without saving they are lost."),
                save: "Save",
                cancel: "Cancel",
                discard: "Discard",
                discard_help: "Go on without saving; the edits are lost.",
            },
            Risk::Training { step, steps } => Self {
                title: "A training is running".into(),
                body: format!(
                    "It is at step {} of {}. Stopping writes the scene and a checkpoint, from which it can be continued.",
                    thousands(*step),
                    thousands(*steps)
                ),
                save: "Stop and save",
                cancel: "Keep training",
                discard: "Discard",
                discard_help: "End the run without writing anything; a checkpoint it wrote before stays.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Decision, Guard, Risk};
    use egui::Key;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[derive(Default)]
    struct Shown {
        guard: Guard<&'static str>,
        decisions: Vec<Decision<&'static str>>,
    }

    fn unsaved() -> Risk {
        Risk::Unsaved { name: "garden.ply".into() }
    }

    fn harness(risk: Risk) -> Harness<'static, Shown> {
        let mut shown = Shown::default();
        shown.guard.ask(risk, "quit");
        let mut harness =
            Harness::new_ui_state(|ui, shown: &mut Shown| shown.decisions.extend(shown.guard.show(ui.ctx())), shown);
        harness.run();
        harness
    }

    fn decided(harness: &Harness<'static, Shown>) -> (Choice, &'static str) {
        let [decision] = harness.state().decisions.as_slice() else { panic!("one decision") };
        (decision.choice, decision.then)
    }

    #[test]
    fn each_button_is_its_choice() {
        let training = Risk::Training { step: 1204, steps: 4000 };
        let cases = [
            (unsaved(), "Save", Choice::Save),
            (unsaved(), "Discard", Choice::Discard),
            (unsaved(), "Cancel", Choice::Cancel),
            (training.clone(), "Stop and save", Choice::Save),
            (training.clone(), "Discard", Choice::Discard),
            (training, "Keep training", Choice::Cancel),
        ];
        for (risk, button, choice) in cases {
            let mut harness = harness(risk.clone());
            harness.get_by_label(button).click();
            harness.run();
            assert_eq!(decided(&harness), (choice, "quit"), "{button}");
            assert_eq!(harness.state().decisions[0].risk, risk);
            assert!(!harness.state().guard.is_open());
        }
    }

    #[test]
    fn enter_saves_and_escape_cancels() {
        for (key, choice) in [(Key::Enter, Choice::Save), (Key::Escape, Choice::Cancel)] {
            let mut harness = harness(unsaved());
            harness.key_press(key);
            harness.run();
            assert_eq!(decided(&harness).0, choice, "{key:?}");
        }
    }

    #[test]
    fn asks_once_and_follows_the_run() {
        let mut harness = harness(Risk::Training { step: 1204, steps: 4000 });
        harness.get_by_label_contains("step 1,204 of 4,000");
        harness.state_mut().guard.ask(unsaved(), "open");
        harness.state_mut().guard.update(Risk::Training { step: 1300, steps: 4000 });
        harness.state_mut().guard.update(unsaved());
        harness.run();
        harness.get_by_label_contains("step 1,300 of 4,000");
        assert_eq!(harness.state_mut().guard.withdraw(), Some("quit"));
        harness.run();
        assert_eq!(harness.state().decisions, []);
    }
}
