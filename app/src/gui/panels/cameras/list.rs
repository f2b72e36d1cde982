//! The photos themselves, as a list or a grid: one stop of the keyboard, in which arrows move.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Color32, EventFilter, FontId, Galley, Id, Key, Modifiers, Pos2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind,
    TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::gui::action::Action;
use crate::gui::parts::UNKNOWN;
use crate::gui::scores::Score;
use crate::gui::thumbnails::{Thumbnail, Thumbnails};

use super::{CamerasData, CamerasState, Split, ViewItem};

/// Size of a thumbnail in the list.
const SMALL: Vec2 = vec2(64.0, 48.0);

/// Size of a thumbnail in the grid.
const LARGE: Vec2 = vec2(104.0, 80.0);

const MARGIN: f32 = 4.0;
const GAP: f32 = 2.0;

/// Where everything goes.
#[derive(Clone, Copy)]
struct Plan {
    grid: bool,
    columns: usize,
    cell: Vec2,
    count: usize,
}

impl Plan {
    fn new(ui: &Ui, grid: bool, width: f32, count: usize) -> Self {
        let line = ui.text_style_height(&TextStyle::Small) + 2.0;
        if !grid {
            let height = (SMALL.y + 2.0 * MARGIN).max(2.0 * line + 4.0 * MARGIN);
            return Self { grid, columns: 1, cell: vec2(width, height), count };
        }
        let least = LARGE.x + 2.0 * MARGIN;
        let columns = (((width + GAP) / (least + GAP)).floor() as usize).max(1);
        let wide = (width - GAP * (columns - 1) as f32) / columns as f32;
        Self { grid, columns, cell: vec2(wide, LARGE.y + 2.0 * line + 3.0 * MARGIN), count }
    }

    fn lines(&self) -> usize {
        self.count.div_ceil(self.columns)
    }

    fn height(&self) -> f32 {
        (self.lines() as f32 * (self.cell.y + GAP) - GAP).max(0.0)
    }

    /// The place of a row of the order; `origin` is the first one's.
    fn rect(&self, origin: Pos2, row: usize) -> Rect {
        let at = vec2((row % self.columns) as f32, (row / self.columns) as f32);
        Rect::from_min_size(origin + at * (self.cell + Vec2::splat(GAP)), self.cell)
    }

    /// The rows that touch a range of heights.
    fn visible(&self, top: f32, bottom: f32) -> std::ops::Range<usize> {
        let pitch = self.cell.y + GAP;
        let first = (top / pitch).floor().max(0.0) as usize;
        let last = (bottom / pitch).ceil().max(0.0) as usize;
        (first * self.columns).min(self.count)..(last * self.columns).min(self.count)
    }

    /// The row a key leads to, from the present one.
    fn step(&self, key: Key, from: Option<usize>, page: usize) -> Option<usize> {
        let last = self.count.checked_sub(1)?;
        let Some(from) = from else {
            return Some(if key == Key::End { last } else { 0 });
        };
        let columns = self.columns;
        let row = match key {
            Key::ArrowLeft => from.saturating_sub(1),
            Key::ArrowRight => from + 1,
            // In a grid, a line further or nowhere: jumping sideways to the last photo would surprise.
            Key::ArrowUp => from.checked_sub(columns).unwrap_or(from),
            Key::ArrowDown if from + columns > last => from,
            Key::ArrowDown => from + columns,
            Key::PageUp => from.saturating_sub(page * columns),
            Key::PageDown => from + page * columns,
            Key::Home => 0,
            _ => last,
        };
        Some(row.min(last))
    }
}

