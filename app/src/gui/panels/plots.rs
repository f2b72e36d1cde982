//! What the run measured, plotted against the step.

use egui::{Id, Role, ScrollArea, Slider, Ui, WidgetInfo};
use egui_plot::{GridInput, GridMark, HoverPosition, Line, Plot, PlotPoint, PlotPoints, Points};

use crate::cli::output;
use crate::gui::training::history::{History, Quantity, smoothed};

/// Points drawn per curve: as many as a plot has pixels; more cannot be told apart.
const DRAWN_POINTS: usize = 1000;

/// Curves with fewer values than this have them marked, so that one value alone can be seen.
const MARKED_POINTS: usize = 64;

/// Smallest loss on the logarithmic axis.
const LEAST_LOSS: f64 = 1e-9;

/// Width below which another plot does not fit beside the first, points.
const LEAST_WIDTH: f32 = 260.0;

/// How the plots are looked at.
#[derive(Debug)]
pub(crate) struct PlotsState {
    /// The one that fills the panel; all of them side by side when none does.
    single: Option<Quantity>,
    /// Whether the axis of the loss is logarithmic.
    log_loss: bool,
    /// Weight of the past in the smoothed curves; 0 draws none.
    smoothing: f64,
    cache: Cache,
}

impl Default for PlotsState {
    fn default() -> Self {
        Self { single: None, log_loss: true, smoothing: 0.9, cache: Cache::default() }
    }
}

/// The curves as drawn, made anew only when something changed.
#[derive(Debug, Default)]
struct Cache {
    /// What they were made from: revision of the history, axis and smoothing.
    made_from: Option<(u64, bool, f64)>,
    curves: [Curve; Quantity::ALL.len()],
    /// The newest step of all, so that the plots show the same steps.
    last_step: f64,
}

/// One quantity in plot coordinates.
#[derive(Debug, Default)]
struct Curve {
    values: Vec<PlotPoint>,
    smooth: Vec<PlotPoint>,
    /// The newest value, for people.
    latest: String,
}

impl Cache {
    fn update(&mut self, history: &History, log_loss: bool, smoothing: f64) {
        let made_from = Some((history.revision(), log_loss, smoothing));
        if self.made_from == made_from {
            return;
        }
        self.made_from = made_from;
        let last = |quantity| history.series(quantity).points().last().map_or(0.0, |point| point[0]);
        self.last_step = Quantity::ALL.into_iter().map(last).fold(0.0, f64::max);
        for (curve, quantity) in self.curves.iter_mut().zip(Quantity::ALL) {
            let scale = Scale::of(quantity, log_loss);
            let series = history.series(quantity);
            let draw = |points: &[[f64; 2]]| {
                let drawn = decimated(points, DRAWN_POINTS).into_iter();
                drawn.map(|[step, value]| PlotPoint::new(step, scale.place(value))).collect()
            };
            curve.values = draw(series.points());
            curve.smooth = match quantity.is_noisy() && smoothing > 0.0 {
                true => draw(&smoothed(series.points(), smoothing)),
                false => Vec::new(),
            };
            curve.latest = series.last().map_or_else(String::new, |value| quantity.format(value));
        }
    }
}

/// Where a value lies on the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// Where it is.
    Linear,
    /// At its decimal logarithm.
    Log,
    /// At its number of MiB, whose multiples are rounder than those of bytes.
    Mebi,
}

impl Scale {
    fn of(quantity: Quantity, log_loss: bool) -> Self {
        match quantity {
            Quantity::Loss if log_loss => Self::Log,
            Quantity::Memory => Self::Mebi,
            _ => Self::Linear,
        }
    }

    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(LEAST_LOSS).log10(),
            Self::Mebi => value / f64::from(1 << 20),
        }
    }

    fn value(self, place: f64) -> f64 {
        match self {
            Self::Linear => place,
            Self::Log => 10.0_f64.powf(place),
            Self::Mebi => place * f64::from(1 << 20),
        }
    }
}

