//! Short messages in a corner. They never block; an error stays until it is dismissed.

use egui::{Align, Align2, Area, Context, Frame, Id, Layout, Order, Role, Ui, vec2};

/// Most messages shown at once; the oldest that is no error gives way.
const MAX_SHOWN: usize = 5;

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Something was done.
    Info,
    /// Something to know.
    Warning,
    /// Something failed.
    Error,
}

impl Severity {
    /// Seconds until it goes by itself.
    fn life(self) -> Option<f64> {
        match self {
            Self::Info => Some(5.0),
            Self::Warning => Some(10.0),
            Self::Error => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Info => "Note",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }
}

#[derive(Debug)]
struct Toast {
    severity: Severity,
    text: String,
    details: Option<String>,
    times: u32,
    /// When it goes; set when it is first shown.
    until: Option<f64>,
}

/// The messages shown now.
#[derive(Debug, Default)]
pub(crate) struct Toasts {
    toasts: Vec<Toast>,
}

impl Toasts {
    /// Says that something was done.
    pub(crate) fn info(&mut self, text: impl Into<String>) {
        self.push(Severity::Info, text.into(), None);
    }

    /// Says something to know.
    pub(crate) fn warning(&mut self, text: impl Into<String>) {
        self.push(Severity::Warning, text.into(), None);
    }

    /// Says that something failed; `details` are for the log.
    pub(crate) fn error(&mut self, text: impl Into<String>, details: Option<String>) {
        self.push(Severity::Error, text.into(), details);
    }

    fn push(&mut self, severity: Severity, text: String, details: Option<String>) {
        // The same again counts up and starts its time anew.
        let same = self.toasts.iter().position(|toast| toast.severity == severity && toast.text == text);
        let times = same.map_or(1, |i| self.toasts.remove(i).times.saturating_add(1));
        if self.toasts.len() >= MAX_SHOWN {
            let passing = self.toasts.iter().position(|toast| toast.severity != Severity::Error);
            self.toasts.remove(passing.unwrap_or(0));
        }
        self.toasts.push(Toast { severity, text, details, times, until: None });
    }

    /// Shows the messages; returns the details somebody wants to read, for which the log should be opened.
    pub(crate) fn show(&mut self, ctx: &Context) -> Option<String> {
        let now = ctx.time();
        for toast in &mut self.toasts {
            toast.until = toast.until.or(toast.severity.life().map(|life| now + life));
        }
        self.toasts.retain(|toast| toast.until.is_none_or(|until| until > now));
        if self.toasts.is_empty() {
            return None;
        }
        let is_error = self.toasts.iter().any(|toast| toast.severity == Severity::Error);
        // Above the status bar.
        let area = Area::new(Id::unique("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, vec2(-14.0, -42.0))
            .role(if is_error { Role::Alert } else { Role::Status });
        let (mut wanted, mut dismissed) = (None, None);
        let shown = area.show(ctx, |ui| {
            for (i, toast) in self.toasts.iter().enumerate() {
                let (dismiss, details) = toast.show(ui);
                if dismiss {
                    dismissed = Some(i);
                }
                if details {
                    wanted.clone_from(&toast.details);
                }
            }
        });
        if shown.response.contains_pointer() {
            // Whoever reads needs time.
            for toast in &mut self.toasts {
                toast.until = toast.until.map(|until| until.max(now + 2.0));
            }
        }
        if let Some(i) = dismissed {
            self.toasts.remove(i);
        }
        let next = self.toasts.iter().filter_map(|toast| toast.until).reduce(f64::min);
        if let Some(next) = next {
            ctx.request_repaint_after_secs((next - now).max(0.0) as f32 + 0.01);
        }
        wanted
    }
}

impl Toast {
    /// Returns whether it was dismissed, and whether its details are wanted.
    fn show(&self, ui: &mut Ui) -> (bool, bool) {
        let visuals = ui.visuals();
        let colour = match self.severity {
            Severity::Info => visuals.hyperlink_color,
            Severity::Warning => visuals.warn_fg_color,
            Severity::Error => visuals.error_fg_color,
        };
        let frame = Frame::popup(ui.style()).stroke(egui::Stroke::new(1.0, colour)).inner_margin(10.0);
        frame
            .show(ui, |ui| {
                ui.set_width(340.0_f32.min(ui.ctx().content_rect().width() - 60.0));
                let head = ui.horizontal(|ui| {
                    ui.colored_label(colour, self.severity.word());
                    if self.times > 1 {
                        ui.weak(format!("{} times", self.times));
                    }
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let dismiss = ui.small_button("Dismiss");
                        let dismiss = dismiss.accessible_name(format!("Dismiss: {}", self.text)).clicked();
                        let details = self.details.is_some() && ui.small_button("Details").clicked();
                        (dismiss, details)
                    })
                    .inner
                });
                ui.label(&self.text);
                head.inner
            })
            .inner
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SHOWN, Toasts};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    type Shown = (Toasts, Option<String>);

    fn harness(toasts: Toasts) -> Harness<'static, Shown> {
        let mut harness = Harness::new_ui_state(
            |ui, (toasts, details): &mut Shown| *details = toasts.show(ui.ctx()).or(details.take()),
            (toasts, None),
        );
        harness.step();
        harness
    }

    /// Seconds go by, in the quarter-second frames of the harness.
    fn pass(harness: &mut Harness<'static, Shown>, seconds: usize) {
        harness.run_steps(4 * seconds);
    }

    #[test]
    fn notes_go_and_errors_stay() {
        let mut toasts = Toasts::default();
        toasts.info("Saved");
        toasts.warning("2 photos are missing");
        toasts.error("Cannot read garden.ply", Some("byte 17".into()));
        let mut harness = harness(toasts);
        for text in ["Saved", "2 photos are missing", "Cannot read garden.ply"] {
            harness.get_by_label(text);
        }
        pass(&mut harness, 6);
        assert!(harness.query_by_label("Saved").is_none());
        harness.get_by_label("2 photos are missing");
        pass(&mut harness, 60);
        assert!(harness.query_by_label("2 photos are missing").is_none());
        harness.get_by_label("Details").click();
        harness.run_steps(3);
        assert_eq!(harness.state().1.as_deref(), Some("byte 17"));
        harness.get_by_label("Dismiss: Cannot read garden.ply").click();
        harness.run_steps(3);
        assert!(harness.query_by_label("Cannot read garden.ply").is_none());
    }

    #[test]
    fn the_same_again_counts_and_many_give_way() {
        let mut toasts = Toasts::default();
        for _ in 0..3 {
            toasts.warning("disk is nearly full");
        }
        let harness = harness(toasts);
        harness.get_by_label("3 times");
        assert_eq!(harness.state().0.toasts.len(), 1);
        let mut toasts = Toasts::default();
        toasts.error("first", None);
        for i in 0..20 {
            toasts.info(format!("note {i}"));
        }
        assert_eq!(toasts.toasts.len(), MAX_SHOWN);
        assert_eq!(toasts.toasts[0].text, "first", "an error does not give way to notes");
        for i in 0..20 {
            toasts.error(format!("error {i}"), None);
        }
        assert_eq!(toasts.toasts.len(), MAX_SHOWN);
    }
}