/// Draws the list.
pub(super) fn show(
    ui: &mut Ui,
    data: &CamerasData<'_>,
    state: &mut CamerasState,
    thumbnails: &mut Thumbnails,
    actions: &mut Vec<Action>,
) {
    let rows = state.order.rows();
    let area = ui.available_rect_before_wrap();
    let id = ui.scope_id().with("photos");
    let list = ui.interact(area, id, Sense::focusable_noninteractive());
    list.widget_info(|| WidgetInfo::labeled(Role::ListBox, true, "Photos"));
    let bar = ui.spacing().scroll.allocated_width();
    let plan = Plan::new(ui, state.grid, (area.width() - bar).max(80.0), rows.len());

    let looking_row = || rows.iter().position(|&view| Some(view) == data.looking);
    let mut scroll_to = None;
    if let Some(row) = keyboard(ui, id, &plan, area.height(), looking_row)
        && let Some(&view) = rows.get(row)
    {
        actions.push(Action::LookThrough(view));
        scroll_to = Some(row);
    }
    if state.seen != data.looking {
        state.seen = data.looking;
        scroll_to = scroll_to.or_else(looking_row);
    }

    // Each kind of list has a place of its own to be scrolled to.
    ScrollArea::vertical().id_salt(("photos", state.grid)).auto_shrink(false).show_viewport(ui, |ui, viewport| {
        ui.set_width(plan.cell.x * plan.columns as f32 + GAP * (plan.columns - 1) as f32);
        ui.set_height(plan.height());
        let origin = ui.max_rect().min;
        if let Some(row) = scroll_to {
            ui.scroll_to_rect(plan.rect(origin, row), None);
        }
        let visible = plan.visible(viewport.top(), viewport.bottom());
        // What is asked for last is decoded first: so from the bottom up.
        for &view in rows.get(visible.clone()).unwrap_or_default().iter().rev() {
            thumbnails.request(view);
        }
        for row in visible {
            let Some(&view) = rows.get(row) else { continue };
            let Some(item) = data.views.get(view) else { continue };
            let cell = Cell { rect: plan.rect(origin, row), item, score: data.scores.get(&item.name), plan: &plan };
            if cell.show(ui, id.with(view), data.looking == Some(view), thumbnails.get(view)) {
                ui.memory_mut(|memory| memory.request_focus(id));
                state.seen = Some(view);
                actions.push(Action::LookThrough(view));
            }
        }
    });
    if ui.memory(|memory| memory.has_focus(id)) {
        ui.painter().rect_stroke(area, 2.0, ui.visuals().selection.stroke, StrokeKind::Inside);
    }
}

/// The row the person went to with a key.
fn keyboard(ui: &Ui, id: Id, plan: &Plan, height: f32, from: impl Fn() -> Option<usize>) -> Option<usize> {
    if !ui.memory(|memory| memory.has_focus(id)) {
        return None;
    }
    let filter = EventFilter { vertical_arrows: true, horizontal_arrows: plan.grid, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    let sideways: &[Key] = if plan.grid { &[Key::ArrowLeft, Key::ArrowRight] } else { &[] };
    let keys = [Key::ArrowUp, Key::ArrowDown, Key::PageUp, Key::PageDown, Key::Home, Key::End];
    let pressed = ui.input_mut(|input| {
        let mut keys = keys.iter().chain(sideways);
        keys.find(|key| input.consume_key(Modifiers::NONE, **key)).copied()
    })?;
    let page = ((height / (plan.cell.y + GAP)) as usize).max(1);
    let from = from();
    plan.step(pressed, from, page).filter(|row| Some(*row) != from)
}

/// One photo.
struct Cell<'a> {
    rect: Rect,
    item: &'a ViewItem,
    score: Option<Score>,
    plan: &'a Plan,
}

