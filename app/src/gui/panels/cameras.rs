//! The photos of the scene: thumbnails, names and scores, to find the badly matched ones and look through their cameras.
//!
//! Only what is in sight is laid out, and sorting happens only when something changed, so that 5,000 photos cost as
//! much per frame as 50.

mod list;
mod order;
mod over_time;

use egui::{ComboBox, ProgressBar, TextEdit, Ui};
use splat_core::scene::Dataset;

use crate::cli::output::thousands;
use crate::gui::action::Action;
use crate::gui::parts;
use crate::gui::scores::Scores;
use crate::gui::thumbnails::Thumbnails;

use order::Order;
pub(crate) use order::Sort;
use over_time::OverTime;

/// What a photo is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Split {
    /// Trained on.
    Train,
    /// Held out.
    Test,
}

impl Split {
    fn label(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "test",
        }
    }
}

/// A photo in the list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ViewItem {
    /// Name of the view.
    pub(crate) name: String,
    /// What it is used for.
    pub(crate) split: Split,
    /// Width and height at working size, pixels.
    pub(crate) size: (u32, u32),
    /// When it was taken, from 0 to 1.
    pub(crate) time: Option<f64>,
}

impl ViewItem {
    /// Every view of a data set, in the order of [`Dataset::views`].
    pub(crate) fn list(dataset: &Dataset) -> Vec<Self> {
        let item = |split| {
            move |view: &splat_core::scene::View| Self {
                name: view.name.clone(),
                split,
                size: (view.width, view.height),
                time: view.time,
            }
        };
        dataset.train.iter().map(item(Split::Train)).chain(dataset.test.iter().map(item(Split::Test))).collect()
    }
}

/// What the panel shows.
#[derive(Clone, Copy)]
pub(crate) struct CamerasData<'a> {
    /// All views, training ones first.
    pub(crate) views: &'a [ViewItem],
    /// Another number for each list of views.
    pub(crate) generation: u64,
    /// Their scores.
    pub(crate) scores: &'a Scores,
    /// The view that is looked through.
    pub(crate) looking: Option<usize>,
    /// The time shown, in a scene that moves.
    pub(crate) time: Option<f64>,
    /// Photos scored so far and in all, while they are.
    pub(crate) scoring: Option<(usize, usize)>,
    /// Why photos cannot be scored.
    pub(crate) blocked: Option<&'a str>,
}

/// What the person asks for beyond actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CamerasRequest {
    /// Render every view and score it.
    ScoreAll,
    /// Stop scoring; what is done stays.
    CancelScoring,
}

/// How the panel is set.
#[derive(Debug, Default)]
pub(crate) struct CamerasState {
    /// What the name must contain.
    pub(crate) filter: String,
    /// What comes first.
    pub(crate) sort: Sort,
    /// Last things first.
    pub(crate) reversed: bool,
    /// Large pictures side by side instead of a list.
    pub(crate) grid: bool,
    order: Order,
    over_time: OverTime,
    /// The view looked through when the panel was last shown, to scroll to another one.
    seen: Option<usize>,
}

/// Draws the panel.
pub(crate) fn show(
    ui: &mut Ui,
    data: &CamerasData<'_>,
    state: &mut CamerasState,
    thumbnails: &mut Thumbnails,
    actions: &mut Vec<Action>,
) -> Option<CamerasRequest> {
    if data.views.is_empty() {
        ui.weak("No photos. Open a folder of posed photos to see them here.");
        return None;
    }
    choose(ui, state);
    state.order.update(data, state.sort, state.reversed, &state.filter);
    summary(ui, data, &state.order);
    let request = score_row(ui, data, actions);
    if let Some(now) = data.time {
        actions.extend(state.over_time.show(ui, data, now).map(Action::LookThrough));
    }
    ui.separator();
    if state.order.rows().is_empty() {
        ui.weak(format!("No name contains \"{}\".", state.filter.trim()));
        if ui.button("Show all").clicked() {
            state.filter.clear();
        }
        return request;
    }
    list::show(ui, data, state, thumbnails, actions);
    request
}

/// Filter, order and kind of list.
fn choose(ui: &mut Ui, state: &mut CamerasState) {
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 24.0).max(60.0);
        ui.add(TextEdit::singleline(&mut state.filter).hint_text("Filter by name").desired_width(width))
            .accessible_name("Filter photos");
        if !state.filter.is_empty() && ui.small_button("×").on_hover_text("Clear the filter").clicked() {
            state.filter.clear();
        }
    });
    ui.horizontal_wrapped(|ui| {
        ComboBox::from_id_salt("sort photos")
            .selected_text(state.sort.label())
            .show_ui(ui, |ui| {
                for sort in Sort::ALL {
                    ui.selectable_value(&mut state.sort, sort, sort.label());
                }
            })
            .response
            .accessible_name("Sort photos");
        ui.checkbox(&mut state.reversed, "Reversed");
        ui.toggle_value(&mut state.grid, "Grid").on_hover_text("Large pictures side by side");
    });
}

/// How many there are, and how good on average.
fn summary(ui: &mut Ui, data: &CamerasData<'_>, order: &Order) {
    let (all, shown) = (data.views.len() as u64, order.rows().len() as u64);
    let test = order.test() as u64;
    let count = if shown == all { thousands(all) } else { format!("{} of {}", thousands(shown), thousands(all)) };
    ui.label(format!("{count} photos, {} to train and {} to test", thousands(shown - test), thousands(test)));
    match order.mean() {
        Some(mean) => {
            let scored = thousands(mean.count as u64);
            ui.label(format!("Mean PSNR {:.2} dB, SSIM {:.4} of {scored} scored", mean.psnr, mean.ssim)).on_hover_text(
                "Of the photos shown below. Training measures the test photos; held-out photos judge best",
            );
        }
        None => {
            ui.weak("Not scored yet");
        }
    }
}

/// The button that scores photos, or how far that is; and the one to leave a camera.
fn score_row(ui: &mut Ui, data: &CamerasData<'_>, actions: &mut Vec<Action>) -> Option<CamerasRequest> {
    let mut request = None;
    ui.horizontal_wrapped(|ui| {
        if let Some((done, all)) = data.scoring {
            let share = done as f32 / all.max(1) as f32;
            let text = format!("Scoring {} of {}", thousands(done as u64), thousands(all as u64));
            let width = (ui.available_width() - 80.0).max(80.0);
            ui.add(ProgressBar::new(share).text(text).desired_width(width));
            if ui.button("Cancel").on_hover_text("Scores so far are kept").clicked() {
                request = Some(CamerasRequest::CancelScoring);
            }
        } else {
            let about = "Render every photo's camera and measure PSNR and SSIM";
            if parts::button(ui, data.blocked, "Score all photos", about) {
                request = Some(CamerasRequest::ScoreAll);
            }
        }
        if data.looking.is_some() && ui.button("Leave camera").on_hover_text("Move freely again").clicked() {
            actions.push(Action::LeaveCamera);
        }
    });
    request
}

#[cfg(test)]
mod tests;
