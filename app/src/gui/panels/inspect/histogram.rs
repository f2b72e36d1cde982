//! The histogram of an attribute, with a range to choose on it.

use egui::accesskit::Action as AccessAction;
use egui::{
    CursorIcon, EventFilter, Id, Key, Modifiers, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use crate::cli::output::thousands;
use crate::gui::parts::number;

use super::Attribute;
use super::range::{Axis, Handle};

const HEIGHT: f32 = 84.0;

/// How far a key moves a bound, as a share of the axis.
const KEY_STEP: f64 = 0.01;

/// Counts of splats by an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HistogramData {
    /// The attribute.
    pub(crate) attribute: Attribute,
    /// Whether its logarithm is divided into equal parts.
    pub(crate) log_axis: bool,
    /// Smallest value.
    pub(crate) min: f64,
    /// Largest value.
    pub(crate) max: f64,
    /// Splats in each of the equal parts.
    pub(crate) counts: Vec<u64>,
}

impl HistogramData {
    pub(super) fn axis(&self) -> Axis {
        Axis::new(self.min, self.max, self.log_axis)
    }

    /// About how many splats a range holds: parts cut by a bound count by share.
    pub(super) fn about_within(&self, range: (f64, f64)) -> u64 {
        let axis = self.axis();
        let parts = self.counts.len() as f64;
        let (from, to) = (axis.place(range.0) * parts, axis.place(range.1) * parts);
        let share = |part: usize| {
            let (left, right) = (part as f64, part as f64 + 1.0);
            (to.min(right) - from.max(left)).clamp(0.0, 1.0)
        };
        let sum: f64 = self.counts.iter().enumerate().map(|(part, &count)| count as f64 * share(part)).sum();
        sum.round() as u64
    }
}

/// Draws the histogram and lets the range be moved; true when it was.
pub(super) fn show(ui: &mut Ui, data: &HistogramData, range: &mut (f64, f64)) -> bool {
    let before = *range;
    let axis = data.axis();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width().max(80.0), HEIGHT), Sense::drag());
    let name = data.attribute.label();
    response.widget_info(|| WidgetInfo::labeled(Role::Image, ui.is_enabled(), format!("Histogram of {name}")));
    // Room for the handles at both ends.
    let rail = rect.shrink2(vec2(6.0, 0.0));
    let place_of = |x: f32| f64::from((x - rail.left()) / rail.width().max(1.0));
    let x_of = |value: f64| rail.left() + rail.width() * axis.place(value) as f32;

    let id = response.id;
    if let Some(pointer) = response.interact_pointer_pos() {
        let place = place_of(pointer.x);
        // Which one is held is settled when the drag begins, so that none is handed over when they meet.
        let held = ui.data(|memory| memory.get_temp::<Handle>(id)).filter(|_| !response.drag_started());
        let held = held.unwrap_or_else(|| Handle::nearest(&axis, *range, place));
        ui.data_mut(|memory| memory.insert_temp(id, held));
        *range = held.moved(&axis, *range, place);
    }
    if response.drag_stopped() {
        ui.data_mut(|memory| memory.remove::<Handle>(id));
    }
    let low = handle(ui, id.with("low"), Handle::Low, &axis, range, &format!("{name} from"), rail, x_of);
    let high = handle(ui, id.with("high"), Handle::High, &axis, range, &format!("{name} to"), rail, x_of);

    if ui.is_rect_visible(rect) {
        paint_bars(ui, rail, data, &axis, *range);
        for (response, value) in [(&low, range.0), (&high, range.1)] {
            let visuals = ui.style().interact(response);
            let x = x_of(value);
            ui.painter().vline(x, rail.y_range(), Stroke::new(2.0, visuals.fg_stroke.color));
            ui.painter().circle(pos2(x, rail.bottom() - 5.0), 5.0, visuals.bg_fill, visuals.fg_stroke);
        }
    }
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    if let Some(pointer) = response.hover_pos()
        && let Some(text) = part_text(data, &axis, place_of(pointer.x))
    {
        response.on_hover_text_at_pointer(text);
    }
    *range != before
}