/// Shows the plots.
pub(crate) fn show(ui: &mut Ui, history: &History, state: &mut PlotsState) {
    head(ui, history, state);
    state.cache.update(history, state.log_loss, state.smoothing);
    if let Some(quantity) = state.single {
        let height = (ui.available_height() - 24.0).max(80.0);
        plot(ui, quantity, state, height);
        return;
    }
    ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
        let columns = ((ui.available_width() / LEAST_WIDTH) as usize).clamp(1, 3);
        let rows = Quantity::ALL.len().div_ceil(columns);
        let height = (ui.available_height() / rows as f32 - 30.0).clamp(110.0, 220.0);
        for row in Quantity::ALL.chunks(columns) {
            ui.columns(columns, |cells| {
                for (cell, &quantity) in cells.iter_mut().zip(row) {
                    plot(cell, quantity, state, height);
                }
            });
        }
    });
}

/// Which plot, and how.
fn head(ui: &mut Ui, history: &History, state: &mut PlotsState) {
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(&mut state.single, None, "All");
        for quantity in Quantity::ALL {
            ui.selectable_value(&mut state.single, Some(quantity), quantity.title());
        }
        ui.separator();
        ui.checkbox(&mut state.log_loss, "Log loss").on_hover_text("Logarithmic axis for the loss");
        let label = ui.label("Smoothing");
        ui.spacing_mut().slider_width = 70.0;
        ui.label_inputs_by(label.id, |ui| {
            ui.add(Slider::new(&mut state.smoothing, 0.0..=0.99).fixed_decimals(2))
                .on_hover_text("Weight of the past in the thick curve of loss and speed; 0 draws none");
        });
        if ui.button("Copy CSV").on_hover_text("Every value, one line per step").clicked() {
            ui.copy_text(history.to_csv());
        }
    });
}

/// One plot with its newest value.
fn plot(ui: &mut Ui, quantity: Quantity, state: &PlotsState, height: f32) {
    let curve = &state.cache.curves[quantity as usize];
    let scale = Scale::of(quantity, state.log_loss);
    ui.horizontal(|ui| {
        ui.strong(quantity.title());
        match curve.values.is_empty() {
            true => ui.weak("no values yet"),
            false => ui.label(&curve.latest),
        }
    });
    // Zooming the steps of one zooms all.
    let group = Id::unique("plots of a run");
    let mut plot = Plot::new(("plot", quantity.title()))
        .height(height)
        .allow_scroll(false)
        .show_x(false)
        .link_axis(group, [true, false])
        .link_cursor(group, [true, false])
        .include_x(0.0)
        .include_x(state.cache.last_step)
        .set_margin_fraction(egui::vec2(0.02, 0.08))
        .x_axis_formatter(|mark, _| short(mark.value))
        .y_axis_formatter(move |mark, _| tick(quantity, scale, mark))
        .label_formatter(move |hover| match hover {
            HoverPosition::NearDataPoint { position, .. } => Some(format!(
                "step {}\n{}",
                output::thousands(position.x.max(0.0).round() as u64),
                quantity.format(scale.value(position.y))
            )),
            HoverPosition::Elsewhere { .. } => None,
        });
    if scale == Scale::Log {
        plot = plot.y_grid_spacer(log_marks);
    }
    if let Some([low, high]) = around_one_value(&curve.values) {
        plot = plot.include_y(low).include_y(high);
    }
    let accent = ui.visuals().hyperlink_color;
    let faint = ui.visuals().weak_text_color().gamma_multiply(0.6);
    let shown = plot.show(ui, |ui| {
        let is_smooth = !curve.smooth.is_empty();
        let color = if is_smooth { faint } else { accent };
        let values = || PlotPoints::Borrowed(&curve.values);
        ui.line(Line::new(quantity.title(), values()).color(color).width(1.2));
        if is_smooth {
            ui.line(Line::new("smoothed", PlotPoints::Borrowed(&curve.smooth)).color(accent).width(2.0));
        }
        if curve.values.len() < MARKED_POINTS {
            ui.points(Points::new(quantity.title(), values()).color(color).radius(2.5));
        }
    });
    let info = || WidgetInfo::labeled(Role::Figure, true, format!("Plot of {}", quantity.title()));
    shown.response.widget_info(info);
}

/// A range around the one value that all points have, for which the plot would choose an absurd one.
fn around_one_value(points: &[PlotPoint]) -> Option<[f64; 2]> {
    let value = points.first()?.y;
    let room = (0.02 * value.abs()).max(1e-3);
    points.iter().all(|point| point.y == value).then_some([value - room, value + room])
}