impl Cell<'_> {
    /// Draws it; true when clicked.
    fn show(&self, ui: &Ui, id: Id, looking: bool, thumbnail: Thumbnail<'_>) -> bool {
        let response = ui.interact(self.rect, id, Sense::CLICK);
        response.widget_info(|| {
            let mut info = WidgetInfo::selected(Role::ListBoxOption, true, looking, &self.item.name);
            info.current_text_value = Some(format!("{}, {}", self.item.split.label(), self.score_text()));
            info
        });
        let visuals = ui.visuals();
        let fill = if looking {
            visuals.selection.bg_fill
        } else if response.hovered() {
            visuals.widgets.hovered.weak_bg_fill
        } else {
            Color32::TRANSPARENT
        };
        ui.painter().rect_filled(self.rect, 3.0, fill);
        let inside = self.rect.shrink(MARGIN);
        let size = if self.plan.grid { vec2(inside.width(), LARGE.y) } else { SMALL };
        let picture = Rect::from_min_size(inside.min, size);
        paint_thumbnail(ui, picture, thumbnail);
        let text = if self.plan.grid {
            Rect::from_min_max(pos2(inside.left(), picture.bottom() + MARGIN), inside.max)
        } else {
            Rect::from_min_max(pos2(picture.right() + 2.0 * MARGIN, inside.top()), inside.max)
        };
        self.paint_text(ui, text, looking);
        let clicked = response.clicked();
        response.on_hover_ui(|ui| self.explain(ui, thumbnail));
        clicked
    }

    fn score_text(&self) -> String {
        match self.score {
            Some(score) if score.psnr.is_nan() => "all masked".into(),
            Some(score) if self.plan.grid => format!("{:.2} dB", score.psnr),
            Some(score) => format!("{:.2} dB  {:.3}", score.psnr, score.ssim),
            None => UNKNOWN.into(),
        }
    }

    fn paint_text(&self, ui: &Ui, rect: Rect, looking: bool) {
        let visuals = ui.visuals();
        let (plain, weak) = if looking {
            (visuals.selection.stroke.color, visuals.selection.stroke.color)
        } else {
            (visuals.text_color(), visuals.weak_text_color())
        };
        let small = TextStyle::Small.resolve(ui.style());
        let name_font = if self.plan.grid { small.clone() } else { TextStyle::Body.resolve(ui.style()) };
        let painter = ui.painter();
        let name = one_line(ui, self.item.name.clone(), name_font, plain, rect.width());
        let below = rect.top() + name.size().y + 2.0;
        painter.galley(rect.min, name, plain);

        // The badge of held-out photos stands out: they are the ones that judge.
        let badge_colour = match self.item.split {
            Split::Test if !looking => visuals.hyperlink_color,
            Split::Test | Split::Train => weak,
        };
        let badge = one_line(ui, self.item.split.label().to_owned(), small.clone(), badge_colour, rect.width());
        let frame = Rect::from_min_size(pos2(rect.left(), below), badge.size() + vec2(8.0, 2.0));
        painter.rect_stroke(frame, 3.0, Stroke::new(1.0, badge_colour), StrokeKind::Inside);
        painter.galley(frame.min + vec2(4.0, 1.0), badge, badge_colour);
        let score_colour = if self.score.is_some_and(|score| !score.stale) { plain } else { weak };
        let score = one_line(ui, self.score_text(), small, score_colour, rect.right() - frame.right() - 6.0);
        painter.galley(pos2(frame.right() + 6.0, below + 1.0), score, score_colour);
    }

    /// What hovering tells.
    fn explain(&self, ui: &mut Ui, thumbnail: Thumbnail<'_>) {
        ui.strong(&self.item.name);
        let (width, height) = self.item.size;
        let used = match self.item.split {
            Split::Train => "trained on",
            Split::Test => "held out to test",
        };
        ui.label(format!("{width}×{height} pixels, {used}"));
        match self.score {
            Some(score) if score.psnr.is_nan() => {
                ui.label("Every pixel is masked: there is nothing to score");
            }
            Some(score) => {
                ui.label(format!("PSNR {:.2} dB, SSIM {:.4} at step {}", score.psnr, score.ssim, score.of.step));
                if score.stale {
                    ui.weak("The splats have changed since");
                }
            }
            None => {
                ui.weak("Not scored yet");
            }
        }
        if let Thumbnail::Failed(reason) = thumbnail {
            ui.colored_label(ui.visuals().error_fg_color, reason);
        }
    }
}

