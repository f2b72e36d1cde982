//! PSNR over the time of a scene that moves: at which moments it is matched badly, and the way to their photos.

use egui::{Pos2, Role, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{HoverPosition, Line, Plot, PlotPoint, PlotPoints, Points, VLine};

use super::{CamerasData, Split};

/// Height of the plot, points.
const HEIGHT: f32 = 92.0;

/// A photo with a score.
#[derive(Clone, Copy, Debug)]
struct Scored {
    view: usize,
    time: f64,
    psnr: f64,
    split: Split,
}

/// The curve, made anew only when something was scored.
#[derive(Debug, Default)]
pub(super) struct OverTime {
    /// What it was made from: list of views, changes of scores.
    made_from: Option<(u64, u64)>,
    /// By time.
    photos: Vec<Scored>,
    /// The photos of either split, and their mean at each time.
    curves: [(Vec<PlotPoint>, Vec<PlotPoint>); 2],
}

impl OverTime {
    fn update(&mut self, data: &CamerasData<'_>) {
        let made_from = Some((data.generation, data.scores.changes()));
        if self.made_from == made_from {
            return;
        }
        self.made_from = made_from;
        let scored = |(view, item): (usize, &super::ViewItem)| {
            let psnr = data.scores.get(&item.name).map(|score| score.psnr).filter(|psnr| psnr.is_finite())?;
            Some(Scored { view, time: item.time?, psnr, split: item.split })
        };
        self.photos = data.views.iter().enumerate().filter_map(scored).collect();
        self.photos.sort_by(|a, b| a.time.total_cmp(&b.time));
        self.curves = [Split::Train, Split::Test].map(|split| {
            let own: Vec<Scored> = self.photos.iter().filter(|photo| photo.split == split).copied().collect();
            let mean = |of: &[Scored]| {
                let sum: f64 = of.iter().map(|photo| photo.psnr).sum();
                PlotPoint::new(of[0].time, sum / of.len() as f64)
            };
            let means = own.chunk_by(|a, b| a.time == b.time).map(mean).collect();
            (own.iter().map(|photo| PlotPoint::new(photo.time, photo.psnr)).collect(), means)
        });
    }

    /// Draws the curve once there is one; the photo that was clicked.
    pub(super) fn show(&mut self, ui: &mut Ui, data: &CamerasData<'_>, now: f64) -> Option<usize> {
        self.update(data);
        if self.photos.first()?.time == self.photos.last()?.time {
            return None;
        }
        let psnr = self.photos.iter().map(|photo| photo.psnr);
        let (low, high) =
            psnr.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), psnr| (low.min(psnr), high.max(psnr)));
        ui.label(format!("{low:.1} to {high:.1} dB over time"))
            .on_hover_text("PSNR of each scored photo; click to look through its camera");
        let (train, test) = (ui.visuals().hyperlink_color, ui.visuals().warn_fg_color);
        let line = ui.visuals().weak_text_color();
        let names = |position: PlotPoint| {
            let photo = self.photos.iter().find(|photo| photo.time == position.x && photo.psnr == position.y)?;
            Some(format!("{}\n{:.2} dB", data.views.get(photo.view)?.name, photo.psnr))
        };
        let plot = Plot::new(("plot", "psnr over time"))
            .height(HEIGHT)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_drag(false)
            .allow_boxed_zoom(false)
            .show_x(false)
            .show_y(false)
            .show_axes(false)
            .include_x(0.0)
            .include_x(1.0)
            .set_margin_fraction(vec2(0.02, 0.1))
            .label_formatter(|hover| match hover {
                HoverPosition::NearDataPoint { position, .. } => names(*position),
                HoverPosition::Elsewhere { .. } => None,
            });
        let shown = plot.show(ui, |ui| {
            ui.vline(VLine::new("now", now).stroke(Stroke::new(1.0, line)).allow_hover(false));
            for ((points, means), colour) in self.curves.iter().zip([train, test]) {
                let mean = PlotPoints::Borrowed(means);
                ui.line(Line::new("mean", mean).color(colour.gamma_multiply(0.7)).width(1.2).allow_hover(false));
                ui.points(Points::new("photos", PlotPoints::Borrowed(points)).color(colour).radius(2.0));
            }
        });
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, "PSNR over time"));
        if !shown.response.clicked() {
            return None;
        }
        let place = |photo: &Scored| shown.transform.position_from_point(&PlotPoint::new(photo.time, photo.psnr));
        // A click without a pointer means the time that is shown.
        let away = |photo: &Scored| match shown.response.interact_pointer_pos() {
            Some(pointer) => Pos2::distance(place(photo), pointer),
            None => (photo.time - now).abs() as f32,
        };
        self.photos.iter().min_by(|a, b| away(a).total_cmp(&away(b))).map(|photo| photo.view)
    }
}