/// One bound, as a stop of the keyboard and a slider for screen readers.
#[expect(clippy::too_many_arguments, reason = "the pieces of one widget")]
fn handle(
    ui: &Ui,
    id: Id,
    handle: Handle,
    axis: &Axis,
    range: &mut (f64, f64),
    name: &str,
    rail: Rect,
    x_of: impl Fn(f64) -> f32,
) -> Response {
    let value = |range: &(f64, f64)| if handle == Handle::Low { range.0 } else { range.1 };
    let x = x_of(value(range));
    let grip = Rect::from_x_y_ranges(x - 5.0..=x + 5.0, rail.y_range());
    // Without sensing drags: those go to the histogram, which knows the nearer handle.
    let response = ui.interact(grip, id, Sense::focusable_noninteractive());
    let mut steps = 0.0;
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        steps += ui.input_mut(|input| {
            let mut count = |modifiers, key| input.count_and_consume_key(modifiers, key) as f64;
            let fast = count(Modifiers::SHIFT, Key::ArrowRight) - count(Modifiers::SHIFT, Key::ArrowLeft);
            10.0 * fast + count(Modifiers::NONE, Key::ArrowRight) - count(Modifiers::NONE, Key::ArrowLeft)
        });
    }
    let wanted = ui.input(|input| {
        let count = |action| input.num_accesskit_action_requests(id, action) as f64;
        steps += count(AccessAction::Increment) - count(AccessAction::Decrement);
        let value = |request: &egui::accesskit::ActionRequest| match request.data {
            Some(egui::accesskit::ActionData::NumericValue(value)) => Some(value),
            _ => None,
        };
        input.accesskit_action_requests(id, AccessAction::SetValue).filter_map(value).last()
    });
    let place = match wanted {
        Some(wanted) if !wanted.is_nan() => Some(axis.place(wanted)),
        _ => (steps != 0.0).then(|| axis.place(value(range)) + steps * KEY_STEP),
    };
    if let Some(place) = place {
        *range = handle.moved(axis, *range, place);
    }
    let now = value(range);
    response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), now, name));
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_min_numeric_value(axis.min());
        node.set_max_numeric_value(axis.max());
        for action in [AccessAction::SetValue, AccessAction::Increment, AccessAction::Decrement] {
            node.add_action(action);
        }
    });
    response
}

fn paint_bars(ui: &Ui, rail: Rect, data: &HistogramData, axis: &Axis, range: (f64, f64)) {
    let painter = ui.painter_at(rail.expand(6.0));
    let visuals = ui.visuals();
    painter.rect_filled(rail, 2.0, visuals.extreme_bg_color);
    let most = data.counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return;
    }
    // Heights are logarithmic: a few hundred floaters must show beside a million good splats.
    let tall = |count: u64| (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
    let width = rail.width() / data.counts.len() as f32;
    let (from, to) = (axis.place(range.0) as f32, axis.place(range.1) as f32);
    let chosen =
        Rect::from_x_y_ranges(rail.left() + rail.width() * from..=rail.left() + rail.width() * to, rail.y_range());
    let bars = |rect: Rect, colour| {
        let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
        for (part, &count) in data.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let left = rail.left() + part as f32 * width;
            let height = (rail.height() - 2.0) * tall(count) as f32;
            let bar = Rect::from_min_max(
                pos2(left, rail.bottom() - height.max(1.0)),
                pos2(left + (width - 0.5).max(0.5), rail.bottom()),
            );
            painter.rect_filled(bar, 0.0, colour);
        }
    };
    bars(rail, visuals.widgets.noninteractive.fg_stroke.color.gamma_multiply(0.35));
    bars(chosen, visuals.selection.bg_fill);
}

/// What the part under the pointer holds.
fn part_text(data: &HistogramData, axis: &Axis, place: f64) -> Option<String> {
    let parts = data.counts.len();
    let part = ((place.clamp(0.0, 1.0) * parts as f64) as usize).min(parts.checked_sub(1)?);
    let count = data.counts.get(part)?;
    let bound = |part: usize| number(axis.value(part as f64 / parts as f64));
    Some(format!("{} to {}: {} splats", bound(part), bound(part + 1), thousands(*count)))
}

#[cfg(test)]
mod tests {
    use super::{HistogramData, part_text};
    use crate::gui::panels::inspect::Attribute;

    fn linear(counts: &[u64]) -> HistogramData {
        HistogramData { attribute: Attribute::Size, log_axis: false, min: 0.0, max: 4.0, counts: counts.to_vec() }
    }

    #[test]
    fn a_range_holds_the_share_it_covers() {
        let data = linear(&[10, 20, 30, 40]);
        assert_eq!(data.about_within((0.0, 4.0)), 100);
        assert_eq!(data.about_within((1.0, 2.0)), 20);
        assert_eq!(data.about_within((0.5, 2.5)), 5 + 20 + 15);
        assert_eq!(data.about_within((-9.0, 0.0)), 0);
        assert_eq!(linear(&[]).about_within((0.0, 4.0)), 0);
        let log = HistogramData { log_axis: true, min: 0.01, max: 100.0, ..data };
        assert_eq!(log.about_within((1.0, 100.0)), 70);
    }

    #[test]
    fn hovering_tells_what_a_part_holds() {
        let data = linear(&[10, 2000]);
        assert_eq!(part_text(&data, &data.axis(), 0.75).as_deref(), Some("2 to 4: 2,000 splats"));
        assert_eq!(part_text(&data, &data.axis(), 9.0).as_deref(), Some("2 to 4: 2,000 splats"));
        assert_eq!(part_text(&linear(&[]), &data.axis(), 0.5), None);
    }
}