/// Text cut off with an ellipsis where it would be wider.
fn one_line(ui: &Ui, text: String, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text, font, colour);
    job.wrap = TextWrapping::truncate_at_width(width.max(8.0));
    ui.painter().layout_job(job)
}

fn paint_thumbnail(ui: &Ui, rect: Rect, thumbnail: Thumbnail<'_>) {
    let painter = ui.painter();
    let visuals = ui.visuals();
    match thumbnail {
        Thumbnail::Ready(texture, size) => {
            let scale = (rect.width() / size.x.max(1.0)).min(rect.height() / size.y.max(1.0));
            let fitted = Rect::from_center_size(rect.center(), size * scale);
            painter.image(texture, fitted, Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0)), Color32::WHITE);
        }
        Thumbnail::Pending => {
            painter.rect_filled(rect, 2.0, visuals.faint_bg_color);
        }
        Thumbnail::Failed(_) => {
            painter.rect_filled(rect, 2.0, visuals.faint_bg_color);
            let stroke = Stroke::new(1.0, visuals.error_fg_color);
            painter.rect_stroke(rect, 2.0, stroke, StrokeKind::Inside);
            let cross = Rect::from_center_size(rect.center(), Vec2::splat(0.3 * rect.height()));
            painter.line_segment([cross.left_top(), cross.right_bottom()], stroke);
            painter.line_segment([cross.right_top(), cross.left_bottom()], stroke);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GAP, Plan};
    use egui::{Key, pos2, vec2};

    fn plan(columns: usize, count: usize) -> Plan {
        Plan { grid: columns > 1, columns, cell: vec2(100.0, 50.0 - GAP), count }
    }

    #[test]
    fn only_what_is_in_sight_is_laid_out() {
        let plan = plan(1, 5000);
        assert_eq!(plan.visible(0.0, 500.0), 0..10);
        assert_eq!(plan.visible(120.0, 500.0), 2..10);
        assert_eq!(plan.visible(249_900.0, 250_400.0), 4998..5000);
        assert_eq!(plan.visible(-30.0, 0.0), 0..0);
        assert_eq!(plan.visible(1e9, 2e9), 5000..5000);
    }

    #[test]
    fn a_grid_fills_lines_from_the_left() {
        let plan = plan(3, 7);
        assert_eq!(plan.lines(), 3);
        assert_eq!(plan.rect(pos2(10.0, 20.0), 4).min, pos2(10.0 + 100.0 + GAP, 20.0 + 50.0));
        assert_eq!(plan.visible(60.0, 90.0), 3..6);
    }

    #[test]
    fn keys_move_by_photos_lines_and_pages() {
        let list = plan(1, 10);
        assert_eq!(list.step(Key::ArrowDown, None, 4), Some(0));
        assert_eq!(list.step(Key::End, None, 4), Some(9));
        assert_eq!(list.step(Key::ArrowDown, Some(3), 4), Some(4));
        assert_eq!(list.step(Key::ArrowDown, Some(9), 4), Some(9));
        assert_eq!(list.step(Key::ArrowUp, Some(0), 4), Some(0));
        assert_eq!(list.step(Key::PageDown, Some(8), 4), Some(9));
        assert_eq!(list.step(Key::PageUp, Some(8), 4), Some(4));
        let grid = plan(3, 7);
        assert_eq!(grid.step(Key::ArrowDown, Some(1), 2), Some(4));
        assert_eq!(grid.step(Key::ArrowDown, Some(4), 2), Some(4), "nothing below");
        assert_eq!(grid.step(Key::ArrowUp, Some(2), 2), Some(2), "nothing above");
        assert_eq!(grid.step(Key::ArrowRight, Some(6), 2), Some(6));
        assert_eq!(grid.step(Key::Home, Some(6), 2), Some(0));
        assert_eq!(plan(1, 0).step(Key::Home, None, 2), None);
    }
}