/// At most `most` of the points, lowest and highest of each group, so that no peak is lost, and the last one.
fn decimated(points: &[[f64; 2]], most: usize) -> Vec<[f64; 2]> {
    if points.len() <= most {
        return points.to_vec();
    }
    let group = points.len().div_ceil((most / 2).saturating_sub(1).max(1));
    let mut kept = Vec::with_capacity(most);
    for chunk in points.chunks(group) {
        let by_value = |a: &&[f64; 2], b: &&[f64; 2]| a[1].total_cmp(&b[1]);
        let (Some(low), Some(high)) = (chunk.iter().min_by(by_value), chunk.iter().max_by(by_value)) else { continue };
        match low[0].total_cmp(&high[0]) {
            std::cmp::Ordering::Less => kept.extend([*low, *high]),
            std::cmp::Ordering::Greater => kept.extend([*high, *low]),
            std::cmp::Ordering::Equal => kept.push(*low),
        }
    }
    if let Some(last) = points.last().filter(|last| kept.last() != Some(last)) {
        kept.push(*last);
    }
    kept
}

/// Marks at the digits of every power of ten; where room is short, only those at 1, 2 and 5 have labels.
fn log_marks(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    if !(low.is_finite() && high.is_finite()) || high - low > 60.0 {
        return Vec::new();
    }
    let decades = low.floor() as i32..=high.ceil() as i32;
    let marks = decades.flat_map(|decade| {
        (1..=9).map(move |digit| {
            // The distance to the next mark of the same kind, as an exponent.
            let step_size = match digit {
                1 => 1.0,
                2 | 5 => 0.3,
                _ => 0.05,
            };
            GridMark { value: f64::from(decade) + f64::from(digit).log10(), step_size }
        })
    });
    marks.filter(|mark| (low..=high).contains(&mark.value)).collect()
}

/// The number at a mark of the vertical axis.
fn tick(quantity: Quantity, scale: Scale, mark: GridMark) -> String {
    match (quantity, scale) {
        (Quantity::Splats, _) => short(mark.value),
        (Quantity::Memory, _) => format!("{} MiB", short(mark.value)),
        (_, Scale::Log) => {
            let value = scale.value(mark.value);
            if value < 1e-3 { format!("{value:.0e}") } else { trimmed(value, mark.value) }
        }
        _ => trimmed(mark.value, mark.step_size.abs().log10()),
    }
}

/// A number with as many decimals as tell it from its neighbours, given the exponent of their distance.
fn trimmed(value: f64, exponent: f64) -> String {
    let decimals = (-exponent).ceil().clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

/// A count in few characters: `12k`, `1.5M`.
fn short(value: f64) -> String {
    let unit = |value: f64| {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match value.abs() {
        size if size >= 1e6 => format!("{}M", unit(value / 1e6)),
        size if size >= 1e3 => format!("{}k", unit(value / 1e3)),
        _ => unit(value),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use egui_plot::{GridInput, GridMark};
    use splat_core::session::{Event, StepStats};

    use super::{DRAWN_POINTS, PlotsState, Scale, decimated, log_marks, short, show, tick};
    use crate::gui::training::history::{History, Quantity};
    use crate::gui::training::testing::progress;

    fn history(steps: u64) -> History {
        let Event::Progress(stats) = progress(0) else { return History::default() };
        let mut history = History::default();
        for step in 1..=steps {
            let loss = Some(1.0 / step as f32);
            history.progress(&StepStats { step, loss, ..stats.clone() });
        }
        history
    }

    /// The panel and what it works on.
    struct Bench {
        history: History,
        state: PlotsState,
    }

    fn harness(steps: u64) -> Harness<'static, Bench> {
        let bench = Bench { history: history(steps), state: PlotsState::default() };
        let panel = |ui: &mut egui::Ui, bench: &mut Bench| show(ui, &bench.history, &mut bench.state);
        Harness::builder().with_size([900.0, 500.0]).build_ui_state(panel, bench)
    }

    #[test]
    fn one_value_gets_a_range_around_it() {
        let range = |values: &[f64]| {
            let points: Vec<_> = values.iter().map(|&value| super::PlotPoint::new(1.0, value)).collect();
            super::around_one_value(&points)
        };
        assert_eq!(range(&[]), None);
        assert_eq!(range(&[1.0, 2.0]), None);
        assert_eq!(range(&[30.0]), Some([29.4, 30.6]));
        assert_eq!(range(&[0.0, 0.0]), Some([-1e-3, 1e-3]));
    }

    #[test]
    fn plots_render_with_no_one_and_many_values() {
        for (steps, latest) in [(0, None), (1, Some("1.0000")), (100_000, Some("1.5"))] {
            let mut harness = harness(steps);
            harness.run();
            for quantity in Quantity::ALL {
                harness.get_by_label(&format!("Plot of {}", quantity.title()));
            }
            match latest {
                None => assert_eq!(harness.query_all_by_label("no values yet").count(), Quantity::ALL.len()),
                Some(_) => assert_eq!(harness.query_all_by_label("no values yet").count(), 2),
            }
            let curves = &harness.state().state.cache.curves;
            assert!(curves.iter().all(|curve| curve.values.len() <= DRAWN_POINTS));
            let drawn = curves[Quantity::Loss as usize].values.len();
            assert!(drawn as u64 >= steps.min(DRAWN_POINTS as u64 / 2), "{drawn} of {steps}");
        }
    }

    #[test]
    fn curves_are_made_anew_only_when_something_changed() {
        let mut harness = harness(10);
        harness.run();
        harness.state_mut().state.cache.curves[Quantity::Loss as usize].latest = "kept".into();
        harness.run();
        harness.get_by_label("kept");
        let Event::Progress(stats) = progress(11) else { return };
        harness.state_mut().history.progress(&stats);
        harness.run();
        assert!(harness.query_by_label("kept").is_none());
        harness.get_by_label("Log loss").click();
        harness.run();
        let loss = &harness.state().state.cache.curves[Quantity::Loss as usize];
        assert!((loss.values[0].y - 1.0).abs() < 1e-6, "linear now");
    }

    #[test]
    fn one_plot_can_fill_the_panel() {
        let mut harness = harness(10);
        harness.get_by_role_and_label(egui::accesskit::Role::Button, "Splats").click();
        harness.run();
        harness.get_by_label("Plot of Splats");
        assert!(harness.query_by_label("Plot of Loss").is_none());
        let height = harness.get_by_label("Plot of Splats").rect().height();
        assert!(height > 300.0, "{height}");
    }

    #[test]
    fn decimation_keeps_peaks_and_ends() {
        let mut points: Vec<[f64; 2]> = (0..10_000).map(|step| [f64::from(step), 1.0]).collect();
        points[5555][1] = 9.0;
        let kept = decimated(&points, 1000);
        assert!(kept.len() <= 1000);
        assert!(kept.contains(&[5555.0, 9.0]));
        assert_eq!((kept[0][0], kept.last().unwrap()[0]), (0.0, 9999.0));
        assert!(kept.windows(2).all(|pair| pair[0][0] < pair[1][0]));
        assert_eq!(decimated(&points[..10], 1000), points[..10]);
    }

    #[test]
    fn the_logarithmic_axis_is_marked_at_round_values() {
        let marks = log_marks(GridInput { bounds: (-2.0, -0.9), base_step_size: 0.1 });
        assert_eq!(marks.len(), 10, "0.01 to 0.09, and 0.1");
        let labelled = marks.into_iter().filter(|mark| mark.step_size > 0.2);
        let texts: Vec<_> = labelled.map(|mark| tick(Quantity::Loss, Scale::Log, mark)).collect();
        assert_eq!(texts, ["0.01", "0.02", "0.05", "0.1"]);
        assert!(log_marks(GridInput { bounds: (f64::NEG_INFINITY, 0.0), base_step_size: 0.1 }).is_empty());
    }

    #[test]
    fn scales_come_back_and_ticks_are_short() {
        for scale in [Scale::Linear, Scale::Log, Scale::Mebi] {
            assert!((scale.value(scale.place(0.03)) - 0.03).abs() < 1e-12);
        }
        assert_eq!([0.0, 250.0, 12_000.0, 1_500_000.0].map(short), ["0", "250", "12k", "1.5M"]);
        let mark = GridMark { value: 0.25, step_size: 0.05 };
        assert_eq!(tick(Quantity::Ssim, Scale::Linear, mark), "0.25");
    }
}
